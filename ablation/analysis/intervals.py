"""Confidence intervals of a score and of the difference of two, with speakers as the sample.

Student's t over the speakers' influences on the pooled score (linearised ratio estimate, as in
survey statistics: Cochran, *Sampling Techniques*, chapter 6). The training sets of leave-one-
speaker-out folds overlap, which no interval of this kind accounts for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ablation.analysis.speakers import Counts

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval at :data:`CONFIDENCE`, nan for a sample of one.

    ``sample`` is the number of speakers (or folds) behind it.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    sample: int


def score_interval(counts: Counts, metric: str) -> Interval:
    """Return a score (``wa``, ``ua`` or a class) with its interval, clipped to 0..1."""
    return _clipped(_interval(counts.score(metric), counts.influence(metric)))


def difference_interval(first: Counts, second: Counts, metric: str) -> Interval:
    """Return how much better ``first`` is than ``second``, paired by speaker.

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
    """Return the mean of a score over folds, with its interval over folds, clipped to 0..1."""
    array = np.asarray(values, float)
    interval = _interval(float(array.mean()), array - array.mean())
    return _clipped(interval)


def gain_interval(gains: np.ndarray) -> Interval:
    """Return the mean of paired gains, shape (speakers,), with its interval."""
    return _interval(float(gains.mean()), gains - gains.mean())


def effect_interval(gains: np.ndarray) -> Interval:
    """Return mean over standard deviation of paired gains, with its noncentral-t interval.

    Cohen's d_z with Hedges' correction for few speakers, gamma(m) / (sqrt(m) gamma(m - 1/2)) with
    m = (speakers - 1) / 2 (Hedges, J. Educ. Stat. 6, 1981). nan where all gains are equal, and
    for fewer than three speakers.

    Parameters
    ----------
    gains
        Shape (speakers,).
    """
    from scipy.special import gammaln, nctdtrinc

    n = len(gains)
    nan = float("nan")
    deviation = float(gains.std(ddof=1)) if n > 2 else 0.0
    if deviation <= 1e-12 * max(1.0, float(np.abs(gains).max(initial=0.0))):
        return Interval(nan, nan, nan, nan, n)
    t = float(gains.mean() / deviation * np.sqrt(n))
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(nctdtrinc(n - 1, share, t)) for share in (1 - tail, tail))
    half = (n - 1) / 2
    correction = np.exp(gammaln(half) - gammaln(half - 0.5)) / np.sqrt(half)
    scale = float(correction / np.sqrt(n))
    return Interval(scale * t, scale * low, scale * high, nan, n)


def _clipped(interval: Interval) -> Interval:
    low, high = np.clip([interval.low, interval.high], 0, 1).tolist()  # nan stays nan
    return replace(interval, low=low, high=high)


def _interval(estimate: float, influence: np.ndarray) -> Interval:
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    n = len(influence)
    if n < 2:
        return Interval(estimate, float("nan"), float("nan"), float("nan"), n)
    error = float(influence.std(ddof=1) / np.sqrt(n))
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error
    return Interval(estimate, estimate - half, estimate + half, error, n)
