"""Writes Table 1 of a promotion, with notes on how its shapes were chosen."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ablation.analysis import difference_interval
from ablation.analysis.study_results import StudyResults
from ablation.errors import counted
from ablation.errors.running import NoFoldFinished
from ablation.files import write_text
from ablation.reports import points, table1_csv, table1_latex, table1_markdown
from ablation.reports.sections.table1 import (
    Line,
    ScoredLine,
    baseline_lines,
    corpus_title,
    difference_note,
    gain_over,
    lines_file,
    of_paper,
    reference_of,
    rows_of,
    scored_lines,
    utterances_note,
)
from ablation.reports.table1_formats import PAPER_NOTES
from ablation.runs.network_plan import NetworkVariant, PromotePlan
from ablation.runs.shape_selection import Chosen
from ablation.saved.record import ScoreNote
from ablation.study import shapes_text
from ablation.study.baselines import MAJORITY, TITLES

_Scores = Mapping[tuple[str, str], ScoredLine]  # by the key of a line
_NESTED = {
    "nested": (
        "approximate: probes scored on the other speakers were trained on the held-out ones too"
    ),
    "nested-full": "the probes behind a fold's choice were not trained on its speakers",
}


@dataclass(frozen=True)
class Table1:
    """The files written, the table as Markdown, and the best plain variant that is complete.

    ``at_chance`` says, a sentence each, which variants are not shown to be above the majority
    class.
    """

    files: tuple[Path, ...]
    text: str
    best: NetworkVariant | None
    scores: ScoreNote | None
    at_chance: tuple[str, ...]


def write_table1(plan: PromotePlan, results: Path) -> Table1:
    """Write ``table1.md``, ``table1.tex`` and ``table1.csv`` of the plan's variants.

    Raises :class:`SelectionError` when none of their cells is finished.
    """
    stored = StudyResults(results, plan.run)
    folder = stored.folder
    networks = [_line(plan, variant) for variant in plan.variants]
    digests = {
        title: plan.study.baseline_digest(name, plan.development) for name, title in TITLES.items()
    }
    lines = [*networks, *baseline_lines(plan.run, digests, plan.seeds)]
    found = scored_lines(stored, lines)
    scored = {line.key: mine for line, mine in found}
    if not any(line.key in scored for line in networks):
        raise NoFoldFinished(plan.run.study.name)
    rows = rows_of(stored.run, found)
    at_chance = _at_chance(networks, scored, scored.get((MAJORITY, "")))
    notes = [*_notes(plan, scored, reference_of(rows)), *at_chance]
    paper = of_paper(plan.run)
    caption = (
        f"Speech emotion recognition on {corpus_title(plan.run)}, "
        f"{len(plan.prepared.folds)} speaker-independent folds; 95 % intervals by speaker."
    )
    write_text(lines_file(stored), json.dumps([asdict(line) for line in lines], indent=1))
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


def _line(plan: PromotePlan, variant: NetworkVariant) -> Line:
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


def _shapes(variant: NetworkVariant) -> str:
    """Return Conv1 as text; of a choice for each fold, every choice with its number of folds."""
    counts = Counter(
        " + ".join(map(str, chosen.shapes)) for chosen in variant.selection.by_fold.values()
    )
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{shapes} ({counted(n, 'fold')})" for shapes, n in counts.most_common())


def _at_chance(
    lines: Sequence[Line], scored: _Scores, majority: ScoredLine | None
) -> tuple[str, ...]:
    """Return a sentence on every network whose WA may be no higher than the majority class'."""
    found = []
    for line in lines:
        mine = scored.get(line.key)
        gain = None if mine is None else gain_over(mine, majority)
        if gain is not None and not gain.low > 0:
            found.append(
                f"{line.name} is not significantly better than the majority class (difference in "
                f"WA: {points(gain)} points): train it longer, or with other settings "
                f"([network.training]), before you rely on it."
            )
    return tuple(found)


def _notes(plan: PromotePlan, scored: _Scores, reference: str | None) -> list[str]:
    overlap = (
        "The intervals do not account for the overlap of the folds' training sets. "
        if len(plan.prepared.folds) > 2
        else ""
    )
    notes = [
        f"WA and UA in %, pooled over the utterances of {len(plan.prepared.folds)} "
        f"speaker-independent folds and averaged over seeds, with 95 % confidence intervals over "
        f"speakers (Student's t, {counted(len(plan.prepared.corpus.speakers), 'speaker')}); beside "
        f"them the mean over folds. {overlap}{_stopping(plan)}",
        "WA over SVM: difference in points from the log-mel SVM on the same folds, paired by "
        "speaker.",
        utterances_note(plan.run),
    ]
    if reference is not None:
        notes.append(difference_note(reference))
    notes += PAPER_NOTES if of_paper(plan.run) else ()
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


def _stopping(plan: PromotePlan) -> str:
    """Return which epoch counts, and what is chosen on whom."""
    if not plan.development:
        return "Networks and baselines are scored after the last epoch; no epoch is selected."
    whose = {
        "partner": "the dialogue partners of the test speakers",
        "next": "the test speakers of the next fold",
    }[plan.study.development.speakers]
    return (
        f"Networks, and baselines with settings, are scored with the epoch and hyperparameters "
        f"that are best by UA on development speakers ({whose}), on whom they are not trained."
    )


def _by_fold(by_fold: Mapping[str, Chosen]) -> str:
    choices: dict[str, list[str]] = {}
    for fold, chosen in by_fold.items():
        choices.setdefault(shapes_text(chosen.shapes), []).append(fold)
    return "; ".join(f"{shapes} in {', '.join(folds)}" for shapes, folds in choices.items())


def _optimism(plan: PromotePlan, scored: _Scores) -> list[str]:
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


def settings_text(variants: Sequence[NetworkVariant]) -> str:
    """Return each variant's network digests, which name its settings."""
    return "; ".join(
        f"{variant.title}{', ' + variant.selection.manner if variant.selection.manner else ''} "
        f"{', '.join(dict.fromkeys(variant.digests.values()))}"
        for variant in variants
    )


def _best(plan: PromotePlan, scored: _Scores) -> NetworkVariant | None:
    """Return the complete plain variant with the highest WA, or None."""
    expected = len(plan.prepared.folds) * len(plan.seeds)
    whole = {
        title: value
        for (title, manner), value in scored.items()
        if not manner and len(value.cells) == expected
    }
    variants = [variant for variant in plan.variants if variant.plain and variant.title in whole]
    return max(variants, key=lambda variant: whole[variant.title].counts.score("wa"), default=None)


def _note(plan: PromotePlan, scored: ScoredLine) -> ScoreNote:
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
