"""Fitting a model to segments, and predicting utterances with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ablation.features.batches import Batch, Feed, HostFeed
from ablation.study import TrainingSpec
from ablation.training.augment import draw, gains
from ablation.training.averaging import RunningMean
from ablation.training.checkpoint import Checkpoint, EpochRecord
from ablation.training.compute import Compute
from ablation.training.partway import Partway
from ablation.training.schedule import (
    Budget,
    averaging_decay,
    budget,
    learning_rate,
    make_optimizer,
)
from ablation.training.seeds import generator, seeded
from ablation.training.segment_moments import SegmentMoments
from ablation.training.steps import Sums, Training, make_step

if TYPE_CHECKING:
    from ablation.training.stopping import BestEpoch


class DivergedError(Exception):
    """The loss is no longer finite; ``setting`` is the field that may be lowered."""

    def __init__(self, epoch: int, rate: float, setting: str = "training.learning_rate") -> None:
        super().__init__(
            f"the loss is not finite in epoch {epoch} (learning rate {rate:g}); lower {setting}"
        )


@dataclass(frozen=True)
class Fitted:
    """A trained model (averaged if the study asks for it), the epochs' records and the budget."""

    model: nn.Module
    records: list[EpochRecord]
    budget: Budget


def fit(
    model: nn.Module,
    feed: Feed,
    spec: TrainingSpec,
    seed: Sequence[object],
    compute: Compute,
    checkpoint: Checkpoint | None = None,
    moments: SegmentMoments | None = None,
    best: "BestEpoch | None" = None,
    partway: Partway | None = None,
) -> Fitted:
    """Train ``model`` on all segments of ``feed``, starting from ``checkpoint`` if it exists.

    Parameters
    ----------
    seed
        Names the draws: the order of the segments over all epochs, and for each epoch those within
        it (augmentation, and the model's own, such as dropout).
    checkpoint
        Where the state after every epoch is stored; None: nowhere.
    moments
        The segments' moments, if the model takes them; None: it computes its own.
    best
        Development speakers, and the weights of the best epoch; None: the last epoch counts.
    partway
        What the model answers at shares of the budget; the training does not depend on it.

    Returns
    -------
    fitted
        Its model has the running mean of the weights if ``spec.averaging`` is set, and with
        development speakers the weights of the best epoch.

    Raises
    ------
    DivergedError
        If the loss is not finite.
    """
    total = budget(spec, len(feed))
    optimizer = make_optimizer(spec, model, capturable=compute.way != "eager")
    average = None
    models = {"model": model}
    if spec.averaging:
        models["average"] = average = RunningMean(model, averaging_decay(spec, total))
    if best is not None:
        models["best"] = best.kept
    asked = {} if partway is None else partway.predicted
    records = checkpoint.load(models, optimizer, asked) if checkpoint else []
    sums = Sums(compute.device)
    scored = model if average is None else average.module
    take_step = make_step(Training(model, average, optimizer, spec, compute, sums), moments)
    order = generator("order", *seed)
    for epoch in range(1, total.epochs + 1):
        batches = torch.randperm(len(feed), generator=order).split(spec.batch_size)
        if epoch <= len(records):  # trained before; later epochs need this one's draw
            continue
        first = (epoch - 1) * total.steps_per_epoch
        batches = batches[: total.steps - first]
        model.train()
        with seeded("epoch", *seed, epoch):
            random = generator("augment", *seed, epoch)
            fed, rate = _fed(feed, batches, spec, random, compute.device), 0.0
            sums.reset()
            for step, (batch, drawn) in enumerate(fed, first):
                rate = learning_rate(spec, step, total)
                take_step(batch, drawn, rate)
                if partway is not None:
                    partway.after(step + 1, total.steps, scored)
                    model.train()
        loss, n = float(sums.loss), sum(map(len, batches))
        if not np.isfinite(loss):
            raise DivergedError(epoch, rate)
        ua = None if best is None else best.score(scored, spec)
        records.append(EpochRecord(epoch, rate, loss / n, int(sums.correct) / n, ua))
        if best is not None:
            best.keep(scored, records)
        if checkpoint:
            checkpoint.save(models, optimizer, records, asked)
    return Fitted(scored if best is None else best.kept, records, total)


def _fed(
    feed: Feed,
    batches: Sequence[torch.Tensor],
    spec: TrainingSpec,
    random: torch.Generator,
    device: torch.device,
) -> Iterator[tuple[Batch, torch.Tensor]]:
    """Return the batches with their draws of augmentation, all of which are made at once."""
    draws = draw(spec.augment, [len(numbers) for numbers in batches], random, device)
    fed = feed.batches(batches, [gains(spec.augment, drawn) for drawn in draws])
    return zip(fed, draws, strict=True)


def predict(model: nn.Module, feed: Feed, spec: TrainingSpec) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of utterances, averaged over their segments (paper, section 2.1).

    Returns
    -------
    scores
        Shape (utterances, classes), float32; logits or posteriors, by ``spec.score``.
    n_segments
        The number of segments of each utterance, shape (utterances,).
    """
    return averaged(segment_scores(model, feed, spec), feed.utterance)


def averaged(scores: np.ndarray, utterance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over each utterance's segments (rows), and their number (:func:`predict`)."""
    n_segments = np.bincount(utterance)
    sums = np.zeros((len(n_segments), scores.shape[1]))
    np.add.at(sums, utterance, scores.astype(np.float64))
    return (sums / n_segments[:, None]).astype(np.float32), n_segments


@torch.inference_mode()
def segment_scores(model: nn.Module, feed: Feed, spec: TrainingSpec) -> np.ndarray:
    """Return the scores of every segment of ``feed``, shape (segments, classes), float32.

    On the CPU an utterance's segments go through the model together and apart from all others, so
    that its scores are the same to the last bit whatever else is scored.
    """
    model.eval()
    parts = []
    for batch in feed.batches(_by_utterance(feed) if isinstance(feed, HostFeed) else _all(feed)):
        scores = model(batch.segments)
        parts.append(scores.softmax(1) if spec.score == "posterior" else scores)
    return torch.cat(parts).float().cpu().numpy()


def _by_utterance(feed: Feed) -> list[torch.Tensor]:
    ends = (np.flatnonzero(np.diff(feed.utterance, append=-1)) + 1).tolist()
    return [
        numbers
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
        for numbers in torch.arange(start, end).split(_TOGETHER["cpu"])
    ]


def _all(feed: Feed) -> list[torch.Tensor]:
    return list(torch.arange(len(feed)).split(_TOGETHER["card"]))


# Segments that are scored together; few on the CPU, so that the maps stay in the cache.
_TOGETHER = {"cpu": 16, "card": 256}
