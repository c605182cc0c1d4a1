"""Paired differences to the pre-specified reference over the extent of a filter."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablation.figures.curves import scale_extent
from ablation.figures.style import COLOURS, RC, SPARE, UNKNOWN, finish
from ablation.study import Axis

# Marker, colour, and whether it is filled: verdicts differ in grey print too.
_LOOKS = {
    "different": ("D", COLOURS["angry"], True),
    "equivalent": ("o", COLOURS["neutral"], True),
    "undecided": ("o", UNKNOWN, False),
}


@dataclass(frozen=True)
class DifferencePanel:
    """A panel shows one axis.

    Attributes
    ----------
    rows
        A row for each extent but the reference's: ``extent``, ``physical``, ``difference`` (0..1,
        of the score less the reference's), ``half`` (half of its simultaneous 95 % interval; nan or
        infinite if there is none) and ``verdict``.
    reference
        The extent that the others are compared with, and its ``physical``.
    curve
        The axis' curve, where extents in Hz differ by place.
    """

    axis: Axis
    rows: pd.DataFrame
    reference: tuple[int, float]
    curve: pd.DataFrame | None = None


@mpl.rc_context(RC)
def draw_differences(
    panels: Sequence[DifferencePanel], margin: float, score: str, title: str
) -> Figure:
    """Draw differences to the reference in points, with the margin of equivalence as a band."""
    figure = Figure(figsize=(6.3, 0.7 + 2.9 * len(panels)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, sharey=True)[:, 0]
    for axes, panel in zip(grid, panels, strict=True):
        axes.axhspan(
            -100 * margin,
            100 * margin,
            color=SPARE[1],
            alpha=0.15,
            linewidth=0,
            label=f"practically equivalent: within ±{100 * margin:g} points",
        )
        axes.axhline(0, color=COLOURS["wa"], linewidth=0.8)
        _draw_panel(axes, panel)
        axes.set_ylabel(f"{score} less that of\nthe reference (points)")
    finish(figure, title)
    return figure


def _draw_panel(axes: Axes, panel: DifferencePanel) -> None:
    known = panel.rows[np.isfinite(panel.rows["half"])]
    axes.errorbar(
        known["extent"],
        100 * known["difference"],
        100 * known["half"],
        fmt="none",
        ecolor=UNKNOWN,
        linewidth=1,
        capsize=2,
        label="95 % interval by speaker, all together",
    )
    for verdict, (marker, colour, filled) in _LOOKS.items():
        rows = panel.rows[panel.rows["verdict"] == verdict]
        if not rows.empty:
            axes.plot(
                rows["extent"],
                100 * rows["difference"],
                marker,
                markeredgecolor=colour,
                markerfacecolor=colour if filled else "white",
                label=verdict,
            )
    extent, physical = panel.reference
    axes.plot(extent, 0, "s", color=COLOURS["wa"], label="reference")
    here = pd.DataFrame({"extent": [extent], "physical": [physical]})
    every = pd.concat([panel.rows[["extent", "physical"]], here]).sort_values("extent")
    if panel.curve is not None:
        every = panel.curve[panel.curve["extent"].isin(every["extent"])]
    scale_extent(axes, every, panel.axis)
