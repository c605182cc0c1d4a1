"""A results folder as DataFrames, for notebooks and for analysis."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ablation.errors import StorageError, named
from ablation.records import OK, TABLES
from ablation.store.parquet import ResultStore


@dataclass(frozen=True, repr=False)
class Results:
    """The tables of a study, finished cells apart from failed ones.

    Attributes
    ----------
    probes, networks
        A row a finished cell.
    references
        A row a fold of what networks are held against: majority class, log-mel SVM.
    failed_probes, failed_networks
        A row a failed cell, with its ``error``.
    predictions, epochs
        A row an utterance, a row an epoch.
    damaged
        Files that could not be read; the rows of all others are here.
    """

    probes: pd.DataFrame
    failed_probes: pd.DataFrame
    networks: pd.DataFrame
    failed_networks: pd.DataFrame
    references: pd.DataFrame
    predictions: pd.DataFrame
    epochs: pd.DataFrame
    damaged: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(value)}" for name, value in vars(self).items())
        return f"Results(rows: {sizes})"


def read_results(folder: Path | str) -> Results:
    """Read the results folder of one study, such as ``results/demo``; a run may be going on.

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
        remedy = (
            f"give one of the studies in it: {named(dict.fromkeys(below), 9)}"
            if below
            else ("results come from ablate grid")
        )
        raise StorageError(f"no results in {folder}", remedy)
    store = ResultStore(folder)
    contents = {name: store.read(name) for name in TABLES}
    frames = {name: content.frame() for name, content in contents.items()}
    done = {name: frames[name]["status"] == OK for name in ("probes", "networks")}
    return Results(
        probes=frames["probes"][done["probes"]].reset_index(drop=True),
        failed_probes=frames["probes"][~done["probes"]].reset_index(drop=True),
        networks=frames["networks"][done["networks"]].reset_index(drop=True),
        failed_networks=frames["networks"][~done["networks"]].reset_index(drop=True),
        references=frames["references"],
        predictions=frames["predictions"],
        epochs=frames["epochs"],
        damaged=[file for content in contents.values() for file in content.damaged],
    )
