"""Scores and their intervals over the extent of a filter, a small panel for each score."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from ablation.figures.curves import draw_curve, explain_curves, scale_extent
from ablation.figures.style import COLOURS, RC, Look, class_colours, finish, wrap_text
from ablation.study import AXES, Axis

_WIDTH, _HEIGHT = 2.7, 1.3  # inches of a panel
_LABEL = 0.36  # inches of a tick label and the space beside it


@mpl.rc_context(RC)
def draw_classes(
    curves: Mapping[str, pd.DataFrame],
    scores: Sequence[tuple[str, str]],
    title: str,
    named: Mapping[str, Axis] = AXES,
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
    named
        The axes in the unit of the study's rows.
    """
    figure = Figure(
        figsize=(0.9 + (_WIDTH + 0.3) * len(curves), 1.5 + _HEIGHT * len(scores)),
        layout="constrained",
    )
    grid = figure.subplots(len(scores), len(curves), squeeze=False, sharex="col", sharey="row")
    classes = [name.removeprefix("acc_") for name, _ in scores if name.startswith("acc_")]
    colours = class_colours(classes)
    for column, (name, curve) in zip(grid.T, curves.items(), strict=True):
        for number, (axes, (score, _)) in enumerate(zip(column, scores, strict=True)):
            colour = colours.get(score.removeprefix("acc_"), COLOURS["wa"])
            draw_curve(axes, curve, score, Look.of(number, colour))
        reach = float(curve["extent"].max() / curve["extent"].min())
        scale_extent(column[0], curve, named[name], apart=max(1.12, reach ** (_LABEL / _WIDTH)))
        column[-1].set_xlabel(column[0].get_xlabel())
        if len(scores) > 1:
            column[0].set_xlabel("")
    for axes, (_, label) in zip(grid[:, 0], scores, strict=True):
        axes.set_ylabel(wrap_text(f"{label} (%)", _HEIGHT, 9))
    figure.align_ylabels(grid[:, 0])
    finish(figure, title, explain_curves(curves.values(), [score for score, _ in scores]))
    return figure
