"""A search: the score of every trial in order, and its points over height and width."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ablation.figures.scale import draw_title
from ablation.figures.style import COLOURS, MARKERS, RC
from ablation.study import AXES

_TICKS = [round(step * 2**power) for power in range(1, 12) for step in (1, 1.5)]  # 2, 3, 4, 6 ...
_PRUNED, _BEST = "#999999", COLOURS["angry"]


def draw_search(trials: pd.DataFrame, label: str, best: str, title: str) -> Figure:
    """Draw the search's history, and beside it where its points lie.

    Parameters
    ----------
    trials
        A row for each trial in order: ``trial`` (from 1), ``height`` (bins), ``width`` (frames),
        ``variant`` (what else was chosen; "" if nothing), ``state`` ("complete", "pruned",
        "failed" or "running"), ``score`` (0..1; an estimate for a pruned trial; nan if there is
        none), ``best`` (the highest complete score so far) and ``marked`` (bool).
    label
        The name of the score.
    best
        The legend's text for marked trials.
    """
    whole = 100 * trials.loc[trials["state"] == "complete", "score"]
    low, high = whole.min(), whole.max()
    # A single score gets the middle colour.
    norm = Normalize(low, high) if high > low else Normalize(low - 1, high + 1)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7.5, 3.9), layout="constrained")
        history, places = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _draw_history(history, trials, norm, label, best)
        _draw_places(places, trials, norm, best)
        mesh = ScalarMappable(norm, "cividis")
        figure.colorbar(mesh, ax=places, label=f"{label} (%)", aspect=28, pad=0.02)
        handles, names = history.get_legend_handles_labels()
        columns = min(5, len(names))
        figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
        draw_title(figure, title)
    return figure


def _draw_history(axes: Axes, trials: pd.DataFrame, norm: Normalize, label: str, best: str) -> None:
    line: Any = {"drawstyle": "steps-post", "color": "black", "zorder": 2}
    axes.plot(trials["trial"], 100 * trials["best"], label="best so far", **line)
    _draw_points(axes, trials, trials["trial"], 100 * trials["score"], norm, best, 26)
    failed = trials[trials["state"] == "failed"]
    if len(failed):  # on the lower edge: a failed trial has no score
        edge: Any = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 4}
        zeros = np.zeros(len(failed))
        axes.scatter(failed["trial"], zeros, marker="x", color=_BEST, s=26, label="failed", **edge)
    axes.set_xlim(0.2, len(trials) + 0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{label} (%)")


def _draw_places(axes: Axes, trials: pd.DataFrame, norm: Normalize, best: str) -> None:
    _draw_points(axes, trials, trials["width"], trials["height"], norm, best, 42)
    for side, name in ((axes.xaxis, "width"), (axes.yaxis, "height")):
        getattr(axes, f"set_{side.axis_name}scale")("log")
        low, high = trials[name].min(), trials[name].max()
        side.set_major_locator(FixedLocator([t for t in _TICKS if low <= t <= high]))
        side.set_minor_locator(NullLocator())
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        side.set_label_text(f"filter {name} ({AXES[name].unit})")
    axes.margins(0.08)


def _draw_points(
    axes: Axes,
    trials: pd.DataFrame,
    x: pd.Series,
    y: pd.Series,
    norm: Normalize,
    best: str,
    size: float,
) -> None:
    """Draw pruned trials hollow and below complete ones, of every variant with a marker."""
    for number, (variant, mine) in enumerate(trials.groupby("variant")):
        marker = MARKERS[number % len(MARKERS)]
        pruned, whole = (mine.index[mine["state"] == state] for state in ("pruned", "complete"))
        suffix = f", {variant}" if variant else ""
        if len(whole):
            axes.scatter(
                x[whole], y[whole], marker=marker, s=size, c=100 * mine.loc[whole, "score"],
                norm=norm, cmap="cividis", edgecolor="black", linewidth=0.5, zorder=3,
                label=f"complete{suffix}",
            )  # fmt: skip
        if len(pruned):
            axes.scatter(
                x[pruned], y[pruned], marker=marker, s=size, facecolor="none", edgecolor=_PRUNED,
                linewidth=1.1, zorder=2.5, label=f"pruned, estimated{suffix}",
            )  # fmt: skip
    marked = trials["marked"]
    axes.scatter(
        x[marked], y[marked], s=3.2 * size, facecolor="none", edgecolor=_BEST, linewidth=1.8,
        zorder=4, label=best,
    )  # fmt: skip
