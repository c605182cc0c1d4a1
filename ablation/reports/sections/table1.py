"""Table 1 from the stored rows of a promotion.

Which networks make a row, and which of them in which fold, does not follow from the rows of the
store where shapes were chosen for each fold: ``studies/<digest>.table1.json`` keeps it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ablation.analysis import (
    Counts,
    Family,
    Interval,
    against_reference,
    difference_interval,
    mean_interval,
    score_interval,
    speaker_counts,
)
from ablation.analysis.networks import StoredNetwork
from ablation.analysis.study_results import StudyResults
from ablation.errors import counted
from ablation.reports import Column, Row, Table
from ablation.reports.table1_formats import PAPER
from ablation.results.run_record import RunRecord
from ablation.results.schema import OK
from ablation.study import NETWORK_NAMES, CellKind
from ablation.study.baselines import MAJORITY, SVM, TITLES

Seed = Annotated[int, Field(ge=0, lt=2**31)]


@pydantic.dataclasses.dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class Line:
    """A row of Table 1 before it is scored: a network or a baseline.

    Attributes
    ----------
    manner
        How shapes were chosen for each fold; empty where they are the same in all.
    shapes
        Conv1 as the table shows it; empty for a baseline.
    parameters, multiply_adds
        Those of the largest network; None where they are not known.
    digests
        The digest of the network or baseline of each fold; empty for a baseline without settings.
    """

    title: str
    manner: str
    shapes: str
    parameters: int | None
    multiply_adds: int | None
    digests: Mapping[str, str]
    seeds: Sequence[Seed]
    kind: Literal["network", "reference"] = "network"

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
        Column("WA over SVM", "points", "paired by speaker"),
        Column("WA over network", "points", "paired by speaker"),
        Column("adjusted p", "p", "of that difference"),
        Column("training (s)", "integer", "of a fold"),
        Column("seeds"),
        Column("WA, mean of folds", "percent"),
        Column("UA, mean of folds", "percent"),
    )
    values = tuple(
        (row.name, row.corpus, row.shapes, row.parameters, row.wa, row.ua, row.against,
         row.gain, row.p, row.seconds, row.seeds, row.wa_folds, row.ua_folds)
        for row in rows
    )  # fmt: skip
    notes = ["The networks of the last promotion of these settings, and the baselines."]
    if (reference := reference_of(rows)) is not None:
        notes.append(difference_note(reference))
    return Table("table1", "Table 1", columns, values, notes=(*notes, utterances_note(stored.run)))


def table1_rows(stored: StudyResults, networks: Sequence[StoredNetwork]) -> list[Row]:
    """Return the rows of Table 1 of one digest; none where it has no networks.

    They are those of its last promotion. Where that was run by a version that did not keep which
    they are, they are the ``networks`` whose folds are all stored, and the baselines.
    """
    lines = read_lines(lines_file(stored))
    if lines is None:
        lines = [_line_of(network) for network in networks if network.complete]
    if all(line.kind == CellKind.NETWORK for line in lines):
        lines += baseline_lines(stored.run, stored.baselines, stored.run.seeds())
    found = scored_lines(stored, lines)
    if all(line.kind == CellKind.BASELINE for line, _ in found):
        return []
    return rows_of(stored.run, found)


def baseline_lines(
    run: RunRecord, digests: Mapping[str, str], seeds: Collection[int]
) -> list[Line]:
    """Return the lines of baselines, given the digests of their settings by title."""
    return [
        Line(
            title=title,
            manner="",
            shapes="",
            parameters=None,
            multiply_adds=None,
            digests=dict.fromkeys(run.folds, digests[title]),
            seeds=sorted({*seeds}) if digests[title] else [0],
            kind="reference",
        )
        for title in TITLES.values()
        if title in digests
    ]


def utterances_note(run: RunRecord) -> str:
    """Return how many utterances each class has, and the WA of always answering the largest."""
    counts = ", ".join(f"{label} {n}" for label, n in zip(run.classes, run.counts, strict=True))
    largest = run.classes[run.counts.index(max(run.counts))]
    return (
        f"Utterances: {counts}, in all {sum(run.counts)}; always answering {largest} has a WA of "
        f"{100 * run.majority:.1f} %, so WA is comparable only where classes are the same."
    )


def difference_note(reference: str) -> str:
    """Return what the columns of differences from a network show."""
    return (
        f"WA over network: difference in points from {reference}, the pre-specified comparison, "
        f"paired by speaker; p is two-sided (sign flips) and family-wise adjusted over the table."
    )


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
    networks = stored.networks[stored.networks["status"] == OK]
    baselines = stored.references.rename(columns={"reference": "network"}).assign(
        network_digest=stored.references["baseline_digest"].fillna("")
    )
    tallied = stored.tallied.assign(network_digest=stored.tallied["network_digest"].fillna(""))
    found = []
    for line in lines:
        cells = _of_line(line, networks if line.kind == CellKind.NETWORK else baselines)
        counts = _of_line(line, tallied[tallied["kind"] == line.kind])
        if line.kind == CellKind.BASELINE:
            cells = cells[cells["network"] == line.title]
            counts = counts[counts["name"] == line.title]
        if not cells.empty and not counts.empty:
            scored = ScoredLine(cells, speaker_counts(counts, stored.run.classes))
            found.append((line, scored))
    return found


def _of_line(line: Line, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each fold's own network and the line's seeds."""
    digests = rows["fold"].map(dict(line.digests))
    return rows[(rows["network_digest"] == digests) & rows["seed"].isin(list(line.seeds))]


def rows_of(run: RunRecord, found: Sequence[tuple[Line, ScoredLine]]) -> list[Row]:
    """Return the rows in the paper's order: others' systems, networks, and the two controls."""
    scored = {line.name: mine for line, mine in found}
    svm = scored.get(SVM)
    reference = _reference([line for line, _ in found])
    family = None if reference is None else _family(scored, reference)
    order = list(TITLES.values())

    def rank(line: Line) -> float:
        if line.kind == CellKind.BASELINE:
            return order.index(line.title)
        return order.index(MAJORITY) - 0.5

    ranked = sorted(found, key=lambda one: rank(one[0]))
    return [_row(run, line, mine, svm, reference, family) for line, mine in ranked]


def _reference(lines: Sequence[Line]) -> str | None:
    """Return the network that all others are compared with: the plain one with attention."""
    networks = [line.title for line in lines if line.kind == CellKind.NETWORK and not line.manner]
    attention = NETWORK_NAMES["attention"]
    return attention if attention in networks else next(iter(networks), None)


def reference_of(rows: Sequence[Row]) -> str | None:
    """Return the network that the others of Table 1 are compared with; None where none is."""
    compared = any(row.gain is not None for row in rows)
    return next((row.name for row in rows if row.is_reference), None) if compared else None


def _family(scored: Mapping[str, ScoredLine], reference: str) -> Family | None:
    """Return the comparisons with ``reference`` of all that were scored on its speakers."""
    speakers = scored[reference].counts.speakers
    models = {
        name: mine.counts for name, mine in scored.items() if mine.counts.speakers == speakers
    }
    return against_reference(models, reference) if len(models) > 1 else None


def _row(
    run: RunRecord,
    line: Line,
    scored: ScoredLine,
    svm: ScoredLine | None,
    reference: str | None,
    family: Family | None,
) -> Row:
    compared = None
    if family is not None and reference is not None:
        compared = family.between(line.name, reference)
    folds = scored.cells.groupby("fold")[["wa", "ua"]].mean()  # over seeds
    return Row(
        name=line.name,
        corpus=corpus_title(run),
        shapes=line.shapes,
        parameters=line.parameters or _most(scored.cells.get("parameters")),
        multiply_adds=line.multiply_adds,
        wa=score_interval(scored.counts, "wa"),
        ua=score_interval(scored.counts, "ua"),
        wa_folds=mean_interval(folds["wa"].tolist()),
        ua_folds=mean_interval(folds["ua"].tolist()),
        against=None if line.name == SVM else gain_over(scored, svm),
        gain=None if compared is None else compared.difference,
        p=None if compared is None else compared.p_joint,
        is_reference=line.name == reference,
        seconds=_mean(scored.cells["train_seconds"]),
        seeds=_seeds(run, line, scored),
    )


def _seeds(run: RunRecord, line: Line, scored: ScoredLine) -> str:
    """Return how many seeds a line has; nothing for a baseline that draws none."""
    expected = len(run.folds) * len(line.seeds)
    drawn = line.kind == CellKind.NETWORK or all(line.digests.values())
    seeds = str(scored.cells["seed"].nunique()) if drawn else ""
    if len(scored.cells) < expected:
        seeds += f" ({len(scored.cells)} of {counted(expected, 'cell')})"
    return seeds.strip()


def _most(values: pd.Series | None) -> int | None:
    """Return the largest value; None where rows of older versions have none."""
    return None if values is None or values.dropna().empty else int(values.max())


def _mean(values: pd.Series) -> float | None:
    return None if values.dropna().empty else float(values.mean())


def gain_over(scored: ScoredLine, other: ScoredLine | None) -> Interval | None:
    """Return the difference in WA; None where the other lacks speakers."""
    if other is None or not set(scored.counts.speakers) <= set(other.counts.speakers):
        return None
    absent = [s for s in other.counts.speakers if s not in scored.counts.speakers]
    return difference_interval(scored.counts, other.counts.without(absent), "wa")
