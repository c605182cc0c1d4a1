"""Scores over any fields of the study: lines over numbers, points over categories, and a map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, NullLocator

from ablation.figures.curves import (
    HOLLOW,
    PARTIAL,
    draw_curve,
    draw_intervals,
    explain_curves,
    spread,
)
from ablation.figures.heatmap import cell_text, draw_cells
from ablation.figures.style import COLOURS, RC, UNKNOWN, Look, class_colours, finish
from ablation.study.field_axes import Value, is_ordered, value_text

_LOG = 4.0  # the ratio of the largest to the smallest value from which a scale is logarithmic
_APART = 0.6  # of the room between two categories that the lines' points take


@dataclass(frozen=True)
class Scale:
    """The axis of a diagram: where its values lie, and how they are labelled.

    Attributes
    ----------
    label
        The axis' name with its unit.
    values
        In their order; numbers lie by their size, categories in equal steps.
    """

    label: str
    values: tuple[Value, ...]

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers."""
        return is_ordered(self.values)

    @property
    def logarithmic(self) -> bool:
        """Whether the numbers span so much that a linear scale would crowd the small ones."""
        if not self.ordered:
            return False
        low, high = min(map(_number, self.values)), max(map(_number, self.values))
        return low > 0 and high >= _LOG * low

    def places(self) -> list[float]:
        """Return where each value lies."""
        if self.ordered:
            return [_number(value) for value in self.values]
        return [float(k) for k in range(len(self.values))]

    def put_on(self, axes: Axes) -> None:
        """Scale and label the horizontal axis of a diagram."""
        places = self.places()
        texts = dict(zip(places, map(value_text, self.values), strict=True))
        if self.logarithmic:
            axes.set_xscale("log")
            places = spread(places)
        elif not self.ordered:
            axes.set_xlim(-0.5, len(places) - 0.5)
        axes.xaxis.set_major_locator(FixedLocator(places))
        axes.xaxis.set_minor_locator(NullLocator())
        turned = sum(len(texts[place]) + 2 for place in places) > 70
        axes.set_xticks(places, [texts[place] for place in places], rotation=30 if turned else 0)
        axes.set_xlabel(self.label)


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


@mpl.rc_context(RC)
def draw_axis(
    curve: pd.DataFrame,
    scale: Scale,
    scores: Mapping[str, str],
    majority: float,
    marks: Mapping[str, int],
    title: str,
) -> Figure:
    """Draw the scores over one axis.

    Parameters
    ----------
    curve
        A row for each value in the scale's order: ``complete``, the scores (0..1) with the ends of
        their intervals; nan where no cell is finished.
    scores
        The labels of the scores to draw by their columns; the first with its interval.
    majority
        The WA of always predicting the largest class (0..1).
    marks
        The places among the values to mark, by what they are, such as "best WA".
    """
    figure = Figure(figsize=(6.3, 3.4), layout="constrained")
    axes = figure.subplots()
    columns = list(scores)
    colours = class_colours([scores[column] for column in columns[1:]])
    looks = [Look.of(0, COLOURS["wa"])]
    looks += [Look.of(k, colours[scores[column]]) for k, column in enumerate(columns[1:], 1)]
    lines = [
        (curve, column, look, k == 0)
        for k, (column, look) in enumerate(zip(columns, looks, strict=True))
    ]
    _draw_lines(axes, scale, lines, [scores[column] for column in columns])
    axes.axhline(100 * majority, color=UNKNOWN, linewidth=0.9, label="majority class")
    shift = _shifts(len(lines))[0]
    for (what, place), marker in zip(marks.items(), ("o", "d", "s"), strict=False):
        axes.plot(
            scale.places()[place] + (0 if scale.ordered else shift),
            100 * curve[columns[0]].iloc[place],
            marker,
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=COLOURS["wa"],
            markeredgewidth=1.2,
            zorder=4,
            label=what,
        )
    scale.put_on(axes)
    axes.set_ylabel("accuracy (%)")
    finish(figure, title, explain_curves([curve], columns[:1]))
    return figure


@mpl.rc_context(RC)
def draw_axes(
    curves: Mapping[str, pd.DataFrame], scale: Scale, score: str, label: str, title: str
) -> Figure:
    """Draw a score over one axis, a line for each of the ``curves``, which are by their label.

    Each has the columns that :func:`draw_axis` describes; ``label`` is the score's.
    """
    figure = Figure(figsize=(6.3, 3.6), layout="constrained")
    axes = figure.subplots()
    lines = [(curve, score, Look.of(k), True) for k, curve in enumerate(curves.values())]
    _draw_lines(axes, scale, lines, list(curves))
    scale.put_on(axes)
    axes.set_ylabel(f"{label} (%)")
    finish(figure, title, explain_curves(curves.values(), [score]))
    return figure


def draw_score(
    axes: Axes, curve: pd.DataFrame, scale: Scale, score: str, label: str, look: Look
) -> None:
    """Draw a score over one axis into a diagram of the caller's own."""
    _draw_lines(axes, scale, [(curve, score, look, True)], [label])
    scale.put_on(axes)
    axes.set_ylabel(f"{label} (%)")


def _draw_lines(
    axes: Axes,
    scale: Scale,
    lines: Sequence[tuple[pd.DataFrame, str, Look, bool]],
    labels: Sequence[str],
) -> None:
    """Draw scores: lines over numbers, and over categories points with bars side by side."""
    for (curve, score, look, band), label, shift in zip(
        lines, labels, _shifts(len(lines)), strict=True
    ):
        if scale.ordered:
            placed = curve.assign(extent=scale.places())
            draw_curve(axes, placed, score, look, band=band, label=label)
            continue
        placed = curve.assign(extent=[place + shift for place in scale.places()])
        if band:
            draw_intervals(axes, placed, "extent", score, look.colour, joined=False)
        for rows, style in (
            (placed[placed["complete"]], {}),
            (placed[~placed["complete"]], HOLLOW),
        ):
            drawn: dict[str, Any] = {"linestyle": "none", "color": look.colour, **style}
            named = label if not style else "_nolegend_"
            axes.plot(
                rows["extent"], 100 * rows[score], marker=look.marker,
                markeredgecolor=look.colour, label=named, **drawn,
            )  # fmt: skip


def _shifts(lines: int) -> list[float]:
    """Return how far each line's points stand beside their category."""
    return [0.0] if lines == 1 else np.linspace(-_APART / 2, _APART / 2, lines).tolist()


@mpl.rc_context(RC)
def draw_map(
    table: pd.DataFrame, down: Scale, along: Scale, score: str, label: str, title: str
) -> Figure:
    """Draw a score over two axes, a cell for each pair of values; the highest is outlined.

    Parameters
    ----------
    table
        A row for each value of ``down`` (slowly) and of ``along``: the score (0..1), nan where no
        cell is finished, and ``complete``.
    """
    shape = (len(down.values), len(along.values))
    rows, columns = (pd.Index([*map(value_text, scale.values)]) for scale in (down, along))
    scores = 100 * table[score].to_numpy(float).reshape(shape)
    values = pd.DataFrame(scores, index=rows, columns=columns)
    partial = ~table["complete"].to_numpy(bool).reshape(shape) & values.notna().to_numpy()
    size = (np.clip(2.6 + 0.7 * shape[1], 4.2, 7.5), np.clip(1.6 + 0.38 * shape[0], 2.6, 8))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    texts = [
        [cell_text(value, hollow, True) for value, hollow in zip(*row, strict=True)]
        for row in zip(values.to_numpy(), partial, strict=True)
    ]
    draw_cells(
        axes, values, texts, cmap="cividis", annot_kws={"fontsize": 8},
        cbar_kws={"label": f"{label} (%)", "aspect": 20},
    )  # fmt: skip
    axes.set_ylabel(down.label)
    axes.set_xlabel(along.label)
    axes.tick_params(axis="y", rotation=0)
    handles: list[Artist] = []
    if values.isna().any(axis=None):
        handles.append(Patch(facecolor="#eeeeee", label="no score"))
    if partial.any():
        handles.append(Line2D([], [], linestyle="none", label=f"( ) {PARTIAL}"))
    whole = values.mask(partial | values.isna().to_numpy())
    if whole.notna().any(axis=None):
        row, column = np.unravel_index(np.nanargmax(whole.to_numpy()), shape)
        outline = Rectangle(
            (int(column), int(row)), 1, 1, fill=False, edgecolor=COLOURS["angry"], linewidth=2.5,
            clip_on=False, label=f"highest {label}",
        )  # fmt: skip
        handles.append(axes.add_patch(outline))
    finish(figure, title, handles)
    return figure
