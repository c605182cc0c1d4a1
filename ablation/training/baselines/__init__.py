"""Baselines that a network must beat on the same folds: the majority class, and a log-mel SVM.

A baseline is trained on a fold and returns scores of the test utterances, shape (n, classes).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from ablation.features.cache import Entry, open_entry
from ablation.features.statistics import log_mel_statistics
from ablation.study import FeaturesSpec
from ablation.study.baselines import MAJORITY, SVM
from ablation.training.task import CellTask, Sample


def majority_class(task: CellTask) -> np.ndarray:
    """Return the share of each class in the training utterances, so the largest is predicted."""
    labels = [sample.label for sample in task.fold.train]
    shares = np.bincount(labels, minlength=len(task.classes)) / len(labels)
    return np.tile(shares, (len(task.fold.test), 1))


def log_mel_svm(task: CellTask) -> np.ndarray:
    """Return scores of an RBF SVM on standardised log-mel statistics of the network's spectrograms.

    C = 3 and balanced classes are pre-specified; scores are one-vs-rest decision values.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    features = task.study.features
    svm = SVC(C=3, class_weight="balanced", decision_function_shape="ovr")
    model = make_pipeline(StandardScaler(), svm)
    model.fit(_statistics(task.fold.train, features), [s.label for s in task.fold.train])
    decisions = model.decision_function(_statistics(task.fold.test, features))
    return decisions if decisions.ndim == 2 else np.stack([-decisions, decisions], axis=1)


TRAINERS: dict[str, Callable[[CellTask], np.ndarray]] = {
    MAJORITY: majority_class,
    SVM: log_mel_svm,
}


def _statistics(samples: Sequence[Sample], features: FeaturesSpec) -> np.ndarray:
    return np.stack([_of_entry(s.entry, features) for s in samples])  # type: ignore[arg-type]


@lru_cache(maxsize=1 << 14)
def _of_entry(entry: Entry, features: FeaturesSpec) -> np.ndarray:
    array = open_entry(entry)
    whole = array if features.edges == "segment" else array[:, : entry.frames]
    return log_mel_statistics(whole, features)
