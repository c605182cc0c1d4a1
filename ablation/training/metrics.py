"""Weighted and unweighted accuracy (paper, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Accuracies:
    """Counts of each class and the accuracies that follow from them.

    Attributes
    ----------
    n, correct
        Utterances of each class, and how many of them were predicted correctly.
    """

    n: tuple[int, ...]
    correct: tuple[int, ...]

    @property
    def wa(self) -> float:
        """Accuracy over all utterances, 0..1."""
        return sum(self.correct) / sum(self.n)

    @property
    def per_class(self) -> tuple[float | None, ...]:
        """Accuracy of each class, 0..1; None for a class without utterances."""
        return tuple(c / n if n else None for n, c in zip(self.n, self.correct, strict=True))

    @property
    def ua(self) -> float:
        """Mean accuracy over the classes that are present, 0..1."""
        present = [accuracy for accuracy in self.per_class if accuracy is not None]
        return sum(present) / len(present)


def accuracies(labels: Sequence[int], predicted: Sequence[int], classes: int) -> Accuracies:
    """Count utterances by class; ``labels`` and ``predicted`` are class indices, at least one."""
    truth, guess = np.asarray(labels), np.asarray(predicted)
    return Accuracies(
        n=tuple(int(np.sum(truth == k)) for k in range(classes)),
        correct=tuple(int(np.sum((truth == k) & (guess == k))) for k in range(classes)),
    )
