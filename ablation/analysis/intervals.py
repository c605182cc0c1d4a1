"""Confidence intervals of a score and of the difference of two, with speakers as the sample.

Student's t over the speakers' influences on the pooled score (linearised ratio estimate, as in
survey statistics: Cochran, *Sampling Techniques*, chapter 6). The training sets of leave-one-
speaker-out folds overlap, which no interval of this kind accounts for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ablation.analysis.speakers import Counts

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval at :data:`LEVEL`; the ends are nan for a sample of one.

    ``sample`` is the number of speakers (or folds) behind it.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    sample: int


def score_interval(counts: Counts, metric: str) -> Interval:
    """A score (``wa``, ``ua`` or a class) with its interval, clipped to 0..1."""
    return _clipped(_interval(counts.score(metric), counts.influence(metric)))


def difference_interval(first: Counts, second: Counts, metric: str) -> Interval:
    """How much better ``first`` is than ``second``, paired by speaker.

    Raises
    ------
    ValueError
        When the two were not scored on the same speakers.
    """
    if first.speakers != second.speakers:
        raise ValueError("a paired difference needs the same speakers on both sides")
    return _interval(
        first.score(metric) - second.score(metric),
        first.influence(metric) - second.influence(metric),
    )


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of a score over folds with its interval, clipped to 0..1; folds are the sample."""
    array = np.asarray(values, float)
    interval = _interval(float(array.mean()), array - array.mean())
    return _clipped(interval)


def _clipped(interval: Interval) -> Interval:
    low, high = np.clip([interval.low, interval.high], 0, 1).tolist()  # nan stays nan
    return replace(interval, low=low, high=high)


def _interval(estimate: float, influence: np.ndarray) -> Interval:
    from scipy.stats import t

    n = len(influence)
    if n < 2:
        return Interval(estimate, float("nan"), float("nan"), float("nan"), n)
    error = float(influence.std(ddof=1) / np.sqrt(n))
    half = float(t.ppf((1 + LEVEL) / 2, n - 1)) * error
    return Interval(estimate, estimate - half, estimate + half, error, n)
