"""The paper's Figure 2: accuracy over filter height (top) and filter width (bottom)."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ablation.figures.curves import draw_curve, scale_extent
from ablation.figures.style import COLOURS, RC, SPARE, UNKNOWN, Look, class_colours, finish
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
    fixed_unit
        What ``fixed`` counts; empty: bins or frames.
    """

    axis: Axis
    curve: pd.DataFrame
    fixed: int
    chosen: int | None = None
    plateau: int | None = None
    window: float | None = None
    fixed_unit: str = ""


@mpl.rc_context(RC)
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
    figure = Figure(figsize=(6.3, 3.3 * len(panels)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, sharey=True)
    for panel, axes in zip(panels, grid[:, 0], strict=True):
        wa = Look.of(0, COLOURS["wa"])
        draw_curve(axes, panel.curve, "wa", wa, label="WA", linewidth=2.2, zorder=3)
        for number, (label, colour) in enumerate(class_colours(classes).items(), 1):
            look = Look.of(number, colour)
            draw_curve(axes, panel.curve, f"acc_{label}", look, band=False, label=label)
        axes.axhline(100 * majority, color=UNKNOWN, linewidth=0.9, label="majority class")
        _mark_extents(axes, panel)
        scale_extent(axes, panel.curve, panel.axis)
        other = AXES[panel.axis.other]
        fixed = f"{other.name} fixed at {panel.fixed} {panel.fixed_unit or other.unit}"
        axes.set_xlabel(f"{axes.get_xlabel()}; {fixed}")
        axes.set_ylabel("accuracy (%)")
    band = Patch(
        color=COLOURS["wa"], alpha=0.15, linewidth=0, label="95 % interval of WA by speaker"
    )
    finish(figure, title, [band])
    return figure


def _mark_extents(axes: Axes, panel: Panel) -> None:
    """Mark the window's extent, extents without a score, the best and the plateau's first."""
    curve = panel.curve
    extents = curve["extent"]
    if panel.window is not None and extents.min() <= panel.window <= extents.max():
        look = {"color": SPARE[0], "linewidth": 5, "alpha": 0.35, "zorder": 0.5}
        axes.axvline(panel.window, label="window's own extent", **look)
    lacking = extents[curve["wa"].isna()]
    if not lacking.empty:
        edge = axes.get_xaxis_transform()
        places = [0.03] * len(lacking)
        axes.plot(lacking, places, "x", color=UNKNOWN, transform=edge, label="no cell finished")
    for extent, marker, size, label in (
        (panel.chosen, "o", 11, "best WA"),
        (panel.plateau, "d", 10, "plateau begins"),
    ):
        if extent is None:
            continue
        axes.plot(
            extent,
            100 * curve.set_index("extent")["wa"][extent],
            marker,
            markersize=size,
            markerfacecolor="none",
            markeredgecolor=COLOURS["wa"],
            markeredgewidth=1.2,
            zorder=4,
            label=label,
        )
