"""A support vector machine on log-mel statistics of the network's own spectrograms."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ablation.features.cache import Entry, open_entry
from ablation.features.statistics import log_mel_statistics
from ablation.study import FeaturesSpec
from ablation.training.baselines.base import BaselineResult
from ablation.training.task import CellTask, Sample


def log_mel_svm(task: CellTask, _device: str) -> BaselineResult:
    """Return scores of an RBF SVM on standardised log-mel statistics of the network's spectrograms.

    C = 3 and balanced classes are pre-specified; scores are one-vs-rest decision values.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    features, fold = task.study.features, task.fold
    svm = SVC(C=3, class_weight="balanced", decision_function_shape="ovr")
    model = make_pipeline(StandardScaler(), svm)
    model.fit(_statistics(fold.train, features), [sample.label for sample in fold.train])
    found = model.decision_function(_statistics(fold.test, features))
    scores = found if found.ndim == 2 else np.stack([-found, found], axis=1)
    return BaselineResult(scores, np.ones(len(scores), int), "scikit-learn")


def _statistics(samples: Sequence[Sample], features: FeaturesSpec) -> np.ndarray:
    return np.stack([_of_entry(s.entry, features) for s in samples])  # type: ignore[arg-type]


@lru_cache(maxsize=1 << 14)
def _of_entry(entry: Entry, features: FeaturesSpec) -> np.ndarray:
    array = open_entry(entry)
    whole = array if features.edges == "segment" else array[:, : entry.frames]
    return log_mel_statistics(whole, features)
