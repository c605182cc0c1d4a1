"""A score over all filter heights and widths that were tried, a cell for each shape."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ablation.figures.curves import PARTIAL
from ablation.figures.style import COLOURS, RC, finish, quiet
from ablation.study import AXES, Axis
from ablation.study.extents import number_text

_MOST_NUMBERS = 14  # cells along a side; more would be too small for a number
_MOST_PHYSICAL = 12  # cells along a side; more would be too small for "1000 Hz" below the extent
_MOST_LABELS = 50  # extents along a side; of more, some are labelled, and no lines part the cells
_BLANK = "#eeeeee"


@mpl.rc_context(RC)
def draw_heatmap(
    scores: pd.DataFrame,
    score: str,
    label: str,
    title: str,
    chosen: tuple[int, int] | None = None,
    span: float = 0.0,
    named: Mapping[str, Axis] = AXES,
) -> Figure:
    """Draw a score over the grid of heights and widths.

    Parameters
    ----------
    scores
        A row for each shape: ``height`` (bins), ``width`` (frames), ``height_hz``, ``width_ms``,
        ``complete``, the score (0..1), and perhaps ``like_highest``, whether it gets a dot.
    score
        The score's column.
    label
        The name of the score beside the colour bar.
    chosen
        The height and width of the shape to outline.
    span
        The least difference (0..1) from the lightest to the darkest colour.
    named
        The axes in the study's units. Where extents in Hz differ by place, ``scores`` has
        ``height_hz_low`` and ``height_hz_high`` too.
    """
    values = 100 * scores.pivot(index="height", columns="width", values=score)
    values = values.sort_index(ascending=False)  # small at the bottom, as in a diagram
    lowest, highest = np.nanmin(values.to_numpy(float)), np.nanmax(values.to_numpy(float))
    complete = scores.pivot(index="height", columns="width", values="complete")
    partial = complete.reindex(values.index).eq(False).to_numpy()
    numbers = max(values.shape) <= _MOST_NUMBERS
    figure = _sheet(*values.shape)
    axes = figure.subplots()
    texts = [
        [cell_text(value, hollow, numbers) for value, hollow in zip(*row, strict=True)]
        for row in zip(values.to_numpy(), partial, strict=True)
    ]
    draw_cells(
        axes,
        values,
        texts if numbers or partial.any() else None,
        cmap="cividis",
        vmin=min(lowest, highest - 100 * span),
        annot_kws={"fontsize": 7},
        cbar_kws={"label": f"{label} (%)", "aspect": 25},
    )
    _label_extents(axes.yaxis, named["height"], scores, values)
    _label_extents(axes.xaxis, named["width"], scores, values)
    handles: list[Artist] = []
    if values.isna().any(axis=None):
        handles.append(Patch(facecolor=_BLANK, label="no score"))
    if partial.any():
        sign = "( )" if numbers else "•"
        handles.append(Line2D([], [], linestyle="none", label=f"{sign} {PARTIAL}"))
    if "like_highest" in scores and scores["like_highest"].any():
        like = scores.pivot(index="height", columns="width", values="like_highest")
        rows_at, columns_at = np.nonzero(like.reindex(values.index).eq(True).to_numpy())
        label = "not significantly different from the highest"
        look: Any = {"color": COLOURS["angry"], "markeredgecolor": "white", "markeredgewidth": 0.5}
        handles += axes.plot(
            columns_at + 0.88, rows_at + 0.2, "o", markersize=4, label=label, ls="none", **look
        )
    if chosen is not None and chosen[0] in values.index and chosen[1] in values.columns:
        corner = (
            int(np.flatnonzero(values.columns == chosen[1])[0]),
            int(np.flatnonzero(values.index == chosen[0])[0]),
        )
        outline = Rectangle(
            corner, 1, 1, fill=False, edgecolor=COLOURS["angry"], linewidth=2.5, clip_on=False,
            label="highest",
        )  # fmt: skip
        handles.append(axes.add_patch(outline))
    finish(figure, title, handles)
    return figure


def _sheet(rows: int, columns: int) -> Figure:
    """Return an empty figure of a size that suits so many cells."""
    size = np.clip(1.9 + 0.6 * columns, 4.2, 7.5), np.clip(1.7 + 0.36 * rows, 3.2, 9)
    return Figure(figsize=size, layout="constrained")


def cell_text(value: float, partial: bool, numbers: bool) -> str:
    """Return a cell's score (%), in brackets where it is of a part of the cells; or a dot."""
    if not numbers:
        return "•" if partial else ""
    return f"({value:.1f})" if partial else f"{value:.1f}"


def draw_cells(
    axes: Axes, values: pd.DataFrame, texts: list[list[str]] | None, **options: Any
) -> None:
    """Draw a table (%), a text in each cell; those without a value (nan) stay grey and empty.

    ``texts`` None: only colours. ``options`` are those of :func:`seaborn.heatmap`.
    """
    annot = None if texts is None else np.array(texts)
    line = 0.5 if max(values.shape) <= _MOST_LABELS else 0
    with quiet():  # it measures the labels
        sns.heatmap(values, annot=annot, fmt="", linewidths=line, ax=axes, **options)
    axes.grid(visible=False)
    axes.set_facecolor(_BLANK)
    for text in axes.texts:
        # Seaborn's grey is faint in print. And they lie inside: measuring them would make the
        # layout slow.
        text.set(color="#fefefe" if text.get_color() == "w" else "#010101", in_layout=False)


def _label_extents(side: Any, axis: Axis, scores: pd.DataFrame, values: pd.DataFrame) -> None:
    """Label the cells with their extents, and with Hz or ms below if there is room."""
    extents = values.index if axis.name == "height" else values.columns
    names = [f"{axis.physical}{end}" for end in ("_low", "", "_high")]
    names = [name for name in names if name in scores and axis.physical_unit]
    physical = {
        extent: [number_text(value) for value in found]
        for extent, *found in scores[[axis.name, *names]].itertuples(index=False)
    }
    roomy = len(extents) <= _MOST_PHYSICAL and bool(names)
    texts = [
        str(extent) + f"\n{', '.join(physical[extent])} {axis.physical_unit}" * roomy
        for extent in extents
    ]
    turned = 90 if axis.name == "width" and not roomy else 0
    step = -(-len(extents) // _MOST_LABELS)
    side.set_ticks(
        np.arange(len(extents))[::step] + 0.5, texts[::step], fontsize=7, rotation=turned
    )
    between, unit = "\n" if axis.name == "height" else " ", axis.unit
    if len(names) == 1:
        first = scores.loc[scores[axis.name] == extents[0], axis.physical].iloc[0]
        unit += f" of {number_text(first / extents[0])} {axis.physical_unit}"
    elif names:
        unit += f"; Hz at the lowest,\nmiddle and highest {unit.removesuffix('s')}"
    side.set_label_text(f"filter {axis.name} ({axis.direction}),{between}{unit}")
