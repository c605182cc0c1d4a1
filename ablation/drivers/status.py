"""What a study has, what it lacks, and which files it made."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablation.drivers.settings import AsRun, study_folder
from ablation.records import FAILED, OK
from ablation.store import ResultStore


@dataclass(frozen=True)
class Status:
    """Counts of the probe cells asked for under one digest, and of the networks stored.

    ``seconds_left`` is the time the missing cells would take one worker, by the finished cells'
    own times; None when none is finished.
    """

    done: int
    failed: int
    left: int
    networks: int
    seconds_left: float | None
    failures: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def asked(self) -> int:
        return self.done + self.failed + self.left


def status_of(results: Path, run: AsRun) -> Status:
    """Count cells. Safe while a run is going on."""
    store = ResultStore(study_folder(results, run.study.name))
    probes = store.read("probes", ["train_seconds", "error"])
    networks = store.read("networks", ["error"])
    rows = probes.frame()
    rows = rows[rows["digest"] == run.digest]
    keys = list(
        zip(*(rows[name] for name in ("height", "width", "window_ms", "seed", "fold")), strict=True)
    )
    asked = run.cell_keys()
    mine = rows[[key in asked for key in keys]]
    done, failed = (int((mine["status"] == value).sum()) for value in (OK, FAILED))
    left = len(asked) - done - failed
    seconds = mine["train_seconds"].mean()
    of_digest = networks.frame()
    of_digest = of_digest[(of_digest["digest"] == run.digest) & (of_digest["status"] == OK)]
    return Status(
        done=done,
        failed=failed,
        left=left,
        networks=len(of_digest),
        seconds_left=None if pd.isna(seconds) else float(seconds) * (left + failed),
        failures=tuple(_failure(row) for row in mine[mine["status"] == FAILED].to_dict("records")),
        damaged=(*probes.damaged, *networks.damaged),
    )


def _failure(row: dict) -> str:
    reason = str(row["error"]).splitlines()[-1]
    return f"{row['height']}x{row['width']} fold {row['fold']} seed {row['seed']}: {reason}"


_MEANING = {
    "probes.parquet": "a row a probe: shape, fold, seed, accuracies",
    "networks.parquet": "a row a fold of a promoted network",
    "predictions.parquet": "a row an utterance: scores and predicted class",
    "epochs.parquet": "a row an epoch: learning rate, loss, accuracy",
    "references.parquet": "a row a fold of what networks must beat",
    "table1.md": "Table 1: the promoted networks and what they must beat",
    "table1.tex": "Table 1 for LaTeX (booktabs)",
    "table1.csv": "Table 1, every number with its interval",
    "networks": "the networks themselves, a folder each (ablate predict, explain)",
    "checkpoints": "where unfinished folds of a network stand",
    "figure2.png": "Figure 2: accuracy over filter height and width",
    "figure2.csv": "the numbers drawn in Figure 2",
    "report.html": "everything on one page",
    "report.md": "the same as Markdown",
    "report.tex": "all tables of the report for LaTeX",
    "contrasts": "contrasts written down before they were tested (ablate compare)",
}


def _otherwise(path: Path) -> str:
    """Of a folder of parts, and of the numbers beside a figure."""
    if path.is_dir():
        return "rows of a run that is going on or was stopped"
    return "the numbers of the figure beside it" if path.suffix == ".csv" else ""


def files_of(results: Path, figures: Path, name: str) -> list[tuple[Path, str]]:
    """The files of a study that are there, and what each holds."""
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
