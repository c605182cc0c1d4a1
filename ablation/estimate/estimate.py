"""The time and memory of a grid or promotion before it is run, from steps measured here.

The smallest and the largest of the missing models are measured; the seconds of others lie on a line
between theirs, by multiply-adds. The steps are counted from the lengths of the recordings.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from ablation.analysis import probe_cost, seconds_by_cost
from ablation.errors import StudyError
from ablation.errors.running import FoldEmptied
from ablation.estimate.measure import Lengths, Measured, Trial, device_of, measure, without_data
from ablation.executors import Slot, choose
from ablation.features.audio import audio_seconds
from ablation.progress import Reporter
from ablation.results.run_record import unique
from ablation.runs.groups import cells_at_once, grouped, side_by_side
from ablation.runs.network_plan import PromotePlan, with_pooling
from ablation.runs.plans import AxesPlan, GridPlan, Plan
from ablation.runs.prepare import Prepared
from ablation.runs.runner import places_of, slots_of
from ablation.runs.status import workers_of
from ablation.study import Shape, Study, at_window
from ablation.training.task import CellTask


@dataclass(frozen=True)
class Estimate:
    """The time and memory that the missing cells of a plan will take; 0 if nothing was measured.

    Attributes
    ----------
    elsewhere
        Whether the cells run on a cluster, whose machines may be faster or slower than this one.
        ``workers`` is then the number in its jobs, or 1 where that is unknown.
    seconds, worker_seconds
        Time of the cells on all workers, and on one of the first device.
    worker_bytes, gpu_bytes
        A worker's own memory, and what its tensors take on a GPU.
    cells_at_once
        The most cells that a worker trains together.
    """

    workers: int
    devices: tuple[str, ...]
    elsewhere: bool = False
    seconds: float = 0.0
    worker_seconds: float = 0.0
    worker_bytes: int = 0
    gpu_bytes: int = 0
    cells_at_once: int = 1


class _Job(NamedTuple):
    """A missing cell and its multiply-adds."""

    task: CellTask
    cost: int


def estimate_grid(plan: Plan, reporter: Reporter) -> Estimate:
    """Estimate a grid from short cells on the workers that its run would use.

    Nothing is measured where no probe is missing, or where the cells run on a cluster with a device
    that this machine lacks. Each value of a field is measured by itself.

    Raises
    ------
    AblationError
        For a recording that cannot be used, a missing device, or one that cannot train a cell.
    """
    found = [_estimate_part(part, reporter) for part in plan.parts if part.missing]
    if not found:
        return _estimate(plan.prepared, [], reporter)
    return replace(
        found[0],
        workers=max(one.workers for one in found),
        seconds=round(sum(one.seconds for one in found), 3),
        worker_seconds=round(sum(one.worker_seconds for one in found), 3),
        worker_bytes=max(one.worker_bytes for one in found),
        gpu_bytes=max(one.gpu_bytes for one in found),
        cells_at_once=max(one.cells_at_once for one in found),
    )


def _estimate_part(plan: GridPlan, reporter: Reporter) -> Estimate:
    prepared, classes, jobs = plan.prepared, plan.prepared.corpus.classes, []
    for cell in () if plan.is_control else plan.missing:
        study, (shape,) = at_window(prepared.study, cell.window_ms), cell.shapes
        cost = _multiply_adds(study, shape, len(classes))
        jobs.append(_Job(without_data(cell, study, classes), cost))
    return _estimate(prepared, jobs, reporter)


def _multiply_adds(study: Study, shape: Shape, classes: int) -> int:
    """Return the multiply-adds of a probe; of a model of the user's own, as it is built."""
    factory, features = study.probe.factory, study.features
    if factory is None:
        return probe_cost(study, shape.height, shape.width, classes)[1]
    # Loads torch, which planning need not.
    from ablation.models.network import cost_of
    from ablation.models.own import own_model
    from ablation.models.spec import ModelSpec

    model = own_model(factory, ModelSpec.of([shape], classes, features, study.probe.options))
    return cost_of(model, features.height, features.width).multiply_adds


def estimate_promotion(plan: PromotePlan, final: bool, reporter: Reporter) -> Estimate:
    """Estimate a promotion in the same way; ``final``: the best network is trained at the end.

    Baselines are left out, since most of their time is not in steps that could be measured.
    Raises as :func:`estimate_grid`.
    """
    prepared, jobs = plan.prepared, []
    for cell, digest in plan.missing:
        study = with_pooling(plan.study, cell.pooling)
        task = without_data(cell, study, prepared.corpus.classes)
        jobs.append(_Job(task, plan.costs[digest].multiply_adds))
    return _estimate(prepared, jobs, reporter, final)


def _estimate(
    prepared: Prepared, jobs: Sequence[_Job], reporter: Reporter, final: bool = False
) -> Estimate:
    study, elsewhere = prepared.study, prepared.study.cluster.used
    groups, named = _group_sizes(study, [job.task for job in jobs]), study.execution.devices
    workers, copies = min(workers_of(study), max(1, len(groups))), max(groups, default=1)
    devices = unique(named) if elsewhere else choose(named).devices
    none = Estimate(workers, devices, elsewhere, cells_at_once=copies)
    slots = _slots(study)[:workers]
    if not jobs or not slots:
        return none
    folds = _folds(prepared)
    ends = sorted(jobs, key=lambda job: job.cost)[:: max(1, len(jobs) - 1)]
    with reporter.task("measured", unit="cells") as count:
        trials = [Trial(job.task, folds[job.task.cell.fold], copies) for job in ends]
        measured = measure(trials, slots, count)
    seconds = {
        device: _cell_seconds(jobs, folds, ends, found) for device, found in measured.items()
    }
    used = [device_of(slot) for slot in slots]
    if elsewhere:
        used = used[:1] * workers
    first, every = seconds[used[0]], [one for found in measured.values() for one in found]
    last = max(first) if final else 0.0
    # One worker alone would take so long for all cells: the workers' rates add up.
    together = 1 / sum(1 / sum(seconds[device]) for device in used)
    return replace(
        none,
        seconds=round(together + last, 3),
        worker_seconds=round(sum(first) + last, 3),
        worker_bytes=max(one.own_bytes for one in every),
        gpu_bytes=max(one.gpu_bytes for one in every),
    )


def _group_sizes(study: Study, tasks: Sequence[CellTask]) -> list[int]:
    """Return how many cells each of the groups has that a run hands out."""
    most = cells_at_once(study, places_of(study), len(tasks))
    return [len(group) for group in grouped(side_by_side(tasks, most), most)]


def _slots(study: Study) -> list[Slot]:
    """Return where cells are measured; nowhere if a cluster's device is missing on this machine."""
    try:
        return slots_of(study.execution)
    except StudyError:
        if not study.cluster.used:
            raise
        return []


def _folds(prepared: Prepared) -> dict[str, Lengths]:
    """Return the lengths of every fold's utterances, without those dropped as too short.

    Raises :class:`AudioError` for the first recording whose header cannot be read, and
    :class:`FoldEmptied` for a fold where all utterances on one side are dropped.
    """
    spec, corpus = prepared.study.features, prepared.corpus
    with ThreadPoolExecutor() as pool:
        seconds = pool.map(lambda u: audio_seconds(u.file, u.start, u.end), corpus.utterances)
        frames = [max(1, int(one * spec.sample_rate) // spec.hop_samples) for one in seconds]
    shortest = spec.width if spec.short == "drop" else 0
    folds = {}
    for fold in prepared.folds:
        train, test = (
            tuple(frames[index] for index in side if frames[index] >= shortest)
            for side in (fold.train, fold.test)
        )
        if not train or not test:
            raise FoldEmptied(fold.name, "test" if train else "training")
        folds[fold.name] = Lengths(train, test)
    return folds


def _cell_seconds(
    jobs: Sequence[_Job],
    folds: Mapping[str, Lengths],
    ends: Sequence[_Job],
    found: Sequence[Measured],
) -> list[float]:
    """Return the seconds of every cell on one worker, from those measured of ``ends``."""
    # Loads torch, which planning need not.
    from ablation.training.schedule import budget

    costs = {job.cost for job in jobs}
    both = list(zip((job.cost for job in ends), found, strict=True))
    step = seconds_by_cost([(cost, one.step_seconds) for cost, one in both], costs)
    rest = seconds_by_cost([(cost, one.rest_seconds) for cost, one in both], costs)
    features = jobs[0].task.study.features
    segments = {name: fold.segments(features) for name, fold in folds.items()}
    seconds = []
    for task, cost in jobs:
        name = task.cell.fold
        steps = budget(task.training, segments[name]).steps
        seconds.append(steps * step[cost] + folds[name].utterances * rest[cost])
    return seconds


def as_json(plan: Plan | PromotePlan, estimate: Estimate) -> dict[str, Any]:
    """Return a plan and its estimate as JSON; times in seconds, memory in bytes."""
    if isinstance(plan, GridPlan):
        models = {
            "shapes": [str(shape) for shape in plan.request.shapes],
            "windows": list(plan.request.windows),
            "seeds": list(plan.request.seeds),
        }
    elif isinstance(plan, AxesPlan):
        axes = zip(plan.request.axes, plan.request.levels(), strict=True)
        models = {
            "axes": {axis: list(levels) for axis, levels in axes},
            "seeds": list(plan.request.seeds),
        }
    else:
        networks = [
            {
                "network": line.title,
                "selection": line.selection.manner or "given or of all folds",
                "shapes": {fold: [str(s) for s in line.shapes(fold)] for fold in line.digests},
            }
            for line in plan.variants
        ]
        models = {
            "networks": networks,
            "seeds": list(plan.seeds),
            "baselines_to_train": len(plan.missing_baselines),
        }
    return {
        "study": plan.prepared.study.name,
        "digest": plan.prepared.digest,
        **models,
        "folds": [fold.name for fold in plan.prepared.folds],
        "cells": len(plan.cells),
        "to_train": len(plan.missing),
        **asdict(estimate),
    }
