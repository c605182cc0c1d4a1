"""Estimates of time and memory, and the parts that those of probes and networks share."""

import heapq
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ablation.device import CPU
from ablation.errors import StudyError
from ablation.executors import Slot, choose
from ablation.features.cache import FeatureCache
from ablation.results import run_record
from ablation.runs.prepare import Prepared
from ablation.runs.runner import slots_of
from ablation.study import Shape, Study, at_window

if TYPE_CHECKING:
    from ablation.estimate.measuring import Lengths, Pace
    from ablation.estimate.workload import FoldWork

_FEW = 24  # spectrograms that are computed to measure how long they take


@dataclass(frozen=True)
class Memory:
    """Peak memory, in bytes.

    Attributes
    ----------
    worker, driver
        Private memory of a worker, and of the main process.
    shared
        Libraries and spectrograms, which all workers share.
    total
        The sum over all processes.
    devices
        Tensors on the GPU that needs most; 0 without one.
    spectrograms
        Spectrograms of the corpus, at one analysis window.
    resident
        Whether they stay in GPU memory (else they are streamed); None without a GPU.
    """

    worker: int
    driver: int
    shared: int
    total: int
    devices: int
    spectrograms: int
    resident: bool | None


@dataclass(frozen=True)
class ShapeWork:
    """The missing cells of a shape, and the time they take on a worker of the first device."""

    cells: int
    steps: int
    step_seconds: float
    cell_seconds: float
    measured: bool


@dataclass(frozen=True)
class Estimate:
    """The time and memory that the missing cells of a plan will take.

    Attributes
    ----------
    seconds
        Duration of the whole command, on ``workers`` workers.
    worker_seconds
        Time of the cells alone, on one worker.
    startup_seconds, spectrogram_seconds
        Parts of ``seconds``: starting up, and computing spectrograms.
    memory
        None where nothing is to be trained.
    core_share
        The share of a core (0..1) that a worker had while it was measured: below 1 where other
        programs or too many workers compete for it. The times assume that this stays so.
    by_shape
        The missing cells of a grid; empty for networks.
    elsewhere
        Whether the cells run on a cluster, whose machines may be faster or slower than this one.
        ``workers`` is then the number in its jobs, or 1 where that is unknown.
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


def nothing_measured(study: Study, cells: int) -> Estimate:
    """Return an estimate of so many missing cells without times: workers and devices only."""
    return Estimate(
        workers=_workers(study, cells),
        devices=_devices(study),
        elsewhere=study.cluster.used,
    )


def _devices(study: Study) -> tuple[str, ...]:
    """Return the devices that cells run on: those used here, or those named for a cluster."""
    named = study.execution.devices
    return run_record.unique(named) if study.cluster.used else choose(named).devices


def _workers(study: Study, cells: int) -> int:
    """Return the number of workers for so many cells."""
    cluster = study.cluster
    if not cluster.used:
        workers = len(slots_of(study.execution))
    else:
        workers = cluster.jobs * cluster.processes if cluster.system is not None else 1
    return min(workers, max(1, cells))


def slots_to_measure(study: Study, cells: int) -> list[Slot]:
    """Return the slots that a run of so many cells would use, or similar ones on this machine.

    Empty where the cells run on a cluster with a device that this machine lacks. Raises
    :class:`StudyError` for a missing device otherwise.
    """
    try:
        return slots_of(study.execution)[: max(1, cells)]
    except StudyError:
        if not study.cluster.used:
            raise
        return []


def kinds_of(slots: Sequence[Slot], none: Estimate) -> list[str]:
    """Return the kind of device of each worker."""
    from ablation.estimate.measuring import kind_of

    kinds = [kind_of(slot) for slot in slots]
    return kinds[:1] * none.workers if none.elsewhere else kinds


def makespan(seconds: Mapping[str, Sequence[float]], slots: Sequence[str]) -> float:
    """Return when (s) the last cell ends if each goes to the slot that is free first.

    Parameters
    ----------
    seconds
        The duration of every cell in order, by kind of device.
    slots
        The kind of device of each slot.
    """
    free = [(0.0, number) for number in range(len(slots))]
    for cell in range(len(next(iter(seconds.values())))):
        at, number = free[0]
        heapq.heapreplace(free, (at + seconds[slots[number]][cell], number))
    return max(at for at, _ in free)


def typical(work: Mapping[str, "FoldWork"]) -> "Lengths":
    """Return the utterance lengths of the fold of median size."""
    from ablation.estimate.measuring import Lengths

    ordered = sorted(work.values(), key=lambda fold: (sum(fold.train), len(fold.train)))
    fold = ordered[len(ordered) // 2]
    return Lengths(fold.train, fold.test)


def spectrogram_seconds(
    prepared: Prepared, windows: Sequence[float], frames: Mapping[str, int]
) -> float:
    """Return the seconds that the missing spectrograms will take, from computing a few."""
    seconds = 0.0
    for window in windows:
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


def memory_of(
    prepared: Prepared,
    windows: int,
    frames: Mapping[str, int],
    paces: Mapping[str, "Pace"],
    kinds: Sequence[str],
    driver: int,
) -> Memory:
    """Return the memory of workers of these kinds, with so many windows and driver bytes."""
    spec = prepared.study.features
    spectrograms = 4 * spec.height * sum(max(n, spec.width) for n in frames.values()) * windows
    found = [one for pace in paces.values() for one in pace.measured]
    shared = max(one.shared_bytes for one in found) + spectrograms
    own = {kind: max(one.own_bytes for one in pace.measured) for kind, pace in paces.items()}
    workers = Counter(kinds)
    return Memory(
        worker=max(own.values()),
        driver=driver,
        shared=shared,
        total=driver + shared + sum(number * own[kind] for kind, number in workers.items()),
        devices=max(one.device_bytes for one in found),
        spectrograms=spectrograms // windows,
        resident=_resident(paces),
    )


def _resident(paces: Mapping[str, "Pace"]) -> bool | None:
    """Return whether all GPUs hold the spectrograms; None without a GPU."""
    on_cards = [one for kind, pace in paces.items() if kind != CPU for one in pace.measured]
    return all(one.resident for one in on_cards) if on_cards else None


def as_json(study: Study, estimate: Estimate) -> dict[str, Any]:
    """Return the fields shared by the JSON of a grid and a promotion, in seconds and bytes."""
    memory = estimate.memory
    return {
        "workers": estimate.workers,
        "devices": list(estimate.devices),
        "threads": study.execution.threads,
        "seconds": round(estimate.seconds, 3),
        "worker_seconds": round(estimate.worker_seconds, 3),
        "startup_seconds": round(estimate.startup_seconds, 3),
        "spectrogram_seconds": round(estimate.spectrogram_seconds, 3),
        "core_share": round(estimate.core_share, 3),
        "memory_bytes": None if memory is None else vars(memory),
    }
