"""Running a cell: one probe, network or baseline, one fold and one seed, trained and scored."""

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

from ablation.errors.execution import CellOutOfMemory
from ablation.features.batches import Feed, HostFeed, feeds
from ablation.features.cache import Entry
from ablation.features.segment_dataset import SegmentDataset
from ablation.models.network import build_network
from ablation.models.probe import ReferenceProbe, SinglePassProbe, passes_for
from ablation.results.schema import OK
from ablation.study import shapes_text
from ablation.training.baselines import TRAINERS
from ablation.training.checkpoint import Checkpoint, EpochRecord
from ablation.training.compute import Compute, network_compute
from ablation.training.fit import Fitted, fit, predict
from ablation.training.metrics import accuracies
from ablation.training.moments import SegmentMoments
from ablation.training.seeds import seeded
from ablation.training.task import (
    CellTask,
    Outcome,
    Sample,
    TrainedNetwork,
    failed_outcome,
    identity,
    provenance,
)
from ablation.version import __version__


@dataclass(frozen=True)
class _Trained:
    """The result of training a cell, before it becomes rows.

    ``scores`` (test utterances, classes) and ``n_segments`` (test utterances,) are None for a
    network without test speakers.
    """

    engine: str
    scores: np.ndarray | None
    n_segments: np.ndarray | None
    columns: dict[str, Any] = field(default_factory=dict)
    records: Sequence[EpochRecord] = ()
    network: TrainedNetwork | None = None


def run_cell(task: CellTask, device: str) -> Outcome:
    """Train and score ``task``; an exception becomes a failed row with its traceback.

    Raises
    ------
    CellOutOfMemory
        If the device's memory does not suffice, whatever the probe's tile; it may with fewer
        workers on the device.
    """
    started = datetime.now(UTC)
    try:
        return _outcome(task, device, started)
    except Exception as error:  # a cell that fails must not stop the others
        if _is_shortage(error):
            option = f"{'' if task.cell.kind == 'probe' else 'network.'}training.batch_size"
            raise CellOutOfMemory(task.cell.name, option) from error
        return failed_outcome(task, traceback.format_exc(), device, started)


def _is_shortage(error: Exception) -> bool:
    """Return whether memory ran out; the CPU's allocator has no exception type of its own."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )


def _outcome(task: CellTask, device: str, started: datetime) -> Outcome:
    clock = time.perf_counter()
    trained = _BY_KIND[task.cell.kind](task, device)
    row = identity(task) | provenance(device, started, task) | trained.columns
    if trained.scores is not None:
        row |= _scored(task, trained.scores)
    row |= {
        "engine": trained.engine,
        "train_seconds": time.perf_counter() - clock,
        "status": OK,
    }
    return Outcome(row, _predictions(task, trained), _epochs(task, trained), trained.network)


def _probe(task: CellTask, device: str) -> _Trained:
    compute = compute_of(task, device)
    train, test = feeds_of(*_banks(task), task, compute)
    with seeded("init", task.cell.name, task.cell.name, task.cell.seed, task.cell.fold):
        model = compute.place(build_model(task, compute))
    moments = SegmentMoments.of(model, len(train), task.training.augment, on_card=compute.on_card)
    fitted = fit(model, train, task.training, _seed(task), compute, moments=moments)
    scores, n_segments = predict(fitted.model, test, task.training)
    engine = task.study.probe.engine
    return _Trained(engine, scores, n_segments, _budget_columns(fitted), fitted.records)


def _network(task: CellTask, device: str) -> _Trained:
    banks, compute = _banks(task), compute_of(task, device)
    train, test = feeds_of(*banks, task, compute)
    with seeded("init", task.cell.title, shapes_text(task.cell.shapes), *_seed(task)):
        model = compute.place(build_model(task, compute))
    checkpoint = _checkpoint(task, device, compute)
    fitted = fit(model, train, task.training, _seed(task), compute, checkpoint)
    scores = n_segments = None
    if len(test):
        scores, n_segments = predict(fitted.model, test, task.training)
    weights = {key: value.cpu().contiguous() for key, value in fitted.model.state_dict().items()}
    known = banks[0].corpus_range
    network = TrainedNetwork(
        safetensors.torch.save(weights), None if known is None else (known.low, known.high)
    )
    columns = _budget_columns(fitted)
    return _Trained(str(compute), scores, n_segments, columns, fitted.records, network)


def _reference(task: CellTask, _device: str) -> _Trained:
    scores = TRAINERS[task.cell.title](task).astype(np.float32)
    return _Trained("scikit-learn", scores, np.ones(len(scores), int))


_BY_KIND = {"probe": _probe, "network": _network, "final": _network, "reference": _reference}


def compute_of(task: CellTask, device: str) -> Compute:
    """Return the device and the number format in which a cell's model is trained."""
    if task.cell.kind == "probe":
        return Compute.on(device)
    return network_compute(task.study.network, device)


def feeds_of(
    train: SegmentDataset, test: SegmentDataset, task: CellTask, compute: Compute
) -> tuple[Feed, Feed]:
    """Return the feeds that bring a fold's training and test segments to the device."""
    if not compute.on_card:
        return HostFeed(train), HostFeed(test)
    return feeds(train, test, compute.device, steady=not task.training.augment.used)


def build_model(task: CellTask, compute: Compute) -> nn.Module:
    """Return the untrained probe or network of a cell."""
    cell, study, classes = task.cell, task.study, len(task.classes)
    if cell.kind != "probe":
        return build_network(cell.shapes, cell.pooling, classes, study.network, study.features)
    shape, probe = cell.shapes[0], study.probe
    sizes = (shape.height, shape.width, probe.filters, classes, probe.bias)
    if probe.engine == "reference":
        return ReferenceProbe(*sizes, probe.dilation)
    passes = passes_for(
        compute.device,
        study.execution.tile,
        bf16=probe.precision == "bf16",
        on_card=compute.on_card,
    )
    return SinglePassProbe(*sizes, probe.dilation, precision=probe.precision, passes=passes)


def _seed(task: CellTask) -> tuple[int, str]:
    """Return the name of a training's draws: two shapes see the same batches in the same order."""
    return task.cell.seed, task.cell.fold


def _banks(task: CellTask) -> tuple[SegmentDataset, SegmentDataset]:
    """Return the training and test segments of the cell's fold."""
    fold = task.fold
    return SegmentDataset.pair(_side(fold.train), _side(fold.test), task.study.features)


def _side(samples: Sequence[Sample]) -> tuple[list[Entry], list[int]]:
    return [sample.entry for sample in samples], [sample.label for sample in samples]


def _checkpoint(task: CellTask, device: str, compute: Compute) -> Checkpoint | None:
    if task.checkpoint is None:
        return None
    identity = (
        task.network_digest, task.cell.kind, task.cell.seed, task.cell.fold,
        device.partition(":")[0], compute, task.study.execution.threads,
        __version__, torch.__version__,
    )  # fmt: skip
    return Checkpoint(task.checkpoint, "|".join(map(str, identity)))


def _budget_columns(fitted: Fitted) -> dict[str, Any]:
    return {
        "train_loss": fitted.records[-1].train_loss,
        "epochs": fitted.budget.epochs,
        "steps": fitted.budget.steps,
    }


def _scored(task: CellTask, scores: np.ndarray) -> dict[str, Any]:
    """Return counts and accuracies of the held-out utterances."""
    labels = [sample.label for sample in task.fold.test]
    result = accuracies(labels, scores.argmax(1).tolist(), len(task.classes))
    row: dict[str, Any] = {
        "n_test": sum(result.n),
        "n_correct": sum(result.correct),
        "wa": result.wa,
        "ua": result.ua,
    }
    columns = zip(task.classes, result.n, result.correct, result.per_class, strict=True)
    for label, n, correct, accuracy in columns:
        row |= {f"n_{label}": n, f"correct_{label}": correct, f"acc_{label}": accuracy}
    return row


def _detail(task: CellTask) -> dict[str, Any]:
    """Return the columns that name the cell in the tables of utterances and epochs."""
    return {
        "study": task.study.name,
        "digest": task.digest,
        "kind": task.cell.kind,
        "name": task.cell.name,
        "network_digest": task.network_digest,
        "window_ms": task.cell.window_ms,
        "seed": task.cell.seed,
        "fold": task.cell.fold,
    }


def _predictions(task: CellTask, trained: _Trained) -> list[dict[str, Any]]:
    if trained.scores is None or trained.n_segments is None:
        return []
    rows = []
    for sample, values, count in zip(
        task.fold.test, trained.scores, trained.n_segments, strict=True
    ):
        rows.append(
            _detail(task)
            | {
                "utterance": sample.id,
                "speaker": sample.speaker,
                "label": task.classes[sample.label],
                "predicted": task.classes[int(values.argmax())],
                "n_segments": int(count),
            }
            | _named_scores(task.classes, values)
        )
    return rows


def _named_scores(classes: Sequence[str], values: np.ndarray) -> dict[str, Any]:
    return {f"score_{label}": float(v) for label, v in zip(classes, values, strict=True)}


def _epochs(task: CellTask, trained: _Trained) -> list[dict[str, Any]]:
    return [
        _detail(task)
        | {
            "epoch": record.epoch,
            "lr": record.lr,
            "train_loss": record.train_loss,
            "train_wa": record.train_wa,
        }
        for record in trained.records
    ]
