"""A score over all filter heights and widths that were tried, a cell for each shape."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from ablation.figures.scale import PARTIAL, contrasting, draw_title, physical_text
from ablation.figures.style import COLOURS, RC
from ablation.study import AXES, Axis

_MOST_NUMBERS = 14  # cells along a side; more would be too small for a number
_MOST_PHYSICAL = 12  # cells along a side; more would be too small for "1000 Hz" below the extent


def draw_heatmap(
    scores: pd.DataFrame,
    score: str,
    label: str,
    title: str,
    chosen: tuple[int, int] | None = None,
) -> Figure:
    """Draw a score over the grid of heights and widths.

    Parameters
    ----------
    scores
        A row for each shape: ``height`` (bins), ``width`` (frames), ``height_hz``, ``width_ms``,
        ``complete`` and the score (0..1; nan if there is none).
    score
        The score's column.
    label
        The name of the score beside the colour bar.
    chosen
        The height and width of the shape to outline.
    """
    heights, widths = (sorted(set(scores[axis.name].tolist())) for axis in AXES.values())
    rows, columns = scores["height"].map(heights.index), scores["width"].map(widths.index)
    values = np.full((len(heights), len(widths)), np.nan)
    values[rows, columns] = 100 * scores[score]
    complete = np.ones(values.shape, bool)
    complete[rows, columns] = scores["complete"]
    partial = ~complete & np.isfinite(values)
    with mpl.rc_context(RC):
        figure = Figure(
            figsize=(
                float(np.clip(1.9 + 0.6 * len(widths), 4.2, 7.5)),
                float(np.clip(1.7 + 0.36 * len(heights), 3.2, 9)),
            ),
            layout="constrained",
        )
        axes = figure.subplots()
        mesh = _draw_cells(axes, values)
        figure.colorbar(mesh, ax=axes, label=f"{label} (%)", aspect=25)
        numbers = max(values.shape) <= _MOST_NUMBERS
        if numbers:
            _write_numbers(axes, mesh, values, partial)
        else:
            _mark_partial(axes, mesh, values, partial)
        handles = _explained(values, partial, numbers)
        if chosen is not None and chosen[0] in heights and chosen[1] in widths:
            handles.append(_outline(axes, heights.index(chosen[0]), widths.index(chosen[1])))
        _label_extents(axes, AXES["height"], scores, heights)
        _label_extents(axes, AXES["width"], scores, widths)
        if handles:
            figure.legend(
                handles=handles, loc="outside lower center", ncols=len(handles), frameon=False
            )
        draw_title(figure, title)
    return figure


def _draw_cells(axes: Axes, values: np.ndarray) -> QuadMesh:
    """Draw cells in %, shape (heights, widths), centred on whole numbers; nan is hatched."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 100.0)
    spare = 0.5 if low == high else 0.0  # a single score gets the middle colour
    rows, columns = values.shape
    axes.grid(visible=False)
    axes.patch.set(facecolor="white", edgecolor="#cccccc", hatch="////", linewidth=0)
    # A mesh, since PDF viewers blur the pixels of an image.
    return axes.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(values),
        norm=Normalize(low - spare, high + spare),
        cmap="cividis",
        edgecolors="white",
        linewidth=0.5,
    )


def _write_numbers(axes: Axes, mesh: QuadMesh, values: np.ndarray, partial: np.ndarray) -> None:
    for row, column in np.argwhere(np.isfinite(values)):
        text = f"{values[row, column]:.1f}"
        axes.text(
            column,
            row,
            f"({text})" if partial[row, column] else text,
            color=contrasting(mesh.to_rgba(values[row, column])),
            ha="center",
            va="center",
            fontsize=7,
            in_layout=False,  # it lies inside, and measuring it would make the layout slow
        )


def _mark_partial(axes: Axes, mesh: QuadMesh, values: np.ndarray, partial: np.ndarray) -> None:
    rows, columns = np.nonzero(partial)
    inks = [contrasting(colour) for colour in mesh.to_rgba(values[partial])]
    axes.scatter(columns, rows, s=6, color=inks)


def _explained(values: np.ndarray, partial: np.ndarray, numbers: bool) -> list[Any]:
    """Return legend handles for all cells but plain ones."""
    handles: list[Any] = []
    if not np.isfinite(values).all():
        handles.append(
            Patch(facecolor="white", edgecolor="#cccccc", hatch="////", label="no score")
        )
    if partial.any():
        marker, size = ("$(\\ )$", 9) if numbers else (".", 6)
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker=marker,
                markersize=size,
                color="black",
                label=PARTIAL,
            )
        )
    return handles


def _outline(axes: Axes, row: int, column: int) -> Rectangle:
    """Outline the chosen cell, in colour with white around it so that it shows on any cell."""
    outline = Rectangle(
        (column - 0.5, row - 0.5),
        1,
        1,
        fill=False,
        edgecolor=COLOURS["angry"],
        linewidth=2,
        zorder=4,
        clip_on=False,
        label="highest",
    )
    outline.set_path_effects([withStroke(linewidth=4, foreground="white")])
    axes.add_patch(outline)
    return outline


def _label_extents(axes: Axes, axis: Axis, scores: pd.DataFrame, extents: Sequence[int]) -> None:
    """Label the cells with their extents, and with Hz or ms below if there is room."""
    physical = dict(zip(scores[axis.name], scores[axis.physical], strict=True))
    roomy = len(extents) <= _MOST_PHYSICAL
    texts = [
        str(extent) + f"\n{physical_text(physical[extent])} {axis.physical_unit}" * roomy
        for extent in extents
    ]
    unit = physical_text(physical[extents[0]] / extents[0])
    upright = axis.name == "height"
    side = axes.yaxis if upright else axes.xaxis
    side.set_ticks(np.arange(len(extents)), texts, fontsize=7)
    side.set_tick_params(length=2)
    if not roomy and not upright:
        side.set_tick_params(rotation=90)
    text = f"filter {axis.name} ({axis.direction}), {axis.unit} of {unit} {axis.physical_unit}"
    side.set_label_text(text.replace(", ", ",\n") if upright else text)
