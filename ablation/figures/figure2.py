"""The paper's Figure 2: accuracy over filter height (top) and filter width (bottom)."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ablation.analysis import Axis
from ablation.figures.style import COLOURS, DASHES, MARKERS, RC, SPARE


@dataclass(frozen=True)
class Panel:
    """One axis as it is drawn: its curve, the fixed side, the chosen extent and the window."""

    axis: Axis
    curve: pd.DataFrame
    fixed: int
    chosen: int | None = None
    window: float | None = None  # the analysis window's own extent, in bins or frames


def draw_figure2(
    panels: Sequence[Panel], classes: Sequence[str], majority: float, title: str
) -> Figure:
    """Figure 2 of a study.

    Parameters
    ----------
    panels
        One or two axes.
    classes
        Classes whose accuracy is drawn beside WA.
    majority
        WA of always naming the largest class (0..1), drawn as a line.
    """
    with mpl.rc_context(RC):
        figure = Figure(figsize=(6.3, 3.3 * len(panels)), layout="constrained")
        grid = figure.subplots(len(panels), 1, squeeze=False, sharey=True)
        for panel, axes in zip(panels, grid[:, 0], strict=True):
            _draw_panel(axes, panel, classes, majority)
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False
        )
        figure.suptitle(title, fontsize=10)
    return figure


def _draw_panel(axes: Axes, panel: Panel, classes: Sequence[str], majority: float) -> None:
    curve, axis = panel.curve, panel.axis
    for number, score in enumerate(["wa", *(f"acc_{label}" for label in classes)]):
        label = "WA" if score == "wa" else score[4:]
        spare = SPARE[number % len(SPARE)]
        _draw_line(axes, curve, score, label, COLOURS.get(label.lower(), spare), number)
    axes.axhline(100 * majority, color="#777777", linewidth=0.9, label="majority class")
    extents = curve["extent"]
    if panel.window is not None and extents.min() <= panel.window <= extents.max():
        axes.axvline(
            panel.window,
            color="#bbbbbb",
            linewidth=5,
            alpha=0.5,
            zorder=0.5,
            label="window's resolution",
        )
    if panel.chosen is not None:
        best = curve[curve["extent"] == panel.chosen].iloc[0]
        axes.plot(
            panel.chosen,
            100 * best["wa"],
            "o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=COLOURS["wa"],
            markeredgewidth=1.2,
            label="best WA",
        )
    _scale(axes, curve, axis)
    unit = "bins" if axis.name == "height" else "frames"
    other = "frames" if axis.name == "height" else "bins"
    axes.set_xlabel(
        f"filter {axis.name} ({axis.direction}), {unit}; "
        f"{axis.fixed} fixed at {panel.fixed} {other}"
    )
    axes.set_ylabel("accuracy (%)")


def _draw_line(
    axes: Axes, curve: pd.DataFrame, score: str, label: str, colour: str, number: int
) -> None:
    """A score over the extent; shapes with missing cells are hollow and not joined."""
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
    partial = curve[~curve["complete"]]
    if not partial.empty:
        axes.plot(
            partial["extent"],
            100 * partial[score],
            linestyle="none",
            marker=marker,
            markerfacecolor="white",
            markeredgecolor=colour,
        )


def _scale(axes: Axes, curve: pd.DataFrame, axis: Axis) -> None:
    """A logarithmic axis with the grid's own values below and Hz or ms above."""
    extents = curve["extent"].to_numpy()
    per_unit = float(curve["physical"].iloc[0] / curve["extent"].iloc[0])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_spread(extents)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    above = axes.secondary_xaxis("top")
    above.xaxis.set_major_locator(FixedLocator(_spread(extents)))
    above.xaxis.set_minor_locator(NullLocator())
    above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * per_unit:g}"))
    above.set_xlabel(f"{axis.direction} extent ({axis.unit})")


def _spread(extents: Sequence[int]) -> list[int]:
    """The extents to label: those at least a tenth apart, so that their texts do not touch."""
    kept: list[int] = []
    for extent in extents:
        if not kept or extent >= 1.12 * kept[-1]:
            kept.append(int(extent))
    return kept
