"""How long the paper's study takes on a card, and how busy it is: the last part of ``gpu.py``.

The data are made up: 2,280 utterances by ten speakers, as long as IEMOCAP's, and noise.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ablation.device import INTERPRETER
from ablation.executors import LocalExecutor, Slot
from ablation.features.cache import Entry
from ablation.study import CellKind, Shape, Study
from ablation.training.fit import segment_scores
from ablation.training.group import Group
from ablation.training.task import Cell, CellTask, FoldData, Sample
from ablation.training.worker import train_cells

SPEAKERS, UTTERANCES = 10, 228  # of each speaker
CLASSES = ("anger", "happiness", "neutral", "sadness")
SECONDS = (1.5, 7.5)  # an utterance's length, uniformly
FILES = 60  # of different lengths; the others are links to them
STEPS = 768  # measured of a shape's


def study_measured(card: bool, precision: str) -> dict[str, Any]:
    """Seconds of all shapes and folds: preparing and scoring as they are, steps extrapolated."""
    device = "cuda:0" if card else INTERPRETER
    with corpus(card) as (study, folds):
        shapes = _shapes(study) if card else _shapes(study)[:1]
        found = []
        for shape in shapes:
            few = {"steps": STEPS if card else 2, "epochs": None}
            short = study.model_copy(
                update={
                    "training": study.training.model_copy(update=few),
                    "probe": study.probe.model_copy(update={"precision": precision}),
                }
            )
            found.append(_shape_measured(shape, short, folds, device))
        full = task_of(shapes[0], study, folds[0])
        steps = _steps_of(full)
    return {
        "precision": precision,
        "shapes": found,
        "cells": len(shapes) * len(folds),
        "steps_of_a_cell": steps,
        "utterances": SPEAKERS * UTTERANCES if card else None,
        "seconds": sum(one["prepare_s"] + one["score_s"] + steps * one["step_s"] for one in found),
    }


def _shape_measured(
    shape: Shape, study: Study, folds: list[FoldData], device: str
) -> dict[str, Any]:
    tasks = [task_of(shape, study, fold) for fold in folds]
    start = time.perf_counter()
    group = Group.of(tasks, device)
    if group is None:
        raise RuntimeError(f"{shape} is not trained in groups")
    _settled(device)
    prepared = time.perf_counter()
    results = group.trained()
    _settled(device)
    trained = time.perf_counter()
    if any(isinstance(result, Exception) for result in results):
        raise RuntimeError(f"{shape}: {results}")
    for test in group.segments.tests:
        segment_scores(group.probes[0], test, study.training)
    scored = time.perf_counter() - trained
    steps = study.training.steps or 1
    return {
        "shape": str(shape),
        "prepare_s": prepared - start,
        "step_s": max(0.0, trained - prepared - scored) / steps,
        "score_s": scored,
        "segments": len(group.segments),
    }


def busy_measured(shapes: tuple[tuple[int, int], ...], precision: str) -> dict[str, Any]:
    """Train whole groups on a worker as a run does, and watch the card's utilisation."""
    with corpus(card=True) as (study, folds):
        probe = study.probe.model_copy(update={"precision": precision})
        study = study.model_copy(update={"probe": probe})
        groups = [tuple(task_of(Shape(*s), study, fold) for fold in folds) for s in shapes]
        used: list[tuple[float, int]] = []
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(used, ended))
        watch.start()
        ends = []
        try:
            for end in LocalExecutor([Slot("cuda:0", 1)]).run(train_cells, groups):
                if end.crash is not None:
                    raise RuntimeError(end.crash)
                ends.append((time.perf_counter(), end.value))
        finally:
            ended.set()
            watch.join()
    first, last = ends[0][0], ends[-1][0]  # the first group starts the worker and loads the data
    seen = [share for at, share in used if first <= at <= last]
    return {
        "precision": precision,
        "shapes": [f"{height}x{width}" for height, width in shapes],
        "seconds": last - first,
        "cells": sum(len(value) for _, value in ends[1:]),
        "failed": sum(outcome.failed for _, value in ends for outcome in value),
        "busy": float(np.mean(seen)) / 100 if seen else None,
    }


def _watch(used: list[tuple[float, int]], ended: threading.Event) -> None:
    import pynvml

    pynvml.nvmlInit()
    card = pynvml.nvmlDeviceGetHandleByIndex(0)
    while not ended.wait(0.1):
        used.append((time.perf_counter(), pynvml.nvmlDeviceGetUtilizationRates(card).gpu))


@contextmanager
def corpus(card: bool) -> Iterator[tuple[Study, list[FoldData]]]:
    """Yield the paper's study and its folds over made-up spectrograms."""
    small = {
        "sample_rate": 8000, "n_fft": 160, "window_ms": 20, "hop_ms": 40, "max_hz": 800,
        "segment_s": 0.96, "train_hop_s": 0.96, "test_hop_s": 0.96,
    }  # fmt: skip
    features = {"features": {} if card else small}
    training = {} if card else {"training": {"batch_size": 2}}
    study = Study.model_validate(features | training)
    spec, rng = study.features, np.random.default_rng(0)
    speakers, utterances = (SPEAKERS, UTTERANCES) if card else (2, 4)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = np.linspace(*SECONDS, FILES if card else 2) * 1000 / spec.hop_ms
        for number, length in enumerate(frames.astype(int)):
            columns = max(int(length), spec.width)
            array = rng.random((spec.height, columns), np.float32) ** 3
            np.save(folder / f"file{number}.npy", array)
        samples = []
        for number in range(speakers * utterances):
            file = int(rng.integers(len(frames)))
            path = folder / f"{number:032x}-{int(frames[file])}.npy"
            os.link(folder / f"file{file}.npy", path)
            entry = Entry(path, int(frames[file]))
            samples.append(Sample(str(number), f"s{number % speakers}", number % 4, entry))
        yield study, [_fold(f"s{one}", tuple(samples)) for one in range(speakers)]


def _fold(name: str, samples: tuple[Sample, ...]) -> FoldData:
    train = tuple(sample for sample in samples if sample.speaker != name)
    test = tuple(sample for sample in samples if sample.speaker == name)
    return FoldData(name, (name,), train, test)


def _shapes(study: Study) -> list[Shape]:
    grid = study.grid
    shapes = [Shape(height, grid.fixed_width) for height in grid.heights]
    return list(dict.fromkeys([*shapes, *(Shape(grid.fixed_height, w) for w in grid.widths)]))


def task_of(shape: Shape, study: Study, fold: FoldData) -> CellTask:
    """Return a cell of a shape and fold."""
    cell = Cell(CellKind.PROBE, (shape,), study.features.window_ms, 0, fold.name)
    return CellTask(cell, study, CLASSES, "d", fold)


def _steps_of(task: CellTask) -> int:
    """Return the optimiser steps of a cell of the paper's study."""
    from ablation.training.cell import banks_of
    from ablation.training.schedule import budget

    return budget(task.training, len(banks_of(task)[0])).steps


def _settled(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
