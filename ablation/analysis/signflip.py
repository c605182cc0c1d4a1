"""Sign-flip tests of whether speakers' mean gains are zero, in one comparison or in a family.

If nothing is gained, a speaker's gains are as likely as their negatives. All comparisons of a
family are flipped together, which keeps their dependence, and each is compared with the largest
studentised mean of every flip (single-step max-T; Westfall & Young, *Resampling-Based
Multiple Testing*, 1993, section 2.3; Winkler et al., NeuroImage 92, 2014). A p-value adjusted so
may be compared with the level whatever the number of comparisons, also after seeing the scores.
"""

from functools import lru_cache

import numpy as np

SIGNIFICANCE = 0.05
_EXACT, _DRAWS = 14, 1 << 14  # speakers up to which every sign is tried; else so many draws
_SEED = 20180902
_CHUNK = 1 << 24  # numbers held at once
_ROUNDING = 1e-9  # equal sums in another order differ by it


def flip_p_values(gains: np.ndarray, two_sided: bool = True) -> np.ndarray:
    """Return each comparison's own p, not adjusted for the number of comparisons.

    Parameters
    ----------
    gains
        Shape (comparisons, speakers). Speakers' signs are flipped in all 2^speakers ways up to 14
        speakers, else in 16,384 seeded draws beside the one observed.
    """
    return np.array([joint_p_values(row[None], two_sided)[0] for row in gains])


def joint_p_values(gains: np.ndarray, two_sided: bool = True) -> np.ndarray:
    """Return family-wise adjusted p-values: the whole family is flipped together.

    One-sided, only gains above zero count.
    """
    scaled = _scaled(gains)
    observed, largest = scaled.mean(axis=1), _largest(scaled, two_sided)
    bar = (np.abs(observed) if two_sided else observed) - _ROUNDING
    reached = len(largest) - np.searchsorted(np.sort(largest), bar, side="left")
    if gains.shape[1] <= _EXACT:
        return reached / len(largest)
    return (reached + 1) / (len(largest) + 1)


def simultaneous_half_widths(gains: np.ndarray) -> np.ndarray:
    """Return half the width of each mean gain's interval, shape (comparisons,).

    The intervals hold together at 95 %: one excludes 0 where the two-sided
    :func:`joint_p_values` is at most 5 %. They are infinite where so few speakers can show nothing,
    and nan where all gains of a comparison are alike.
    """
    n = gains.shape[1]
    largest = np.sort(_largest(_scaled(gains), two_sided=True))
    # A p of at most SIGNIFICANCE is that of a mean which only so many flips reach.
    ways = len(largest)
    most = int(SIGNIFICANCE * ways if n <= _EXACT else SIGNIFICANCE * (ways + 1) - 1)
    bar = largest[-most - 1] + _ROUNDING if most else np.inf
    t = bar * np.sqrt((n - 1) / max(1 - bar**2, _ROUNDING)) if bar < 1 else np.inf
    errors = gains.std(axis=1, ddof=1) / np.sqrt(n)
    return t * np.where(errors > 0, errors, np.nan)


def _scaled(gains: np.ndarray) -> np.ndarray:
    """Return gains over their root mean square.

    A studentised mean rises with mean / root mean square, which flips leave alone but for the
    mean, and by the same function in every comparison: so its mean orders the flips as t does.
    """
    squares = np.sqrt((gains**2).mean(axis=1, keepdims=True))
    return np.divide(gains, squares, out=np.zeros_like(gains, float), where=squares > 0)


def _largest(scaled: np.ndarray, two_sided: bool) -> np.ndarray:
    """Return the largest mean over all comparisons of every flip."""
    signs = sign_flips(scaled.shape[1], two_sided)
    largest = np.full(len(signs), -np.inf)
    step = max(1, _CHUNK // len(signs))
    for start in range(0, len(scaled), step):
        means = scaled[start : start + step] @ signs.T / scaled.shape[1]
        largest = np.maximum(largest, (np.abs(means) if two_sided else means).max(axis=0))
    return largest


def max_t_p_value(gains: np.ndarray) -> float:
    """Return the one-sided family-wise adjusted p of the largest studentised mean."""
    return float(joint_p_values(gains, two_sided=False).min())


def smallest_p_value(speakers: int, two_sided: bool = True) -> float:
    """Return the smallest p that so many speakers can give."""
    ways = 2**speakers if speakers <= _EXACT else _DRAWS + 1
    return min(1.0, (1 + (two_sided and speakers <= _EXACT)) / ways)


@lru_cache(maxsize=4)
def sign_flips(speakers: int, two_sided: bool) -> np.ndarray:
    """Return signs, shape (ways, speakers); two-sided, a way and its opposite count as one.

    The first way is the one observed where all are tried.
    """
    if speakers <= _EXACT:
        ways = np.arange(2 ** (speakers - two_sided))[:, None] >> np.arange(speakers)
        return 1.0 - 2.0 * (ways & 1)
    random = np.random.default_rng(_SEED)
    return random.choice([-1.0, 1.0], size=(_DRAWS, speakers))
