"""Epochs of a baseline's network: a fixed number, or the best one on development speakers."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from ablation.training.baselines.base import Examples
from ablation.training.checkpoint import EpochRecord
from ablation.training.fit import DivergedError
from ablation.training.metrics import accuracies
from ablation.training.seeds import generator, seeded


class Course(Protocol):
    """The settings of a training that all networks have."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def max_epochs(self) -> int: ...


@dataclass(frozen=True)
class Learned:
    """Sums over a batch whose gradients were made: a loss, its weight, right answers, examples."""

    loss: torch.Tensor
    weight: float
    correct: torch.Tensor
    n: int


@dataclass(frozen=True)
class Epochs:
    """The records of all epochs, and the number of the one that was kept."""

    records: list[EpochRecord]
    kept: int


def train_epochs(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    learn: Callable[[torch.Tensor], Learned],
    n: int,
    course: Course,
    seed: Sequence[object],
    judge: Callable[[], float] | None = None,
    clip: float | None = None,
) -> Epochs:
    """Train ``model``, and leave it as it was after the epoch that is kept.

    Parameters
    ----------
    learn
        Adds the gradients of the mean loss of a batch, given as numbers below ``n``.
    n
        How many examples there are: all are seen in each epoch, in an order of its own.
    seed
        Names the draws; its first part is the baseline's name in a study.
    judge
        The unweighted accuracy on development speakers: of ``course.max_epochs`` epochs the first
        of the best is kept. None: the last of ``course.epochs`` is.
    clip
        The largest norm of a step's gradient.

    Raises
    ------
    DivergedError
        If the loss is not finite.
    """
    order = generator("order", *seed)
    records: list[EpochRecord] = []
    best, kept, state = -1.0, 0, None
    for epoch in range(1, (course.epochs if judge is None else course.max_epochs) + 1):
        model.train()
        with seeded("epoch", *seed, epoch):
            batches = torch.randperm(n, generator=order).split(course.batch_size)
            learned = [_step(model, optimizer, learn, batch, clip) for batch in batches]
        loss = sum(float(batch.loss) for batch in learned) / sum(batch.weight for batch in learned)
        if not np.isfinite(loss):
            raise DivergedError(epoch, course.learning_rate, f"baselines.{seed[0]}.learning_rate")
        right = sum(int(batch.correct) for batch in learned) / sum(batch.n for batch in learned)
        accuracy = None if judge is None else judge()
        records.append(EpochRecord(epoch, course.learning_rate, loss, right, accuracy))
        if accuracy is None:
            kept = epoch
        elif accuracy > best:
            best, kept, state = accuracy, epoch, deepcopy(model.state_dict())
    if state is not None:
        model.load_state_dict(state)
    return Epochs(records, kept)


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    learn: Callable[[torch.Tensor], Learned],
    batch: torch.Tensor,
    clip: float | None,
) -> Learned:
    optimizer.zero_grad()
    learned = learn(batch)
    if clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return learned


def judged(examples: Examples, score: Callable[[], np.ndarray]) -> Callable[[], float] | None:
    """Return what computes the unweighted accuracy of ``score()``, (n, classes), on ``examples``.

    Without examples there is nothing to judge on, which is None.
    """
    if not len(examples):
        return None
    return lambda: unweighted_accuracy(score(), examples.labels)


def unweighted_accuracy(scores: np.ndarray, labels: Sequence[int]) -> float:
    """Return the mean recall of the classes that are present, 0..1."""
    return accuracies(labels, scores.argmax(axis=1).tolist(), scores.shape[1]).ua


def n_parameters(model: nn.Module) -> int:
    """Return the number of a network's trained parameters."""
    return sum(parameter.numel() for parameter in model.parameters())
