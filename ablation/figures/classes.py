"""Scores and their intervals over the extent of a filter, a small panel for each score."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from ablation.figures.scale import (
    Look,
    draw_curve,
    draw_title,
    explain_curves,
    scale_extent,
    wrap_text,
)
from ablation.figures.style import COLOURS, RC, class_colours
from ablation.study import AXES

_WIDTH, _HEIGHT = 2.7, 1.3  # inches of a panel
_LABEL = 0.36  # inches of a tick label and the space beside it


def draw_classes(
    curves: Mapping[str, pd.DataFrame], scores: Sequence[tuple[str, str]], title: str
) -> Figure:
    """Draw a column of panels for each axis, with a row for each score.

    Parameters
    ----------
    curves
        By axis ("height", "width"), a table with a row for each extent: ``extent`` (bins, frames),
        ``physical`` (Hz or ms), ``complete`` and for each score (0..1) ``SCORE``, ``SCORE_low``
        and ``SCORE_high`` (95 % interval by speaker; nan if there is none).
    scores
        The column and label of each score, such as ("acc_angry", "angry").
    """
    with mpl.rc_context(RC):
        figure = Figure(
            figsize=(0.9 + (_WIDTH + 0.3) * len(curves), 1.5 + _HEIGHT * len(scores)),
            layout="constrained",
        )
        grid = figure.subplots(len(scores), len(curves), squeeze=False, sharex="col", sharey="row")
        classes = [name.removeprefix("acc_") for name, _ in scores if name.startswith("acc_")]
        colours = class_colours(classes)
        for column, (name, curve) in zip(grid.T, curves.items(), strict=True):
            axis = AXES[name]
            reach = float(curve["extent"].max() / curve["extent"].min())
            scale_extent(column[0], curve, axis, apart=max(1.12, reach ** (_LABEL / _WIDTH)))
            for number, (axes, (score, _)) in enumerate(zip(column, scores, strict=True)):
                colour = colours.get(score.removeprefix("acc_"), COLOURS["wa"])
                draw_curve(axes, curve, score, Look.of(number, colour))
            column[-1].set_xlabel(f"filter {name} ({axis.direction}), {axis.unit}")
        for axes, (_, label) in zip(grid[:, 0], scores, strict=True):
            axes.set_ylabel(wrap_text(f"{label} (%)", _HEIGHT, 9))
        figure.align_ylabels(grid[:, 0])
        handles = explain_curves(curves.values(), [score for score, _ in scores])
        if handles:
            figure.legend(
                handles=handles, loc="outside lower center", ncols=len(handles), frameon=False
            )
        draw_title(figure, title)
    return figure
