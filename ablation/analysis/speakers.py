"""Scores by speaker: what a comparison of filters on ten speakers rests on.

Speakers, not utterances, are the sample: utterances of one speaker share the speaker's habits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

METRICS = ("wa", "ua")  # beside the name of any class
DIGITS = 12  # of a score: equal ones are equal, and print alike, in whatever order they were summed


@dataclass(frozen=True)
class Counts:
    """Utterances by speaker and class, and how many were correct, averaged over seeds.

    Attributes
    ----------
    speakers, classes
        Names of the two axes.
    n, correct
        Shape (speakers, classes).
    """

    speakers: tuple[str, ...]
    classes: tuple[str, ...]
    n: np.ndarray
    correct: np.ndarray

    def score(self, metric: str) -> float:
        """Return a score pooled over all utterances, 0..1: ``wa``, ``ua`` or a class' accuracy."""
        weights = self.weights(metric)
        return round(float((weights * self.correct.sum(axis=0)).sum()), DIGITS)

    def weights(self, metric: str) -> np.ndarray:
        """Return what one correct utterance of each class adds to the score, shape (classes,)."""
        totals = self.n.sum(axis=0)
        if metric == "wa":
            return np.full(len(totals), 1 / totals.sum())
        wanted = totals > 0
        if metric != "ua":
            wanted = wanted & (np.array(self.classes) == metric)
        share = 1 / max(1, wanted.sum())
        return np.divide(share, totals, out=np.zeros(len(totals)), where=wanted)

    def influence(self, metric: str) -> np.ndarray:
        """Return how far each speaker draws the score from its mean, shape (speakers,).

        The score is a sum of ratios of sums over speakers; this is its linearisation, scaled so
        that deviation / sqrt(speakers) is the score's standard error.
        """
        weights = self.weights(metric)
        totals = self.n.sum(axis=0)
        if metric == "wa":
            expected = self.n * self.correct.sum() / totals.sum()
        else:
            rates = np.divide(
                self.correct.sum(axis=0), totals, out=np.zeros(len(totals)), where=totals > 0
            )
            expected = self.n * rates
        return len(self.speakers) * ((self.correct - expected) * weights).sum(axis=1)

    def by_speaker(self, metric: str) -> np.ndarray:
        """Return each speaker's own score, shape (speakers,); nan without utterances that count."""
        scores = np.array([_one(self, k).score(metric) for k in range(len(self.speakers))])
        scored = self.n[:, [metric in METRICS or c == metric for c in self.classes]].sum(axis=1) > 0
        return np.where(scored, scores, np.nan)

    def without(self, speakers: Sequence[str]) -> "Counts":
        """Return the counts of all other speakers."""
        kept = [k for k, speaker in enumerate(self.speakers) if speaker not in speakers]
        names = tuple(self.speakers[k] for k in kept)
        return Counts(names, self.classes, self.n[kept], self.correct[kept])


def _one(counts: Counts, k: int) -> Counts:
    return Counts(
        counts.speakers[k : k + 1], counts.classes, counts.n[k : k + 1], counts.correct[k : k + 1]
    )
