"""Baselines that a network must beat on the same folds, one file each.

A baseline is trained on a fold and returns scores of the test utterances. A new one is a file with
its trainer, a line in :data:`TRAINERS`, its title in :mod:`ablation.study.baselines`, and its
settings there if it has any.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ablation.features.segment_dataset import array_of
from ablation.training.baselines.base import BaselineData, BaselineResult, Examples
from ablation.training.baselines.cnn_lstm import train_cnn_lstm
from ablation.training.baselines.dnn_elm import train_dnn_elm
from ablation.training.baselines.majority import majority_class
from ablation.training.baselines.rnn_elm import train_rnn_elm
from ablation.training.baselines.statistics_svm import log_mel_svm, loudness_svm
from ablation.training.baselines.two_step import train_two_step
from ablation.training.task import CellTask, Sample

Trainer = Callable[[CellTask, str], BaselineResult]


def _with_settings(train: Callable[[BaselineData, Any, str], BaselineResult]) -> Trainer:
    """Return a trainer that gets its own settings and arrays instead of the whole task."""

    def trainer(task: CellTask, device: str) -> BaselineResult:
        settings = task.study.baselines.of(task.cell.baseline)
        return train(data_of(task), settings, device)

    return trainer


TRAINERS: dict[str, Trainer] = {
    "dnn-elm": _with_settings(train_dnn_elm),
    "rnn-elm": _with_settings(train_rnn_elm),
    "cnn-lstm": _with_settings(train_cnn_lstm),
    "cnn-lstm-two-step": _with_settings(train_two_step),
    "majority": majority_class,
    "log-mel-svm": log_mel_svm,
    "loudness": loudness_svm,
}


def data_of(task: CellTask) -> BaselineData:
    """Return the fold of a task, its features mapped from their files."""
    fold = task.fold
    return BaselineData(
        train=_examples(fold.train),
        development=_examples(fold.development),
        test=_examples(fold.test),
        classes=len(task.classes),
        seed=(task.cell.seed, task.cell.fold),
    )


def _examples(samples: Sequence[Sample]) -> Examples:
    """Return the features of utterances, without the padding of short ones."""
    arrays = [array_of(sample.entry)[:, : sample.entry.frames] for sample in samples]
    return Examples(arrays, [sample.label for sample in samples])
