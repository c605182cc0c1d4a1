"""A cell, trained and scored: one probe, network or baseline, one fold and one seed."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

from ablation.features.batches import Feed, HostFeed, feeds
from ablation.features.cache import Entry
from ablation.features.segment_dataset import SegmentDataset, loudest_db
from ablation.models.network import build_network, cost_of
from ablation.models.own import receive
from ablation.models.probe import build_probe
from ablation.study import CellKind, TrainingSpec, shapes_text
from ablation.training.checkpoint import Checkpoint, EpochRecord
from ablation.training.compute import Compute, network_compute
from ablation.training.fit import fit, predict
from ablation.training.partway import Partway
from ablation.training.rows import Trained
from ablation.training.schedule import Budget
from ablation.training.seeds import seeded
from ablation.training.segment_moments import SegmentMoments
from ablation.training.stopping import BestEpoch, best_epoch
from ablation.training.task import (
    CellTask,
    Sample,
    TrainedNetwork,
)
from ablation.version import __version__


def train(task: CellTask, device: str) -> Trained:
    """Train a cell on a device and score its held-out utterances."""
    if task.factory is not None and task.model is not None:
        receive(task.factory, task.model)
    return _BY_KIND[task.cell.kind](task, device)


def _probe(task: CellTask, device: str) -> Trained:
    compute = compute_of(task, device)
    train, test = feeds_of(banks_of(task), task, compute)
    model = initial_probe(task, compute)
    moments = SegmentMoments.of(model, len(train), task.training.augment, on_card=compute.on_card)
    partway = _partway(task, test)
    fitted = fit(
        model, train, task.training, order_seed(task), compute, moments=moments, partway=partway
    )
    scores, n_segments = predict(fitted.model, test, task.training)
    engine = task.factory or task.study.probe.engine
    columns = budget_columns(fitted.records, fitted.budget)
    asked = partway.predicted
    return Trained(engine, scores, n_segments, columns, fitted.records, partway=asked)


def _network(task: CellTask, device: str) -> Trained:
    banks, compute = banks_of(task), compute_of(task, device)
    train, test, development = feeds_of([*banks, _development(task, banks[0])], task, compute)
    with seeded("init", task.cell.title, shapes_text(task.cell.shapes), *order_seed(task)):
        model = build_model(task, compute)
    cost = cost_of(model, task.study.features.height, task.study.features.width)
    model = compute.place(model)
    checkpoint = _checkpoint(task, device, compute)
    best = None
    if task.fold.development:
        best = BestEpoch(development, [s.label for s in task.fold.development], model)
    partway = _partway(task, test) if len(test) else None
    fitted = fit(
        model, train, task.training, order_seed(task), compute, checkpoint, best=best,
        partway=partway,
    )  # fmt: skip
    scores = n_segments = None
    if len(test):
        scores, n_segments = predict(fitted.model, test, task.training)
    weights = {key: value.cpu().contiguous() for key, value in fitted.model.state_dict().items()}
    known = banks[0].corpus_range
    entries, features = banks[0].entries, task.study.features
    network = TrainedNetwork(
        safetensors.torch.save(weights),
        None if known is None else (known.low, known.high),
        shortest_s=min(entry.frames for entry in entries) * features.hop_ms / 1000,
        quietest_db=min(loudest_db(entry, features) for entry in entries),
    )
    columns = budget_columns(fitted.records, fitted.budget) | vars(cost)
    if best is not None:
        columns["chosen"] = json.dumps({"epochs": best_epoch(fitted.records)})
    asked = {} if partway is None else partway.predicted
    return Trained(str(compute), scores, n_segments, columns, fitted.records, network, asked)


def _baseline(task: CellTask, device: str) -> Trained:
    # Loads scikit-learn, which workers that train probes do without.
    from ablation.training.baselines import TRAINERS

    result = TRAINERS[task.cell.baseline](task, device)
    columns: dict[str, Any] = {"parameters": result.parameters}
    if result.chosen:
        columns["chosen"] = json.dumps(result.chosen)
    if result.records:
        last = result.records[-1]
        columns |= {"train_loss": last.train_loss, "epochs": last.epoch}
    scores = result.scores.astype(np.float32)
    return Trained(result.engine, scores, result.n_segments, columns, result.records)


def _partway(task: CellTask, test: Feed) -> Partway:
    return Partway(lambda model: answers(model, test, task.training))


def answers(model: nn.Module, test: Feed, spec: TrainingSpec) -> list[int]:
    """Return the class index that ``model`` predicts for each utterance of ``test``."""
    return predict(model, test, spec)[0].argmax(1).tolist()


_BY_KIND: dict[CellKind, Callable[[CellTask, str], Trained]] = {
    CellKind.PROBE: _probe,
    CellKind.NETWORK: _network,
    CellKind.FINAL: _network,
    CellKind.BASELINE: _baseline,
}


def compute_of(task: CellTask, device: str) -> Compute:
    """Return the device and the number format in which a cell's model is trained."""
    if task.cell.kind == CellKind.PROBE:
        return Compute.on(device)
    return network_compute(task.study.network, device)


def feeds_of(banks: Sequence[SegmentDataset], task: CellTask, compute: Compute) -> list[Feed]:
    """Return the feeds that bring segments to the device; the first are those for training."""
    if not compute.on_card:
        return [HostFeed(bank) for bank in banks]
    return feeds(banks, compute.device, steady=not task.training.augment.used)


def build_model(task: CellTask, compute: Compute) -> nn.Module:
    """Return the untrained probe or network of a cell."""
    cell, study, classes = task.cell, task.study, len(task.classes)
    if cell.kind != CellKind.PROBE:
        return build_network(cell.shapes, cell.pooling, classes, study.network, study.features)
    return build_probe(
        cell.shapes[0],
        classes,
        study.probe,
        study.features,
        compute.device,
        tile=study.execution.tile,
        on_card=compute.on_card,
    )


def order_seed(task: CellTask) -> tuple[int, str]:
    """Return the name of a training's draws: two shapes see the same batches in the same order."""
    return task.cell.seed, task.cell.fold


def initial_probe(task: CellTask, compute: Compute) -> nn.Module:
    """Return the untrained probe of a cell on its device."""
    with seeded("init", task.cell.name, task.cell.name, *order_seed(task)):
        return compute.place(build_model(task, compute))


def banks_of(task: CellTask) -> tuple[SegmentDataset, SegmentDataset]:
    """Return the training and test segments of the cell's fold."""
    fold = task.fold
    return SegmentDataset.pair(_side(fold.train), _side(fold.test), task.study.features)


def _development(task: CellTask, train: SegmentDataset) -> SegmentDataset:
    """Return the segments of the development speakers, in the range of the training segments."""
    known = train.corpus_range
    return SegmentDataset(*_side(task.fold.development), train.spec, "test", known)


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


def budget_columns(records: Sequence[EpochRecord], budget: Budget) -> dict[str, Any]:
    """Return the columns that say how long a cell was trained."""
    return {
        "train_loss": records[-1].train_loss,
        "epochs": budget.epochs,
        "steps": budget.steps,
    }
