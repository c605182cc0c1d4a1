"""A search: the score of every trial in order, and its points over height and width."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ablation.figures.scale import draw_title
from ablation.figures.style import COLOURS, MARKERS, RC
from ablation.study import AXES

_TICKS = [round(step * 2**power) for power in range(1, 12) for step in (1, 1.5)]  # 2, 3, 4, 6 ...
_PRUNED, _BEST = "#999999", COLOURS["angry"]
_RING: Any = {"facecolor": "none", "edgecolor": _BEST, "linewidth": 1.8, "zorder": 4}


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
    whole = trials.loc[trials["state"] == "complete", "score"]
    low, high = 100 * whole.min(), 100 * whole.max()
    # A single score gets the middle colour.
    norm = Normalize(low, high) if high > low else Normalize(low - 1, high + 1)
    looks = {name: MARKERS[k % len(MARKERS)] for k, name in enumerate(_variants(trials))}
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7.5, 3.9), layout="constrained")
        history, places = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _draw_history(history, trials, norm, looks, label)
        _draw_places(places, trials, norm, looks)
        mesh = ScalarMappable(norm, "cividis")
        figure.colorbar(mesh, ax=places, label=f"{label} (%)", aspect=28, pad=0.02)
        handles = _explained(trials, looks, best)
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(5, len(handles)), frameon=False
        )
        draw_title(figure, title)
    return figure


def _variants(trials: pd.DataFrame) -> list[str]:
    return sorted(set(trials["variant"]))


def _draw_history(
    axes: Axes, trials: pd.DataFrame, norm: Normalize, looks: dict[str, str], label: str
) -> None:
    known = trials[trials["best"].notna()]
    axes.plot(known["trial"], 100 * known["best"], drawstyle="steps-post", color="black", zorder=2)
    _draw_points(axes, trials, trials["trial"], 100 * trials["score"], norm, looks, 26)
    failed = trials[trials["state"] == "failed"]
    # On the lower edge: a failed trial has no score.
    axes.scatter(
        failed["trial"],
        np.zeros(len(failed)),
        marker="x",
        color=_BEST,
        s=26,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        zorder=4,
    )
    axes.set_xlim(0.2, len(trials) + 0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{label} (%)")


def _draw_places(axes: Axes, trials: pd.DataFrame, norm: Normalize, looks: dict[str, str]) -> None:
    # Pruned trials lie below, so that a point tried again and completed is seen as complete.
    order = trials.sort_values("state", key=lambda state: state == "complete", kind="stable")
    order = order[order["state"].isin(("complete", "pruned"))]
    _draw_points(axes, order, order["width"], order["height"], norm, looks, 42)
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
    looks: dict[str, str],
    size: float,
) -> None:
    for name, marker in looks.items():
        mine = trials["variant"] == name
        pruned, whole = (mine & (trials["state"] == state) for state in ("pruned", "complete"))
        axes.scatter(
            x[pruned], y[pruned], marker=marker, s=size, facecolor="none", edgecolor=_PRUNED,
            linewidth=1.1, zorder=2.5,
        )  # fmt: skip
        axes.scatter(
            x[whole], y[whole], marker=marker, s=size, c=100 * trials.loc[whole, "score"],
            norm=norm, cmap="cividis", edgecolor="black", linewidth=0.5, zorder=3,
        )  # fmt: skip
    marked = trials["marked"]
    axes.scatter(x[marked], y[marked], s=3.2 * size, **_RING)


def _explained(trials: pd.DataFrame, looks: dict[str, str], best: str) -> Sequence[Line2D]:
    """Return legend handles for all that is drawn."""
    states = set(trials["state"])
    none: Any = {"linestyle": "none", "markersize": 6}
    dot: Any = {"marker": "o", "markeredgecolor": "black", "markerfacecolor": "#7c7b78"}
    handles = [Line2D([], [], color="black", label="best so far")]
    if "complete" in states:
        handles.append(Line2D([], [], label="complete", **dot, **none))
    if "pruned" in states:
        hollow: Any = {"markerfacecolor": "none", "markeredgecolor": _PRUNED}
        handles.append(Line2D([], [], marker="o", label="pruned, estimated", **hollow, **none))
    if "failed" in states:
        handles.append(Line2D([], [], marker="x", color=_BEST, label="failed", **none))
    if trials["marked"].any():
        ring: Any = {"markerfacecolor": "none", "markeredgecolor": _BEST, "markeredgewidth": 1.8}
        handles.append(
            Line2D([], [], linestyle="none", marker="o", markersize=9, label=best, **ring)
        )
    if len(looks) > 1:
        handles += [
            Line2D([], [], color="black", marker=marker, label=name, markerfacecolor="none", **none)
            for name, marker in looks.items()
        ]
    return handles
