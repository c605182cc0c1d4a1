"""Accuracy over the extent of a filter for several analysis windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablation.analysis.extents import physical_columns
from ablation.figures.curves import draw_curve, explain_curves, scale_extent
from ablation.figures.style import RC, Look, finish
from ablation.study import Axis

_RING: Any = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 11,
    "markerfacecolor": "none",
    "markeredgewidth": 1.2,
}


@dataclass(frozen=True)
class WindowPanel:
    """A panel shows one axis; its mappings are by analysis window (ms).

    Attributes
    ----------
    curves
        A table with a row for each extent: ``extent`` (bins or frames), ``physical`` (Hz or ms),
        ``complete``, ``wa`` (0..1), ``wa_low`` and ``wa_high`` (95 % interval by speaker; nan if
        there is none).
    resolution
        The extent of the window itself, in bins or frames.
    chosen
        The extent chosen for the window; a window without one gets no ring.
    """

    axis: Axis
    curves: Mapping[float, pd.DataFrame]
    resolution: Mapping[float, float]
    chosen: Mapping[float, int]


@mpl.rc_context(RC)
def draw_windows(panels: Sequence[WindowPanel], title: str) -> Figure:
    """Draw WA over the extent, a line for each analysis window and a panel for each axis."""
    windows = sorted({window for panel in panels for window in panel.curves})
    looks = {window: Look.of(number) for number, window in enumerate(windows)}
    figure = Figure(figsize=(6.3, 0.7 + 3.1 * len(panels)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, sharey=True)[:, 0]
    for axes, panel in zip(grid, panels, strict=True):
        _draw_panel(axes, panel, looks)
    handles: list[Artist] = []
    if any(_resolutions(panel) for panel in panels):
        mark: Any = {"marker": "|", "markersize": 12, "markeredgewidth": 5, "alpha": 0.3}
        handles.append(
            Line2D([], [], linestyle="none", color="black", label="window's own extent", **mark)
        )
    if any(panel.chosen for panel in panels):
        handles.append(Line2D([], [], markeredgecolor="black", label="highest WA", **_RING))
    curves = [curve for panel in panels for curve in panel.curves.values()]
    finish(figure, title, handles + explain_curves(curves, ["wa"]))
    return figure


def _draw_panel(axes: Axes, panel: WindowPanel, looks: Mapping[float, Look]) -> None:
    for window, curve in sorted(panel.curves.items()):
        draw_curve(axes, curve, "wa", looks[window], label=f"window {window:g} ms")
    for window, extent in _resolutions(panel).items():
        look = looks[window]
        axes.axvline(extent, color=look.colour, linewidth=5, alpha=0.25, zorder=0.5)
        # A marker on the edge, where no score lies, identifies the window in grey print.
        edge = axes.get_xaxis_transform()
        axes.plot(
            extent,
            0,
            marker=look.marker,
            color=look.colour,
            transform=edge,
            clip_on=False,
            zorder=5,
        )
    for window, extent in panel.chosen.items():
        scores = panel.curves[window].set_index("extent")["wa"]
        axes.plot(extent, 100 * scores[extent], markeredgecolor=looks[window].colour, **_RING)
    every = pd.concat(
        [curve[["extent", *physical_columns(curve)]] for curve in panel.curves.values()]
    )
    scale_extent(axes, every.drop_duplicates("extent").sort_values("extent"), panel.axis)
    axes.set_ylabel("WA (%)")


def _resolutions(panel: WindowPanel) -> dict[float, float]:
    """Return each window's own extent if it lies within the extents tried."""
    extents = pd.concat([curve["extent"] for curve in panel.curves.values()])
    return {
        window: extent
        for window, extent in panel.resolution.items()
        if window in panel.curves and extents.min() <= extent <= extents.max()
    }
