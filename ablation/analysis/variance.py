"""Where a difference's noise comes from, speakers or seeds, and how many of either it takes.

A paired difference of speaker i under seed k is modelled as mean + speaker_i + seed_k + rest_ik.
The variance of the mean over n speakers and K seeds is then

    (speaker^2 + rest^2 / K) / n + seed^2 / K,

so more seeds help only until the speakers' own spread is all that is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

LEVEL, POWER = 0.05, 0.8
_MOST = 100_000  # speakers or seeds that are looked at


@dataclass(frozen=True)
class Spread:
    """Standard deviations of a paired difference (of accuracies, 0..1).

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
        """Standard error of the mean difference over so many speakers and seeds.

        With one seed measured, seeds' own spread is unknown and no number of seeds lowers it.
        """
        if self.seeds < 2:
            return self.speaker / sqrt(speakers)
        per_speaker = self.speaker**2 + self.rest**2 / seeds
        return sqrt(per_speaker / speakers + self.seed**2 / seeds)


def spread(gains: np.ndarray) -> Spread:
    """Variance components by the method of moments (two-way random effects, no replication).

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


def power(difference: float, error: float, speakers: int) -> float:
    """Power of a two-sided paired t-test at :data:`LEVEL` with so many speakers.

    Parameters
    ----------
    difference, error
        The true mean difference and the standard error of its estimate.
    """
    from scipy.special import nctdtr, stdtrit

    if speakers < 2:
        return 0.0
    if error <= 0:
        return 1.0 if difference else LEVEL
    bar = float(stdtrit(speakers - 1, 1 - LEVEL / 2))
    shift = abs(difference) / error
    if shift > 30 + bar:  # beyond what the noncentral t is computed for, and certain
        return 1.0
    inside = nctdtr(speakers - 1, shift, bar) - nctdtr(speakers - 1, shift, -bar)
    return float(1 - inside)


def speakers_needed(noise: Spread, difference: float, seeds: int) -> int | None:
    """The fewest speakers with which ``difference`` is found with :data:`POWER`.

    None when no number of speakers is enough: the seeds' own spread stays.
    """
    return _fewest(
        lambda n: power(difference, noise.of_mean(n, seeds), n), start=2, possible=noise.speaker
    )


def seeds_needed(noise: Spread, difference: float, speakers: int) -> int | None:
    """The fewest seeds with which so many speakers find ``difference``; None: no number does."""
    if noise.seeds < 2:
        return None
    return _fewest(
        lambda k: power(difference, noise.of_mean(speakers, k), speakers),
        start=1,
        possible=noise.speaker,
    )


def detectable(noise: Spread, speakers: int, seeds: int) -> float:
    """The smallest difference found with :data:`POWER` by so many speakers and seeds."""
    error = noise.of_mean(speakers, seeds) if speakers > 1 else nan
    if not error > 0:
        return 0.0 if error == 0 else nan
    low, high = 0.0, error
    while power(high, error, speakers) < POWER:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, error, speakers) < POWER else (low, middle)
    return high


def _fewest(reached: Callable[[int], float], start: int, possible: float) -> int | None:
    """The smallest number of at most :data:`_MOST` that reaches the power, by bisection."""
    if possible != possible or reached(_MOST) < POWER:  # nan: nothing is known
        return None
    low, high = start - 1, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reached(middle) < POWER else (low, middle)
    return high
