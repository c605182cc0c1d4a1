"""Prints plans, estimates, curves and counts of cells for ``grid``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ablation.analysis import pooled_scores
from ablation.analysis.study_results import StudyResults
from ablation.cli.failures import say
from ablation.errors import counted
from ablation.progress import duration, size
from ablation.results import run_record
from ablation.runs.grid import GridPlan
from ablation.runs.runner import Tally
from ablation.study import AXES, Axis, shapes_text

if TYPE_CHECKING:
    from ablation.estimate.estimate import Estimate
    from ablation.study import Study


def warn_damaged(files: Sequence[str]) -> None:
    for file in files:
        say(
            f"warning: {file} is damaged; all other rows are read. Remove it and run the same "
            f"command again to train its cells again"
        )


def say_plan(plan: GridPlan) -> None:
    corpus, study = plan.prepared.corpus, plan.prepared.study
    counts = ", ".join(f"{n} {label}" for label, n in corpus.counts().items())
    say(
        f"study {study.name} ({plan.prepared.digest}): {corpus.name}, "
        f"{counted(len(corpus), 'utterance')} ({counts}), "
        f"{counted(len(corpus.speakers), 'speaker')}, "
        f"{counted(len(plan.prepared.folds), 'fold')}"
    )
    for doubt in corpus.doubts():
        say(f"warning: {doubt}")
    shapes = len(plan.request.shapes)
    part, parts = plan.shard
    shard = f"shard {part} of {parts}, " if parts > 1 else ""
    say(
        f"{shard}{counted(len(plan.cells), 'cell')}: {counted(shapes, 'shape')}, "
        f"{len(plan.cells) - len(plan.missing)} stored, {len(plan.missing)} to train"
    )


def print_plan(plan: GridPlan, estimate: Estimate) -> None:
    """Print the plan of a dry run."""
    say_plan(plan)
    print(f"shapes: {shapes_text(plan.request.shapes)}")
    print(f"windows: {', '.join(f'{window:g}' for window in plan.request.windows)} ms")
    for fold in plan.prepared.folds:
        members = ", ".join(fold.test_speakers)
        print(f"fold {fold.name}" + (f": {members}" if members != fold.name else ""))
    print(f"seeds: {', '.join(map(str, plan.request.seeds))}")
    print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
    if plan.missing:
        print_estimate(estimate)


def print_estimate(estimate: Estimate) -> None:
    """Print time and memory of the missing cells."""
    workers = estimate.workers
    if not estimate.seconds:
        devices = ", ".join(estimate.devices)
        print(f"time: unknown, because this machine has no {devices} to measure it on")
        return
    spread = f"on {counted(workers, 'worker')}"
    alone = f" ({duration(estimate.worker_seconds)} on one)" if workers > 1 else ""
    where = "on this machine, not on the cluster" if estimate.elsewhere else "here"
    devices = "" if estimate.devices == ("cpu",) else f" ({', '.join(estimate.devices)})"
    print(f"time: about {duration(estimate.seconds)} {spread}{devices}{alone}, measured {where}")
    print(f"memory: about {size(estimate.worker_bytes)} per worker")
    if estimate.gpu_bytes:
        print(f"GPU memory: about {size(estimate.gpu_bytes)} per worker, beside the spectrograms")


def print_jobs(study: Study) -> None:
    """Print the script of a study's batch jobs, if it has any."""
    if study.cluster.system is None:
        return
    from ablation.runs.cluster import script_of

    jobs = counted(study.cluster.jobs, "job")
    print(f"{jobs} of {study.cluster.system}, each with this script:")
    print(script_of(study))


def print_curves(plan: GridPlan, results: Path) -> None:
    """Print WA and UA of the requested shapes, from all stored rows of these settings."""
    run = run_record.find_run(results, plan.prepared.study.name, plan.prepared.digest)
    stored = StudyResults(results, run)
    for window in plan.request.windows:
        if len(plan.request.windows) > 1:
            print(f"window {window:g} ms")
        if plan.request.axis in ("product", "shapes"):
            # Other shapes, such as those that a search pruned, may lack folds.
            asked = [key for key in plan.request.filters if key.window_ms == window]
            _print_best(stored.rows_of(asked), run.classes)
        for axis in AXES.values():
            if plan.request.axis in (axis.name, "both"):
                _print_axis(stored.curve(axis, window), axis)
    print(f"majority class: {100 * run.majority:.1f} %")


def _print_axis(curve: pd.DataFrame, axis: Axis) -> None:
    print(f"{axis.name:>6} {axis.physical_unit:>6} {'WA %':>6} {'UA %':>6}  cells")
    for row in curve[curve["cells"] > 0].to_dict("records"):
        lacking = "" if row["complete"] else f" of {row['expected']}"
        print(
            f"{row['extent']:>6} {row['physical']:>6g} {100 * row['wa']:>6.1f} "
            f"{100 * row['ua']:>6.1f}  {row['cells']}{lacking}"
        )


def _print_best(rows: pd.DataFrame, classes: Sequence[str]) -> None:
    """Print the best shapes of a product, at most twenty."""
    scores = pooled_scores(rows, ["height", "width"], classes)
    print(f"{'shape':>8} {'WA %':>6} {'UA %':>6}  cells")
    for row in scores.nlargest(20, "wa").to_dict("records"):
        name = f"{row['height']}x{row['width']}"
        print(f"{name:>8} {100 * row['wa']:>6.1f} {100 * row['ua']:>6.1f}  {row['cells']}")


def say_tally(tally: Tally) -> None:
    parts = [f"{tally.trained} trained", f"{tally.stored} were stored before"]
    if tally.failures:
        parts.append(f"{len(tally.failures)} failed")
    say(f"{counted(tally.cells, 'cell')}: {', '.join(parts)}")
    if tally.failures:
        say("the same command tries failed cells again; ablate status lists them")
