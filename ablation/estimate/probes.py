"""Time and memory of a grid before it is run, from steps measured on this machine."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ablation.estimate.estimate import (
    Estimate,
    ShapeWork,
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
from ablation.results import run_record
from ablation.runs.grid import GridPlan
from ablation.study import Shape
from ablation.training.task import Cell

if TYPE_CHECKING:
    from ablation.estimate.measuring import Pace
    from ablation.estimate.workload import FoldWork


def estimate_grid(plan: GridPlan, reporter: Reporter) -> Estimate:
    """Estimate a grid from steps measured on the slots that its run would use.

    Nothing is measured where no cell is missing, or where the cells run on a cluster with a device
    that this machine lacks. Spectrograms computed for timing stay in the cache.

    Raises
    ------
    AblationError
        For a recording that cannot be used, a missing device, or one without enough memory for any
        shape.
    """
    study, cells = plan.prepared.study, len(plan.missing)
    none = nothing_measured(study, cells)
    slots = slots_to_measure(study, cells)
    return _measured(plan, none, slots, reporter) if cells and slots else none


def _measured(
    plan: GridPlan, none: Estimate, slots: Sequence[Slot], reporter: Reporter
) -> Estimate:
    driver, _ = own_memory()
    # This loads torch, which in a run only workers do.
    from ablation.estimate.measuring import measure_shapes
    from ablation.estimate.workload import fold_work, frames_of

    startup = plan.seconds
    prepared, cells = plan.prepared, plan.missing
    frames = frames_of(prepared)
    work = fold_work(prepared, frames, prepared.study.training)
    shapes = run_record.unique(cell.shapes[0] for cell in cells)
    windows = run_record.unique(cell.window_ms for cell in cells)
    spectrograms = spectrogram_seconds(prepared, windows, frames)
    with reporter.task("measured", unit="steps") as count:
        classes = prepared.corpus.classes
        paces = measure_shapes(prepared.study, classes, shapes, typical(work), slots, count)
    by_kind = {kind: _cell_seconds(cells, shapes, work, pace) for kind, pace in paces.items()}
    kinds = kinds_of(slots, none)
    startup += max(pace.startup_seconds for pace in paces.values())
    first = kinds[0]
    return replace(
        none,
        seconds=startup + spectrograms + makespan(by_kind, kinds),
        worker_seconds=sum(by_kind[first]),
        startup_seconds=startup,
        spectrogram_seconds=spectrograms,
        core_share=min(pace.core_share for pace in paces.values()),
        memory=memory_of(prepared, len(windows), frames, paces, kinds, driver),
        by_shape=_by_shape(cells, shapes, work, paces[first], by_kind[first]),
    )


def _cell_seconds(
    cells: Sequence[Cell], shapes: Sequence[Shape], work: Mapping[str, "FoldWork"], pace: "Pace"
) -> list[float]:
    """Return the seconds of every cell in order, on one worker."""
    step, segment = pace.step_seconds(shapes), pace.segment_seconds(shapes)
    besides = pace.cell_seconds(shapes)
    return [
        work[cell.fold].steps * step[cell.shapes[0]]
        + work[cell.fold].scored * segment[cell.shapes[0]]
        + besides[cell.shapes[0]]
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


def grid_json(plan: GridPlan, estimate: Estimate) -> dict[str, Any]:
    """Return the estimate as JSON; times in seconds, memory in bytes."""
    request, prepared = plan.request, plan.prepared
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
        **as_json(prepared.study, estimate),
        "by_shape": {str(shape): vars(work) for shape, work in estimate.by_shape.items()},
    }
