"""Scores by speaker: whether a filter is better for all of them or for some."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from ablation.figures.style import COLOURS, RC, UNKNOWN, finish

_MOST_NAMED = 10  # speakers that colours can tell apart


@mpl.rc_context(RC)
def draw_speakers(scores: pd.DataFrame, title: str, xlabel: str) -> Figure:
    """Draw each speaker's scores as a line over names, with the pooled scores.

    Up to ten speakers have a colour and a marker each and are named.

    Parameters
    ----------
    scores
        A row for each name and speaker: ``name``, ``speaker``, ``score`` (0..1) and ``pooled``,
        the score of that name over all speakers, repeated. Names are drawn in their order.
    xlabel
        The label of the axis of names.
    """
    pooled = 100 * scores.groupby("name", sort=False)["pooled"].first()
    speakers = "speaker " + scores["speaker"].astype(str)
    width = float(np.clip(1.7 + 0.6 * len(pooled), 5, 7.5))
    figure = Figure(figsize=(width, 4), layout="constrained")
    axes = figure.subplots()
    look: Any = {"color": UNKNOWN, "marker": "o", "label": "one speaker"}
    if speakers.nunique() <= _MOST_NAMED:
        look = {"hue": speakers, "style": speakers, "markers": True, "dashes": False}
        look["palette"] = sns.color_palette("colorblind", speakers.nunique())
    sns.lineplot(
        x=scores["name"],
        y=100 * scores["score"],
        units=speakers,
        estimator=None,
        linewidth=0.8,
        ax=axes,
        **look,
    )
    axes.plot(
        pooled.index,
        pooled,
        "D",
        markersize=8,
        color=COLOURS["wa"],
        markeredgecolor="white",
        label="all speakers, pooled",
        zorder=4,
    )
    longest = 0.068 * max(len(str(name)) for name in pooled.index)  # inches
    if longest > 0.9 * (width - 1.2) / len(pooled):
        axes.set_xticks(
            range(len(pooled)),
            pooled.index,
            rotation=45,
            ha="right",
            va="top",
            rotation_mode="anchor",
        )
    axes.set(xlabel=xlabel, ylabel="score (%)")
    finish(figure, title)
    return figure
