"""The majority class, which whatever is learnt has to beat."""

import numpy as np

from ablation.training.baselines.base import BaselineResult
from ablation.training.task import CellTask


def majority_class(task: CellTask, _device: str) -> BaselineResult:
    """Return the share of each class in the training utterances, so the largest is predicted."""
    labels = [sample.label for sample in task.fold.train]
    shares = np.bincount(labels, minlength=len(task.classes)) / len(labels)
    n = len(task.fold.test)
    return BaselineResult(np.tile(shares, (n, 1)), np.ones(n, int), "scikit-learn")
