"""The rows of a cell, in all tables. No other file makes a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ablation.results.schema import FAILED, OK
from ablation.study import CellKind, shapes_text
from ablation.training.metrics import Accuracies, accuracies
from ablation.training.partway import shares_by_step
from ablation.training.task import CellTask, Outcome, TrainedNetwork
from ablation.version import __version__

if TYPE_CHECKING:  # loads torch
    from ablation.training.checkpoint import EpochRecord


@dataclass(frozen=True)
class Trained:
    """The result of training a cell, before it becomes rows.

    ``scores`` (test utterances, classes) and ``n_segments`` (test utterances,) are None for a
    network without test speakers. ``partway`` has the class index predicted for each test utterance
    after some steps.
    """

    engine: str
    scores: np.ndarray | None
    n_segments: np.ndarray | None
    columns: dict[str, Any] = field(default_factory=dict)
    records: "Sequence[EpochRecord]" = ()
    network: TrainedNetwork | None = None
    partway: Mapping[int, Sequence[int]] = field(default_factory=dict)


def finished(
    task: CellTask, trained: Trained, device: str, started: datetime, seconds: float
) -> Outcome:
    """Return the rows of a trained cell, which took so many seconds."""
    row = cell_columns(task) | _provenance(device, started, task) | trained.columns
    if trained.scores is not None:
        row |= _scored(task, trained.scores)
    row |= {"engine": trained.engine, "train_seconds": seconds, "status": OK}
    return Outcome(
        row,
        _predictions(task, trained),
        _epochs(task, trained),
        _checkpoints(task, trained),
        trained.network,
    )


def failed(task: CellTask, error: str, device: str, started: datetime) -> Outcome:
    """Return the row of a cell that could not be trained, for the reason ``error``."""
    row = cell_columns(task) | _provenance(device, started, task)
    return Outcome(row | {"status": FAILED, "error": error.strip()})


def cell_columns(task: CellTask) -> dict[str, Any]:
    """Return the columns that name a cell in its own table."""
    cell, features = task.cell, task.study.features
    row: dict[str, Any] = {
        "study": task.study.name,
        "digest": task.digest,
        "window_ms": cell.window_ms,
        "seed": cell.seed,
        "fold": cell.fold,
        "test_speakers": ",".join(task.fold.test_speakers),
    }
    if cell.kind == CellKind.PROBE:
        shape = cell.shapes[0]
        height, width = task.study.probe.extent(shape.height, shape.width)
        return row | {
            "height": shape.height,
            "width": shape.width,
            "height_hz": features.height_hz(height),
            "width_ms": width * features.hop_ms,
        }
    if task.fold.development:
        row["development"] = ",".join(sorted({s.speaker for s in task.fold.development}))
    if cell.kind == CellKind.BASELINE:
        return row | {"reference": cell.title, "baseline_digest": task.network_digest}
    return row | {
        "network_digest": task.network_digest,
        "network": cell.title,
        "pooling": cell.pooling,
        "shapes": shapes_text(cell.shapes),
    }


def _provenance(device: str, started: datetime, task: CellTask) -> dict[str, Any]:
    """Return the columns that say where, when and by which version a cell was trained."""
    return {
        "device": device,
        "threads": task.study.execution.threads,
        "started_at": started,
        "version": __version__,
    }


def _scored(task: CellTask, scores: np.ndarray) -> dict[str, Any]:
    """Return counts and accuracies of the held-out utterances."""
    result = _accuracies(task, scores.argmax(1).tolist())
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


def _accuracies(task: CellTask, predicted: Sequence[int]) -> Accuracies:
    labels = [sample.label for sample in task.fold.test]
    return accuracies(labels, list(predicted), len(task.classes))


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


def _predictions(task: CellTask, trained: Trained) -> list[dict[str, Any]]:
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


def _checkpoints(task: CellTask, trained: Trained) -> list[dict[str, Any]]:
    """Return a row for every share of the budget, the whole included; none where none was asked."""
    if trained.scores is None or "steps" not in trained.columns:
        return []
    steps = trained.columns["steps"]
    asked = [
        (at, share, trained.partway[at])
        for at, share in shares_by_step(steps).items()
        if at in trained.partway  # not of a training that an older version began
    ]
    rows = []
    for step, share, predicted in [*asked, (steps, 1.0, trained.scores.argmax(1).tolist())]:
        result = _accuracies(task, predicted)
        row = _detail(task) | {"step": step, "share": share}
        row |= {"n_test": sum(result.n), "n_correct": sum(result.correct)}
        for label, n, correct in zip(task.classes, result.n, result.correct, strict=True):
            row |= {f"n_{label}": n, f"correct_{label}": correct}
        rows.append(row)
    return rows


def _epochs(task: CellTask, trained: Trained) -> list[dict[str, Any]]:
    return [
        _detail(task)
        | {
            "epoch": record.epoch,
            "lr": record.lr,
            "train_loss": record.train_loss,
            "train_wa": record.train_wa,
            "development_ua": record.development_ua,
        }
        for record in trained.records
    ]
