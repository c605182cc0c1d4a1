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


def smallest_margin(gains: np.ndarray) -> float:
    """Return the smallest margin within which any of the comparisons is shown to be equivalent.

    It is rounded up to 0.001 (0.1 points); infinite where no margin up to 1 (100 points) is shown,
    as with fewer than five speakers at 5 %. ``gains`` are as :func:`equivalence_p_values` takes
    them.
    """
    missed, shown = 0, _MOST + 1  # in steps: known to be too small, known to be shown
    while shown - missed > 1:
        steps = (missed + shown) // 2
        if equivalence_p_values(gains, steps * _STEP).min(initial=1.0) <= SIGNIFICANCE:
            shown = steps
        else:
            missed = steps
    return shown * _STEP if shown <= _MOST else float("inf")
