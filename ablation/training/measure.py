"""The time of a training step and of scoring a segment, measured where cells are trained.

:func:`measure` runs in a worker as :func:`~ablation.training.cell.run_cell` does: with the same
model, the same :func:`~ablation.training.fit.fit`, the same threads and allocator, and with the
other workers doing the same beside it. It needs no recordings: its spectrograms are random.
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
from ablation.features.batches import Feed, available_bytes, resident
from ablation.features.segment_dataset import ArrayEntry, Range, SegmentDataset
from ablation.features.segments import Purpose, segment_starts
from ablation.memory import own_memory
from ablation.models.probe import SinglePassProbe
from ablation.study import FeaturesSpec
from ablation.training.cell import build_model, compute_of, feeds_of
from ablation.training.compute import Compute
from ablation.training.fit import fit, segment_scores
from ablation.training.moments import SegmentMoments, kept_bytes
from ablation.training.schedule import budget
from ablation.training.task import Cell, CellTask

_CHUNK = 0.1  # seconds of steps that are timed together
_FEWEST, _MOST = 3, 40  # timings of which the median is taken
_MAPPED = 64 << 20  # bytes of random spectrograms in a worker
_TRAIN, _TEST = 50, 8  # utterances that steps draw from, and that are scored
_MADE_TOGETHER = 16  # segments whose moments are computed at a time
_SLOW = 1e-6  # learning rate: weights hardly change, and no loss diverges


@dataclass(frozen=True)
class Trial:
    """A probe or network to be measured.

    Attributes
    ----------
    task
        One of its cells; the fold's utterances are not used.
    train, test
        Lengths (frames) of the training and test utterances of a typical fold.
    seconds
        Time to spend on measuring, without compiling; slow steps take longer.
    """

    task: CellTask
    train: tuple[int, ...]
    test: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Measured:
    """The time and memory that a cell of a probe or network takes.

    Attributes
    ----------
    step_seconds, segment_seconds
        Time of an optimiser step, and of scoring a segment.
    cell_seconds
        Time of a cell besides its steps and its scoring.
    first_seconds
        Extra time of the first steps, in which kernels are loaded or compiled.
    began
        When the worker began (``time.time``), which shows how long it took to start.
    process
        The worker's process id.
    own_bytes, shared_bytes
        The worker's memory at the end: its own pages, and those of files that it maps.
    device_bytes
        The most that tensors took on a card; 0 on the CPU.
    spectrogram_bytes
        The size of all the fold's spectrograms.
    resident
        Whether a card keeps them in its memory; False on the CPU.
    core_share
        The share of a core's time that the worker had (0..1): below 1 if other programs run too.
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
    """Measure ``trial`` on ``device``; raise :class:`TrialOutOfMemory` if it does not fit there."""
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
    stays = stored if fits else 0  # beside what a small part of the corpus took
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
    """Return the moments of all segments that steps draw from, as after the first epoch.

    Also return the seconds it takes to compute those of the fold's segments, and the bytes they
    need beyond the trial's.
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
    """Return the seconds of the first two units of work, and the median of later ones."""
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
    """Wait until a card has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _spread(frames: Sequence[int], number: int) -> list[int]:
    """Return at most ``number`` of the lengths, evenly from the shortest to the longest."""
    number = min(number, len(frames))
    ordered = sorted(frames)
    return [ordered[int((k + 0.5) * len(ordered) / number)] for k in range(number)]


def _whole_banks(trial: Trial, arrays: Sequence[np.ndarray]) -> None:
    """Build datasets as large as the fold's, as every cell does first.

    The ranges of utterances are left out: a worker computes them once.
    """
    plain = trial.task.study.features.model_copy(update={"scope": "segment"})
    _bank(trial.train, plain, "train", arrays)
    _bank(trial.test, plain, "test", arrays)


def _bank(
    frames: Sequence[int], spec: FeaturesSpec, purpose: Purpose, arrays: Sequence[np.ndarray]
) -> SegmentDataset:
    """Return a dataset of random utterances of so many frames, which share ``arrays``."""
    held = [
        ArrayEntry(arrays[k % len(arrays)], min(number, _most_frames(spec)))
        for k, number in enumerate(frames)
    ]
    known = Range(0.0, 1.0) if spec.scope == "corpus" else None
    return SegmentDataset(held, [0] * len(held), spec, purpose, known)


def _arrays(trial: Trial) -> Sequence[np.ndarray]:
    """Return random arrays large enough for the longest utterance of the trial."""
    spec = trial.task.study.features
    frames = min(max(*trial.train, *trial.test), _most_frames(spec))
    columns = max(frames, spec.width)
    if spec.edges == "segment":
        both: tuple[Purpose, ...] = ("train", "test")
        columns = spec.width * sum(len(segment_starts(frames, spec, side)) for side in both)
    return _mapped(spec.height, columns)


@lru_cache(maxsize=1)
def _mapped(height: int, columns: int) -> Sequence[np.ndarray]:
    """Return random arrays that look like those of the cache: memory-mapped and read-only."""
    each = 4 * height * columns
    number = min(_TRAIN, max(1, _MAPPED // each))
    pages = np.frombuffer(mmap(-1, number * each), np.float32).reshape(number, height, columns)
    np.random.default_rng(0).random(dtype=np.float32, out=pages)
    pages = pages.view(np.memmap)
    pages.flags.writeable = False
    return list(pages)


def _most_frames(spec: FeaturesSpec) -> int:
    """Return the most frames of an utterance; longer ones are cut, as steps see only segments."""
    return 8 * spec.columns(max(spec.segment_s, spec.train_hop_s))
