"""Confusion matrices of networks or probes."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ablation.figures.scale import contrasting, draw_title, wrap_text
from ablation.figures.style import RC

_COLUMNS = 3


def draw_confusion(matrices: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw a panel for each name, at most three in a row.

    Parameters
    ----------
    matrices
        By name, a square table of the numbers of utterances by true class (index) and predicted
        class (columns). Cells show the share of the row, and the number below it; the row of a
        class without utterances stays blank.
    """
    columns = min(_COLUMNS, len(matrices))
    rows = -(-len(matrices) // columns)
    most = max(len(matrix) for matrix in matrices.values())
    side = max(1.9, 0.42 * most)  # inches of a panel
    longest = max(len(str(label)) for matrix in matrices.values() for label in matrix.columns)
    alike = len({(*matrix.index, *matrix.columns) for matrix in matrices.values()}) == 1
    turned = 0.06 * longest > 0.9 * side / most  # wider than a cell
    names = 0.055 * longest
    with mpl.rc_context(RC):
        figure = Figure(
            figsize=(
                columns * (side + 0.15) / 0.87 + names + 0.9,
                rows * (side + 0.35) + (names if turned else 0.1) + 0.8,
            ),
            layout="compressed",  # constrained, for panels of a fixed aspect
        )
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[len(matrices) :]:
            axes.set_axis_off()
        drawn = grid[: len(matrices)]
        for number, (axes, (name, matrix)) in enumerate(zip(drawn, matrices.items(), strict=True)):
            _draw_matrix(axes, matrix)
            axes.set_title(wrap_text(name, side, 9), fontsize=9)
            _label_classes(axes, matrix, turned)
            if number % columns == 0:
                axes.set_ylabel("true class")
            elif alike:
                axes.set_yticks([])
            if number + columns >= len(matrices):
                axes.set_xlabel("predicted class")
            elif alike:
                axes.set_xticks([])
        colours = ScalarMappable(Normalize(0, 100), "Blues")
        figure.colorbar(colours, ax=grid, label="share of the true class (%)", aspect=25 * rows)
        draw_title(figure, title)
    return figure


def _draw_matrix(axes: Axes, matrix: pd.DataFrame) -> None:
    counts = matrix.to_numpy(float)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100 * counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    axes.grid(visible=False)
    # A mesh, since PDF viewers blur the pixels of an image.
    mesh = axes.pcolormesh(
        np.arange(len(counts) + 1) - 0.5,
        np.arange(len(counts) + 1) - 0.5,
        np.ma.masked_invalid(shares),
        norm=Normalize(0, 100),
        cmap="Blues",
        edgecolors="white",
        linewidth=0.5,
    )
    axes.invert_yaxis()  # first class at the top, as in a table
    axes.set_aspect("equal")
    for row, column in np.argwhere(np.isfinite(shares)):
        axes.text(
            column,
            row,
            f"{shares[row, column]:.0f} %\n{_count_text(counts[row, column])}",
            color=contrasting(mesh.to_rgba(shares[row, column])),
            ha="center",
            va="center",
            fontsize=6.5,
            in_layout=False,  # it lies inside, and measuring it would make the layout slow
        )


def _count_text(count: np.ndarray) -> str:
    """Return a count as text, or a mean over seeds with one decimal."""
    return f"{round(float(count), 1):.10g}"


def _label_classes(axes: Axes, matrix: pd.DataFrame, turned: bool) -> None:
    places = np.arange(len(matrix))
    axes.set_xticks(places, [str(label) for label in matrix.columns], fontsize=8)
    axes.set_yticks(places, [str(label) for label in matrix.index], fontsize=8)
    axes.tick_params(length=0)
    if turned:
        for text in axes.get_xticklabels():
            text.set(rotation=45, ha="right", rotation_mode="anchor")
