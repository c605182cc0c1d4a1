"""Accuracy over its cost: parameters, and multiply-adds per segment."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, NullLocator

from ablation.figures.scale import Look, draw_band, draw_title, wrap_text
from ablation.figures.style import COLOURS, RC

_COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds per segment"}
_MOST_BARS = 40  # more would hide the points; then only the front has intervals
_LABEL_WIDTH = 1.2  # inches
_CLEAR = 3.0  # points around a marker
# Above and left of a member of the front there is nothing: it would be better and cheaper.
_ANGLES = (135, 90, 180, 112, 158, 68, 45, 202, 225, 22, 0, 270, 248, 292, 315, 338)
_FRONT: Any = {"color": "#777777", "linewidth": 1, "zorder": 2.5}
_COLOURS = {"probe": COLOURS["neutral"], "network": COLOURS["angry"]}


def draw_costs(points: pd.DataFrame, title: str) -> Figure:
    """Draw WA over parameters and over multiply-adds, with the Pareto fronts.

    Parameters
    ----------
    points
        A row for each probe or network: ``name``, ``kind`` ("probe" or "network"),
        ``parameters``, ``multiply_adds`` (nan if unknown), ``wa`` (0..1), ``wa_low``,
        ``wa_high`` (95 % interval by speaker; nan if there is none), ``front_parameters`` and
        ``front_multiply_adds`` (bool: on the Pareto front of that cost). With more than 40 points,
        only intervals of the front are drawn.
    """
    most = max(int(points[f"front_{cost}"].sum()) for cost in _COSTS)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7.5, 3.9 + 0.14 * max(0, most - 8)), layout="constrained")
        grid = figure.subplots(1, 2, sharey=True)
        for axes, (cost, label) in zip(grid, _COSTS.items(), strict=True):
            _draw_points(axes, points[points[cost] > 0], cost)
            axes.set_xlabel(label)
        grid[0].set_ylabel("WA (%)")
        figure.legend(
            handles=_explained(points), loc="outside lower center", ncols=3, frameon=False
        )
        draw_title(figure, title)
        # Labels are placed last, when the positions of the panels are known.
        figure.draw_without_rendering()
        for axes, cost in zip(grid, _COSTS, strict=True):
            _label_front(axes, points[points[cost] > 0], cost, figure.dpi)
    return figure


def _draw_points(axes: Axes, rows: pd.DataFrame, cost: str) -> None:
    for number, (kind, colour) in enumerate(_COLOURS.items()):
        some = rows[rows["kind"] == kind]
        barred = some if len(rows) <= _MOST_BARS else some[some[f"front_{cost}"]]
        low, high = (100 * barred[f"wa_{end}"].to_numpy(float) for end in ("low", "high"))
        draw_band(axes, barred[cost].to_numpy(float), low, high, colour, joined=False)
        for front in (False, True):
            part = some[some[f"front_{cost}"] == front]
            axes.plot(
                part[cost],
                100 * part["wa"],
                linestyle="none",
                marker=Look.of(number).marker,
                markerfacecolor=colour if front else "white",
                markeredgecolor=colour,
                zorder=3 if front else 2,
            )
    front = rows[rows[f"front_{cost}"]].sort_values(cost)
    axes.plot(front[cost], 100 * front["wa"], drawstyle="steps-post", **_FRONT)
    axes.margins(y=0.08)
    if rows.empty:
        axes.set_xticks([])
    else:
        _scale_cost(axes, float(rows[cost].min()) / 1.6, 1.6 * float(rows[cost].max()))


def _scale_cost(axes: Axes, low: float, high: float) -> None:
    """Make the axis logarithmic, with ticks such as "20k" or "1M" however short it is."""
    decades = np.log10(high / low)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    steps = (1,) if decades > 3 else (1, 3) if decades > 1.8 else (1, 2, 5)
    powers = np.arange(np.floor(np.log10(low)), np.log10(high))
    # Within a decade, LogLocator would fall back to too many linear ticks.
    axes.xaxis.set_major_locator(FixedLocator(np.outer(10.0**powers, steps).ravel().tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _explained(points: pd.DataFrame) -> list[Line2D]:
    """Return legend handles for all that is drawn."""
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=Look.of(number).marker,
            markerfacecolor="white",
            markeredgecolor=colour,
            label=kind,
        )
        for number, (kind, colour) in enumerate(_COLOURS.items())
        if (points["kind"] == kind).any()
    ]
    if points[[f"front_{cost}" for cost in _COSTS]].any(axis=None):
        handles.append(Line2D([], [], label="Pareto front (filled)", **_FRONT))
    return handles


def _label_front(axes: Axes, rows: pd.DataFrame, cost: str, dpi: float) -> None:
    """Write the names of the front's members, each at the nearest free place.

    One for which there is no room is left out.
    """
    points_per_dot = 72 / dpi
    frame = np.array(axes.bbox.extents) * points_per_dot
    values = np.column_stack([rows[cost], 100 * rows["wa"]])
    places = points_per_dot * axes.transData.transform(values)
    front = np.flatnonzero(rows[f"front_{cost}"])
    taken = np.vstack([_boxes(places, places), _step_boxes(places[front])])
    for name, value, place in zip(
        rows["name"].iloc[front], values[front], places[front], strict=True
    ):
        text = wrap_text(str(name), _LABEL_WIDTH, 7)
        measured = axes.text(0, 0, text, fontsize=7)
        box = measured.get_window_extent()
        measured.remove()
        size = np.array([box.width, box.height]) * points_per_dot
        offset = _free_offset(place, size, taken, frame)
        if offset is None:
            continue
        centre = place + offset
        taken = np.vstack([taken, np.hstack([centre - size / 2, centre + size / 2])])
        axes.annotate(
            text,
            tuple(value),
            xytext=tuple(offset),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7,
            arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.5, "shrinkA": 0},
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 0.5},
            zorder=4,
            in_layout=False,  # it lies inside, and its place was chosen for this layout
        )


def _boxes(ends: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return boxes (left, bottom, right, top) around lines between points (lines, 2)."""
    return np.hstack([np.minimum(ends, others) - _CLEAR, np.maximum(ends, others) + _CLEAR])


def _step_boxes(members: np.ndarray) -> np.ndarray:
    """Return boxes around the line that joins the front's members, shape (members, 2)."""
    members = members[np.argsort(members[:, 0], kind="stable")]
    corners = np.column_stack([members[1:, 0], members[:-1, 1]])
    return np.vstack([_boxes(members[:-1], corners), _boxes(corners, members[1:])])


def _free_offset(
    place: np.ndarray, size: np.ndarray, taken: np.ndarray, frame: np.ndarray
) -> np.ndarray | None:
    """Return the offset from a point to the centre of its label, the nearest that is free.

    All lengths are in points. It returns None if no place is free.

    Parameters
    ----------
    place, size
        The place of the point and the size of the label, shape (2,).
    taken
        Boxes to avoid, shape (boxes, 4): left, bottom, right, top.
    frame
        The box to stay within, shape (4,).
    """
    angles = np.radians(_ANGLES)
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    directions /= np.abs(directions).max(axis=1, keepdims=True)  # on a square, as labels are
    radii = np.arange(0, np.hypot(*(frame[2:] - frame[:2])), 6)
    offsets = (radii[:, None, None] + size / 2 + 1.01 * _CLEAR) * directions
    offsets = offsets.reshape(-1, 2)
    low, high = place + offsets - size / 2, place + offsets + size / 2
    inside = (low >= frame[:2]).all(axis=1) & (high <= frame[2:]).all(axis=1)
    apart = (low[:, None] >= taken[:, 2:]) | (high[:, None] <= taken[:, :2])
    free = np.flatnonzero(inside & apart.any(axis=2).all(axis=1))
    return offsets[free[0]] if len(free) else None
