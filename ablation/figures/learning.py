"""Learning curves: loss and accuracy on the training utterances over epochs."""

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ablation.figures.style import RC, Look, finish

_MARKERS = 8  # along a line; one per epoch would hide it


@mpl.rc_context(RC)
def draw_learning(curves: pd.DataFrame, title: str) -> Figure:
    """Draw training loss and training accuracy, a line with a band for each name.

    Parameters
    ----------
    curves
        A row for each name and epoch: ``name``, ``epoch``, ``train_loss`` and ``train_wa``
        (0..1), the means over folds and seeds, each with its range (``_low`` and ``_high``; nan if
        there is none). More than eight names are hard to tell apart.
    """
    colours = {name: Look.of(k).colour for k, name in enumerate(curves["name"].unique())}
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    for axes, score, scale, label in zip(
        figure.subplots(1, 2, sharex=True),
        ("train_loss", "train_wa"),
        (1, 100),
        ("training loss", "WA on the training utterances,\nnot the held-out ones (%)"),
        strict=True,
    ):
        sns.lineplot(
            x=curves["epoch"],
            y=scale * curves[score],
            hue=curves["name"],
            style=curves["name"],
            palette=colours,
            markers=True,
            markevery=-(-int(curves["epoch"].nunique()) // _MARKERS),
            estimator=None,
            ax=axes,
        )
        for name, curve in curves.groupby("name"):
            low, high = (scale * curve[f"{score}_{end}"] for end in ("low", "high"))
            axes.fill_between(
                curve["epoch"], low, high, color=colours[name], alpha=0.15, linewidth=0
            )
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    known = curves["train_loss_low"].notna().any()
    band = [Patch(facecolor="#dddddd", label="range over folds and seeds")] if known else []
    finish(figure, title, band)
    return figure
