"""The critical-difference diagram of Demsar (2006): which names differ by more than chance."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ablation.figures.style import COLOURS, RC, finish, wrap_text

_ROW = 0.21  # inches of a name
_BAR = 0.13  # inches of a bar
_GAP = 0.22  # inches between the axis and the bars, and between the bars and the names


@mpl.rc_context(RC)
def draw_critical(
    ranks: pd.Series, groups: Sequence[Sequence[str]], title: str, note: str
) -> Figure:
    """Draw mean ranks on an axis, names at its sides and a bar for each group.

    Parameters
    ----------
    ranks
        The mean rank of each name over speakers, 1 being the best.
    groups
        Names that do not differ significantly. Other names may rank between them: dots on the
        group's bar mark its members.
    note
        A small text below.
    """
    ordered = ranks.sort_values(kind="stable")
    bars = sorted(sorted(float(ordered[name]) for name in group) for group in groups)
    bars = [members for members in bars if len(members) > 1]
    half = -(-len(ordered) // 2)
    first = 2 * _GAP + _BAR * len(bars)
    depth = first + _ROW * (half - 0.4)
    longest = max(len(str(name)) for name in ordered.index)
    width = float(np.clip(3.6 + 2 * 0.065 * (longest + 6), 6.3, 11))
    figure = Figure(figsize=(width, depth + 1.15), layout="constrained")
    axes = figure.subplots()
    _draw_axis(axes, ordered, depth)
    for number, members in enumerate(bars):
        line: Any = {"color": COLOURS["neutral"], "marker": "o", "markeredgecolor": "black"}
        axes.plot(members, [_GAP + _BAR * number] * len(members), linewidth=3, markersize=4, **line)
    # From the outside inwards, so that no lines cross.
    for row, (name, rank) in enumerate(ordered.iloc[:half].items()):
        _draw_name(axes, f"{name}  {rank:.2f}", rank, "left", first + _ROW * row)
    for row, (name, rank) in enumerate(ordered.iloc[half:][::-1].items()):
        _draw_name(axes, f"{rank:.2f}  {name}", rank, "right", first + _ROW * row)
    figure.supxlabel(wrap_text(note, width, 7.5), fontsize=7.5, color="#444444")
    finish(figure, title)
    return figure


def _draw_axis(axes: Axes, ordered: pd.Series, depth: float) -> None:
    """Draw the axis of ranks at the top; below it, y is in inches, downwards."""
    low = float(np.floor(ordered.min()))
    axes.set(xlim=(low, max(float(np.ceil(ordered.max())), low + 1)), ylim=(depth, 0))
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.yaxis.set_visible(False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    axes.set_xlabel("mean rank over speakers (1: best)")


def _draw_name(axes: Axes, text: str, rank: float, side: str, y: float) -> None:
    """Draw a line from the axis at ``rank`` down to ``y`` and out to a side, with the name."""
    left = side == "left"
    edge = axes.get_xlim()[0 if left else 1]
    axes.plot(
        [rank, rank, edge], [0, y, y], color="#555555", linewidth=0.8, clip_on=False, zorder=1
    )
    axes.annotate(
        text,
        (edge, y),
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=8,
        annotation_clip=False,
    )
