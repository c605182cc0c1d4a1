"""Whether the noise of a difference comes from speakers or seeds, and how many are needed.

A paired difference of speaker i under seed k is modelled as mean + speaker_i + seed_k + rest_ik.
The variance of the mean over n speakers and K seeds is then

    (speaker^2 + rest^2 / K) / n + seed^2 / K,

so more seeds help only until the spread between speakers dominates. Tests by speaker see the first
part alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import inf, nan, sqrt

import numpy as np

from ablation.analysis.signflip import SIGNIFICANCE

POWER = 0.8
_MOST = 100_000  # speakers or seeds that are looked at
_SIGN_FLIP = {  # d_z found with that power, by speakers: docs/validation/power.csv
    6: 1.789, 7: 1.330, 8: 1.192, 9: 1.098, 10: 1.005, 11: 0.944, 12: 0.889, 13: 0.851, 14: 0.810,
}  # fmt: skip
_SIGN_FLIP_MARGIN = {  # and the margin shown, over the same standard deviation
    5: 2.012, 6: 1.463, 7: 1.286, 8: 1.174, 9: 1.083,
    10: 1.006, 11: 0.952, 12: 0.905, 13: 0.864, 14: 0.829,
}  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Standard deviations of a paired difference of accuracies (0..1).

    Attributes
    ----------
    speaker
        Between speakers' true differences; with one seed, the rest is in it.
    seed
        Of what a seed does to all speakers alike; nan with one seed.
    rest
        Of a speaker under a seed; nan with one seed.
    speakers, seeds
        How many it was measured on.
    """

    speaker: float
    seed: float
    rest: float
    speakers: int
    seeds: int

    def between(self, seeds: int) -> float:
        """Return the standard deviation between speakers' mean differences over so many seeds.

        With one seed measured, seeds' own spread is unknown and no number of seeds lowers it.
        """
        return self.speaker if self.seeds < 2 else sqrt(self.speaker**2 + self.rest**2 / seeds)

    def shared(self, seeds: int) -> float:
        """Return that of what so many seeds do to all speakers alike, which no test can see."""
        return 0.0 if self.seeds < 2 else self.seed / sqrt(seeds)


SHIPPED = Spread(0.0644, nan, nan, 10, 1)  # of the heights of results/emodb, the noisier axis


def spread(gains: np.ndarray) -> Spread:
    """Return variance components by the method of moments (two-way random effects).

    Negative estimates become zero (Searle, Casella & McCulloch, *Variance Components*, 1992,
    chapter 3).

    Parameters
    ----------
    gains
        Shape (seeds, speakers): what each speaker gains under each seed.
    """
    seeds, speakers = gains.shape
    if speakers < 2:
        return Spread(nan, nan, nan, speakers, seeds)
    if seeds < 2:
        return Spread(float(gains[0].std(ddof=1)), nan, nan, speakers, seeds)
    by_speaker, by_seed = gains.mean(axis=0), gains.mean(axis=1)
    rest = gains - by_speaker - by_seed[:, None] + gains.mean()
    squares = float((rest**2).sum()) / ((seeds - 1) * (speakers - 1))
    speaker = float(by_speaker.var(ddof=1)) - squares / seeds
    seed = float(by_seed.var(ddof=1)) - squares / speakers
    return Spread(
        *(sqrt(max(0.0, v)) for v in (speaker, seed, squares)), speakers=speakers, seeds=seeds
    )


def needed_effect(speakers: int, shared: float = 0.0) -> float:
    """Return the smallest d_z (mean gain over its s.d.) found with :data:`POWER`, two-sided.

    Up to 14 speakers the test is the sign-flip test, simulated by ``validation/power.py``: with few
    speakers it finds less than a t-test, and with five or fewer nothing (infinite). Beyond, it is
    the t-test, from which it then hardly differs.

    Parameters
    ----------
    shared
        The standard deviation of what is common to all speakers, over that between them.
    """
    if speakers < min(_SIGN_FLIP):
        return inf
    wider = sqrt(1 + speakers * shared**2)
    if shared == 0 and speakers in _SIGN_FLIP:
        return _SIGN_FLIP[speakers]
    bar = _bar(speakers) / wider
    return _least(lambda x: _found(speakers, x * sqrt(speakers) / wider, bar), most=20 * wider)


def needed_margin(speakers: int, shared: float = 0.0) -> float:
    """Return the smallest margin, over the s.d., within which equivalence is shown with
    :data:`POWER` where nothing differs; parameters and tests as of :func:`needed_effect`.

    Infinite with four speakers or fewer.
    """
    if speakers < min(_SIGN_FLIP_MARGIN):
        return inf
    if shared == 0 and speakers in _SIGN_FLIP_MARGIN:
        return _SIGN_FLIP_MARGIN[speakers]
    wider = sqrt(1 + speakers * shared**2)
    bar = _margin_bar(speakers)
    return _least(lambda x: _within(speakers, x * sqrt(speakers), bar, wider), most=20 * wider)


def _found(speakers: int, noncentrality: float, bar: float) -> float:
    """Return the power of a t-test that rejects beyond ``bar`` on either side."""
    from scipy.special import nctdtr

    degrees = speakers - 1
    return 1 - float(nctdtr(degrees, noncentrality, bar) - nctdtr(degrees, noncentrality, -bar))


def _within(speakers: int, margin: float, bar: float, wider: float = 1.0) -> float:
    """Return how often two one-sided t-tests show a ``margin`` (in standard errors).

    The mean scatters ``wider`` than the speakers tell; their own standard deviation is averaged
    over its distribution.
    """
    from scipy.special import chdtri, ndtr

    shares = (np.arange(400) + 0.5) / 400
    deviations = np.sqrt(chdtri(speakers - 1, shares) / (speakers - 1))
    inside = 2 * ndtr((margin - bar * deviations) / wider) - 1
    return float(np.maximum(inside, 0).mean())


@cache
def _bar(speakers: int) -> float:
    """Return the t beyond which a difference is found: of few speakers, as the flips find it."""
    from scipy.special import stdtrit

    if speakers not in _SIGN_FLIP:
        return float(stdtrit(speakers - 1, 1 - SIGNIFICANCE / 2))
    effect = _SIGN_FLIP[speakers] * sqrt(speakers)
    return _least(lambda bar: 2 * POWER - _found(speakers, effect, bar), most=20)


@cache
def _margin_bar(speakers: int) -> float:
    """Return the same for each of the two one-sided tests of equivalence."""
    from scipy.special import stdtrit

    if speakers not in _SIGN_FLIP_MARGIN:
        return float(stdtrit(speakers - 1, 1 - SIGNIFICANCE))
    margin = _SIGN_FLIP_MARGIN[speakers] * sqrt(speakers)
    return _least(lambda bar: 2 * POWER - _within(speakers, margin, bar), most=20)


def _least(power: Callable[[float], float], most: float) -> float:
    """Return the least number up to ``most`` at which a rising ``power`` reaches :data:`POWER`."""
    low, high = 0.0, most
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle) < POWER else (low, middle)
    return high


def speakers_needed(noise: Spread, difference: float, seeds: int) -> int | None:
    """Return the fewest speakers with which ``difference`` is found with :data:`POWER`.

    None when no number of speakers is enough, since the spread between seeds remains.
    """
    return _fewest(lambda n: detectable(noise, n, seeds) <= difference, start=2)


def seeds_needed(noise: Spread, difference: float, speakers: int) -> int | None:
    """Return the fewest seeds with which so many speakers find ``difference``, None if none do."""
    if noise.seeds < 2:
        return None
    return _fewest(lambda k: detectable(noise, speakers, k) <= difference, start=1)


def detectable(noise: Spread, speakers: int, seeds: int) -> float:
    """Return the smallest difference found with :data:`POWER` by so many speakers and seeds.

    It is that of one planned comparison. Infinite where nothing can be found, nan where nothing is
    known of the noise.
    """
    return _scaled(needed_effect, noise, speakers, seeds)


def equivalence_margin(noise: Spread, speakers: int, seeds: int) -> float:
    """Return the smallest margin within which two equal shapes are shown to be equivalent.

    It is shown with :data:`POWER`, in one planned comparison; otherwise as :func:`detectable`.
    """
    return _scaled(needed_margin, noise, speakers, seeds)


def _scaled(
    needed: Callable[[int, float], float], noise: Spread, speakers: int, seeds: int
) -> float:
    if speakers < 2:
        return inf
    own, shared = noise.between(seeds), noise.shared(seeds)
    if own == 0:
        return needed(speakers, 0.0) * shared * sqrt(speakers)
    return needed(speakers, shared / own) * own


def _fewest(enough: Callable[[int], bool], start: int) -> int | None:
    """Return the smallest number up to :data:`_MOST` that is enough, by bisection."""
    if not enough(_MOST):
        return None
    low, high = start - 1, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
