"""The paper's Figure 2: accuracy over filter height (top) and filter width (bottom)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ablation.figures.scale import draw_band, scale_extent
from ablation.figures.style import COLOURS, DASHES, MARKERS, RC, class_colours
from ablation.study import AXES, Axis


@dataclass(frozen=True)
class Panel:
    """A panel shows one axis.

    Attributes
    ----------
    curve
        A table with a row for each extent and the intervals of WA (``wa_low``, ``wa_high``);
        extents without a finished cell have nan and are marked at the bottom.
    fixed
        The filter's extent along the other axis.
    chosen
        The extent with the highest WA.
    plateau
        The extent beyond which no larger one is significantly better.
    window
        The extent of the analysis window itself, in bins or frames.
    """

    axis: Axis
    curve: pd.DataFrame
    fixed: int
    chosen: int | None = None
    plateau: int | None = None
    window: float | None = None


def draw_figure2(
    panels: Sequence[Panel], classes: Sequence[str], majority: float, title: str
) -> Figure:
    """Draw Figure 2 of a study.

    Parameters
    ----------
    panels
        One or two axes.
    classes
        The classes whose accuracy is drawn beside WA.
    majority
        The WA of always predicting the largest class (0..1), drawn as a line.
    """
    with mpl.rc_context(RC):
        figure = Figure(figsize=(6.3, 3.3 * len(panels)), layout="constrained")
        grid = figure.subplots(len(panels), 1, squeeze=False, sharey=True)
        for panel, axes in zip(panels, grid[:, 0], strict=True):
            _draw_panel(axes, panel, classes, majority)
        handles, labels = _legend(grid[:, 0])
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False
        )
        figure.suptitle(title, fontsize=10)
    return figure


def _legend(panels: Iterable[Axes]) -> tuple[list[Artist], list[str]]:
    """Return the handles and labels of all that is drawn in any panel, each once."""
    found: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    found["95 % interval of WA by speaker"] = Patch(color=COLOURS["wa"], alpha=0.15, linewidth=0)
    return list(found.values()), list(found)


def _draw_panel(axes: Axes, panel: Panel, classes: Sequence[str], majority: float) -> None:
    curve, axis = panel.curve, panel.axis
    _draw_line(axes, curve, "wa", "WA", COLOURS["wa"], 0)
    for number, (label, colour) in enumerate(class_colours(classes).items(), 1):
        _draw_line(axes, curve, f"acc_{label}", label, colour, number)
    _draw_intervals(axes, curve)
    axes.axhline(100 * majority, color="#777777", linewidth=0.9, label="majority class")
    extents = curve["extent"]
    if panel.window is not None and extents.min() <= panel.window <= extents.max():
        axes.axvline(
            panel.window,
            color="#E69F00",
            linewidth=5,
            alpha=0.35,
            zorder=0.5,
            label="window's own extent",
        )
    _mark_choices(axes, panel)
    scale_extent(axes, curve, axis)
    axes.set_xlabel(
        f"filter {axis.name} ({axis.direction}), {axis.unit}; "
        f"{axis.other} fixed at {panel.fixed} {AXES[axis.other].unit}"
    )
    axes.set_ylabel("accuracy (%)")


def _draw_intervals(axes: Axes, curve: pd.DataFrame) -> None:
    """Draw the intervals of WA, and a cross at the bottom for each extent without a score."""
    complete = curve[curve["complete"]]
    low, high = (100 * complete[f"wa_{end}"].to_numpy(float) for end in ("low", "high"))
    draw_band(axes, complete["extent"].to_numpy(float), low, high, COLOURS["wa"])
    lacking = curve.loc[curve["wa"].isna(), "extent"]
    if not lacking.empty:
        axes.plot(
            lacking,
            [0.03] * len(lacking),
            "x",
            color="#777777",
            transform=axes.get_xaxis_transform(),
            label="no cell finished",
        )


def _mark_choices(axes: Axes, panel: Panel) -> None:
    for extent, size, name in ((panel.chosen, 11, "best WA"), (panel.plateau, 7, "plateau begins")):
        if extent is None:
            continue
        row = panel.curve[panel.curve["extent"] == extent].iloc[0]
        axes.plot(
            extent,
            100 * row["wa"],
            "o" if name == "best WA" else "d",
            markersize=size + 3 * (name != "best WA"),
            markerfacecolor="none",
            markeredgecolor=COLOURS["wa"],
            markeredgewidth=1.2,
            zorder=4,
            label=name,
        )


def _draw_line(
    axes: Axes, curve: pd.DataFrame, score: str, label: str, colour: str, number: int
) -> None:
    """Draw a score over the extent; shapes with missing cells are hollow and not joined."""
    complete = curve[curve["complete"]]
    marker = MARKERS[number % len(MARKERS)]
    axes.plot(
        complete["extent"],
        100 * complete[score],
        label=label,
        color=colour,
        marker=marker,
        linestyle=DASHES[number % len(DASHES)],
        linewidth=2.2 if score == "wa" else 1.3,
        zorder=3 if score == "wa" else 2,
    )
    partial = curve[~curve["complete"] & curve[score].notna()]
    if not partial.empty:
        axes.plot(
            partial["extent"],
            100 * partial[score],
            linestyle="none",
            marker=marker,
            markerfacecolor="white",
            markeredgecolor=colour,
        )
