"""Fitting a model to a bank of segments, and predicting utterances with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ablation.features.bank import SegmentBank
from ablation.study import TrainingSpec
from ablation.training.augment import augment, draw_gains
from ablation.training.checkpoint import Checkpoint, EpochRecord
from ablation.training.compute import Compute
from ablation.training.schedule import (
    Budget,
    averaging_decay,
    budget,
    learning_rate,
    make_optimizer,
)
from ablation.training.seeding import generator, seeded


@dataclass
class _Sums:
    """Running sums over the segments of an epoch."""

    loss: float = 0.0
    correct: int = 0
    n: int = 0


class DivergedError(Exception):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Fitted:
    """A trained model: the one that counts, what its epochs did, and its budget."""

    model: nn.Module
    records: list[EpochRecord]
    budget: Budget


def fit(
    model: nn.Module,
    bank: SegmentBank,
    spec: TrainingSpec,
    seed: Sequence[object],
    compute: Compute,
    checkpoint: Checkpoint | None = None,
) -> Fitted:
    """Train ``model`` on all segments of ``bank``, from where ``checkpoint`` stands.

    Parameters
    ----------
    seed
        Names the draws: the order of the segments over all epochs, and of each epoch anew what
        is drawn within it (augmentation, and the model's own, such as dropout).
    checkpoint
        Where the end of every epoch is kept; None: nowhere.

    Returns
    -------
    fitted
        Its model is the running mean of the weights where ``spec.averaging`` asks for one, else
        ``model``.

    Raises
    ------
    DivergedError
        When the loss is not finite.
    """
    total = budget(spec, len(bank))
    optimizer = make_optimizer(spec, model)
    average = None
    models = {"model": model}
    if spec.averaging:
        decay = get_ema_multi_avg_fn(averaging_decay(spec, total))
        average = AveragedModel(model, multi_avg_fn=decay, use_buffers=True)
        models["average"] = average
    records = checkpoint.load(models, optimizer) if checkpoint else []
    order = generator("order", *seed)
    for epoch in range(1, total.epochs + 1):
        batches = torch.randperm(len(bank), generator=order).split(spec.batch_size)
        if epoch <= len(records):  # trained before; the order goes on from here
            continue
        first = (epoch - 1) * total.steps_per_epoch
        batches = batches[: total.steps - first]
        model.train()
        with seeded("epoch", *seed, epoch):
            random = generator("augment", *seed, epoch)
            sums, rate = _Sums(), 0.0
            for step, indices in enumerate(batches, first):
                rate = learning_rate(spec, step, total)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                _step(model, bank, indices, spec, optimizer, compute, random, sums)
                if average is not None:
                    average.update_parameters(model)
        if not np.isfinite(sums.loss):
            raise DivergedError(
                f"the loss is not finite in epoch {epoch} (learning rate {rate:g}); "
                f"lower training.learning_rate"
            )
        records.append(EpochRecord(epoch, rate, sums.loss / sums.n, sums.correct / sums.n))
        if checkpoint:
            checkpoint.save(models, optimizer, records)
    return Fitted(model if average is None else average.module, records, total)


def _step(
    model: nn.Module,
    bank: SegmentBank,
    indices: torch.Tensor,
    spec: TrainingSpec,
    optimizer: torch.optim.Optimizer,
    compute: Compute,
    random: torch.Generator,
    sums: _Sums,
) -> None:
    """One optimiser step on one batch; adds to ``sums``."""
    labels = bank.labels[indices].to(compute.device)
    gains = draw_gains(spec.augment, len(indices), random)
    batch = bank.batch(indices.tolist(), compute.device, gains)
    batch = augment(batch, spec.augment, random)
    optimizer.zero_grad()
    with compute.training():
        scores = model(batch)
    if scores.dtype == torch.bfloat16:  # of a network of the user's own: ours gives float32
        scores = scores.float()
    loss = functional.cross_entropy(scores, labels, label_smoothing=spec.label_smoothing)
    loss.backward()
    optimizer.step()
    sums.loss += loss.item() * len(indices)
    sums.correct += int((scores.argmax(1) == labels).sum())
    sums.n += len(indices)


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
    return averaged(segment_scores(model, bank, spec, device), bank.utterance)


def averaged(scores: np.ndarray, utterance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the segments (rows) of each utterance, and how many it has; see :func:`predict`."""
    n_segments = np.bincount(utterance)
    sums = np.zeros((len(n_segments), scores.shape[1]))
    np.add.at(sums, utterance, scores.astype(np.float64))
    return (sums / n_segments[:, None]).astype(np.float32), n_segments


@torch.inference_mode()
def segment_scores(
    model: nn.Module, bank: SegmentBank, spec: TrainingSpec, device: torch.device
) -> np.ndarray:
    """Scores of every segment of ``bank``, shape (segments, classes), float32.

    An utterance's segments go through the model together and apart from all others, so its
    scores are the same to the last bit in whatever company it is scored.
    """
    model.eval()
    parts = []
    ends = (np.flatnonzero(np.diff(bank.utterance, append=-1)) + 1).tolist()
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        for indices in torch.arange(start, end).split(_EVALUATION_BATCH):
            scores = model(bank.batch(indices.tolist(), device))
            parts.append((scores.softmax(1) if spec.score == "posterior" else scores).cpu())
    return torch.cat(parts).float().numpy()


_EVALUATION_BATCH = 16  # segments; small, so that the maps stay near the cache
