"""What commands print that train cells: damaged files, and how long a dry run says it takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ablation.cli.failures import say
from ablation.errors import counted
from ablation.progress import Reporter, duration, size

if TYPE_CHECKING:
    from ablation.estimate.estimate import Estimate
    from ablation.study import Study

Cost = TypeVar("Cost")


def warn_damaged(files: Sequence[str]) -> None:
    for file in files:
        say(
            f"warning: {file} is damaged; all other rows are read. Remove it and run the same "
            f"command again to train its cells again"
        )


def print_estimate(estimate: Estimate) -> None:
    """Print time and memory of the missing cells."""
    workers = estimate.workers
    if not estimate.seconds:
        devices = ", ".join(estimate.devices)
        print(f"time: unknown, because this machine has no {devices} to measure it on")
        return
    at_once = f", {estimate.cells_at_once} cells at once" if estimate.cells_at_once > 1 else ""
    spread = f"on {counted(workers, 'worker')}"
    alone = f" ({duration(estimate.worker_seconds)} on one)" if workers > 1 else ""
    where = "on this machine, not on the cluster" if estimate.elsewhere else "here"
    devices = "" if estimate.devices == ("cpu",) else f" ({', '.join(estimate.devices)})"
    print(
        f"time: about {duration(estimate.seconds)} {spread}{devices}{at_once}{alone}, "
        f"measured {where}"
    )
    print(f"memory: about {size(estimate.worker_bytes)} per worker")
    if estimate.gpu_bytes:
        print(
            f"GPU memory: about {size(estimate.gpu_bytes)} per worker, beside spectrograms and "
            f"segments, which are kept there as far as they fit"
        )


def print_dry_run(
    study: Study,
    results: Path,
    training: bool,
    measure: Callable[[Reporter], Cost],
    as_json: Callable[[Cost], Mapping[str, Any]] | None,
    print_: Callable[[Cost], None],
) -> None:
    """Measure what the missing cells cost, and print it, as JSON where ``as_json`` is given."""
    if as_json is None:
        print_jobs(study, results)
    reporter = Reporter()
    if training:
        reporter.say("measuring a few training steps on the workers that the run would use")
    cost = measure(reporter)
    if as_json is None:
        print_(cost)
    else:
        print_object(as_json(cost))


def print_object(content: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(content, indent=2, ensure_ascii=False))


def print_jobs(study: Study, results: Path) -> None:
    """Print the script of a study's batch jobs, if it has any."""
    if study.cluster.system is None:
        return
    from ablation.results.run_record import study_folder
    from ablation.runs.cluster import script_of

    jobs = counted(study.cluster.jobs, "job")
    print(f"{jobs} of {study.cluster.system}, each with this script:")
    print(script_of(study, study_folder(results, study.name)))
