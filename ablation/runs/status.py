"""What a study has, what is missing, and which files it made."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from ablation.analysis import probe_cost, seconds_by_cost
from ablation.device import CPU
from ablation.executors.devices import planned_slots
from ablation.results import ResultStore, run_record
from ablation.results.run_record import RunRecord, study_folder
from ablation.results.schema import FAILED, NETWORKS, OK, REFERENCES, reason_of
from ablation.runs.best_so_far import BestSoFar
from ablation.study import Shape, Study, cell_keys

_LATEST = 200  # cells by which the rate of a run is measured


@dataclass(frozen=True)
class ShapeLeft:
    """How many cells of a shape are not finished, and the seconds that they take one worker."""

    cells: int
    seconds: float


@dataclass(frozen=True)
class Status:
    """How far a digest's probe cells are, those of its axes too, and how many network folds.

    Attributes
    ----------
    workers
        Those that the study, as it was last run, would use.
    worker_seconds_left
        The time the missing cells would take one worker, from the finished cells: the mean of
        their shape, or for other shapes a line over multiply-adds (over the filter's size, for a
        model of the user's own); None when none is finished.
    by_shape
        The same for every shape that lacks cells.
    baselines
        The stored folds of each baseline, by its name.
    best
        The best shape so far and its WA (0..1), of those that are complete.
    cells_an_hour
        The rate of the latest cells; None when the last one finished too long ago to tell.
    quiet_seconds
        Since the last cell finished: in a running study, not much more than a cell takes. None
        with ``cells_an_hour``.
    """

    done: int
    failed: int
    left: int
    networks: int
    baselines: dict[str, int]
    workers: int
    worker_seconds_left: float | None
    by_shape: dict[Shape, ShapeLeft]
    best: tuple[str, float] | None
    cells_an_hour: float | None
    quiet_seconds: float | None
    failures: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def asked(self) -> int:
        """How many cells were asked for."""
        return self.done + self.failed + self.left

    @property
    def seconds_left(self) -> float | None:
        """The time the missing cells would take on all workers; None when no cell is finished."""
        left = self.worker_seconds_left
        if left is None:
            return None
        return left / max(1, min(self.workers, self.left + self.failed))


def status_of(results: Path, run: RunRecord, now: datetime | None = None) -> Status:
    """Return the counts of cells, also while a run is going on; ``now`` is for tests."""
    store = ResultStore(study_folder(results, run.study.name))
    probes = store.read("probes", ["train_seconds", "device", "error", "n_correct", "n_test"])
    kinds = ((NETWORKS, "network"), (REFERENCES, "reference"))
    others = [store.read(table.name, ["error", name]) for table, name in kinds]
    rows = probes.frame()
    runs = [run, *run_record.variants(results, run)]
    cells = {one.digest: _asked_rows(one, rows) for one in runs}
    every = pd.concat(cells.values())
    finished, failed = every[every["status"] == OK], every[every["status"] == FAILED]
    by_shape = _together(_left(one, _finished(cells[one.digest])) for one in runs)
    asked = sum(len(one.cells) for one in runs)
    rate, quiet = _rate(finished, now or datetime.now(UTC)) if by_shape else (None, None)
    networks, baselines = (
        rows[rows["digest"] == run.digest] for rows in (table.frame() for table in others)
    )
    failed_too = [rows[rows["status"] == FAILED] for rows in (networks, baselines)]
    return Status(
        done=len(finished),
        failed=len(failed),
        left=asked - len(finished) - len(failed),
        networks=int((networks["status"] == OK).sum()),
        baselines=_folds(baselines[baselines["status"] == OK]),
        workers=workers_of(run.study),
        worker_seconds_left=_sum(by_shape) if len(finished) else None,
        by_shape=by_shape,
        best=_best(run, _finished(cells[run.digest])),
        cells_an_hour=rate,
        quiet_seconds=quiet,
        failures=tuple(
            _failure(row) for rows in (failed, *failed_too) for row in rows.to_dict("records")
        ),
        damaged=tuple(file for table in (probes, *others) for file in table.damaged),
    )


def _asked_rows(run: RunRecord, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the probe cells that were asked for under a digest."""
    rows = rows[rows["digest"] == run.digest]
    return rows[pd.Series([key in run.cells for key in cell_keys(rows)], rows.index, bool)]


def _finished(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["status"] == OK]


def _together(parts: Iterable[dict[Shape, ShapeLeft]]) -> dict[Shape, ShapeLeft]:
    """Return what is left of each shape under all settings."""
    found: dict[Shape, ShapeLeft] = {}
    for shape, left in (item for part in parts for item in part.items()):
        before = found.get(shape, ShapeLeft(0, 0.0))
        found[shape] = ShapeLeft(before.cells + left.cells, before.seconds + left.seconds)
    return found


def _folds(rows: pd.DataFrame) -> dict[str, int]:
    """Return the folds of each baseline; one that was trained with several settings counts once."""
    cells = rows.drop_duplicates(["reference", "window_ms", "seed", "fold"])
    return {str(name): int(n) for name, n in cells["reference"].value_counts(sort=False).items()}


def _sum(by_shape: dict[Shape, ShapeLeft]) -> float:
    return sum((left.seconds for left in by_shape.values()), 0.0)


def workers_of(study: Study) -> int:
    """Return how many workers the study's runs use, one for a cluster of unknown size."""
    cluster, execution = study.cluster, study.execution
    if cluster.used:
        return cluster.workers
    slots = planned_slots(
        execution.devices, execution.threads, execution.workers, execution.workers_per_device
    )
    return len(slots)


def _left(run: RunRecord, finished: pd.DataFrame) -> dict[Shape, ShapeLeft]:
    """Return the shapes that lack cells; empty when none is finished, as no time is known."""
    lacking = Counter(key[:2] for key in run.cells.difference(cell_keys(finished)))
    timed = finished.dropna(subset=["train_seconds"])
    if timed.empty:
        return {}
    by_shape = timed.groupby(["height", "width"])["train_seconds"].mean()
    means: dict[tuple[int, int], float] = dict(by_shape)
    shapes, classes = {*means, *lacking}, len(run.classes)
    own = run.study.probe.factory is not None  # whose cost is not known here: by its filter
    cost = {(h, w): h * w if own else probe_cost(run.study, h, w, classes)[1] for h, w in shapes}
    known = [(cost[shape], mean) for shape, mean in means.items()]
    line = seconds_by_cost(known, cost.values())
    return {
        Shape(*shape): ShapeLeft(cells, cells * means.get(shape, line[cost[shape]]))
        for shape, cells in sorted(lacking.items())
    }


def _best(run: RunRecord, finished: pd.DataFrame) -> tuple[str, float] | None:
    leading = BestSoFar(run.expected)
    for row in finished.to_dict("records"):
        leading.add(row)
    return leading.best


def _rate(finished: pd.DataFrame, now: datetime) -> tuple[float, float] | tuple[None, None]:
    """Return the cells per hour of the latest cells, and the seconds since the last one finished.

    None when that is much longer ago than a cell takes: no run is going on. Only cells after the
    last gap of that length count.
    """
    if finished.empty:
        return None, None
    took = pd.to_timedelta(_group_seconds(finished), unit="s")
    cells = pd.DataFrame({"began": finished["started_at"], "ended": finished["started_at"] + took})
    cells = cells.dropna().sort_values("ended").tail(_LATEST)
    longest = (cells["ended"] - cells["began"]).max()
    patience = 3 * longest + timedelta(minutes=1)
    if cells.empty or (quiet := now - cells["ended"].iloc[-1]) > patience:
        return None, None
    gaps = cells["ended"].diff() > patience
    mine = cells[gaps.cumsum() == gaps.sum()]
    hours = (mine["ended"].iloc[-1] - mine["began"].min()) / timedelta(hours=1)
    return (len(mine) / hours, max(0.0, quiet.total_seconds())) if hours > 0 else (None, None)


def _group_seconds(finished: pd.DataFrame) -> pd.Series:
    """Return how long it took until each cell had ended.

    On a card that is until all of its group had, which began together and share the time.
    """
    seconds = finished["train_seconds"]
    groups = finished.groupby(["started_at", "height", "width", "window_ms"])["train_seconds"]
    return seconds.where(finished["device"] == CPU, groups.transform("sum"))


def _failure(row: dict) -> str:
    if "height" in row:
        name = f"{row['height']}x{row['width']}"
    else:
        name = row.get("network") or row["reference"]
    return f"{name} fold {row['fold']} seed {row['seed']}: {reason_of(str(row['error']))}"


_MEANING = {
    "probes.parquet": "one row per probe cell: shape, fold, seed, accuracies",
    "networks.parquet": "one row per fold and seed of a promoted network",
    "predictions.parquet": "one row per utterance: scores and predicted class",
    "epochs.parquet": "one row per epoch: learning rate, loss, accuracy",
    "checkpoints.parquet": "one row per share of the budget: correct held-out utterances",
    "references.parquet": "one row per fold of the baselines",
    "search.db": "every trial of every search (ablate dashboard)",
    "table1.md": "Table 1: the promoted networks and the baselines",
    "table1.tex": "Table 1 for LaTeX (booktabs)",
    "table1.csv": "Table 1, every number with its interval",
    "networks": "the saved networks, one folder each (ablate predict, explain)",
    "checkpoints": "checkpoints of unfinished network folds",
    "figure2.png": "Figure 2: accuracy over filter height and width",
    "figure2.csv": "the numbers of Figure 2",
    "report.html": "everything on one page",
    "report.md": "the same as Markdown",
    "report.tex": "all tables of the report for LaTeX",
    "contrasts": "contrasts recorded before they were tested (ablate compare)",
}


def _otherwise(path: Path) -> str:
    """Return the meaning of a folder of parts, or of the numbers beside a figure."""
    if path.is_dir():
        return "rows of a run in progress or stopped"
    return "the numbers of the figure beside it" if path.suffix == ".csv" else ""


def files_of(results: Path, figures: Path, name: str) -> list[tuple[Path, str]]:
    """Return the files of a study that exist, and what each holds."""
    there = [
        *study_folder(results, name).glob("[!.]*.*"),
        *study_folder(results, name).glob("networks"),
        *study_folder(results, name).glob("checkpoints"),
        *study_folder(results, name).glob("contrasts"),
        *(figures / name).glob("[!.]*.*"),
    ]
    return [
        (
            path,
            _MEANING.get(path.name, _otherwise(path)),
        )
        for path in sorted(there)
    ]
