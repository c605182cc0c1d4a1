"""A cell: one filter shape or network, one fold, one seed, trained and scored."""

import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from torch import nn

from ablation.features.bank import SegmentBank
from ablation.features.cache import Entry
from ablation.networks import Network
from ablation.probes import ReferenceProbe, SinglePassProbe
from ablation.records import OK
from ablation.training.fit import EpochRecord, fit, predict
from ablation.training.metrics import accuracies
from ablation.training.seeding import generator, seeded
from ablation.training.task import (
    CellTask,
    Outcome,
    Sample,
    failed_outcome,
    identity,
    provenance,
)


def run_cell(task: CellTask, device: str) -> Outcome:
    """Train and score ``task``; an exception becomes a failed row that carries its traceback."""
    started = datetime.now(UTC)
    try:
        return _trained(task, device, started)
    except Exception:  # noqa: BLE001 - a cell that fails must not stop the others
        return failed_outcome(task, traceback.format_exc(), device, started)


def _trained(task: CellTask, device: str, started: datetime) -> Outcome:
    clock = time.perf_counter()
    spec = task.training
    train, test = SegmentBank.pair(
        _side(task.fold.train), _side(task.fold.test), task.study.features
    )
    place = torch.device(device)
    names = (task.cell.seed, task.cell.fold)
    with seeded("init", task.cell.name, ",".join(task.cell.shape_names), *names):
        model = build_model(task).to(place)
    records, total = fit(model, train, spec, generator("order", *names), place)
    scores, n_segments = predict(model, test, spec, place)
    row = (
        identity(task)
        | provenance(task, device, started)
        | _scored(task, scores)
        | {
            "train_loss": records[-1].train_loss,
            "epochs": total.epochs,
            "steps": total.steps,
            "train_seconds": time.perf_counter() - clock,
            "status": OK,
        }
    )
    return Outcome(row, _predictions(task, scores, n_segments), _epochs(task, records))


def build_model(task: CellTask) -> nn.Module:
    """The untrained model of a cell."""
    cell, study = task.cell, task.study
    if cell.kind == "probe":
        (height, width), probe = cell.shapes[0], study.probe
        shape = (height, width, probe.filters, len(task.classes), probe.bias)
        if probe.engine == "reference":
            return ReferenceProbe(*shape)
        return SinglePassProbe(*shape, precision=probe.precision, tile=study.execution.tile)
    network = Network(cell.shapes, cell.pooling, len(task.classes), study.network)
    # The layout in which a step of many channels takes about two thirds of the time.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _side(samples: Sequence[Sample]) -> tuple[list[Entry], list[int]]:
    return [sample.entry for sample in samples], [sample.label for sample in samples]


def _scored(task: CellTask, scores: np.ndarray) -> dict[str, Any]:
    """Counts and accuracies of the held-out utterances."""
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
    """The columns that name the cell in the tables of utterances and epochs."""
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


def _predictions(
    task: CellTask, scores: np.ndarray, n_segments: np.ndarray
) -> list[dict[str, Any]]:
    rows = []
    for sample, values, count in zip(task.fold.test, scores, n_segments, strict=True):
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


def _epochs(task: CellTask, records: Sequence[EpochRecord]) -> list[dict[str, Any]]:
    return [
        _detail(task)
        | {
            "epoch": record.epoch,
            "lr": record.lr,
            "train_loss": record.train_loss,
            "train_wa": record.train_wa,
        }
        for record in records
    ]
