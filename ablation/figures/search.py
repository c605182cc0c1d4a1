"""A search: the score of every trial in order, and its points over height and width."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ablation.figures.style import COLOURS, RC, UNKNOWN, Look, finish
from ablation.study import AXES, Axis

_TICKS = [round(step * 2**power) for power in range(1, 12) for step in (1, 1.5)]  # 2, 3, 4, 6 ...
_BEST = COLOURS["angry"]
_MAP = "cividis"


@mpl.rc_context(RC)
def draw_search(
    trials: pd.DataFrame,
    label: str,
    best: str,
    title: str,
    named: Mapping[str, Axis] = AXES,
) -> Figure:
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
    named
        The axes in the unit of the study's rows.
    """
    trials = trials.assign(score=100 * trials["score"], best=100 * trials["best"])
    whole = trials.loc[trials["state"] == "complete", "score"]
    norm = Normalize(whole.min(), whole.max())
    figure = Figure(figsize=(7.5, 3.7), layout="constrained")
    history, places = figure.subplots(1, 2, width_ratios=(1.15, 1))
    known = trials[trials["best"].notna()]
    history.plot(
        known["trial"], known["best"], drawstyle="steps-post", color="black", label="best so far"
    )
    _draw_points(history, trials, "trial", "score", norm, best)
    failed = trials[trials["state"] == "failed"]
    if not failed.empty:
        # On the lower edge: a failed trial has no score.
        look: Any = {"color": _BEST, "transform": history.get_xaxis_transform(), "clip_on": False}
        history.plot(failed["trial"], np.zeros(len(failed)), "x", label="failed", **look)
    history.set(xlim=(0.2, len(trials) + 0.8), xlabel="trial", ylabel=f"{label} (%)")
    history.xaxis.set_major_locator(MaxNLocator(integer=True))
    _draw_points(places, trials, "width", "height", norm, best)
    places.set(xscale="log", yscale="log")
    for side, name in ((places.xaxis, "width"), (places.yaxis, "height")):
        low, high = trials[name].min(), trials[name].max()
        side.set_major_locator(FixedLocator([tick for tick in _TICKS if low <= tick <= high]))
        side.set_minor_locator(NullLocator())
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        side.set_label_text(f"filter {name} ({named[name].unit})")
    places.margins(0.08)
    scale = ScalarMappable(norm, _MAP)
    figure.colorbar(scale, ax=places, label=f"{label} (%)", aspect=28, pad=0.02)
    markers = _markers(trials)
    none: Any = {"linestyle": "none", "color": "black", "markerfacecolor": "none"}
    variants = [Line2D([], [], marker=m, label=name, **none) for name, m in markers.items()]
    finish(figure, title, variants if len(variants) > 1 else [])
    return figure


def _markers(trials: pd.DataFrame) -> dict[str, str]:
    """Return a marker for each variant."""
    return {name: Look.of(k).marker for k, name in enumerate(sorted(set(trials["variant"])))}


def _draw_points(
    axes: Axes, trials: pd.DataFrame, x: str, y: str, norm: Normalize, best: str
) -> None:
    """Draw pruned trials hollow, complete ones above them in their score's colour."""
    shared: Any = {"x": x, "y": y, "s": 36, "style": "variant", "markers": _markers(trials)}
    sns.scatterplot(
        trials[trials["state"] == "pruned"],
        color="white",
        edgecolor=UNKNOWN,
        linewidth=1.1,
        label="pruned, estimated",
        legend=False,
        ax=axes,
        **shared,
    )
    sns.scatterplot(
        trials[trials["state"] == "complete"],
        hue="score",
        hue_norm=norm,
        palette=_MAP,
        edgecolor="black",
        linewidth=0.5,
        zorder=3,
        label="complete",
        legend=False,
        ax=axes,
        **shared,
    )
    marked = trials[trials["marked"]]
    if not marked.empty:
        ring: Any = {"facecolor": "none", "edgecolor": _BEST, "linewidth": 1.8, "zorder": 4}
        axes.scatter(marked[x], marked[y], s=110, label=best, **ring)
