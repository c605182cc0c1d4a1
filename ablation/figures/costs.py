"""Accuracy over its cost: parameters, and multiply-adds per segment."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from ablation.figures.curves import draw_intervals
from ablation.figures.style import COLOURS, RC, finish, quiet, wrap_text

_COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds per segment"}
_COLOURS = {"probe": COLOURS["neutral"], "network": COLOURS["angry"]}
_MARKERS = {"probe": "o", "network": "s"}
_MOST_BARS = 40  # more would hide the points; then only the front has intervals
_LABEL_WIDTH = 1.2  # inches


@mpl.rc_context(RC)
def draw_costs(points: pd.DataFrame, title: str) -> Figure:
    """Draw WA over parameters and over multiply-adds, with the Pareto fronts.

    Parameters
    ----------
    points
        A row for each probe or network: ``name``, ``kind`` ("probe" or "network"),
        ``parameters``, ``multiply_adds`` (nan if unknown), ``wa`` (0..1), ``wa_low``,
        ``wa_high`` (95 % interval by speaker; nan if there is none), ``front_parameters`` and
        ``front_multiply_adds`` (bool: on the Pareto front of that cost). With more than 40 points,
        only intervals of the front are drawn. Members of the front are named where there is room.
    """
    figure = Figure(figsize=(7.5, 4), layout="constrained")
    grid = figure.subplots(1, 2, sharey=True)
    for axes, (cost, label) in zip(grid, _COSTS.items(), strict=True):
        _draw_points(axes, points[points[cost] > 0], cost)
        axes.set(xlabel=label, ylabel="WA (%)")
    finish(figure, title)
    with quiet():
        figure.draw_without_rendering()  # labels are placed when the panels' positions are known
    for axes, cost in zip(grid, _COSTS, strict=True):
        _name_front(axes, points[(points[cost] > 0) & points[f"front_{cost}"]], cost)
    return figure


def _draw_points(axes: Axes, rows: pd.DataFrame, cost: str) -> None:
    if rows.empty:
        axes.set_xticks([])
        return
    for kind, some in rows.groupby("kind"):
        barred = some if len(rows) <= _MOST_BARS else some[some[f"front_{cost}"]]
        draw_intervals(axes, barred, cost, "wa", _COLOURS[str(kind)], joined=False)
    front = rows[rows[f"front_{cost}"]].sort_values(cost)
    axes.plot(
        front[cost],
        100 * front["wa"],
        drawstyle="steps-post",
        color="#777777",
        linewidth=1,
        label="Pareto front",
    )
    sns.scatterplot(
        x=rows[cost],
        y=100 * rows["wa"],
        hue=rows["kind"],
        style=rows["kind"],
        palette=_COLOURS,
        markers=_MARKERS,
        zorder=3,
        ax=axes,
    )
    # At least two ticks lie within these limits, and no more than fit beside each other.
    low, high = rows[cost].min() / 2.2, 2.2 * rows[cost].max()
    decades = np.log10(high / low)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    steps = (1, 2, 5) if decades < 1.8 else (1, 3) if decades < 3 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.margins(y=0.08)


def _name_front(axes: Axes, front: pd.DataFrame, cost: str) -> None:
    """Name members at their upper left, where no better and cheaper model can lie.

    A name that would lie on that of a better one is left out.
    """
    taken: list[Bbox] = []
    for row in front.sort_values("wa", ascending=False).to_dict("records"):
        name = axes.annotate(
            wrap_text(str(row["name"]), _LABEL_WIDTH, 7),
            (row[cost], 100 * row["wa"]),
            xytext=(-3, 3),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 0.5},
            zorder=4,
            in_layout=False,  # it lies inside, and its place was chosen for this layout
        )
        if name.get_window_extent().x0 < axes.bbox.x0:
            name.set(ha="left", x=3)
        box = name.get_window_extent()
        if any(box.overlaps(other) for other in taken):
            name.remove()
        else:
            taken.append(box)
