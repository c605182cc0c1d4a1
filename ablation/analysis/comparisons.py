"""Families of comparisons between models that were scored on the same speakers.

A *family* is pre-specified: every model compared with one reference, or all pairs. Its p-values are
adjusted family-wise (:mod:`ablation.analysis.signflip`), so that the best model may be compared
with any other without bias.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from ablation.analysis.intervals import Interval, difference_interval, effect_interval
from ablation.analysis.signflip import (
    SIGNIFICANCE,
    flip_p_values,
    joint_p_values,
    smallest_p_value,
)
from ablation.analysis.speakers import Counts


@dataclass(frozen=True)
class Comparison:
    """A comparison: how much better ``first`` is than ``second``.

    Attributes
    ----------
    difference
        Of the scores (0..1), paired by speaker, with its own interval (not adjusted).
    effect
        Mean gain over its standard deviation between speakers (Cohen's d_z with Hedges'
        correction), with its interval.
    p, p_joint
        Two-sided sign-flip p-values: unadjusted, and family-wise adjusted.
    """

    first: str
    second: str
    difference: Interval
    effect: Interval
    p: float
    p_joint: float

    @property
    def significant(self) -> bool:
        """Whether the two differ significantly: ``p_joint`` is at most :data:`SIGNIFICANCE`."""
        return self.p_joint <= SIGNIFICANCE


@dataclass(frozen=True)
class Family:
    """Comparisons whose p-values are adjusted together.

    Attributes
    ----------
    reference
        What all others are compared with; None: all pairs.
    metric
        ``wa``, ``ua`` or a class.
    speakers
        How many there are.
    smallest_p
        The smallest p-value that so many speakers can give.
    gains
        Each speaker's gain in every comparison, shape (comparisons, speakers).
    """

    reference: str | None
    metric: str
    comparisons: tuple[Comparison, ...]
    speakers: int
    smallest_p: float
    gains: np.ndarray = field(repr=False, compare=False)

    @property
    def can_reject(self) -> bool:
        """Whether any outcome at all could be significant."""
        return bool(self.comparisons) and self.smallest_p <= SIGNIFICANCE

    def between(self, one: str, other: str) -> Comparison | None:
        """Return the comparison of the two, in either order; None where there is none."""
        wanted = {one, other}
        return next((c for c in self.comparisons if {c.first, c.second} == wanted), None)


def against_reference(models: Mapping[str, Counts], reference: str, metric: str = "wa") -> Family:
    """Compare every model with ``reference``, which was pre-specified.

    Raises
    ------
    ValueError
        When the reference is not among the models, or the speakers are not the same.
    """
    if reference not in models:
        raise ValueError(f"no model {reference}")
    pairs = [(name, reference) for name in models if name != reference]
    return _family(models, pairs, reference, metric)


def all_pairs(models: Mapping[str, Counts], metric: str = "wa") -> Family:
    """Compare every two models. Raises as :func:`against_reference`."""
    return _family(models, list(combinations(models, 2)), None, metric)


def speaker_shares(counts: Counts, metric: str) -> np.ndarray:
    """Return what each speaker's correct utterances add to the score, times the number of speakers.

    Shape (speakers,); their mean is the score. Two models' shares come from the same utterances:
    if the models are equally good, the differences are as likely as their negatives, whatever the
    numbers of utterances, which makes sign flips exact. Intervals take
    :meth:`Counts.influence` instead, which accounts for a score being a ratio.
    """
    return len(counts.speakers) * (counts.correct * counts.weights(metric)).sum(axis=1)


def speaker_gains(first: Counts, second: Counts, metric: str) -> np.ndarray:
    """Return each speaker's gain, shape (speakers,); the mean is the difference of the scores."""
    return speaker_shares(first, metric) - speaker_shares(second, metric)


def _family(
    models: Mapping[str, Counts],
    pairs: Sequence[tuple[str, str]],
    reference: str | None,
    metric: str,
) -> Family:
    speakers = {counts.speakers for counts in models.values()}
    if len(speakers) > 1:
        raise ValueError("a family needs the same speakers in all its models")
    number = len(next(iter(speakers), ()))
    if not pairs or number < 2:
        return Family(reference, metric, (), number, 1.0, np.empty((0, number)))
    shares = {name: speaker_shares(counts, metric) for name, counts in models.items()}
    gains = np.stack([shares[first] - shares[second] for first, second in pairs])
    rows = zip(pairs, gains, flip_p_values(gains), joint_p_values(gains), strict=True)
    comparisons = tuple(
        Comparison(
            first,
            second,
            difference_interval(models[first], models[second], metric),
            effect_interval(gain),
            float(p),
            float(joint),
        )
        for (first, second), gain, p, joint in rows
    )
    return Family(reference, metric, comparisons, number, smallest_p_value(number), gains)


def mean_ranks(models: Mapping[str, Counts], metric: str = "wa") -> dict[str, float]:
    """Return each model's mean rank over speakers, 1 the best; ties share ranks (Demsar, 2006).

    Speakers without an utterance of the metric's class are left out.
    """
    scores = pd.DataFrame({name: c.by_speaker(metric) for name, c in models.items()})
    ranks = scores.dropna().rank(axis=1, ascending=False).mean()
    return {str(name): float(rank) for name, rank in ranks.items()}


def indistinct_groups(ranks: Mapping[str, float], family: Family) -> list[list[str]]:
    """Return the longest runs of neighbours in rank of which no two are significantly different."""
    order = sorted(ranks, key=lambda name: ranks[name])
    apart = {frozenset((c.first, c.second)) for c in family.comparisons if c.significant}
    groups: list[list[str]] = []
    end = 0
    for start in range(len(order)):
        stop = start + 1
        while stop < len(order) and not any(
            frozenset((order[stop], name)) in apart for name in order[start:stop]
        ):
            stop += 1
        if stop > end and stop - start > 1:
            groups.append(order[start:stop])
        end = max(end, stop)
    return groups
