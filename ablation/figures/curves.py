"""A score over the extent of a filter: its line, its intervals and the axis of extents."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ablation.analysis import physical_extent
from ablation.analysis.extents import physical_columns
from ablation.figures.style import Look
from ablation.study import Axis
from ablation.study.extents import number_text

_MOST_LABELS = 30
PARTIAL = "not all folds and seeds"
HOLLOW: Any = {"linestyle": "none", "markerfacecolor": "white", "markeredgewidth": 1}


def draw_curve(
    axes: Axes, curve: pd.DataFrame, score: str, look: Look, band: bool = True, **line: Any
) -> None:
    """Draw a score (%) over the extent; incomplete shapes are hollow and not joined.

    Parameters
    ----------
    curve
        A row for each extent: ``extent``, ``complete``, the score (0..1) and, for a band, its
        interval (``SCORE_low``, ``SCORE_high``; nan if there is none).
    line
        Properties of the line, such as its label.
    """
    complete, partial = curve[curve["complete"]], curve[~curve["complete"]]
    if band:
        draw_intervals(axes, complete, "extent", score, look.colour)
        draw_intervals(axes, partial, "extent", score, look.colour, joined=False)
    axes.plot(
        complete["extent"],
        100 * complete[score],
        color=look.colour,
        marker=look.marker,
        linestyle=look.dash,
        **line,
    )
    if partial[score].notna().any():
        axes.plot(
            partial["extent"],
            100 * partial[score],
            marker=look.marker,
            markeredgecolor=look.colour,
            **HOLLOW,
        )


def draw_intervals(
    axes: Axes, rows: pd.DataFrame, x: str, score: str, colour: str, joined: bool = True
) -> None:
    """Draw the intervals of a score (``SCORE_low``, ``SCORE_high``; 0..1) over column ``x``.

    They make a band; a point without neighbours gets a bar, and with ``joined=False`` all do. An
    unknown interval (nan) leaves a gap.
    """
    places = rows[x].to_numpy(float)
    low, high = (100 * rows[f"{score}_{end}"].to_numpy(float) for end in ("low", "high"))
    known = np.isfinite(low) & np.isfinite(high)
    beside = np.pad(known, 1)
    band = known & (beside[:-2] | beside[2:]) & joined
    if band.any():
        axes.fill_between(
            places,
            low,
            high,
            where=band.tolist(),
            color=colour,
            alpha=0.15,
            linewidth=0,
            zorder=1.5,
        )
    bar = known & ~band
    if bar.any():
        axes.vlines(
            places[bar], low[bar], high[bar], color=colour, alpha=0.4, linewidth=1, zorder=1.5
        )


def explain_curves(curves: Iterable[pd.DataFrame], scores: list[str]) -> list[Artist]:
    """Return legend handles for the intervals and hollow markers of :func:`draw_curve`."""
    every = pd.concat(curves)
    handles: list[Artist] = []
    if every[[f"{score}_low" for score in scores]].notna().any(axis=None):
        handles.append(Patch(facecolor="#dddddd", label="95 % interval by speaker"))
    if every.loc[~every["complete"], scores].notna().any(axis=None):
        handles.append(Line2D([], [], marker="o", markeredgecolor="black", label=PARTIAL, **HOLLOW))
    return handles


def scale_extent(axes: Axes, curve: pd.DataFrame, axis: Axis, apart: float = 1.12) -> None:
    """Make the axis logarithmic, with the grid's own values below and Hz or ms above.

    Of bands, Hz at the lowest, middle and highest one stand above each other; of coefficients there
    is nothing above.

    Parameters
    ----------
    curve
        A table sorted by ``extent`` (bins or frames), with ``physical`` (Hz or ms), and where they
        differ ``physical_low`` and ``physical_high``.
    apart
        The smallest ratio of two labelled extents, as for :func:`spread`.
    """
    ticks = spread(curve["extent"].tolist(), apart)
    axes.set_xscale("log")
    _label_ticks(axes.xaxis, ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlabel(f"filter {axis.name} ({axis.direction}), {axis.unit}")
    if not axis.physical_unit:
        return
    above = axes.secondary_xaxis("top")
    columns, unit = physical_columns(curve), axis.physical_unit
    if len(columns) > 1:
        values = curve[columns[::-1]].to_numpy(float)  # the lowest stands lowest
        known = dict(zip(curve["extent"], values, strict=True))
        texts = ["\n".join(map(number_text, known[tick])) for tick in ticks]
        unit += f" at the highest,\nmiddle and lowest {axis.unit.removesuffix('s')}"
    else:
        physical = physical_extent(curve)
        texts = [number_text(physical(tick)) for tick in ticks]
    _label_ticks(above.xaxis, ticks, texts)
    above.set_xlabel(f"{axis.direction} extent ({unit})")
    above.spines["top"].set_visible(False)
    above.tick_params(length=0)


def _label_ticks(side: Any, ticks: Sequence[float], texts: list[str]) -> None:
    known = dict(zip(ticks, texts, strict=True))
    side.set_major_locator(FixedLocator(ticks))
    side.set_minor_locator(NullLocator())
    side.set_major_formatter(FuncFormatter(lambda value, _: known.get(round(value), "")))


def spread(extents: Sequence[float], apart: float = 1.12) -> list[float]:
    """Return the extents to label: each at least ``apart`` times the one before.

    Of very many extents, about sixteen are labelled.
    """
    if len(extents) > _MOST_LABELS:
        apart = max(apart, (extents[-1] / extents[0]) ** (1 / 16))
    kept: list[float] = []
    for extent in extents:
        if not kept or extent >= apart * kept[-1]:
            kept.append(extent)
    return kept
