"""Three verdicts on a comparison: different, practically equivalent, or undecided.

"Not significantly different" may mean that two shapes are alike, or that there were too few
speakers to tell. So both are tested, each family-wise at 5 %: whether the two differ at all
(:mod:`~ablation.analysis.comparisons`), and whether they differ by less than a margin
(:mod:`~ablation.analysis.equivalence`). What neither test shows is undecided.
"""

from dataclasses import dataclass
from typing import Literal

from ablation.analysis.comparisons import Family
from ablation.analysis.equivalence import equivalence_p_values
from ablation.analysis.signflip import SIGNIFICANCE

Verdict = Literal["different", "equivalent", "undecided"]
MARGIN = 0.05  # points / 100 within which two shapes are practically the same, unless one says else


@dataclass(frozen=True)
class Verdicts:
    """The verdict on every comparison of a family, in their order.

    Attributes
    ----------
    margin
        Within which two are practically equivalent (a score of 0..1).
    p_within
        Family-wise adjusted p of "not equivalent within the margin" of each comparison.
    """

    margin: float
    of: tuple[Verdict, ...]
    p_within: tuple[float, ...]

    def count(self, verdict: Verdict) -> int:
        """Return how many comparisons have this verdict."""
        return self.of.count(verdict)


def verdicts(family: Family, margin: float = MARGIN) -> Verdicts:
    """Return the verdict on every comparison; two that differ significantly are different, even if
    by less than the margin."""
    if not family.comparisons:
        return Verdicts(margin, (), ())
    within = equivalence_p_values(family.gains, margin)
    found: list[Verdict] = [
        "different" if c.significant else "equivalent" if p <= SIGNIFICANCE else "undecided"
        for c, p in zip(family.comparisons, within, strict=True)
    ]
    return Verdicts(margin, tuple(found), tuple(map(float, within)))
