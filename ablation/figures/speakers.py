"""Scores by speaker: whether a filter is better for all of them or for some."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablation.figures.scale import draw_title, keep_apart
from ablation.figures.style import COLOURS, RC

_MOST_LABELS = 12
_HEIGHT = 3.0  # inches of the axes
_LINE = 0.15  # inches of a label
_LEADER = 0.3  # inches from the last score to its label


def draw_speakers(scores: pd.DataFrame, title: str, xlabel: str) -> Figure:
    """Draw each speaker's scores as a line over names, with the pooled scores.

    Parameters
    ----------
    scores
        A row for each name and speaker: ``name``, ``speaker``, ``score`` (0..1) and ``pooled``,
        the score of that name over all speakers, repeated. Names are drawn in their order.
    xlabel
        The label of the axis of names.
    """
    pooled = 100 * scores.groupby("name", sort=False)["pooled"].first()
    names = [str(name) for name in pooled.index]
    table = 100 * scores.pivot(index="name", columns="speaker", values="score").loc[pooled.index]
    with mpl.rc_context(RC):
        width = float(np.clip(1.7 + 0.6 * len(names), 4.5, 7.5))
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        below = _label_names(axes, names, (width - 1.6) / len(names))
        figure.set_size_inches(width, _HEIGHT + below + 1.1)
        lines = axes.plot(
            np.arange(len(names)),
            table.to_numpy(float),
            color="#8c8c8c",
            linewidth=0.7,
            marker="o",
            markersize=3,
        )
        lines[0].set_label("one speaker")
        axes.plot(
            np.arange(len(names)),
            pooled.to_numpy(float),
            linestyle="none",
            marker="D",
            markersize=7.5,
            color=COLOURS["wa"],
            markeredgecolor="white",
            label="all speakers, pooled",
            zorder=4,
        )
        beside = _LEADER * len(names) / (width - 1.2)
        axes.set_xlim(-beside, len(names) - 1 + beside)
        if len(table.columns) <= _MOST_LABELS:
            _label_speakers(axes, table.to_numpy(float), [str(s) for s in table.columns])
        axes.set_xlabel(xlabel)
        axes.set_ylabel("score (%)")
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        draw_title(figure, title)
    return figure


def _label_names(axes: Axes, names: Sequence[str], room: float) -> float:
    """Write names below the axes, rotated if wider than ``room``; return their height (inches)."""
    axes.set_xticks(np.arange(len(names)), names, fontsize=8)
    longest = 0.068 * max(map(len, names))
    if longest < 0.95 * room:
        return 0.15
    turn = 45 if room > 0.3 else 90
    for text in axes.get_xticklabels():
        text.set(
            rotation=turn,
            ha="right",
            va="center" if turn == 90 else "top",
            rotation_mode="anchor",
        )
    return longest * float(np.sin(np.radians(turn)))


def _label_speakers(axes: Axes, scores: np.ndarray, speakers: Sequence[str]) -> None:
    """Write speakers at the right end of their lines; ``scores`` (%) are (names, speakers)."""
    known = np.isfinite(scores)
    ends = {
        speaker: int(np.flatnonzero(has)[-1])
        for speaker, has in zip(speakers, known.T, strict=True)
        if has.any()
    }
    last = [float(scores[end, speakers.index(speaker)]) for speaker, end in ends.items()]
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    places = keep_apart(last, (high - low) * _LINE / _HEIGHT, low, high)
    edge = axes.get_xlim()[1]
    for (speaker, end), score, place in zip(ends.items(), last, places, strict=True):
        axes.plot([end, edge], [score, place], color="#bbbbbb", linewidth=0.6)
        axes.annotate(
            speaker,
            (edge, place),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            annotation_clip=False,
        )
