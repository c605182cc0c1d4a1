"""Table 1 from the stored rows of a promotion.

Which networks make a row, and which of them in which fold, does not follow from the rows of the
store where shapes were chosen for each fold: ``studies/<digest>.table1.json`` keeps it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

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
from ablation.report import Row
from ablation.results.run_record import RunRecord
from ablation.results.schema import OK
from ablation.study import CellKind
from ablation.study.baselines import BASELINES, SVM


@dataclass(frozen=True)
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
    seeds: Sequence[int]

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
        return [_checked(Line(**table)) for table in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _checked(line: Line) -> Line:
    """Return ``line``; raise ValueError where its fields have other types than were written."""
    kinds: dict[str, Any] = {
        "title": str, "manner": str, "shapes": str, "parameters": int | None,
        "multiply_adds": int | None, "digests": dict, "seeds": list,
    }  # fmt: skip
    names, seeds = [*line.digests, *line.digests.values()], line.seeds
    if not (
        all(isinstance(getattr(line, name), kind) for name, kind in kinds.items())
        and all(isinstance(name, str) for name in names)
        and all(isinstance(seed, int) and 0 <= seed < 2**31 for seed in seeds)
    ):
        raise ValueError("not as written")
    return line


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
        *(_baseline_row(run, title, scored, svm) for title, scored in baselines.items()),
    ]


def _network_row(run: RunRecord, line: Line, scored: ScoredLine, svm: ScoredLine | None) -> Row:
    expected = len(run.folds) * len(line.seeds)
    seeds = str(scored.cells["seed"].nunique())
    if len(scored.cells) < expected:
        seeds += f" ({len(scored.cells)} of {counted(expected, 'cell')})"
    return Row(
        name=line.name,
        corpus=corpus_title(run),
        shapes=line.shapes,
        parameters=line.parameters,
        multiply_adds=line.multiply_adds,
        against=gain_over(scored, svm),
        seeds=seeds,
        **_intervals(scored),
    )


def _baseline_row(run: RunRecord, title: str, scored: ScoredLine, svm: ScoredLine | None) -> Row:
    return Row(
        name=title,
        corpus=corpus_title(run),
        shapes="",
        parameters=None,
        multiply_adds=None,
        against=None if title == SVM else gain_over(scored, svm),
        seeds="",
        **_intervals(scored),
    )


def _intervals(scored: ScoredLine) -> dict[str, Interval]:
    folds = scored.cells.groupby("fold")[["wa", "ua"]].mean()  # over seeds
    return {
        "wa": score_interval(scored.counts, "wa"),
        "ua": score_interval(scored.counts, "ua"),
        "wa_folds": mean_interval(folds["wa"].tolist()),
        "ua_folds": mean_interval(folds["ua"].tolist()),
    }


def gain_over(scored: ScoredLine, other: ScoredLine | None) -> Interval | None:
    if other is None:
        return None
    absent = [s for s in other.counts.speakers if s not in scored.counts.speakers]
    return difference_interval(scored.counts, other.counts.without(absent), "wa")
