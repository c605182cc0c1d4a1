"""Shared parts of figures: the axis of extents, line styles, and texts that do not overlap."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from scipy.optimize import isotonic_regression

from ablation.analysis import physical_extent
from ablation.figures.style import COLOURS, DASHES, MARKERS, SPARE
from ablation.study import Axis

_MOST_LABELS = 30
PARTIAL = "not all folds and seeds"

_LINES = (*COLOURS.values(), *SPARE)


@dataclass(frozen=True)
class Look:
    """A look tells a line from others, by colour and, in grey print, by marker and dash."""

    colour: str
    marker: str
    dash: Any

    @classmethod
    def of(cls, number: int, colour: str | None = None) -> "Look":
        """Return the look of the ``number``-th line, in ``colour`` if it is given."""
        return cls(
            colour or _LINES[number % len(_LINES)],
            MARKERS[number % len(MARKERS)],
            DASHES[number % len(DASHES)],
        )


def draw_title(figure: Figure, title: str) -> None:
    """Draw the figure's title, wrapped to its width."""
    figure.suptitle(wrap_text(title, figure.get_figwidth(), 10), fontsize=10)


def wrap_text(text: str, inches: float, points: float) -> str:
    """Return ``text`` wrapped to lines of ``inches`` at a font size of ``points``."""
    columns = max(1, int(128 * inches / points))  # of DejaVu Sans
    return "\n".join(textwrap.fill(line, columns) for line in text.splitlines())


def draw_curve(axes: Axes, curve: pd.DataFrame, score: str, look: Look) -> None:
    """Draw a score (%) over the extent with its intervals; incomplete shapes are hollow, unjoined.

    Parameters
    ----------
    curve
        A row for each extent: ``extent``, ``complete``, the score (0..1) and its interval
        (``SCORE_low``, ``SCORE_high``; nan if there is none).
    """
    complete, partial = curve[curve["complete"]], curve[~curve["complete"]]
    for part in (complete, partial):
        draw_band(
            axes,
            part["extent"].to_numpy(float),
            100 * part[f"{score}_low"].to_numpy(float),
            100 * part[f"{score}_high"].to_numpy(float),
            look.colour,
            joined=part is complete,
        )
    axes.plot(
        complete["extent"],
        100 * complete[score],
        color=look.colour,
        marker=look.marker,
        linestyle=look.dash,
    )
    if not partial.empty:
        axes.plot(
            partial["extent"],
            100 * partial[score],
            linestyle="none",
            marker=look.marker,
            markerfacecolor="white",
            markeredgecolor=look.colour,
        )


def draw_band(
    axes: Axes,
    x: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    colour: str,
    joined: bool = True,
) -> None:
    """Draw the intervals of a line, arrays of shape (points,), as a band.

    A point without neighbours gets a bar, and with ``joined=False`` all do. nan in ``low`` or
    ``high`` leaves a gap.
    """
    known = np.isfinite(low) & np.isfinite(high)
    beside = np.pad(known, 1)
    band = known & (beside[:-2] | beside[2:]) & joined
    if band.any():
        axes.fill_between(
            x, low, high, where=band.tolist(), color=colour, alpha=0.15, linewidth=0, zorder=1.5
        )
    bar = known & ~band
    if bar.any():
        axes.vlines(x[bar], low[bar], high[bar], color=colour, alpha=0.4, linewidth=1, zorder=1.5)


def explain_curves(curves: Iterable[pd.DataFrame], scores: list[str]) -> list[Any]:
    """Return legend handles for the intervals and hollow markers of :func:`draw_curve`."""
    curves = list(curves)
    handles: list[Any] = []
    if any(curve[f"{score}_low"].notna().any() for curve in curves for score in scores):
        handles.append(Patch(facecolor="#dddddd", label="95 % interval by speaker"))
    if any(curve.loc[~curve["complete"], scores].notna().any(axis=None) for curve in curves):
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker="o",
                markerfacecolor="white",
                markeredgecolor="black",
                label=PARTIAL,
            )
        )
    return handles


def scale_extent(axes: Axes, curve: pd.DataFrame, axis: Axis, apart: float = 1.12) -> None:
    """Make the axis logarithmic, with the grid's own values below and Hz or ms above.

    Parameters
    ----------
    curve
        A table sorted by ``extent`` (bins or frames), with ``physical`` (Hz or ms).
    apart
        The smallest ratio of two labelled extents, as for :func:`spread`.
    """
    extents = curve["extent"].to_numpy()
    physical = physical_extent(curve)
    ticks = spread(extents, apart)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    above = axes.secondary_xaxis("top")
    above.xaxis.set_major_locator(FixedLocator(ticks))
    above.xaxis.set_minor_locator(NullLocator())
    above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: physical_text(physical(value))))
    above.set_xlabel(f"{axis.direction} extent ({axis.physical_unit})")


def spread(extents: Iterable[int], apart: float = 1.12) -> list[int]:
    """Return the extents to label: each at least ``apart`` times the one before.

    Of very many extents, about sixteen are labelled.
    """
    extents = list(extents)
    if len(extents) > _MOST_LABELS:
        apart = max(apart, (extents[-1] / extents[0]) ** (1 / 16))
    kept: list[int] = []
    for extent in extents:
        if not kept or extent >= apart * kept[-1]:
            kept.append(int(extent))
    return kept


def physical_text(value: float) -> str:
    """Return Hz or ms with three digits, or as a whole number: "46.9", "1016"."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def keep_apart(wanted: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Return places from ``low`` to ``high``, ``gap`` apart and as near as possible to ``wanted``.

    If there are too many, the gap shrinks.
    """
    places = np.empty(len(wanted))
    order = np.argsort(wanted, kind="stable")
    steps = np.arange(len(wanted)) * min(gap, (high - low) / max(1, len(wanted) - 1))
    # With the gaps subtracted, each place only has to be no lower than the one before it.
    free = isotonic_regression(np.asarray(wanted, float)[order] - steps).x
    places[order] = np.clip(free, low, high - steps[-1]) + steps
    return places


def contrasting(colour: Sequence[float] | np.ndarray) -> str:
    """Return black or white, whichever is easier to read on ``colour`` (red, green, blue, 0..1).

    They are not quite black and white: those two are swapped on a dark page, and these must not be.
    """
    linear = (np.asarray(colour[:3], float) + 0.055) / 1.055
    luminance = float(np.array([0.2126, 0.7152, 0.0722]) @ linear**2.4)
    return "#010101" if luminance > 0.179 else "#fefefe"  # 0.179: equal contrast to both (WCAG)
