"""What an estimate is, and what those of probes and of networks are reckoned from alike."""

import heapq
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ablation.device import CPU
from ablation.drivers import settings
from ablation.drivers.prepare import Prepared
from ablation.drivers.running import slots_of
from ablation.errors import StudyError
from ablation.execution import Slot, choose
from ablation.features.cache import FeatureCache
from ablation.study import Shape, Study, at_window

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
    spectrograms
        Of the corpus, at one analysis window.
    resident
        Whether cards keep them in their memory (else they are streamed); None without a card.
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
    by_shape
        Of a grid's missing cells; empty of networks.
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


def nothing_measured(study: Study, cells: int) -> Estimate:
    """Of so many missing cells: who will work on them."""
    return Estimate(
        workers=_workers(study, cells),
        devices=_devices(study),
        elsewhere=study.cluster.used,
    )


def _devices(study: Study) -> tuple[str, ...]:
    """Where cells run: of this machine those that will be taken, of a cluster as they are named."""
    named = study.execution.devices
    return settings.unique(named) if study.cluster.used else choose(named).devices


def _workers(study: Study, cells: int) -> int:
    """How many will work on so many cells."""
    cluster = study.cluster
    if not cluster.used:
        workers = len(slots_of(study.execution))
    else:
        workers = cluster.jobs * cluster.processes if cluster.system is not None else 1
    return min(workers, max(1, cells))


def slots_to_measure(study: Study, cells: int) -> list[Slot]:
    """The slots that a run of so many cells would use, or those like them on this machine.

    Empty where the cells go to a cluster whose device is not here. Raises :class:`StudyError` for a
    device that is not there.
    """
    try:
        return slots_of(study.execution)[: max(1, cells)]
    except StudyError:
        if not study.cluster.used:
            raise
        return []


def kinds_of(slots: Sequence[Slot], none: Estimate) -> list[str]:
    """The kind of device of each worker."""
    from ablation.drivers.estimating.measuring import kind_of

    kinds = [kind_of(slot) for slot in slots]
    return kinds[:1] * none.workers if none.elsewhere else kinds


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


def typical(work: Mapping[str, "FoldWork"]) -> "Lengths":
    """The lengths of the fold that is in the middle by its steps."""
    from ablation.drivers.estimating.measuring import Lengths

    ordered = sorted(work.values(), key=lambda fold: (sum(fold.train), len(fold.train)))
    fold = ordered[len(ordered) // 2]
    return Lengths(fold.train, fold.test)


def spectrogram_seconds(
    prepared: Prepared, windows: Sequence[float], frames: Mapping[str, int]
) -> float:
    """What making the missing spectrograms of all windows will take, from making a few."""
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
    """Of workers of these kinds and of a driver with so many bytes, on so many windows."""
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
    """Whether all cards keep the spectrograms; None without a card."""
    on_cards = [one for kind, pace in paces.items() if kind != CPU for one in pace.measured]
    return all(one.resident for one in on_cards) if on_cards else None


def as_json(study: Study, estimate: Estimate) -> dict[str, Any]:
    """What is alike of a grid's and a promotion's, for scripts; seconds and bytes."""
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
