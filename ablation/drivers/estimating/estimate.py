"""Hours and memory of a grid before it is run, from steps measured on this machine."""

import heapq
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ablation.drivers import settings
from ablation.drivers.grid import GridPlan
from ablation.drivers.progress import Reporter
from ablation.drivers.running import slots_of
from ablation.errors import StudyError
from ablation.execution import Slot
from ablation.features.cache import FeatureCache
from ablation.memory import own_memory
from ablation.study import Shape, Study, at_window
from ablation.training.task import Cell

if TYPE_CHECKING:
    from ablation.drivers.estimating.measuring import Lengths, Pace
    from ablation.drivers.estimating.workload import FoldWork

_FEW = 24  # spectrograms that are made to see how long they take


@dataclass(frozen=True)
class Memory:
    """Bytes at their most.

    Attributes
    ----------
    worker, driver
        Own pages of a worker, and of the process that drives them.
    shared
        Libraries and spectrograms, mapped by all workers and there once.
    total
        All of these; what it takes of the machine.
    devices
        Of tensors on the fullest card; 0 without one.
    """

    worker: int
    driver: int
    shared: int
    total: int
    devices: int


@dataclass(frozen=True)
class ShapeWork:
    """The missing cells of a shape, and what they take of a worker of the first device."""

    cells: int
    steps: int
    step_seconds: float
    cell_seconds: float
    measured: bool


@dataclass(frozen=True)
class Estimate:
    """What the missing cells of a plan will take.

    Attributes
    ----------
    seconds
        From the command to its end, on ``workers`` workers.
    worker_seconds
        Of the cells alone, on one worker.
    startup_seconds, spectrogram_seconds
        Parts of ``seconds``: until the first cell is begun, but for making spectrograms.
    memory
        None where nothing is to be trained.
    core_share
        Of a core's time that a worker had while it was measured (0..1): less than all where other
        programs, or too many workers, want it too. The times are those of a machine that stays as
        busy.
    elsewhere
        Whether the cells run on a cluster, whose machines may be faster or slower than this one.
        ``workers`` are then those of its jobs, and one where nobody knows how many there are.
    """

    workers: int
    devices: tuple[str, ...]
    seconds: float = 0.0
    worker_seconds: float = 0.0
    startup_seconds: float = 0.0
    spectrogram_seconds: float = 0.0
    memory: Memory | None = None
    core_share: float = 1.0
    by_shape: Mapping[Shape, ShapeWork] = field(default_factory=dict)
    elsewhere: bool = False


def estimate_grid(plan: GridPlan, reporter: Reporter) -> Estimate:
    """Measure steps on the slots that the plan's run would use, and reckon from them.

    Nothing is measured where no cell is missing, nor where the cells go to a cluster whose device
    is not on this machine. Spectrograms that are made to time them stay in the cache.

    Raises
    ------
    AblationError
        For a recording that cannot be used, a device that is not there, or one without memory for
        any shape.
    """
    study = plan.prepared.study
    none = Estimate(
        workers=_workers(study, len(plan.missing)),
        devices=settings.unique(study.execution.devices),
        elsewhere=study.cluster.used,
    )
    try:
        slots = slots_of(study.execution)[: max(1, len(plan.missing))]
    except StudyError:
        if not none.elsewhere:
            raise
        return none
    return _measured(plan, none, slots, reporter) if plan.missing else none


def _workers(study: Study, cells: int) -> int:
    """How many will work on so many cells."""
    cluster = study.cluster
    if not cluster.used:
        workers = len(slots_of(study.execution))
    else:
        workers = cluster.jobs * cluster.processes if cluster.system is not None else 1
    return min(workers, max(1, cells))


def _measured(
    plan: GridPlan, none: Estimate, slots: Sequence[Slot], reporter: Reporter
) -> Estimate:
    driver, _ = own_memory()
    # Loads torch, which the run itself leaves to its workers.
    from ablation.drivers.estimating.measuring import kind_of, measure_shapes
    from ablation.drivers.estimating.workload import fold_work, frames_of

    startup = plan.seconds
    prepared, cells = plan.prepared, plan.missing
    frames = frames_of(prepared)
    work = fold_work(prepared, frames)
    shapes = settings.unique(cell.shapes[0] for cell in cells)
    spectrograms = _spectrogram_seconds(plan, frames)
    with reporter.task("measured", unit="steps") as count:
        classes = prepared.corpus.classes
        paces = measure_shapes(prepared.study, classes, shapes, _typical(work), slots, count)
    by_kind = {kind: _cell_seconds(cells, shapes, work, pace) for kind, pace in paces.items()}
    kinds = [kind_of(slot) for slot in slots]
    if none.elsewhere:
        kinds = kinds[:1] * none.workers
    startup += max(pace.startup_seconds for pace in paces.values())
    first = kinds[0]
    return replace(
        none,
        seconds=startup + spectrograms + makespan(by_kind, kinds),
        worker_seconds=sum(by_kind[first]),
        startup_seconds=startup,
        spectrogram_seconds=spectrograms,
        core_share=min(pace.core_share for pace in paces.values()),
        memory=_memory(plan, frames, paces, Counter(kinds), driver),
        by_shape=_by_shape(cells, shapes, work, paces[first], by_kind[first]),
    )


def makespan(seconds: Mapping[str, Sequence[float]], slots: Sequence[str]) -> float:
    """When the last cell ends, if each in turn goes to the slot that is free first.

    Parameters
    ----------
    seconds
        Of every cell in its turn, by kind of device.
    slots
        The kind of each slot.
    """
    free = [(0.0, number) for number in range(len(slots))]
    for cell in range(len(next(iter(seconds.values())))):
        at, number = free[0]
        heapq.heapreplace(free, (at + seconds[slots[number]][cell], number))
    return max(at for at, _ in free)


def _typical(work: Mapping[str, "FoldWork"]) -> "Lengths":
    """The lengths of the fold that is in the middle by its steps."""
    from ablation.drivers.estimating.measuring import Lengths

    ordered = sorted(work.values(), key=lambda fold: (sum(fold.train), len(fold.train)))
    fold = ordered[len(ordered) // 2]
    return Lengths(fold.train, fold.test)


def _cell_seconds(
    cells: Sequence[Cell], shapes: Sequence[Shape], work: Mapping[str, "FoldWork"], pace: "Pace"
) -> list[float]:
    """Of every cell in its turn, on one worker."""
    step, segment = pace.step_seconds(shapes), pace.segment_seconds(shapes)
    besides = pace.cell_seconds
    return [
        work[cell.fold].steps * step[cell.shapes[0]]
        + work[cell.fold].scored * segment[cell.shapes[0]]
        + besides
        for cell in cells
    ]


def _by_shape(
    cells: Sequence[Cell],
    shapes: Sequence[Shape],
    work: Mapping[str, "FoldWork"],
    pace: "Pace",
    seconds: Sequence[float],
) -> dict[Shape, ShapeWork]:
    number: Counter[Shape] = Counter(cell.shapes[0] for cell in cells)
    steps: Counter[Shape] = Counter()
    spent = dict.fromkeys(shapes, 0.0)
    for cell, one in zip(cells, seconds, strict=True):
        steps[cell.shapes[0]] += work[cell.fold].steps
        spent[cell.shapes[0]] += one
    step = pace.step_seconds(shapes)
    return {
        shape: ShapeWork(
            number[shape],
            steps[shape],
            step[shape],
            spent[shape] / number[shape],
            shape in pace.shapes,
        )
        for shape in shapes
    }


def _spectrogram_seconds(plan: GridPlan, frames: Mapping[str, int]) -> float:
    """What making the missing spectrograms of all windows will take, from making a few."""
    prepared, seconds = plan.prepared, 0.0
    for window in settings.unique(cell.window_ms for cell in plan.missing):
        cache = FeatureCache(at_window(prepared.study, window).features)
        missing = cache.lacking(prepared.corpus.utterances, prepared.contents)
        apart = max(1, len(missing) // _FEW)
        few = missing[::apart][:_FEW]
        cache.ensure(few[:2], prepared.contents)  # loads what transforms need
        clock = time.perf_counter()
        cache.ensure(few[2:], prepared.contents)
        took = time.perf_counter() - clock
        made = {utterance.id for utterance in few}
        sizes = [
            sum(frames.get(u.id, 1) for u in part)
            for part in (few[2:], [u for u in missing if u.id not in made])
        ]
        if sizes[1]:
            seconds += took * sizes[1] / sizes[0]
    return seconds


def _memory(
    plan: GridPlan,
    frames: Mapping[str, int],
    paces: Mapping[str, "Pace"],
    workers: Mapping[str, int],
    driver: int,
) -> Memory:
    spec = plan.prepared.study.features
    windows = len(settings.unique(cell.window_ms for cell in plan.missing))
    spectrograms = 4 * spec.height * sum(max(n, spec.width) for n in frames.values()) * windows
    found = [one for pace in paces.values() for one in pace.measured]
    shared = max(one.shared_bytes for one in found) + spectrograms
    own = {kind: max(one.own_bytes for one in pace.measured) for kind, pace in paces.items()}
    return Memory(
        worker=max(own.values()),
        driver=driver,
        shared=shared,
        total=driver + shared + sum(number * own[kind] for kind, number in workers.items()),
        devices=max(one.device_bytes for one in found),
    )


def as_json(plan: GridPlan, estimate: Estimate) -> dict[str, Any]:
    """All of it for scripts; times in seconds, memory in bytes."""
    request, prepared = plan.request, plan.prepared
    memory = estimate.memory
    return {
        "study": prepared.study.name,
        "digest": prepared.digest,
        "cells": len(plan.cells),
        "to_train": len(plan.missing),
        "stored": len(plan.cells) - len(plan.missing),
        "shapes": [str(shape) for shape in request.shapes],
        "windows": list(request.windows),
        "folds": [fold.name for fold in prepared.folds],
        "seeds": list(request.seeds),
        "workers": estimate.workers,
        "devices": list(estimate.devices),
        "threads": prepared.study.execution.threads,
        "seconds": round(estimate.seconds, 3),
        "worker_seconds": round(estimate.worker_seconds, 3),
        "startup_seconds": round(estimate.startup_seconds, 3),
        "spectrogram_seconds": round(estimate.spectrogram_seconds, 3),
        "core_share": round(estimate.core_share, 3),
        "memory_bytes": None if memory is None else vars(memory),
        "by_shape": {str(shape): vars(work) for shape, work in estimate.by_shape.items()},
    }
