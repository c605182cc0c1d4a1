"""The critical-difference diagram of Demsar (2006): which names differ by more than chance."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ablation.figures.scale import draw_title, wrap_text
from ablation.figures.style import COLOURS, RC

_ROW = 0.21  # inches of a name
_BAR = 0.15  # inches of a bar
_GAP = 0.22  # inches between the axis and the bars, and between the bars and the names


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
    low = float(np.floor(ordered.min()))
    high = max(float(np.ceil(ordered.max())), low + 1)
    bars = [members for members in bars if len(members) > 1]
    levels = _stack(bars, apart=0.02 * (high - low))
    first = 2 * _GAP + _BAR * (max(levels, default=-1) + 1)
    depth = first + _ROW * (-(-len(ordered) // 2) - 0.4)
    longest = max(len(str(name)) for name in ordered.index)
    width = float(np.clip(3.6 + 2 * 0.065 * (longest + 6), 6.3, 11))
    with mpl.rc_context(RC):
        lines = wrap_text(note, width, 7.5)
        figure = Figure(
            figsize=(width, depth + 0.95 + 0.14 * len(lines.splitlines())), layout="constrained"
        )
        axes = figure.subplots()
        _draw_axis(axes, low, high, depth)
        for level, members in zip(levels, bars, strict=True):
            _draw_bar(axes, members, _GAP + _BAR * level, 0.006 * (high - low))
        half = -(-len(ordered) // 2)
        # From the outside inwards, so that no lines cross.
        for row, (name, rank) in enumerate(ordered.iloc[:half].items()):
            _draw_name(axes, f"{name}  {rank:.2f}", rank, "left", first + _ROW * row)
        for row, (name, rank) in enumerate(ordered.iloc[half:][::-1].items()):
            _draw_name(axes, f"{rank:.2f}  {name}", rank, "right", first + _ROW * row)
        if note:
            figure.supxlabel(lines, fontsize=7.5, color="#444444")
        draw_title(figure, title)
    return figure


def _stack(bars: Sequence[Sequence[float]], apart: float) -> list[int]:
    """Return the level of each bar, sorted by start: the first on which it touches no other."""
    ends: list[float] = []
    levels = []
    for members in bars:
        level = next((k for k, end in enumerate(ends) if end + apart < members[0]), len(ends))
        ends[level : level + 1] = [members[-1]]
        levels.append(level)
    return levels


def _draw_axis(axes: Axes, low: float, high: float, depth: float) -> None:
    """Draw the axis of ranks at the top; below it, y is in inches, downwards."""
    axes.grid(visible=False)
    axes.set_xlim(low, high)
    axes.set_ylim(depth, 0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.yaxis.set_visible(False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    axes.set_xlabel("mean rank over speakers (1: best)")


def _draw_bar(axes: Axes, members: Sequence[float], y: float, reach: float) -> None:
    """Draw a bar over a group, from ``reach`` before its first to ``reach`` after its last rank."""
    axes.plot(
        [members[0] - reach, members[-1] + reach],
        [y, y],
        color=COLOURS["neutral"],
        linewidth=3.5,
        solid_capstyle="butt",
        zorder=3,
        clip_on=False,
    )
    axes.plot(
        members,
        [y] * len(members),
        linestyle="none",
        marker="o",
        markersize=4,
        color="black",
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=4,
        clip_on=False,
    )


def _draw_name(axes: Axes, text: str, rank: float, side: str, y: float) -> None:
    """Draw a line from the axis at ``rank`` down to ``y`` and out to a side, with the name."""
    left = side == "left"
    edge = axes.get_xlim()[0 if left else 1]
    axes.plot([rank, rank, edge], [0, y, y], color="#555555", linewidth=0.8, clip_on=False)
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
