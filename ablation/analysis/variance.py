"""Whether the noise of a difference comes from speakers or seeds, and how many are needed.

A paired difference of speaker i under seed k is modelled as mean + speaker_i + seed_k + rest_ik.
The variance of the mean over n speakers and K seeds is then

    (speaker^2 + rest^2 / K) / n + seed^2 / K,

so more seeds help only until the spread between speakers dominates.
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

    def of_mean(self, speakers: int, seeds: int) -> float:
        """Return the standard error of the mean difference over so many speakers and seeds.

        With one seed measured, seeds' own spread is unknown and no number of seeds lowers it.
        """
        if self.seeds < 2:
            return self.speaker / sqrt(speakers)
        per_speaker = self.speaker**2 + self.rest**2 / seeds
        return sqrt(per_speaker / speakers + self.seed**2 / seeds)


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


def needed_effect(speakers: int) -> float:
    """Return the smallest d_z (mean gain over its s.d.) found with :data:`POWER`, two-sided.

    Up to 14 speakers the test is the sign-flip test, simulated by ``validation/power.py``: with few
    speakers it finds less than a t-test, and with five or fewer nothing (infinite). Beyond, it is
    the t-test, from which it then hardly differs.
    """
    if speakers < min(_SIGN_FLIP):
        return inf
    return _SIGN_FLIP.get(speakers) or _t_test_effect(speakers)


@cache
def _t_test_effect(speakers: int) -> float:
    from scipy.special import nctdtr, stdtrit

    bar = float(stdtrit(speakers - 1, 1 - SIGNIFICANCE / 2))
    low, high = 0.0, 10.0  # of the noncentrality
    for _ in range(50):
        middle = (low + high) / 2
        inside = nctdtr(speakers - 1, middle, bar) - nctdtr(speakers - 1, middle, -bar)
        low, high = (middle, high) if 1 - inside < POWER else (low, middle)
    return high / sqrt(speakers)


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

    Infinite where nothing can be found, nan where nothing is known of the noise.
    """
    if speakers < 2:
        return inf
    return needed_effect(speakers) * noise.of_mean(speakers, seeds) * sqrt(speakers)


def _fewest(enough: Callable[[int], bool], start: int) -> int | None:
    """Return the smallest number up to :data:`_MOST` that is enough, by bisection."""
    if not enough(_MOST):
        return None
    low, high = start - 1, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
