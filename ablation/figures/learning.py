"""Learning curves: loss and accuracy on the training utterances over epochs."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ablation.figures.scale import Look, draw_band, draw_title
from ablation.figures.style import RC

_RANGE = "range over folds and seeds"
_LEGEND = 100  # characters in a row of the legend
_MARKERS = 8  # along a line; one per epoch would hide it


def draw_learning(curves: pd.DataFrame, title: str) -> Figure:
    """Draw training loss and training accuracy, a line with a band for each name.

    Parameters
    ----------
    curves
        A row for each name and epoch: ``name``, ``epoch``, ``train_loss`` and ``train_wa``
        (0..1), the means over folds and seeds, each with its range (``_low`` and ``_high``; nan if
        there is none). More than eight names are hard to tell apart.
    """
    names = [str(name) for name in curves["name"].unique()]
    columns = int(np.clip(_LEGEND // (max(map(len, names)) + 8), 1, len(names) + 1))
    with mpl.rc_context(RC):
        figure = Figure(
            figsize=(7, 3.2 + 0.17 * -(-(len(names) + 1) // columns)),
            layout="constrained",
        )
        loss, accuracy = figure.subplots(1, 2, sharex=True)
        for number, (name, curve) in enumerate(curves.groupby("name", sort=False)):
            _draw_line(loss, curve, "train_loss", 1, number, str(name))
            _draw_line(accuracy, curve, "train_wa", 100, number, str(name))
        loss.set_ylabel("training loss")
        accuracy.set_ylabel("WA on the training utterances,\nnot the held-out ones (%)")
        for axes in (loss, accuracy):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        handles, labels = loss.get_legend_handles_labels()
        if np.isfinite(curves["train_loss_low"]).any():
            handles.append(Patch(facecolor="#dddddd"))
            labels.append(_RANGE)
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=columns,
            frameon=False,
        )
        draw_title(figure, title)
    return figure


def _draw_line(
    axes: Axes, curve: pd.DataFrame, column: str, scale: float, number: int, name: str
) -> None:
    curve = curve.sort_values("epoch")
    look = Look.of(number)
    every = -(-len(curve) // _MARKERS)
    low, high = (scale * curve[f"{column}_{end}"].to_numpy(float) for end in ("low", "high"))
    draw_band(axes, curve["epoch"].to_numpy(float), low, high, look.colour)
    axes.plot(
        curve["epoch"],
        scale * curve[column],
        label=name,
        color=look.colour,
        linestyle=look.dash,
        marker=look.marker,
        # Shifted markers tell lines apart that run together.
        markevery=(number % every, every),
    )
