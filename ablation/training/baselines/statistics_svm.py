"""Support vector machines on statistics of linear spectrograms: log-mel, and loudness.

They are the network's own spectrograms, or the same recordings' where it has another front end.

The second hears loudness alone: what it reaches, a probe's score may come from too.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ablation.features.cache import Entry, open_entry
from ablation.features.statistics import log_mel_statistics, loudness_statistics
from ablation.study import FeaturesSpec
from ablation.training.baselines.base import BaselineResult
from ablation.training.task import CellTask

Statistics = Callable[[np.ndarray, FeaturesSpec], np.ndarray]


def log_mel_svm(task: CellTask, _device: str) -> BaselineResult:
    """Return scores of the SVM on log-mel statistics."""
    return _svm(task, log_mel_statistics)


def loudness_svm(task: CellTask, _device: str) -> BaselineResult:
    """Return scores of the SVM on statistics of loudness."""
    return _svm(task, loudness_statistics)


def _svm(task: CellTask, statistics: Statistics) -> BaselineResult:
    """Return scores of an RBF SVM on standardised statistics of spectrograms.

    C = 3 and balanced classes are pre-specified; scores are one-vs-rest decision values.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    features, fold = task.study.features.linear, task.fold
    train, test = (
        np.stack([_of_entry(sample.entry, features, statistics) for sample in side])  # type: ignore[arg-type]
        for side in (fold.train, fold.test)
    )
    svm = SVC(C=3, class_weight="balanced", decision_function_shape="ovr")
    model = make_pipeline(StandardScaler(), svm)
    model.fit(train, [sample.label for sample in fold.train])
    found = model.decision_function(test)
    scores = found if found.ndim == 2 else np.stack([-found, found], axis=1)
    return BaselineResult(scores, np.ones(len(scores), int), "scikit-learn")


@lru_cache(maxsize=1 << 14)
def _of_entry(entry: Entry, features: FeaturesSpec, statistics: Statistics) -> np.ndarray:
    array = open_entry(entry)
    whole = array if features.edges == "segment" else array[:, : entry.frames]
    return statistics(whole, features)
