"""Table 1 from the stored rows of a promotion.

Which networks make a row, and which of them in which fold, does not follow from the rows of the
store where shapes were chosen for each fold: ``studies/<digest>.table1.json`` keeps it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ablation.analysis import (
    Counts,
    Interval,
    difference_interval,
    mean_interval,
    score_interval,
    speaker_counts,
)
from ablation.analysis.networks import StoredNetwork
from ablation.analysis.study_results import StudyResults
from ablation.errors import counted
from ablation.report import Column, Row, Table
from ablation.report.table1_formats import PAPER
from ablation.results.run_record import RunRecord
from ablation.results.schema import OK
from ablation.study import CellKind
from ablation.study.baselines import BASELINES, SVM

Seed = Annotated[int, Field(ge=0, lt=2**31)]


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class Line:
    """A network's row of Table 1 before it is scored.

    Attributes
    ----------
    manner
        How shapes were chosen for each fold; empty where they are the same in all.
    shapes
        Conv1 as the table shows it.
    parameters, multiply_adds
        Those of the largest network; None where they are not known.
    digests
        The network digest of each fold.
    """

    title: str
    manner: str
    shapes: str
    parameters: int | None
    multiply_adds: int | None
    digests: Mapping[str, str]
    seeds: Sequence[Seed]

    @property
    def key(self) -> tuple[str, str]:
        return self.title, self.manner

    @property
    def name(self) -> str:
        return ", ".join(filter(None, self.key))


@dataclass(frozen=True)
class ScoredLine:
    """The stored rows of one network or baseline: its folds' scores and its utterances."""

    cells: pd.DataFrame
    counts: Counts


_LINES = TypeAdapter(list[Line])


def table1(stored: StudyResults, networks: Sequence[StoredNetwork]) -> Table | None:
    """Return Table 1 of these settings; None where they have no network."""
    rows = table1_rows(stored, networks)
    if not rows:
        return None
    rows += PAPER if of_paper(stored.run) else ()
    columns = (
        Column("network"),
        Column("corpus"),
        Column("Conv1"),
        Column("parameters", "integer"),
        Column("WA", "percent", "pooled, 95 % confidence interval by speaker"),
        Column("UA", "percent"),
        Column("WA, mean of folds", "percent"),
        Column("UA, mean of folds", "percent"),
        Column("WA over SVM", "points", "paired by speaker"),
        Column("seeds"),
    )
    values = tuple(
        (row.name, row.corpus, row.shapes, row.parameters, row.wa, row.ua, row.wa_folds,
         row.ua_folds, row.against, row.seeds)
        for row in rows
    )  # fmt: skip
    note = "The networks of the last promotion of these settings, and the baselines."
    return Table("table1", "Table 1", columns, values, notes=(note,))


def table1_rows(stored: StudyResults, networks: Sequence[StoredNetwork]) -> list[Row]:
    """Return the rows of Table 1 of one digest; none where it has no networks.

    They are those of its last promotion. Where that was run by a version that did not keep which
    they are, they are the ``networks`` whose folds are all stored.
    """
    lines = read_lines(lines_file(stored))
    if lines is None:
        lines = [_line_of(network) for network in networks if network.complete]
    found = scored_lines(stored, lines)
    return rows_of(stored.run, found, scored_baselines(stored)) if found else []


def of_paper(run: RunRecord) -> bool:
    """Return whether the paper's own rows are of the corpus of a run."""
    return run.study.corpus.name == "iemocap"


def lines_file(stored: StudyResults) -> Path:
    return stored.folder / "studies" / f"{stored.run.digest}.table1.json"


def read_lines(file: Path) -> list[Line] | None:
    """Return the lines as written; None where the file is missing or damaged."""
    try:
        return _LINES.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _line_of(network: StoredNetwork) -> Line:
    seeds = sorted(map(int, network.tallied["seed"].unique()))
    return Line(
        title=network.title,
        manner="",
        shapes=network.shapes.replace(",", " + "),
        parameters=network.parameters,
        multiply_adds=network.multiply_adds,
        digests=dict.fromkeys(map(str, network.tallied["fold"].unique()), network.digest),
        seeds=seeds,
    )


def corpus_title(run: RunRecord) -> str:
    """Return the corpus as a reader knows it: a manifest goes by the study's name."""
    name = run.study.corpus.name
    return run.study.name if name == "manifest" else name


def scored_lines(stored: StudyResults, lines: Sequence[Line]) -> list[tuple[Line, ScoredLine]]:
    """Return the lines of which any cell is finished, with their scores."""
    cells = stored.networks[stored.networks["status"] == OK]
    tallied = stored.tallied[stored.tallied["kind"] == CellKind.NETWORK]
    found = []
    for line in lines:
        mine, counts = _of_line(line, cells), _of_line(line, tallied)
        if not mine.empty and not counts.empty:
            scored = ScoredLine(mine, speaker_counts(counts, stored.run.classes))
            found.append((line, scored))
    return found


def _of_line(line: Line, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each fold's own network and the line's seeds."""
    digests = rows["fold"].map(dict(line.digests))
    return rows[(rows["network_digest"] == digests) & rows["seed"].isin(list(line.seeds))]


def scored_baselines(stored: StudyResults) -> dict[str, ScoredLine]:
    """Return the scores of the baselines of which all folds are finished, by name."""
    tallied = stored.tallied[stored.tallied["kind"] == CellKind.BASELINE]
    found = {}
    for title in BASELINES:
        cells = stored.references[stored.references["reference"] == title]
        mine = tallied[tallied["name"] == title]
        if set(cells["fold"]) == set(stored.run.folds) and not mine.empty:
            found[title] = ScoredLine(cells, speaker_counts(mine, stored.run.classes))
    return found


def rows_of(
    run: RunRecord,
    networks: Sequence[tuple[Line, ScoredLine]],
    baselines: Mapping[str, ScoredLine],
) -> list[Row]:
    svm = baselines.get(SVM)
    return [
        *(_network_row(run, line, scored, svm) for line, scored in networks),
        *(_row(run, title, scored, svm) for title, scored in baselines.items()),
    ]


def _network_row(run: RunRecord, line: Line, scored: ScoredLine, svm: ScoredLine | None) -> Row:
    expected = len(run.folds) * len(line.seeds)
    seeds = str(scored.cells["seed"].nunique())
    if len(scored.cells) < expected:
        seeds += f" ({len(scored.cells)} of {counted(expected, 'cell')})"
    return _row(
        run, line.name, scored, svm, line.shapes, line.parameters, line.multiply_adds, seeds
    )


def _row(
    run: RunRecord,
    name: str,
    scored: ScoredLine,
    svm: ScoredLine | None,
    shapes: str = "",
    parameters: int | None = None,
    multiply_adds: int | None = None,
    seeds: str = "",
) -> Row:
    folds = scored.cells.groupby("fold")[["wa", "ua"]].mean()  # over seeds
    return Row(
        name=name,
        corpus=corpus_title(run),
        shapes=shapes,
        parameters=parameters,
        multiply_adds=multiply_adds,
        wa=score_interval(scored.counts, "wa"),
        ua=score_interval(scored.counts, "ua"),
        wa_folds=mean_interval(folds["wa"].tolist()),
        ua_folds=mean_interval(folds["ua"].tolist()),
        against=None if name == SVM else gain_over(scored, svm),
        seeds=seeds,
    )


def gain_over(scored: ScoredLine, other: ScoredLine | None) -> Interval | None:
    if other is None:
        return None
    absent = [s for s in other.counts.speakers if s not in scored.counts.speakers]
    return difference_interval(scored.counts, other.counts.without(absent), "wa")
