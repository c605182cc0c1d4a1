"""Results folders as DataFrames, for notebooks and analysis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ablation.errors.running import NoResults, UnreadableSettings
from ablation.results.run_record import RunRecord, load
from ablation.results.schema import OK, TABLES
from ablation.results.store import ResultStore


@dataclass(frozen=True, repr=False)
class Results:
    """The tables of a study, with finished and failed cells separated.

    Attributes
    ----------
    probes, networks
        One row per finished cell.
    references
        One row per fold and seed of each baseline, such as the majority class or the log-mel SVM,
        and of the control on loudness.
    failed_probes, failed_networks
        One row per failed cell, with its ``error``.
    predictions, epochs
        One row per utterance, one row per epoch.
    checkpoints
        One row per cell and share of its budget; none of cells that older versions trained.
    damaged
        Files that could not be read; the rows of all others are here.
    runs
        For each digest its settings and requests, where they are stored.
    """

    probes: pd.DataFrame
    failed_probes: pd.DataFrame
    networks: pd.DataFrame
    failed_networks: pd.DataFrame
    references: pd.DataFrame
    predictions: pd.DataFrame
    epochs: pd.DataFrame
    checkpoints: pd.DataFrame
    damaged: list[str] = field(default_factory=list)
    runs: Mapping[str, RunRecord] = field(default_factory=dict)

    def rows(self, table: str) -> pd.DataFrame:
        """Return a table's rows, finished and failed."""
        frames = [getattr(self, table), getattr(self, f"failed_{table}", None)]
        return pd.concat([frame for frame in frames if frame is not None])

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(value)}" for name, value in vars(self).items())
        return f"Results(rows: {sizes})"


def read_results(folder: Path | str) -> Results:
    """Read the results folder of one study, such as ``results/demo``, also during a run.

    Raises
    ------
    StorageError
        When the folder holds no results, or was written by a newer version.
    """
    folder = Path(folder)
    if not any(
        (folder / f"{name}{end}").exists() for name in TABLES for end in (".parquet", ".parts")
    ):
        below = sorted(path.parent.name for path in folder.glob("*/probes.par*"))
        raise NoResults(folder, list(dict.fromkeys(below)))
    store = ResultStore(folder)
    contents = {name: store.read(name) for name in TABLES}
    frames = {name: content.frame() for name, content in contents.items()}
    done = {name: frames[name]["status"] == OK for name in ("probes", "networks")}
    runs, unreadable = _read_runs(folder / "studies")
    return Results(
        probes=frames["probes"][done["probes"]].reset_index(drop=True),
        failed_probes=frames["probes"][~done["probes"]].reset_index(drop=True),
        networks=frames["networks"][done["networks"]].reset_index(drop=True),
        failed_networks=frames["networks"][~done["networks"]].reset_index(drop=True),
        references=frames["references"],
        predictions=frames["predictions"],
        epochs=frames["epochs"],
        checkpoints=frames["checkpoints"],
        damaged=[*(f for content in contents.values() for f in content.damaged), *unreadable],
        runs=runs,
    )


def _read_runs(folder: Path) -> tuple[dict[str, RunRecord], list[str]]:
    """Return the settings of each digest, and the files that cannot be read."""
    found, unreadable = {}, []
    for file in sorted(folder.glob("[!.]*.toml")):
        try:
            run = load(file)
            found[run.digest] = run
        except UnreadableSettings:
            unreadable.append(str(file))
    return found, unreadable
