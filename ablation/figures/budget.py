"""Scores of the held-out speakers after shares of the training budget."""

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from ablation.analysis.budget import share_text
from ablation.figures.style import RC, UNKNOWN, Look, finish


@mpl.rc_context(RC)
def draw_budget(scores: pd.DataFrame, named: list[str], title: str, ylabel: str) -> Figure:
    """Draw a line for every shape; those ``named`` have a colour and a marker each.

    Parameters
    ----------
    scores
        Scores (0..1) of each shape (rows) after each share of the budget (columns, 0..1).
    """
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    shares = scores.columns.to_numpy(float)
    axes.set_xscale("log", base=2)
    label = "one of the other shapes"
    for name in scores.index.difference(named, sort=False):
        axes.plot(shares, 100 * scores.loc[name], color=UNKNOWN, lw=0.7, alpha=0.6, label=label)
        label = "_"
    for number, name in enumerate(named):
        look = Look.of(number)
        axes.plot(
            shares,
            100 * scores.loc[name],
            color=look.colour,
            marker=look.marker,
            linestyle=look.dash,
            label=name,
        )
    axes.set_xticks(shares, list(map(share_text, shares)))
    axes.set(xlabel="share of the training budget", ylabel=ylabel)
    finish(figure, title)
    return figure
