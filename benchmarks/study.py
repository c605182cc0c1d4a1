"""Wall time of a small study on EmoDB: the plain engine as everyone runs it, and the single pass.

Both sides are the command ``ablate grid`` from its start to its end, with planning and storing, in
a results folder of their own that is thrown away. Spectrograms are made and kernels compiled
before.
"""

import argparse
import json
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from joblib import Parallel, delayed
from machine import bare_environment, cpu_name

from ablation import load_study, read_results
from ablation.cli.grid import AxisName, Cells
from ablation.cli.options import Repeats
from ablation.errors import AblationError
from ablation.executors.devices import core_count
from ablation.files import cache_folder
from ablation.progress import Reporter
from ablation.runs.grid import GridPlan, plan_grid
from ablation.runs.prepare import fold_data
from ablation.study.reading import parse_override
from ablation.training.task import CellTask

STUDY, WIDTH = "emodb", 2
SIDES = {"plain": "reference", "ours": "single-pass"}


def main() -> None:
    options = _options()
    try:
        result = _measured(options)
    except AblationError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print(json.dumps(result, indent=2) if options.json else _text(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus-root", type=Path, help="folder of EmoDB, with wav/03a01Fa.wav")
    parser.add_argument("--values", default="2,10,40,100", help="heights, at width 2 (2,10,40,100)")
    parser.add_argument("--folds", default="speaker", help="speaker, or a number of speaker groups")
    parser.add_argument("--steps", type=_positive, default=40, help="optimiser steps a cell (40)")
    parser.add_argument("--batch", type=_positive, default=64, help="segments a step (64)")
    parser.add_argument(
        "--workers", type=_positive, default=core_count(), help="of one thread each (all cores)"
    )
    parser.add_argument("--repeats", type=_positive, default=1, help="runs of each side (1)")
    parser.add_argument("--only", choices=SIDES, help="one side alone")
    parser.add_argument(
        "--precision", choices=("float32", "bf16"), default="float32", help="of the single pass"
    )
    parser.add_argument(
        "--scaling", action="store_true", help="the single pass with one and with two workers too"
    )
    parser.add_argument(
        "--cold", action="store_true", help="the single pass with no kernel compiled before too"
    )
    parser.add_argument("--json", action="store_true", help="a JSON object instead of text")
    options = parser.parse_args()
    if options.corpus_root is None:
        parser.error(
            "--corpus-root is missing: the folder of EmoDB, whose recordings lie in its wav/. They "
            "are free for research: http://emodb.bilderbar.info"
        )
    if (options.scaling or options.cold) and options.only == "plain":
        parser.error("--scaling and --cold measure the single pass, which --only plain leaves out")
    return options


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    plan, tasks = _prepared(options)
    sides = [options.only] if options.only else list(SIDES)
    result: dict[str, Any] = {
        "cells": len(plan.cells),
        "values": options.values,
        "folds": len(plan.prepared.folds),
        "steps": options.steps,
        "batch": options.batch,
        "workers": options.workers,
        "repeats": options.repeats,
        "precision": options.precision,
        "cpu": cpu_name(),
    }
    if "ours" in sides:  # first, since it compiles the kernels
        result |= _shares(tasks)
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for number in range(options.repeats):
        for side in sides:
            _say(f"{side}: run {number + 1} of {options.repeats}")
            runs[side].append(_run(side, options, options.workers, len(plan.cells)))
    for side in sides:
        result |= _side(side, runs[side], len(plan.cells), options.workers)
    if len(sides) > 1:
        result["plain_over_ours"] = result["plain_s"] / result["ours_s"]
    if options.scaling:
        result |= _scaling(options, len(plan.cells), {options.workers: runs["ours"]})
    if options.cold:
        _say("ours with no kernel compiled")
        with _without_kernels() as environment:
            cold = _run("ours", options, options.workers, len(plan.cells), environment)
        result["ours_cold_s"] = cold["seconds"]
    return result


def _prepared(options: argparse.Namespace) -> tuple[GridPlan, list[CellTask]]:
    """The plan of the single pass' study, its spectrograms made, and its tasks of the first fold.

    Made by the drivers that ``ablate grid`` calls, so that the same cells are meant.
    """
    overrides = [
        *Cells(AxisName.height, options.values).overrides(),
        *Repeats(folds=options.folds).overrides(),
        *(parse_override(field) for field in _settings("ours", options)),
    ]
    study = load_study(STUDY, overrides, corpus_root=options.corpus_root)
    with tempfile.TemporaryDirectory() as nothing:
        plan = plan_grid(study, "height", Path(nothing))
    data = fold_data(plan.prepared, plan.request.windows, Reporter())
    prepared, first = plan.prepared, plan.prepared.folds[0].name
    tasks = [
        CellTask(
            cell=cell,
            study=study,
            classes=prepared.corpus.classes,
            digest=prepared.digest,
            fold=data[cell.window_ms, cell.fold],
        )
        for cell in plan.cells
        if cell.fold == first
    ]
    return plan, tasks


def _settings(side: str, options: argparse.Namespace) -> list[str]:
    """The study's fields that the benchmark sets."""
    fields = [
        f"training.steps={options.steps}",
        f"training.batch_size={options.batch}",
        f"grid.fixed_width={WIDTH}",
        "execution.threads=1",
        f'probe.engine="{SIDES[side]}"',
    ]
    return fields + ([f'probe.precision="{options.precision}"'] if side == "ours" else [])


def _shares(tasks: Sequence[CellTask]) -> dict[str, Any]:
    """Where the time of one cell a shape goes, measured in a process of its own."""
    from cell_time import cell_times  # loads torch

    _say(f"one cell of each shape with a clock ({len(tasks)} cells)")
    (shapes,) = Parallel(2)([delayed(cell_times)(tasks)])  # of 1, it would be this process
    whole = sum(shape["cell_s"] for shape in shapes)
    return {
        "step_share": sum(shape["steps_s"] for shape in shapes) / whole,
        "batch_share": sum(shape["batches_s"] for shape in shapes) / whole,
        "shapes": shapes,
    }


@contextmanager
def _without_kernels() -> Iterator[dict[str, str]]:
    """Variables under which the cache has its spectrograms and nothing else."""
    with tempfile.TemporaryDirectory(prefix="ablation-benchmark-") as folder:
        (Path(folder) / "features").symlink_to((cache_folder() / "features").absolute())
        yield {"ABLATION_CACHE": folder}


def _run(
    side: str,
    options: argparse.Namespace,
    workers: int,
    cells: int,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One run of the whole study: its seconds, and what its rows say."""
    with tempfile.TemporaryDirectory(prefix="ablation-benchmark-") as folder:
        arguments = [
            *_command(side), "grid", "--axis", "height", "--study", STUDY,
            "--corpus-root", str(options.corpus_root), "--values", options.values,
            "--folds", options.folds, "--workers", str(workers), "--results", folder,
        ]  # fmt: skip
        for field in _settings(side, options):
            arguments += ["--set", field]
        start = time.perf_counter()
        code = _wait(arguments, bare_environment() | (environment or {}))
        seconds = time.perf_counter() - start
        if code:
            sys.exit(f"the {side} study ended with exit code {code}; its message is above")
        rows = read_results(Path(folder) / STUDY).probes
    if len(rows) != cells:
        sys.exit(f"the {side} study stored {len(rows)} cells of {cells}")
    return {
        "seconds": seconds,
        "cell_seconds": float(rows["train_seconds"].sum()),
        "wa": float(rows["n_correct"].sum() / rows["n_test"].sum()),
    }


def _command(side: str) -> list[str]:
    """How a side is called: the installed command, or the same with a plain executor."""
    if side == "plain":
        return [sys.executable, str(Path(__file__).with_name("plain_grid.py"))]
    command = Path(sysconfig.get_path("scripts")) / "ablate"
    if not command.exists():
        sys.exit(f"{command} is not there: install the package (pip install -e .)")
    return [str(command)]


def _wait(arguments: Sequence[str], environment: dict[str, str]) -> int:
    """Run a command, its output on stderr; however this ends, so does the command."""
    with subprocess.Popen(arguments, stdout=sys.stderr, env=environment) as process:
        try:
            return process.wait()
        except BaseException:
            process.terminate()  # it stops its workers itself
            raise


def _side(side: str, runs: Sequence[dict[str, Any]], cells: int, workers: int) -> dict[str, Any]:
    seconds = median(run["seconds"] for run in runs)
    busy = median(run["cell_seconds"] / (run["seconds"] * workers) for run in runs)
    return {
        f"{side}_s": seconds,
        f"{side}_cells_per_hour": 3600 * cells / seconds,
        f"{side}_busy_share": busy,
        f"{side}_wa": runs[0]["wa"],
    }


def _scaling(
    options: argparse.Namespace, cells: int, known: dict[int, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Cells an hour with two one-thread workers over those with one.

    Once by the wall time of the command, and once by the cells' own times alone, as it would be in
    a study so long that its start and its last cells do not count.
    """
    wall, own = {}, {}
    for workers in (1, 2):
        if workers not in known:
            _say(f"ours with {workers} worker{'s' * (workers > 1)}")
            known[workers] = [_run("ours", options, workers, cells) for _ in range(options.repeats)]
        runs = known[workers]
        wall[workers] = 3600 * cells / median(run["seconds"] for run in runs)
        own[workers] = 3600 * cells * workers / median(run["cell_seconds"] for run in runs)
    return {
        "scaling": wall[2] / wall[1],
        "scaling_of_cells": own[2] / own[1],
        "cells_per_hour_by_workers": {str(workers): rate for workers, rate in wall.items()},
    }


def _text(r: dict[str, Any]) -> str:
    lines = [
        f"EmoDB, heights {r['values']} at width {WIDTH}, {r['folds']} folds: {r['cells']} cells of "
        f"{r['steps']} steps of batch {r['batch']}, {r['workers']} workers of one thread",
    ]
    names = {"plain": "plain engine, default allocator", "ours": f"single pass, {r['precision']}"}
    for side, name in names.items():
        if f"{side}_s" in r:
            lines.append(
                f"{name}: {r[f'{side}_s']:.1f} s, {r[f'{side}_cells_per_hour']:.0f} cells an hour, "
                f"WA {100 * r[f'{side}_wa']:.1f} %, workers busy with cells "
                f"{100 * r[f'{side}_busy_share']:.0f} %"
            )
    if "plain_over_ours" in r:
        lines.append(f"plain over single pass: {r['plain_over_ours']:.1f}")
    if "shapes" in r:
        lines.append(
            f"of a cell's time (single pass): {100 * r['step_share']:.1f} % in training and "
            f"evaluation steps, {100 * r['batch_share']:.1f} % in making batches"
        )
        lines += [
            f"  {s['shape']}: {s['cell_s']:.2f} s, {100 * s['step_share']:.1f} % steps, "
            f"{100 * s['batch_share']:.1f} % batches, {s['rest_s']:.2f} s for the rest"
            for s in r["shapes"]
        ]
    if "ours_cold_s" in r:
        lines.append(f"single pass with no kernel compiled before: {r['ours_cold_s']:.1f} s")
    if "scaling" in r:
        rates = r["cells_per_hour_by_workers"]
        lines.append(
            f"two workers over one: {r['scaling']:.2f} ({rates['2']:.0f} and {rates['1']:.0f} "
            f"cells an hour); {r['scaling_of_cells']:.2f} by the cells' own times"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
