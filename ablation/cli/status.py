"""``ablate status``: how far a study is, as lines or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ablation.cli.options import (
    DEMO,
    FIGURES,
    FiguresOption,
    Stored,
    StudyOption,
    say_differing,
    study_name,
)
from ablation.cli.plan_printing import print_object, warn_damaged
from ablation.errors import counted
from ablation.progress import duration

if TYPE_CHECKING:
    from ablation.results.run_record import RunRecord
    from ablation.runs.status import Status

_MOST_SHAPES = 8  # that lack cells and are listed one by one


def status(
    *,
    study: StudyOption = DEMO,
    stored: Stored,
    figures: FiguresOption = FIGURES,
    json_: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the cells done, failed and left, and list the files."""
    from ablation.results import run_record
    from ablation.runs.status import files_of, status_of

    results = stored.results
    run = run_record.find_run(results, study_name(study), stored.digest, begun=True)
    say_differing(run, study, results)
    state = status_of(results, run)
    warn_damaged(state.damaged)
    files = files_of(results, figures, run.study.name)
    if json_:
        _print_json(run, state, files)
    else:
        _print_status(run, run_record.others(results, run), state, files)


def _print_status(
    run: RunRecord, others: Sequence[RunRecord], state: Status, files: Sequence[tuple[Path, str]]
) -> None:
    """Print how far a study is, and its files."""
    from ablation.study.differences import difference

    print(
        f"study {run.study.name}, settings {run.digest}, last run {run.last_run:%Y-%m-%d %H:%M} UTC"
    )
    print(
        f"probes: {state.done} of {counted(state.asked, 'cell')} done, {state.failed} failed, "
        f"{state.left} left"
    )
    for axes in run.axes:
        print(f"  over {' and '.join(axes.axes)}: {counted(len(axes.points), 'point')}")
    if state.worker_seconds_left and state.seconds_left:
        spread = f"on {counted(state.workers, 'worker')}"
        alone = f" ({duration(state.worker_seconds_left)} on one)" if state.workers > 1 else ""
        print(f"time left: about {duration(state.seconds_left)} {spread}{alone}")
        slowest = sorted(state.by_shape.items(), key=lambda item: -item[1].seconds)
        for shape, left in slowest[:_MOST_SHAPES]:
            print(
                f"  {shape}: {counted(left.cells, 'cell')}, about {duration(left.seconds)} on "
                f"one worker"
            )
        if len(slowest) > _MOST_SHAPES:
            print(f"  and {counted(len(slowest) - _MOST_SHAPES, 'more shape')}")
    if state.cells_an_hour is not None and state.quiet_seconds is not None:
        ago = duration(state.quiet_seconds)
        print(f"rate: {state.cells_an_hour:,.0f} cells/h; last cell finished {ago} ago")
    if state.best is not None:
        name, wa = state.best
        print(f"best so far: {name}, WA {100 * wa:.1f} %")
    for failure in state.failures:
        print(f"  failed: {failure}")
    print(f"networks: {counted(state.networks, 'fold')} stored")
    if state.baselines:
        stored = [f"{name} {folds}" for name, folds in state.baselines.items()]
        print(f"baselines, folds stored: {'; '.join(stored)}")
    for other in (one for one in others if not one.variant_of):  # which its own study counts
        print(
            f"other settings: {other.digest}, last run {other.last_run:%Y-%m-%d %H:%M} UTC "
            f"({difference(run.study, other.study)})"
        )
    print("files of all settings:" if others else "files:")
    for path, meaning in files:
        print(f"  {path}{'  - ' + meaning if meaning else ''}")


def _print_json(run: RunRecord, state: Status, files: Sequence[tuple[Path, str]]) -> None:
    """Print the same as one JSON object."""
    print_object(
        {
            "study": run.study.name,
            "digest": run.digest,
            "last_run": run.last_run.isoformat(),
            "cells": state.asked,
            "done": state.done,
            "failed": state.failed,
            "left": state.left,
            "networks": state.networks,
            "baselines": state.baselines,
            "seconds_left": state.seconds_left,
            "worker_seconds_left": state.worker_seconds_left,
            "workers": state.workers,
            "by_shape": {str(shape): vars(left) for shape, left in state.by_shape.items()},
            "best": None if state.best is None else {"shape": state.best[0], "wa": state.best[1]},
            "cells_an_hour": state.cells_an_hour,
            "seconds_since_last_cell": state.quiet_seconds,
            "failures": list(state.failures),
            "damaged": list(state.damaged),
            "files": [str(path) for path, _ in files],
        }
    )
