"""A step of training and the scoring of a segment, measured where cells are trained.

:func:`measure` runs in a worker like :func:`~ablation.training.cell.run_cell` does: the same model,
the same :func:`~ablation.training.fit.fit`, the same threads and allocator, and beside it the other
workers at the same work. It needs no recording: its spectrograms are made up.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from mmap import mmap
from statistics import median
from typing import cast

import numpy as np
import torch
from torch import nn

from ablation.errors.execution import TrialOutOfMemory
from ablation.features.bank import ArrayEntry, Range, SegmentDataset
from ablation.features.feeds import Feed, available_bytes, resident
from ablation.features.segments import Purpose, segment_starts
from ablation.memory import own_memory
from ablation.probes import SinglePassProbe
from ablation.study import FeaturesSpec
from ablation.training.cell import build_model, compute_of, feeds_of
from ablation.training.compute import Compute
from ablation.training.fit import fit, segment_scores
from ablation.training.moments import SegmentMoments, kept_bytes
from ablation.training.schedule import budget
from ablation.training.task import Cell, CellTask

_CHUNK = 0.1  # seconds of steps between two looks at the clock
_FEWEST, _MOST = 3, 40  # looks of which the median counts
_MAPPED = 64 << 20  # bytes of made-up spectrograms in a worker
_TRAIN, _TEST = 50, 8  # utterances that steps draw from, and that are scored
_MADE_TOGETHER = 16  # segments whose moments are made at a time
_SLOW = 1e-6  # learning rate: weights stay where they are, and no loss runs away


@dataclass(frozen=True)
class Trial:
    """A probe or network to be measured.

    Attributes
    ----------
    task
        A cell of it; its fold's utterances are not looked at.
    train, test
        Lengths in frames of the utterances of both sides of a typical fold.
    seconds
        To spend on measuring, compiling not counted; a slow step takes longer.
    """

    task: CellTask
    train: tuple[int, ...]
    test: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Measured:
    """What a cell of a probe or network costs.

    Attributes
    ----------
    step_seconds, segment_seconds
        Of an optimiser step, and of a segment that is scored.
    cell_seconds
        What a cell takes besides its steps and its scoring.
    first_seconds
        What the first steps took more than later ones: kernels are loaded or compiled.
    began
        When the worker began (``time.time``), by which its start-up is known.
    process
        The worker's number.
    own_bytes, shared_bytes
        Of the worker's memory at the end: its own pages, and those of files that it maps.
    device_bytes
        The most that tensors took on a card; 0 on the CPU.
    spectrogram_bytes
        Of all the fold's spectrograms.
    resident
        Whether a card keeps them in its memory; False on the CPU.
    core_share
        Of a core's time that the worker had (0..1): less than all where other programs want it.
    """

    cell: Cell
    step_seconds: float
    segment_seconds: float
    cell_seconds: float
    first_seconds: float
    began: float
    process: int
    own_bytes: int
    shared_bytes: int
    device_bytes: int
    spectrogram_bytes: int
    resident: bool
    core_share: float


def measure(trial: Trial, device: str) -> Measured:
    """Measure ``trial`` on ``device``; :class:`MemoryShortage` when a card has no room for it."""
    began = time.time()
    try:
        return _measure(trial, device, began)
    except torch.OutOfMemoryError as error:
        raise TrialOutOfMemory(device, trial.task.cell.name) from error


def _measure(trial: Trial, where: str, began: float) -> Measured:
    task, spec = trial.task, trial.task.study.features
    compute = compute_of(task, where)
    device = compute.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    arrays = _arrays(trial)
    building = _timed(partial(_whole_banks, trial, arrays), device)
    banks = (
        _bank(_spread(trial.train, _TRAIN), spec, "train", arrays),
        _bank(_spread(trial.test, _TEST), spec, "test", arrays),
    )
    train, test = feeds_of(*banks, task, compute)
    placed = time.perf_counter()
    model = compute.place(build_model(task, compute))
    building += time.perf_counter() - placed
    moments, made, kept = _moments(trial, model, train, compute)
    building += made

    def steps(number: int) -> None:
        few = {"steps": number, "epochs": None, "learning_rate": _SLOW, "schedule": "constant"}
        fit(
            model,
            train,
            task.training.model_copy(update=few),
            ("measured",),
            compute,
            moments=moments,
        )

    def scores(number: int) -> None:
        for _ in range(number):
            segment_scores(model, test, task.training)

    wall, core = time.perf_counter(), time.process_time()
    first_steps, step = _median(steps, device, 0.7 * trial.seconds)
    first_scores, scoring = _median(scores, device, 0.3 * trial.seconds)
    share = (time.process_time() - core) / (time.perf_counter() - wall)
    own, shared = own_memory()
    stored = 4 * spec.height * sum(max(n, spec.width) for n in (*trial.train, *trial.test))
    fits = compute.on_card and resident(stored, available_bytes(device))
    stays = stored if fits else 0  # beside what was measured of a small part of the corpus
    return Measured(
        cell=task.cell,
        step_seconds=step,
        segment_seconds=scoring / len(test),
        cell_seconds=building,
        first_seconds=max(0.0, first_steps - 2 * step) + max(0.0, first_scores - 2 * scoring),
        began=began,
        process=os.getpid(),
        own_bytes=own + (0 if compute.on_card else kept),
        shared_bytes=shared,
        device_bytes=_most_allocated(device) + kept + stays if compute.on_card else 0,
        spectrogram_bytes=stored,
        resident=bool(stays),
        core_share=min(1.0, share) if device.type == "cpu" else 1.0,
    )


def _moments(
    trial: Trial, model: nn.Module, train: Feed, compute: Compute
) -> tuple[SegmentMoments | None, float, int]:
    """Moments of all segments that steps draw from, as they are known after the first epoch.

    With them the seconds that those of the fold's segments take to be made, and the bytes that they
    take more than the trial's.
    """
    task, features = trial.task, trial.task.study.features
    whole = sum(len(segment_starts(frames, features, "train")) for frames in trial.train)
    size = kept_bytes(model, whole, task.training.augment, on_card=compute.on_card)
    if not size:
        return None, 0.0, 0
    moments = SegmentMoments(cast(SinglePassProbe, model), len(train))

    def make() -> None:
        for batch in train.batches(torch.arange(len(train)).split(_MADE_TOGETHER)):
            moments.total(batch)

    seconds = _timed(make, compute.device) / len(train)
    steps = budget(task.training, whole).steps
    met = min(whole, steps * task.training.batch_size)
    return moments, seconds * met, max(0, whole - len(train)) * (size // whole)


def _most_allocated(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def _median(
    work: Callable[[int], None], device: torch.device, seconds: float
) -> tuple[float, float]:
    """Seconds of the first two pieces of work, and the median of one piece after them."""
    first = _timed(partial(work, 1), device)
    second = _timed(partial(work, 1), device)
    number = max(1, round(_CHUNK / max(second, 1e-6)))
    found: list[float] = []
    ends = time.perf_counter() + seconds
    while len(found) < _FEWEST or (time.perf_counter() < ends and len(found) < _MOST):
        found.append(_timed(partial(work, number), device) / number)
    return first + second, median(found)


def _timed(work: Callable[[], object], device: torch.device) -> float:
    _settled(device)
    start = time.perf_counter()
    work()
    _settled(device)
    return time.perf_counter() - start


def _settled(device: torch.device) -> None:
    """Wait until a card has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _spread(frames: Sequence[int], number: int) -> list[int]:
    """At most ``number`` of the lengths, evenly from the shortest to the longest."""
    number = min(number, len(frames))
    ordered = sorted(frames)
    return [ordered[int((k + 0.5) * len(ordered) / number)] for k in range(number)]


def _whole_banks(trial: Trial, arrays: Sequence[np.ndarray]) -> None:
    """Banks as large as the fold's: what every cell begins with.

    The ranges of utterances are left out: a worker works them out once.
    """
    plain = trial.task.study.features.model_copy(update={"scope": "segment"})
    _bank(trial.train, plain, "train", arrays)
    _bank(trial.test, plain, "test", arrays)


def _bank(
    frames: Sequence[int], spec: FeaturesSpec, purpose: Purpose, arrays: Sequence[np.ndarray]
) -> SegmentDataset:
    """A bank of made-up utterances of so many frames; they share ``arrays``."""
    held = [
        ArrayEntry(arrays[k % len(arrays)], min(number, _most_frames(spec)))
        for k, number in enumerate(frames)
    ]
    known = Range(0.0, 1.0) if spec.scope == "corpus" else None
    return SegmentDataset(held, [0] * len(held), spec, purpose, known)


def _arrays(trial: Trial) -> Sequence[np.ndarray]:
    """StudyResults arrays for the longest utterance of the trial."""
    spec = trial.task.study.features
    frames = min(max(*trial.train, *trial.test), _most_frames(spec))
    columns = max(frames, spec.width)
    if spec.edges == "segment":
        both: tuple[Purpose, ...] = ("train", "test")
        columns = spec.width * sum(len(segment_starts(frames, spec, side)) for side in both)
    return _mapped(spec.height, columns)


@lru_cache(maxsize=1)
def _mapped(height: int, columns: int) -> Sequence[np.ndarray]:
    """Random arrays that look like those of the cache: mapped, not to be written."""
    each = 4 * height * columns
    number = min(_TRAIN, max(1, _MAPPED // each))
    pages = np.frombuffer(mmap(-1, number * each), np.float32).reshape(number, height, columns)
    np.random.default_rng(0).random(dtype=np.float32, out=pages)
    pages = pages.view(np.memmap)
    pages.flags.writeable = False
    return list(pages)


def _most_frames(spec: FeaturesSpec) -> int:
    """Longer utterances are cut: a step sees no more than a segment of them."""
    return 8 * spec.columns(max(spec.segment_s, spec.train_hop_s))
