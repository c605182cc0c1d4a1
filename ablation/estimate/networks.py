"""Time and memory of a promotion before it is run, from steps measured on this machine.

One network of each pooling is measured, with the shapes that most of its missing cells have; the
time of others scales with multiply-adds.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from ablation.estimate.estimate import (
    Estimate,
    as_json,
    kinds_of,
    makespan,
    memory_of,
    nothing_measured,
    slots_to_measure,
    spectrogram_seconds,
    typical,
)
from ablation.executors import Slot
from ablation.memory import own_memory
from ablation.progress import Reporter
from ablation.runs.promote import CellRequest, PromotePlan, with_pooling
from ablation.training.task import CellTask, FoldData

if TYPE_CHECKING:
    from ablation.estimate.measuring import Pace
    from ablation.estimate.workload import FoldWork
    from ablation.training.measure import Measured


def estimate_promotion(
    plan: PromotePlan, planning: float, final: bool, reporter: Reporter
) -> Estimate:
    """Measure a step of a network of each pooling on the slots that the run would use.

    Nothing is measured where no network is missing, or where they run on a cluster with a device
    that this machine lacks. Spectrograms computed for timing stay in the cache. Of missing
    baselines, which take less than a second each, only the start of their workers is counted.

    Parameters
    ----------
    planning
        Seconds that planning took, as it will again.
    final
        Whether the best network is to be trained on all speakers at the end.

    Raises
    ------
    AblationError
        For a recording that cannot be used, a missing device, or one without enough memory for any
        of the networks.
    """
    cells = len(plan.missing)
    none = nothing_measured(plan.study, cells)
    slots = slots_to_measure(plan.study, cells)
    if not cells or not slots:
        return none
    found = _measured(plan, none, slots, final, reporter)
    return replace(
        found,
        seconds=found.seconds + planning,
        startup_seconds=found.startup_seconds + planning,
    )


def _measured(
    plan: PromotePlan, none: Estimate, slots: Sequence[Slot], final: bool, reporter: Reporter
) -> Estimate:
    driver, _ = own_memory()
    # This loads torch, as planning did to count parameters.
    from ablation.estimate.measuring import measure_cells
    from ablation.estimate.workload import fold_work, frames_of

    prepared, training = plan.prepared, plan.study.network.training
    frames = frames_of(prepared)
    work = fold_work(prepared, frames, training)
    windows = [plan.study.features.window_ms]
    spectrograms = spectrogram_seconds(prepared, windows, frames)
    tasks = [_task(plan, request) for request in _most_common(plan.missing)]
    with reporter.task("measured", unit="steps") as count:
        paces = measure_cells(tasks, typical(work), slots, count)
    rates = {kind: _Rates.of(plan, pace) for kind, pace in paces.items()}
    by_kind = {
        kind: [rate.seconds(plan, request, work[request.cell.fold]) for request in plan.missing]
        for kind, rate in rates.items()
    }
    kinds = kinds_of(slots, none)
    first = kinds[0]
    last = _final_seconds(plan, work, rates[first]) if final else 0.0
    # Baselines, networks and the final network are three runs, each of which starts workers.
    runs = 1 + bool(plan.references) + final
    startup = runs * max(pace.startup_seconds for pace in paces.values())
    return replace(
        none,
        seconds=startup + spectrograms + makespan(by_kind, kinds) + last,
        worker_seconds=sum(by_kind[first]) + last,
        startup_seconds=startup,
        spectrogram_seconds=spectrograms,
        core_share=min(pace.core_share for pace in paces.values()),
        memory=memory_of(prepared, 1, frames, paces, kinds, driver),
    )


def _most_common(missing: Sequence[CellRequest]) -> list[CellRequest]:
    """Return for each pooling a cell with the shapes that most of its cells have."""
    first = {(request.cell.pooling, request.cell.shapes): request for request in missing}
    counts = Counter((request.cell.pooling, request.cell.shapes) for request in missing)
    picked: dict[str, CellRequest] = {}
    for key, _ in counts.most_common():
        picked.setdefault(key[0], first[key])
    return list(picked.values())


def _task(plan: PromotePlan, request: CellRequest) -> CellTask:
    return CellTask(
        cell=request.cell,
        study=with_pooling(plan.study, request.cell.pooling),
        classes=plan.prepared.corpus.classes,
        digest=plan.run.digest,
        fold=FoldData("", (), (), ()),
        network_digest=request.digest,
    )


@dataclass(frozen=True)
class _Rates:
    """The times on one kind of device.

    ``step`` and ``segment`` are seconds per multiply-add of a step and of scoring a segment, by
    pooling; ``besides`` is the rest of a cell, in seconds.
    """

    step: Mapping[str, float]
    segment: Mapping[str, float]
    besides: float

    @classmethod
    def of(cls, plan: PromotePlan, pace: "Pace") -> "_Rates":
        cost = {request.cell: plan.costs[request.digest] for request in plan.missing}

        def by_pooling(value: Callable[["Measured"], float]) -> dict[str, float]:
            found: dict[str, list[float]] = {}
            for one in pace.measured:
                rate = value(one) / cost[one.cell].multiply_adds
                found.setdefault(one.cell.pooling, []).append(rate)
            return {pooling: median(rates) for pooling, rates in found.items()}

        return cls(
            by_pooling(lambda one: one.step_seconds),
            by_pooling(lambda one: one.segment_seconds),
            median(found.cell_seconds for found in pace.measured),
        )

    def seconds(self, plan: PromotePlan, request: CellRequest, work: "FoldWork") -> float:
        """Return the seconds of a cell on one worker."""
        size = plan.costs[request.digest].multiply_adds
        step, segment = (self._rate(known, request) for known in (self.step, self.segment))
        return size * (work.steps * step + work.scored * segment) + self.besides

    def _rate(self, known: Mapping[str, float], request: CellRequest) -> float:
        """Return a pooling's rate, or the slowest one where it could not be measured."""
        return known.get(request.cell.pooling, max(known.values()))


def _final_seconds(plan: PromotePlan, work: Mapping[str, "FoldWork"], rates: _Rates) -> float:
    """Return the seconds of the slowest plain variant on all speakers, as the best is unknown."""
    some = next(iter(work.values()))
    everyone = replace(some, train=(*some.train, *some.test), test=())
    cells = {request.digest: request for request in plan.cells}
    plain = [
        cells[next(iter(variant.digests.values()))] for variant in plan.variants if variant.plain
    ]
    return max((rates.seconds(plan, request, everyone) for request in plain), default=0.0)


def promotion_json(plan: PromotePlan, estimate: Estimate) -> dict[str, Any]:
    """Return the estimate as JSON; times in seconds, memory in bytes."""
    return {
        "study": plan.study.name,
        "digest": plan.run.digest,
        "networks": [_line(plan, number) for number in range(len(plan.variants))],
        "cells": len(plan.cells),
        "to_train": len(plan.missing),
        "stored": len(plan.cells) - len(plan.missing),
        "folds": [fold.name for fold in plan.prepared.folds],
        "seeds": list(plan.seeds),
        **as_json(plan.study, estimate),
    }


def _line(plan: PromotePlan, number: int) -> dict[str, Any]:
    variant = plan.variants[number]
    return {
        "network": variant.title,
        "selection": variant.selection.manner or "given or of all folds",
        "shapes": {fold: [str(s) for s in variant.shapes(fold)] for fold in variant.digests},
    }
