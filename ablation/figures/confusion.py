"""Confusion matrices of networks or probes."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablation.figures.heatmap import draw_cells
from ablation.figures.style import RC, finish, wrap_text

_COLUMNS = 3
_MOST_NUMBERS = 14  # classes along a side; more would make their numbers too large a figure


@mpl.rc_context(RC)
def draw_confusion(matrices: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw a panel for each name, at most three in a row.

    Parameters
    ----------
    matrices
        By name, a table of the numbers of utterances by true class (index) and predicted class
        (columns). Cells show the share of the row, and the number below it, or of many classes
        only their colour; the row of a class without utterances stays blank.
    """
    columns = min(_COLUMNS, len(matrices))
    rows = -(-len(matrices) // columns)
    most = max(max(matrix.shape) for matrix in matrices.values())
    numbers = most <= _MOST_NUMBERS
    longest = max(len(str(label)) for matrix in matrices.values() for label in matrix.columns)
    side = max(1.9, (0.42 if numbers else 0.17) * most)  # inches of a panel
    alike = len({(*matrix.index, *matrix.columns) for matrix in matrices.values()}) == 1
    names = 0.055 * longest  # inches of the longest class name
    figure = Figure(
        figsize=(columns * (side + 0.15) / 0.87 + names + 0.9, rows * (side + 0.35 + names) + 0.8),
        layout="compressed",  # constrained, for panels of a fixed aspect
    )
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(matrices) :]:
        axes.set_axis_off()
    for number, (axes, (name, matrix)) in enumerate(zip(grid, matrices.items(), strict=False)):
        _draw_matrix(axes, matrix, numbers)
        axes.set_title(wrap_text(name, side, 9))
        if number % columns == 0:
            axes.set_ylabel("true class")
        elif alike:
            axes.set_yticks([])
        if number + columns >= len(matrices):
            axes.set_xlabel("predicted class")
        elif alike:
            axes.set_xticks([])
    figure.colorbar(
        grid[0].collections[0], ax=grid, label="share of the true class (%)", aspect=25 * rows
    )
    finish(figure, title)
    return figure


def _draw_matrix(axes: Axes, matrix: pd.DataFrame, numbers: bool) -> None:
    shares = 100 * matrix.div(matrix.sum(axis=1).replace(0, np.nan), axis=0)
    texts = [
        # A mean over seeds has a decimal.
        [f"{share:.0f} %\n{round(float(count), 1):.10g}" for share, count in zip(*row, strict=True)]
        for row in zip(shares.to_numpy(), matrix.to_numpy(), strict=True)
    ]
    draw_cells(
        axes,
        shares,
        texts if numbers else None,
        vmin=0,
        vmax=100,
        cmap="Blues",
        cbar=False,
        square=True,
        annot_kws={"fontsize": 6.5},
        xticklabels=matrix.columns,
        yticklabels=matrix.index,
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(axis="y", rotation=0)
