"""Fitting a model to a bank of segments, and predicting utterances with it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ablation.features.bank import SegmentBank
from ablation.study import TrainingSpec
from ablation.training.schedule import Budget, budget, learning_rate, make_optimizer


@dataclass(frozen=True)
class EpochRecord:
    """What an epoch did: its last learning rate, and loss and accuracy over its segments."""

    epoch: int
    lr: float
    train_loss: float
    train_wa: float


@dataclass
class _Sums:
    """Running sums over the segments of an epoch."""

    loss: float = 0.0
    correct: int = 0
    n: int = 0


class DivergedError(Exception):
    """The loss is no longer a number."""


def fit(
    model: nn.Module,
    bank: SegmentBank,
    spec: TrainingSpec,
    order: torch.Generator,
    device: torch.device,
) -> tuple[list[EpochRecord], Budget]:
    """Train ``model`` in place on all segments of ``bank``, in an order drawn from ``order``.

    Raises
    ------
    DivergedError
        When the loss is not finite.
    """
    total = budget(spec, len(bank))
    optimizer = make_optimizer(spec, model)
    model.train()
    records: list[EpochRecord] = []
    step = 0
    for epoch in range(1, total.epochs + 1):
        sums, rate = _Sums(), 0.0
        for indices in torch.randperm(len(bank), generator=order).split(spec.batch_size):
            if step == total.steps:
                break
            rate = learning_rate(spec, step, total)
            for group in optimizer.param_groups:
                group["lr"] = rate
            _step(model, bank, indices, optimizer, device, sums)
            step += 1
        if not np.isfinite(sums.loss):
            raise DivergedError(
                f"the loss is not finite in epoch {epoch} (learning rate {rate:g}); "
                f"lower training.learning_rate"
            )
        records.append(EpochRecord(epoch, rate, sums.loss / sums.n, sums.correct / sums.n))
    return records, total


def _step(
    model: nn.Module,
    bank: SegmentBank,
    indices: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    sums: _Sums,
) -> None:
    """One optimiser step on one batch; adds to ``sums``."""
    labels = bank.labels[indices].to(device)
    optimizer.zero_grad()
    scores = model(bank.batch(indices.tolist(), device))
    loss = functional.cross_entropy(scores, labels)
    loss.backward()
    optimizer.step()
    sums.loss += loss.item() * len(indices)
    sums.correct += int((scores.argmax(1) == labels).sum())
    sums.n += len(indices)


@torch.inference_mode()
def predict(
    model: nn.Module, bank: SegmentBank, spec: TrainingSpec, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of utterances, averaged over their segments (paper, section 2.1).

    Returns
    -------
    scores
        Shape (utterances, classes), float32; logits or posteriors by ``spec.score``.
    n_segments
        Shape (utterances,).
    """
    model.eval()
    parts = []
    for indices in torch.arange(len(bank)).split(_EVALUATION_BATCH):
        scores = model(bank.batch(indices.tolist(), device))
        parts.append((scores.softmax(1) if spec.score == "posterior" else scores).cpu())
    scores = torch.cat(parts).double().numpy()
    n_segments = np.bincount(bank.utterance)
    sums = np.zeros((len(n_segments), scores.shape[1]))
    np.add.at(sums, bank.utterance, scores)
    return (sums / n_segments[:, None]).astype(np.float32), n_segments


_EVALUATION_BATCH = 16  # segments; small, so that the maps stay near the cache
