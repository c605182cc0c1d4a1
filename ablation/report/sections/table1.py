"""Table 1 from the stored rows of a promotion.

Which networks make a row, and which of them in which fold, does not follow from the rows of the
store where shapes were chosen for each fold: ``studies/<digest>.table1.json`` keeps it.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ablation.analysis import (
    Counts,
    Interval,
    difference_interval,
    mean_interval,
    score_interval,
    speaker_counts,
)
from ablation.drivers.settings import RunRecord
from ablation.drivers.showing.networks import StoredNetwork
from ablation.drivers.stored import StudyResults
from ablation.errors import counted
from ablation.errors.running import NoFoldFinished
from ablation.files import write_text
from ablation.records import OK
from ablation.report import Row, points, table1_csv, table1_latex, table1_markdown
from ablation.study import shapes_text
from ablation.training.references import MAJORITY, REFERENCES, SVM

if TYPE_CHECKING:  # the report has no need of torch
    from ablation.drivers.choosing import Chosen
    from ablation.drivers.promote import NetworkVariant, PromotePlan
    from ablation.kept.record import ScoreNote

_NESTED = {
    "nested": (
        "approximate: probes scored on the other speakers were trained on the held-out ones too"
    ),
    "nested-full": "the probes behind a fold's choice were not trained on its speakers",
}


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
class _Scored:
    """The stored rows of one network or baseline: its folds' scores and its utterances."""

    cells: pd.DataFrame
    counts: Counts


_Scores = Mapping[tuple[str, str], _Scored]  # by the key of a line


@dataclass(frozen=True)
class Table1:
    """The files written, the table as Markdown, and the best plain variant that is complete.

    ``at_chance`` says, a sentence each, which variants are not shown to be above the majority
    class.
    """

    files: tuple[Path, ...]
    text: str
    best: "NetworkVariant | None"
    scores: "ScoreNote | None"
    at_chance: tuple[str, ...]


def write_table1(plan: "PromotePlan", results: Path) -> Table1:
    """Write ``table1.md``, ``table1.tex`` and ``table1.csv`` of the plan's variants.

    Raises :class:`SelectionError` when none of their cells is finished.
    """
    stored = StudyResults(results, plan.run)
    folder = stored.folder
    lines = [_line(plan, variant) for variant in plan.variants]
    found, baselines = _scored(stored, lines), _baselines(stored)
    if not found:
        raise NoFoldFinished(plan.run.study.name)
    rows = _rows(stored.run, found, baselines)
    scored = {line.key: mine for line, mine in found}
    at_chance = _at_chance(lines, scored, baselines.get(MAJORITY))
    notes = [*_notes(plan, scored), *at_chance]
    paper = of_paper(plan.run)
    caption = (
        f"Speech emotion recognition on {_corpus(plan.run)}, "
        f"{len(plan.prepared.folds)} speaker-independent folds; 95 % intervals by speaker."
    )
    write_text(_lines_file(stored), json.dumps([asdict(line) for line in lines], indent=1))
    texts = {
        "table1.md": table1_markdown(rows, paper, notes),
        "table1.tex": table1_latex(rows, paper, notes, caption),
        "table1.csv": table1_csv(rows, paper),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    best = _best(plan, scored)
    return Table1(
        tuple(folder / name for name in texts),
        texts["table1.md"],
        best,
        None if best is None else _note(plan, scored[best.title, ""]),
        at_chance,
    )


def table1_rows(stored: StudyResults, networks: Sequence[StoredNetwork]) -> list[Row]:
    """Return the rows of Table 1 of one digest; none where it has no networks.

    They are those of its last promotion. Where that was run by a version that did not keep which
    they are, they are the ``networks`` whose folds are all stored.
    """
    lines = read_lines(_lines_file(stored))
    if lines is None:
        lines = [_line_of(network) for network in networks if network.complete]
    found = _scored(stored, lines)
    return _rows(stored.run, found, _baselines(stored)) if found else []


def of_paper(run: RunRecord) -> bool:
    """Return whether the paper's own rows are of the corpus of a run."""
    return run.study.corpus.name == "iemocap"


def _lines_file(stored: StudyResults) -> Path:
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


def _line(plan: "PromotePlan", variant: "NetworkVariant") -> Line:
    cost = max((plan.costs[d] for d in variant.digests.values()), key=lambda cost: cost.parameters)
    return Line(
        title=variant.title,
        manner=variant.selection.manner,
        shapes=_shapes(variant),
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        digests=dict(variant.digests),
        seeds=plan.seeds,
    )


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


def _corpus(run: RunRecord) -> str:
    """Return the corpus as a reader knows it: a manifest goes by the study's name."""
    name = run.study.corpus.name
    return run.study.name if name == "manifest" else name


def _scored(stored: StudyResults, lines: Sequence[Line]) -> list[tuple[Line, _Scored]]:
    """Return the lines of which any cell is finished, with their scores."""
    cells = stored.networks[stored.networks["status"] == OK]
    tallied = stored.tallied[stored.tallied["kind"] == "network"]
    found = []
    for line in lines:
        mine, counts = _of_line(line, cells), _of_line(line, tallied)
        if not mine.empty and not counts.empty:
            scored = _Scored(mine, speaker_counts(counts, stored.run.classes))
            found.append((line, scored))
    return found


def _of_line(line: Line, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each fold's own network and the line's seeds."""
    digests = rows["fold"].map(dict(line.digests))
    return rows[(rows["network_digest"] == digests) & rows["seed"].isin(list(line.seeds))]


def _baselines(stored: StudyResults) -> dict[str, _Scored]:
    """Return the scores of the baselines of which all folds are finished, by name."""
    tallied = stored.tallied[stored.tallied["kind"] == "reference"]
    found = {}
    for title in REFERENCES:
        cells = stored.references[stored.references["reference"] == title]
        mine = tallied[tallied["name"] == title]
        if set(cells["fold"]) == set(stored.run.folds) and not mine.empty:
            found[title] = _Scored(cells, speaker_counts(mine, stored.run.classes))
    return found


def _rows(
    run: RunRecord,
    networks: Sequence[tuple[Line, _Scored]],
    baselines: Mapping[str, _Scored],
) -> list[Row]:
    svm = baselines.get(SVM)
    return [
        *(_network_row(run, line, scored, svm) for line, scored in networks),
        *(_baseline_row(run, title, scored, svm) for title, scored in baselines.items()),
    ]


def _network_row(run: RunRecord, line: Line, scored: _Scored, svm: _Scored | None) -> Row:
    expected = len(run.folds) * len(line.seeds)
    seeds = str(scored.cells["seed"].nunique())
    if len(scored.cells) < expected:
        seeds += f" ({len(scored.cells)} of {counted(expected, 'cell')})"
    return Row(
        name=line.name,
        corpus=_corpus(run),
        shapes=line.shapes,
        parameters=line.parameters,
        multiply_adds=line.multiply_adds,
        against=_against(scored, svm),
        seeds=seeds,
        **_intervals(scored),
    )


def _baseline_row(run: RunRecord, title: str, scored: _Scored, svm: _Scored | None) -> Row:
    return Row(
        name=title,
        corpus=_corpus(run),
        shapes="",
        parameters=None,
        multiply_adds=None,
        against=None if title == SVM else _against(scored, svm),
        seeds="",
        **_intervals(scored),
    )


def _intervals(scored: _Scored) -> dict[str, Interval]:
    folds = scored.cells.groupby("fold")[["wa", "ua"]].mean()  # over seeds
    return {
        "wa": score_interval(scored.counts, "wa"),
        "ua": score_interval(scored.counts, "ua"),
        "wa_folds": mean_interval(folds["wa"].tolist()),
        "ua_folds": mean_interval(folds["ua"].tolist()),
    }


def _against(scored: _Scored, other: _Scored | None) -> Interval | None:
    if other is None:
        return None
    absent = [s for s in other.counts.speakers if s not in scored.counts.speakers]
    return difference_interval(scored.counts, other.counts.without(absent), "wa")


def _at_chance(lines: Sequence[Line], scored: _Scores, majority: _Scored | None) -> tuple[str, ...]:
    """Return a sentence on every network whose WA may be no higher than the majority class'."""
    found = []
    for line in lines:
        mine = scored.get(line.key)
        gain = None if mine is None else _against(mine, majority)
        if gain is not None and not gain.low > 0:
            found.append(
                f"{line.name} is not significantly better than the majority class (difference in "
                f"WA: {points(gain)} points): train it longer, or with other settings "
                f"([network.training]), before you rely on it."
            )
    return tuple(found)


def _shapes(variant: "NetworkVariant") -> str:
    """Return Conv1 as text; of a choice for each fold, every choice with its number of folds."""
    counts = Counter(
        " + ".join(map(str, chosen.shapes)) for chosen in variant.selection.by_fold.values()
    )
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{shapes} ({counted(n, 'fold')})" for shapes, n in counts.most_common())


def _notes(plan: "PromotePlan", scored: _Scores) -> list[str]:
    overlap = (
        "The intervals do not account for the overlap of the folds' training sets. "
        if len(plan.prepared.folds) > 2
        else ""
    )
    notes = [
        f"WA and UA in %, pooled over the utterances of {len(plan.prepared.folds)} "
        f"speaker-independent folds and averaged over seeds, with 95 % confidence intervals over "
        f"speakers (Student's t, {counted(len(plan.prepared.corpus.speakers), 'speaker')}); beside "
        f"them the mean over folds. {overlap}Networks are scored after the last epoch; no epoch "
        f"is selected.",
        "WA over SVM: difference in points from the log-mel SVM on the same folds, paired by "
        "speaker.",
    ]
    selections = {variant.selection.manner: variant.selection for variant in plan.variants}
    for manner, selection in selections.items():
        if not manner:
            chosen = next(iter(selection.by_fold.values()))
            notes += [f"Conv1, {reason}." for reason in chosen.reasons]
        else:
            notes.append(f"Conv1, {manner}: {_by_fold(selection.by_fold)} ({_NESTED[manner]}).")
    notes += _optimism(plan, scored)
    digests = settings_text(plan.variants)
    notes.append(f"Settings {plan.run.digest}; networks {digests}.")
    return notes


def _by_fold(by_fold: "Mapping[str, Chosen]") -> str:
    choices: dict[str, list[str]] = {}
    for fold, chosen in by_fold.items():
        choices.setdefault(shapes_text(chosen.shapes), []).append(fold)
    return "; ".join(f"{shapes} in {', '.join(folds)}" for shapes, folds in choices.items())


def _optimism(plan: "PromotePlan", scored: _Scores) -> list[str]:
    """Return what choosing shapes on the folds that score them adds to the score."""
    notes = []
    for variant in plan.variants:
        manner = variant.selection.manner
        plain, nested = scored.get((variant.title, "")), scored.get((variant.title, manner))
        if not manner or plain is None or nested is None:
            continue
        if plain.counts.speakers != nested.counts.speakers:
            continue
        wa, ua = (
            points(difference_interval(plain.counts, nested.counts, metric))
            for metric in ("wa", "ua")
        )
        notes.append(
            f"Selection optimism of {variant.title} (plain minus {manner}, paired by speaker): "
            f"WA {wa}, UA {ua} points."
        )
    return notes


def settings_text(variants: "Sequence[NetworkVariant]") -> str:
    """Return each variant's network digests, which name its settings."""
    return "; ".join(
        f"{variant.title}{', ' + variant.selection.manner if variant.selection.manner else ''} "
        f"{', '.join(dict.fromkeys(variant.digests.values()))}"
        for variant in variants
    )


def _best(plan: "PromotePlan", scored: _Scores) -> "NetworkVariant | None":
    """Return the complete plain variant with the highest WA, or None."""
    expected = len(plan.prepared.folds) * len(plan.seeds)
    whole = {
        title: value
        for (title, manner), value in scored.items()
        if not manner and len(value.cells) == expected
    }
    variants = [variant for variant in plan.variants if variant.plain and variant.title in whole]
    return max(variants, key=lambda variant: whole[variant.title].counts.score("wa"), default=None)


def _note(plan: "PromotePlan", scored: _Scored) -> "ScoreNote":
    from ablation.kept.record import ScoreNote

    return ScoreNote(
        wa=scored.counts.score("wa"),
        ua=scored.counts.score("ua"),
        utterances=round(float(scored.counts.n.sum())),
        measured_on=(
            f"cross-validation of the same network over {len(plan.prepared.folds)} "
            f"speaker-independent folds and {len(plan.seeds)} seed"
            f"{'s' * (len(plan.seeds) > 1)}, its shapes chosen by the same folds' scores or given"
        ),
    )
