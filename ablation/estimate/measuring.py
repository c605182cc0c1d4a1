"""Steps measured on the slots that a run would use, all of them busy as in the run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from math import dist, log
from statistics import mean, median

from ablation.analysis.interpolation import over_shapes
from ablation.errors.running import NothingMeasured
from ablation.executors import EXECUTORS, Slot
from ablation.files import cache_folder
from ablation.study import CellKind, Shape, Study
from ablation.training.measure import Measured, Trial, measure
from ablation.training.task import Cell, CellTask, FoldData

_MOST_SHAPES = 24  # that are measured; the others are interpolated
_IN_ALL = 16.0  # seconds to measure a device, without start-up and slow steps
_EACH = (0.4, 1.0)  # least and most seconds for a cell

Count = Callable[[int, int], None]


@dataclass(frozen=True)
class Lengths:
    """The lengths, in frames, of the utterances on both sides of a typical fold."""

    train: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True)
class Pace:
    """Measurements on the slots of one kind of device.

    Attributes
    ----------
    workers
        The number of busy slots.
    measured
        At least one measurement of every cell that fits into memory.
    startup_seconds
        From the start of a worker to its first task, plus what its first steps took longer than
        later ones, unless kernels were compiled, which happens only once.
    """

    kind: str
    workers: int
    measured: tuple[Measured, ...]
    startup_seconds: float

    @property
    def shapes(self) -> frozenset[Shape]:
        return frozenset(found.cell.shapes[0] for found in self.measured)

    def cell_seconds(self, shapes: Sequence[Shape]) -> dict[Shape, float]:
        """Return the seconds of a cell besides steps and scoring, interpolated likewise."""
        return self._by_shape(shapes, lambda found: found.cell_seconds)

    @property
    def core_share(self) -> float:
        """The share of a core (0..1) that a worker had."""
        return median(found.core_share for found in self.measured)

    def step_seconds(self, shapes: Sequence[Shape]) -> dict[Shape, float]:
        """Return the seconds of an optimiser step, interpolated for unmeasured shapes."""
        return self._by_shape(shapes, lambda found: found.step_seconds)

    def segment_seconds(self, shapes: Sequence[Shape]) -> dict[Shape, float]:
        """Return the seconds of scoring a segment, interpolated likewise."""
        return self._by_shape(shapes, lambda found: found.segment_seconds)

    def _by_shape(
        self, shapes: Sequence[Shape], value: Callable[[Measured], float]
    ) -> dict[Shape, float]:
        found: dict[tuple[int, int], list[float]] = {}
        for one in self.measured:
            found.setdefault(one.cell.shapes[0][:2], []).append(value(one))
        known = {shape: median(values) for shape, values in found.items()}
        values = over_shapes(known, [shape[:2] for shape in shapes])
        return {shape: values[shape[:2]] for shape in shapes}


def kind_of(slot: Slot) -> str:
    """Return "cpu" or "cuda": all GPUs of a machine are assumed to be alike."""
    return slot.device.partition(":")[0]


def measure_shapes(
    study: Study,
    classes: Sequence[str],
    shapes: Sequence[Shape],
    lengths: Lengths,
    slots: Sequence[Slot],
    count: Count = lambda _done, _all: None,
) -> dict[str, Pace]:
    """Measure each kind of device among ``slots``, one after the other; return paces by kind.

    Parameters
    ----------
    study
        The study whose probe is measured, at its own analysis window.
    count
        Called with the number of measurements done and their total.

    Raises
    ------
    NothingMeasured
        When no shape fits into the memory of a device.
    """
    window, fold = study.features.window_ms, FoldData("", (), (), ())
    tasks = [
        CellTask(Cell(CellKind.PROBE, (shape,), window, 0, ""), study, tuple(classes), "", fold)
        for shape in spread_out(shapes, _MOST_SHAPES)
    ]
    return measure_cells(tasks, lengths, slots, count)


def measure_cells(
    tasks: Sequence[CellTask],
    lengths: Lengths,
    slots: Sequence[Slot],
    count: Count = lambda _done, _all: None,
) -> dict[str, Pace]:
    """Measure any cells, ignoring their folds; otherwise as :func:`measure_shapes`."""
    by_kind: dict[str, list[Slot]] = {}
    for slot in slots:
        by_kind.setdefault(kind_of(slot), []).append(slot)
    return {
        kind: _pace(kind, _trials(tasks, lengths, len(own)), own, count)
        for kind, own in by_kind.items()
    }


def spread_out(shapes: Sequence[Shape], most: int) -> list[Shape]:
    """Return at most ``most`` of the shapes: smallest, largest, then each farthest from the others.

    Any beginning of the list is thus spread over all shapes.
    """
    left = sorted(dict.fromkeys(shapes), key=lambda shape: (shape.weights, shape))
    if not left:
        return []
    places = {shape: (log(shape.height), log(shape.width)) for shape in left}
    picked = [left.pop(0)]
    if left and most > 1:
        picked.append(left.pop())
    while left and len(picked) < most:
        farthest = max(left, key=lambda s: min(dist(places[s], places[p]) for p in picked))
        left.remove(farthest)
        picked.append(farthest)
    return picked


def _trials(tasks: Sequence[CellTask], lengths: Lengths, slots: int) -> list[Trial]:
    """Return one trial per cell, and repetitions so that no slot is idle while others work."""
    rounds = -(-len(tasks) // slots)
    seconds = min(max(_IN_ALL / rounds, _EACH[0]), _EACH[1])
    return [
        Trial(task, lengths.train, lengths.test, seconds)
        for task in islice(cycle(tasks), rounds * slots)
    ]


def _pace(kind: str, trials: Sequence[Trial], slots: Sequence[Slot], count: Count) -> Pace:
    before = _kernels()
    started = time.time()
    found: list[Measured] = []
    crashes: list[str] = []
    count(0, len(trials))
    for number, end in enumerate(EXECUTORS["local"](slots).run(measure, trials), 1):
        if end.crash is None:
            found.append(end.value)
        else:
            crashes.append(end.crash)
        count(number, len(trials))
    if not found:
        raise NothingMeasured(crashes[0])
    compiled = _kernels() != before
    return Pace(kind, len(slots), tuple(found), _startup(found, started, compiled))


def _startup(found: Sequence[Measured], started: float, compiled: bool) -> float:
    """Return the mean start-up time (s) of the workers; see :class:`Pace`."""
    workers: dict[int, list[Measured]] = {}
    for one in found:
        workers.setdefault(one.process, []).append(one)
    return mean(
        min(one.began for one in mine)
        - started
        + (0.0 if compiled else sum(one.first_seconds for one in mine))
        for mine in workers.values()
    )


def _kernels() -> set[str]:
    """Return the paths of the compiled kernels in the cache."""
    return {str(path) for path in (cache_folder() / "kernels").rglob("*.nbc")}
