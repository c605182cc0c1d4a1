"""Does the best extent follow the analysis window?

The main lobe of a Hamming window of T ms is 4000 / T Hz wide, and the window is T ms long, so a
filter that is best at the window's own extent says more about the spectrogram than about emotion.
There are two readings: the best extent for each window, which is a matter of chance on a plateau,
and one pre-specified contrast.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ablation.analysis.comparisons import speaker_gains
from ablation.analysis.intervals import Interval, gain_interval
from ablation.analysis.selection import RULES, Choice
from ablation.analysis.signflip import flip_p_values
from ablation.analysis.speakers import Counts
from ablation.study import Axis, FeaturesSpec


def window_extent(
    features: FeaturesSpec, axis: Axis, window_ms: float | None = None
) -> float | None:
    """Return the window's own extent along an axis: main lobe in bins, or length in frames.

    Of bands it is that at the middle one; None of coefficients.
    """
    window = window_ms or features.window_ms
    return axis.count(4000 / window if axis.name == "height" else window, features)


@dataclass(frozen=True)
class Interaction:
    """The pre-specified contrast: whether one extent's gain over another depends on the window.

    Attributes
    ----------
    windows
        The two windows (ms), the one whose own extent is smaller first.
    extents
        The grid's extents nearest to those of the two windows.
    change
        How much more the larger extent gains over the smaller one with the window of the larger
        extent (0..1), paired by speaker.
    p
        Two-sided sign-flip p-value.
    """

    windows: tuple[float, float]
    extents: tuple[int, int]
    change: Interval
    p: float


@dataclass(frozen=True)
class WindowReading:
    """An axis with several windows.

    Attributes
    ----------
    chosen
        For each window (ms) the choice by each rule.
    spans
        For each window its own extent (bins or frames).
    interaction
        None where the grid does not separate the windows' extents, or speakers differ.
    """

    axis: Axis
    chosen: Mapping[float, Mapping[str, Choice]]
    spans: Mapping[float, float]
    interaction: Interaction | None

    def follows(self, rule: str) -> bool:
        """Return whether the chosen extents rise with those of the windows, not all being equal."""
        order = sorted(self.chosen, key=lambda window: self.spans[window])
        extents = [self.chosen[window][rule].extent for window in order]
        return extents == sorted(extents) and extents[0] < extents[-1]


def read_windows(
    shapes: Mapping[float, Mapping[int, Counts]],
    axis: Axis,
    features: FeaturesSpec,
    metric: str = "wa",
) -> WindowReading:
    """Return the choices of each window, and the contrast of the two most different ones.

    Parameters
    ----------
    shapes
        For each window (ms) the counts of its complete extents, at least two of them.
    axis
        One along which a window has an extent.
    """
    chosen = {
        window: {name: rule(counts, metric) for name, rule in RULES.items()}
        for window, counts in shapes.items()
    }
    spans = {window: window_extent(features, axis, window) or 0.0 for window in shapes}
    return WindowReading(axis, chosen, spans, _interaction(shapes, spans, metric))


def _interaction(
    shapes: Mapping[float, Mapping[int, Counts]], spans: Mapping[float, float], metric: str
) -> Interaction | None:
    low = min(spans, key=lambda window: spans[window])
    high = max(spans, key=lambda window: spans[window])
    common = sorted(set(shapes[low]) & set(shapes[high]))
    if not common:
        return None
    small, large = (_nearest(common, spans[window]) for window in (low, high))
    cells = [shapes[window][extent] for window in (low, high) for extent in (small, large)]
    if small == large or len({counts.speakers for counts in cells}) > 1:
        return None
    gains = speaker_gains(cells[3], cells[2], metric) - speaker_gains(cells[1], cells[0], metric)
    return Interaction(
        (low, high), (small, large), gain_interval(gains), float(flip_p_values(gains[None])[0])
    )


def _nearest(extents: list[int], wanted: float) -> int:
    """Return the nearest extent by ratio; of equally near ones the smaller."""
    return min(extents, key=lambda extent: (abs(np.log(extent / wanted)), extent))
