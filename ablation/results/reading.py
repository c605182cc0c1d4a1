"""Results folders as DataFrames, for notebooks and analysis."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ablation.errors import StudyError
from ablation.errors.running import NoResults
from ablation.results.schema import OK, TABLES
from ablation.results.store import ResultStore
from ablation.study import Shape

Key = tuple[int, int, float]  # height, width, window in ms
SEARCH = "search"  # the axis of a search's request


@dataclass(frozen=True)
class Asked:
    """What all runs of one digest were asked for, as its settings record it.

    Attributes
    ----------
    fixed
        The extent of the side that an axis does not vary: ``width`` on the height axis, ``height``
        on the width axis.
    cells
        How many cells (seeds times folds) of each (height, width, window_ms).
    planned
        The (height, width, window_ms) that a grid asked for by name.
    searched
        Whether a search ran too. What it alone has tried is not planned, whether it completed it
        (then it is in ``cells``) or pruned it: no axis and no test of one may rest on it.
    """

    fixed: Mapping[str, int]
    cells: Mapping[Key, int]
    planned: frozenset[Key]
    searched: bool

    def named(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the shapes that were named before any score was seen."""
        if not self.searched:
            return rows
        found = [key in self.planned for key in cell_shapes(rows)]
        return rows[pd.Series(found, rows.index, dtype=bool)]


def cell_shapes(rows: pd.DataFrame) -> list[Key]:
    """Return the (height, width, window_ms) of each row."""
    columns = (rows[name].tolist() for name in ("height", "width", "window_ms"))
    return list(zip(*columns, strict=True))


@dataclass(frozen=True, repr=False)
class Results:
    """The tables of a study, with finished and failed cells separated.

    Attributes
    ----------
    probes, networks
        One row per finished cell.
    references
        One row per fold of each baseline: majority class, log-mel SVM.
    failed_probes, failed_networks
        One row per failed cell, with its ``error``.
    predictions, epochs
        One row per utterance, one row per epoch.
    damaged
        Files that could not be read; the rows of all others are here.
    asked
        For each digest what its runs were asked for, where its settings are stored.
    """

    probes: pd.DataFrame
    failed_probes: pd.DataFrame
    networks: pd.DataFrame
    failed_networks: pd.DataFrame
    references: pd.DataFrame
    predictions: pd.DataFrame
    epochs: pd.DataFrame
    damaged: list[str] = field(default_factory=list)
    asked: Mapping[str, Asked] = field(default_factory=dict)

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
    asked, unreadable = _read_asked(folder / "studies")
    return Results(
        probes=frames["probes"][done["probes"]].reset_index(drop=True),
        failed_probes=frames["probes"][~done["probes"]].reset_index(drop=True),
        networks=frames["networks"][done["networks"]].reset_index(drop=True),
        failed_networks=frames["networks"][~done["networks"]].reset_index(drop=True),
        references=frames["references"],
        predictions=frames["predictions"],
        epochs=frames["epochs"],
        damaged=[*(f for content in contents.values() for f in content.damaged), *unreadable],
        asked=asked,
    )


def _read_asked(folder: Path) -> tuple[dict[str, Asked], list[str]]:
    """Return what each digest was asked for, and the files of settings that cannot be read."""
    found, unreadable = {}, []
    for file in sorted(folder.glob("[!.]*.toml")):
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
            found[str(tables["as_run"]["digest"])] = _asked(tables)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, StudyError):
            unreadable.append(str(file))
    return found, unreadable


def _asked(tables: Mapping[str, Any]) -> Asked:
    grid, run = tables["grid"], tables["as_run"]
    cells, planned, searched = set(), set(), False
    for request in run["asked"]:
        by_search = request["axis"] == SEARCH
        searched |= by_search
        for shape in map(Shape.parse, request["shapes"]):
            for window in map(float, request["windows"]):
                key = (shape.height, shape.width, window)
                cells |= {(key, seed, fold) for seed in request["seeds"] for fold in run["folds"]}
                if not by_search:
                    planned.add(key)
    return Asked(
        fixed={"height": int(grid["fixed_height"]), "width": int(grid["fixed_width"])},
        cells=Counter(key for key, *_ in cells),
        planned=frozenset(planned),
        searched=searched,
    )
