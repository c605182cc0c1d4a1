"""What the driver itself costs: planning, handing out, storing, reading; no cell trains anything.

    python benchmarks/driver.py local --cells 10000
    python benchmarks/driver.py cluster --cells 10000     # a scheduler and two workers on loopback
    python benchmarks/driver.py virtual --workers 1000    # 100 shapes x 100 folds x 10 seeds
    python benchmarks/driver.py read --rows 100000

``virtual`` has workers that exist on a clock of its own alone: a cell takes the time that is drawn
for it without anybody waiting, while everything that the driver does (rows, syncs, merging) is done
in earnest and its real time is added to that clock. The driver is one process; if it cannot keep
up, workers stand idle and the study takes longer than its cells divided by its workers.
"""

import argparse
import heapq
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ablation.executors import EXECUTORS, Executor, Finished, Function, Slot, WorkerPool
from ablation.executors.base import Job
from ablation.progress import Reporter
from ablation.results import ResultStore
from ablation.results.schema import OK
from ablation.runs import runner
from ablation.runs.runner import Tally, run_cells
from ablation.study import CellKind, Shape, Study, override_study
from ablation.study.reading import Override
from ablation.training.rows import cell_columns
from ablation.training.task import Cell, CellTask, FoldData, Outcome

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CLASSES = ("neutral", "happy", "angry", "sad")
UTTERANCES, EPOCHS = 23, 50  # rows of a cell beside its own: IEMOCAP's size over 100 folds

DRAWS = np.random.default_rng(0)


def main() -> None:
    """Run what is asked for; print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["local", "cluster", "virtual", "read"])
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="a cell's median, virtual")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    options = parser.parse_args()
    runner.train_cells = trivial_group
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(json.dumps(BENCHMARKS[options.what](options, Path(folder))))


def trivial(task: CellTask, device: str) -> Outcome:
    """A cell's rows without any training."""
    row = cell_columns(task) | {"device": device, "started_at": datetime.now(UTC)}
    loss, seconds = DRAWS.random(2).tolist()  # no two rows are alike, as they are not in earnest
    row |= {"n_test": UTTERANCES, "n_correct": 12, "wa": 0.5, "ua": 0.5, "train_loss": loss,
            "epochs": EPOCHS, "steps": 1000, "train_seconds": seconds, "status": OK}  # fmt: skip
    for label in CLASSES:
        row |= {f"n_{label}": 5, f"correct_{label}": 3, f"acc_{label}": 0.6}
    detail = {
        "study": task.study.name, "digest": task.digest, "kind": "probe", "name": task.cell.name,
        "window_ms": 40.0, "seed": task.cell.seed, "fold": task.cell.fold,
    }  # fmt: skip
    scores = {f"score_{label}": 0.25 for label in CLASSES}
    predictions = [
        detail | scores | {"utterance": f"{task.cell.fold}-{k}", "speaker": task.cell.fold,
                           "label": "sad", "predicted": "sad", "n_segments": 5}
        for k in range(UTTERANCES)
    ]  # fmt: skip
    epochs = [detail | {"epoch": k, "lr": 0.1, "train_loss": 1.0} for k in range(1, EPOCHS + 1)]
    return Outcome(row, predictions, epochs)


def trivial_group(tasks: Sequence[CellTask], device: str) -> list[Outcome]:
    """What a worker is given at once, done by :func:`trivial`."""
    return [trivial(task, device) for task in tasks]


def tasks_of(cells: int, study: Study) -> list[CellTask]:
    """Cells of as many shapes as it takes, 100 folds and 10 seeds of each."""
    folds = [FoldData(f"f{k:02d}", (f"f{k:02d}",), (), ()) for k in range(100)]
    return [
        CellTask(
            Cell(
                CellKind.PROBE, (Shape(2 + n // 1000, 2),), 40.0, n // 100 % 10, folds[n % 100].name
            ),
            study, CLASSES, "0123456789ab", folds[n % 100],
        )
        for n in range(cells)
    ]  # fmt: skip


def real(options: argparse.Namespace, folder: Path, *overrides: Override) -> dict[str, object]:
    """Trivial cells on real workers; start-up is taken out by two sizes."""
    study = override_study(Study(), [("execution.workers", 2), *overrides])
    seconds = []
    for number, cells in enumerate((options.cells // 10, options.cells)):
        tally = Tally(cells, 0)
        started = time.perf_counter()
        run_cells(tasks_of(cells, study), folder / str(number), study, tally, Reporter(True))
        seconds.append(time.perf_counter() - started)
        stored = ResultStore(folder / str(number)).read("probes", []).rows.num_rows
        if (tally.trained, stored) != (cells, cells):
            raise RuntimeError(f"{tally.trained} trained, {stored} stored of {cells}")
    per_cell = (seconds[1] - seconds[0]) / (options.cells - options.cells // 10)
    return {
        "what": options.what,
        "cells": options.cells,
        "ms_a_cell": round(1000 * per_cell, 2),
        "seconds_in_all": round(seconds[1], 1),
    }


def on_cluster(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    from clusters import cluster

    with cluster(folder / "cluster") as made:
        for worker in made.workers:
            worker.poll()
        return real(options, folder, ("cluster.address", made.address))


class VirtualExecutor(Executor):
    """Workers on a clock that only moves when the driver works or waits."""

    workers, seconds = 1000, 60.0
    clock = None

    def pool(self, function: Function) -> WorkerPool:
        VirtualExecutor.clock = _VirtualPool(function, self.workers, self.seconds)
        return VirtualExecutor.clock


class _VirtualPool(WorkerPool):
    def __init__(self, function: Function, workers: int, seconds: float) -> None:
        super().__init__()
        self.function, self.workers = function, workers
        self.draws = np.random.default_rng(0)
        self.seconds = seconds
        self.now = self.busy = self.driver = 0.0
        self.ends: list[tuple[float, int, Job]] = []

    def finished(self) -> Iterator[list[Finished]]:
        resumed = time.perf_counter()
        while True:
            while len(self.ends) < self.workers and (job := self._next()):
                duration = self.seconds * self.draws.lognormal(0, 0.5)
                self.busy += duration
                heapq.heappush(self.ends, (self.now + duration, job.index, job))
            self._driver_worked(resumed)
            if not self.ends:
                return
            self.now = max(self.now, self.ends[0][0])
            landed = []
            while self.ends and self.ends[0][0] <= self.now:
                job = heapq.heappop(self.ends)[2]
                landed.append(
                    Finished(job.index, job.task, "cuda:0", self.function(job.task, "cuda:0"))
                )
            resumed = time.perf_counter()
            yield landed

    def _driver_worked(self, since: float) -> None:
        worked = time.perf_counter() - since
        self.driver += worked
        self.now += worked

    def close(self) -> None:
        """There is nothing to stop."""


def virtual(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """A large study on workers that do not exist; a kill and a resume on the way are not needed."""
    EXECUTORS["local"] = VirtualExecutor
    runner.slots_of = lambda _execution: [Slot("cpu", 1)]
    VirtualExecutor.workers, VirtualExecutor.seconds = options.workers, options.seconds
    cells = 100_000 if options.cells == 10_000 else options.cells
    study, tally = Study(), Tally(cells, 0)
    started = time.perf_counter()
    run_cells(tasks_of(cells, study), folder, study, tally, Reporter(True))
    wall = time.perf_counter() - started
    pool = VirtualExecutor.clock
    if pool is None or tally.trained != cells:
        raise RuntimeError(f"{tally.trained} of {cells}")
    ideal = pool.busy / options.workers
    return {
        "what": "virtual",
        "cells": cells,
        "workers": options.workers,
        "hours_on_the_virtual_clock": round(pool.now / 3600, 3),
        "hours_if_the_driver_took_no_time": round(ideal / 3600, 3),
        "driver_ms_a_cell": round(1000 * pool.driver / cells, 2),
        "real_seconds_in_all": round(wall, 1),
    }


def read(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """The probes of many cells, compacted, as every command reads them first."""
    store = ResultStore(folder)
    tasks = tasks_of(options.rows, Study())
    for start in range(0, len(tasks), 5000):
        rows = [trivial(task, "cpu").row for task in tasks[start : start + 5000]]
        store.append(CLASSES, {"probes": rows})
    started = time.perf_counter()
    store.compact()
    compacting = time.perf_counter() - started
    times = []
    for _ in range(5):
        started = time.perf_counter()
        content = store.read("probes")
        frame = content.frame()
        times.append(time.perf_counter() - started)
        if len(frame) != options.rows:
            raise RuntimeError(f"{len(frame)} rows")
    return {
        "what": "read",
        "rows": options.rows,
        "seconds": round(sorted(times)[2], 3),
        "compacting_seconds": round(compacting, 2),
        "megabytes": round(store.main("probes").stat().st_size / 1e6, 1),
    }


BENCHMARKS = {"local": real, "cluster": on_cluster, "virtual": virtual, "read": read}

if __name__ == "__main__":
    main()
