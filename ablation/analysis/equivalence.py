"""Whether speakers' mean gains lie within a margin of zero: two one-sided sign-flip tests.

That two shapes are *not shown to differ* may only say that there were few speakers. Equivalence is
shown by rejecting both that the mean gain is at least the margin above zero and that it is as much
below (Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987): at the margin's edge a speaker's gain less
the margin is as likely as its negative, so the flips of :mod:`ablation.analysis.signflip` apply.

In a family, a comparison can be wrong on one side only, on the one its mean lies. The flips take
that side of all comparisons together, where one is near the upper edge and another near the lower
too (two families of one side each would err twice as often); then the other sides.
"""

import numpy as np

from ablation.analysis.signflip import SIGNIFICANCE, joint_p_values

_STEP, _MOST = 0.001, 1000  # margins looked at: whole multiples of 0.1 points, up to 100


def equivalence_p_values(gains: np.ndarray, margin: float) -> np.ndarray:
    """Return family-wise adjusted p-values of "not equivalent", shape (comparisons,).

    Comparisons with a p of at most the level are equivalent within the margin; all such statements
    are right together with that probability, whatever the number of comparisons.

    Parameters
    ----------
    gains
        Shape (comparisons, speakers), or (speakers,) for one comparison, as
        :func:`ablation.analysis.speaker_gains` returns them: scores of 0 to 1.
    margin
        In the unit of the gains: 0.02 for two points.
    """
    gains = np.atleast_2d(gains)
    outward = np.where(gains.mean(axis=1, keepdims=True) < 0, -gains, gains)
    nearer, farther = (
        joint_p_values(margin + side, two_sided=False) for side in (-outward, outward)
    )
    return np.maximum(nearer, farther)


def smallest_margins(gains: np.ndarray, level: float = SIGNIFICANCE) -> np.ndarray:
    """Return the smallest margins, shape (comparisons,), within which equivalence is shown.

    They are rounded up to 0.001 (0.1 points); infinite where no margin up to 1 (100 points) is
    shown, as with fewer than five speakers at 5 %.

    Parameters
    ----------
    gains
        As :func:`equivalence_p_values` takes them; all comparisons have the same margin at a time.
    """
    gains = np.atleast_2d(gains)
    missed = np.zeros(len(gains), int)  # the largest margin, in steps, known to be too small
    shown = np.full(len(gains), _MOST + 1)  # the smallest one known to be shown
    while (shown - missed).max(initial=0) > 1:
        widest = int((shown - missed).argmax())
        steps = int(missed[widest] + shown[widest]) // 2
        within = equivalence_p_values(gains, steps * _STEP) <= level
        shown = np.where(within & (missed < steps), np.minimum(shown, steps), shown)
        missed = np.where(~within & (steps < shown), np.maximum(missed, steps), missed)
    return np.where(shown > _MOST, np.inf, shown * _STEP)
