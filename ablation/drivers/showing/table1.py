"""Table 1 from the stored rows of a promotion."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablation.analysis import (
    Counts,
    Interval,
    difference_interval,
    mean_interval,
    score_interval,
    speaker_counts,
    tally,
)
from ablation.drivers.choosing import Chosen
from ablation.drivers.promote import REFERENCES, NetworkVariant, PromotePlan
from ablation.drivers.settings import study_folder
from ablation.errors import SelectionError, counted
from ablation.files import write_text
from ablation.kept.record import ScoreNote
from ablation.records import OK
from ablation.report import Row, points, table1_csv, table1_latex, table1_markdown
from ablation.store import ResultStore
from ablation.study import shapes_text

MAJORITY, SVM = REFERENCES
_NESTED = {
    "nested": (
        "approximate: a probe scored on another speaker was trained with the held-out one's speech"
    ),
    "nested-full": "the probes behind a fold's choice never heard its speakers",
}


@dataclass(frozen=True)
class _Scored:
    """The stored rows of one variant or baseline: its folds' scores and its utterances."""

    cells: pd.DataFrame
    counts: Counts


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
    folder = study_folder(results, plan.run.study.name)
    store = ResultStore(folder)
    predictions = store.read("predictions", ["speaker", "label", "predicted"]).frame()
    predictions = predictions[predictions["digest"] == plan.run.digest]
    networks = _finished(store, "networks", plan)
    references = _finished(store, "references", plan)
    scored = {
        (variant.title, variant.selection.manner): _variant_scores(
            plan, variant, networks, predictions
        )
        for variant in plan.variants
    }
    held = {title: _reference_scores(title, references, predictions, plan) for title in REFERENCES}
    there = {key: value for key, value in scored.items() if value is not None}
    if not there:
        raise SelectionError("no fold of a network is finished", "run ablate promote again")
    rows = [
        _variant_row(plan, variant, there[variant.title, variant.selection.manner], held[SVM])
        for variant in plan.variants
        if (variant.title, variant.selection.manner) in there
    ]
    for title, value in held.items():
        if value is not None:
            rows.append(_reference_row(plan, title, value, held[SVM]))
    at_chance = _at_chance(plan, there, held[MAJORITY])
    notes = [*_notes(plan, there), *at_chance]
    paper = plan.prepared.corpus.name == "iemocap"
    caption = (
        f"Speech emotion recognition on {_corpus(plan)}, "
        f"{len(plan.prepared.folds)} speaker-independent folds; 95 % intervals by speaker."
    )
    texts = {
        "table1.md": table1_markdown(rows, paper, notes),
        "table1.tex": table1_latex(rows, paper, notes, caption),
        "table1.csv": table1_csv(rows, paper),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    best = _best(plan, there)
    return Table1(
        tuple(folder / name for name in texts),
        texts["table1.md"],
        best,
        None if best is None else _note(plan, there[best.title, ""]),
        at_chance,
    )


def _corpus(plan: PromotePlan) -> str:
    """The corpus as a reader knows it: a manifest goes by the study's name."""
    name = plan.prepared.corpus.name
    return plan.run.study.name if name == "manifest" else name


def _finished(store: ResultStore, table: str, plan: PromotePlan) -> pd.DataFrame:
    rows = store.read(table).frame()
    return rows[(rows["digest"] == plan.run.digest) & (rows["status"] == OK)]


def _variant_scores(
    plan: PromotePlan, variant: NetworkVariant, networks: pd.DataFrame, predictions: pd.DataFrame
) -> _Scored | None:
    cells = _of_variant(plan, variant, networks)
    if cells.empty:
        return None
    mine = _of_variant(plan, variant, predictions[predictions["kind"] == "network"])
    return _Scored(cells, speaker_counts(tally(mine), plan.run.classes))


def _of_variant(plan: PromotePlan, variant: NetworkVariant, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each fold's own network and the seeds asked for."""
    digests = rows["fold"].map(dict(variant.digests))
    return rows[(rows["network_digest"] == digests) & rows["seed"].isin(plan.seeds)]


def _reference_scores(
    title: str, references: pd.DataFrame, predictions: pd.DataFrame, plan: PromotePlan
) -> _Scored | None:
    folds = [fold.name for fold in plan.prepared.folds]
    cells = references[references["reference"] == title]
    mine = predictions[(predictions["kind"] == "reference") & (predictions["name"] == title)]
    if set(cells["fold"]) != set(folds):  # a part of it is nothing to hold a network against
        return None
    return _Scored(cells, speaker_counts(tally(mine), plan.run.classes))


def _variant_row(
    plan: PromotePlan, variant: NetworkVariant, scored: _Scored, svm: _Scored | None
) -> Row:
    cost = max((plan.costs[d] for d in variant.digests.values()), key=lambda cost: cost.parameters)
    expected = len(plan.prepared.folds) * len(plan.seeds)
    seeds = str(scored.cells["seed"].nunique())
    if len(scored.cells) < expected:
        seeds += f" ({len(scored.cells)} of {counted(expected, 'cell')})"
    manner = variant.selection.manner
    return Row(
        name=f"{variant.title}, {manner}" if manner else variant.title,
        corpus=_corpus(plan),
        shapes=_shapes(variant),
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        against=_against(scored, svm),
        seeds=seeds,
        **_intervals(scored),
    )


def _reference_row(plan: PromotePlan, title: str, scored: _Scored, svm: _Scored | None) -> Row:
    return Row(
        name=title,
        corpus=_corpus(plan),
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


def _at_chance(
    plan: PromotePlan, scored: Mapping[tuple[str, str], _Scored], majority: _Scored | None
) -> tuple[str, ...]:
    """Of every variant that no interval tells from always answering the largest class."""
    found = []
    for variant in plan.variants:
        name = ", ".join(filter(None, (variant.title, variant.selection.manner)))
        mine = scored.get((variant.title, variant.selection.manner))
        gain = None if mine is None else _against(mine, majority)
        if gain is not None and not gain.low > 0:
            found.append(
                f"{name} is not shown to know more than the majority class (WA over it: "
                f"{points(gain)} points): train it longer, or with other settings "
                f"([network.training]), before believing anything it says."
            )
    return tuple(found)


def _shapes(variant: NetworkVariant) -> str:
    """Conv1 as text; with a choice for each fold, every choice with the number of its folds."""
    counts = Counter(
        " + ".join(map(str, chosen.shapes)) for chosen in variant.selection.by_fold.values()
    )
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{shapes} ({counted(n, 'fold')})" for shapes, n in counts.most_common())


def _notes(plan: PromotePlan, scored: dict[tuple[str, str], _Scored]) -> list[str]:
    notes = [
        f"WA and UA in %, pooled over the utterances of {len(plan.prepared.folds)} "
        f"speaker-independent folds and averaged over seeds, with 95 % intervals by speaker "
        f"(Student's t, {counted(len(plan.prepared.corpus.speakers), 'speaker')}); beside them "
        f"the mean over folds. The training sets of the folds overlap, which the intervals do "
        f"not know. The last "
        f"epoch counts.",
        "WA over SVM: difference in points to the log-mel machine on the same folds, paired by "
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


def _by_fold(by_fold: Mapping[str, Chosen]) -> str:
    choices: dict[str, list[str]] = {}
    for fold, chosen in by_fold.items():
        choices.setdefault(shapes_text(chosen.shapes), []).append(fold)
    return "; ".join(f"{shapes} in {', '.join(folds)}" for shapes, folds in choices.items())


def _optimism(plan: PromotePlan, scored: dict[tuple[str, str], _Scored]) -> list[str]:
    """What choosing shapes on the folds that score them adds to the score."""
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
    """Each variant's network digests, as they name its settings."""
    return "; ".join(
        f"{variant.title}{', ' + variant.selection.manner if variant.selection.manner else ''} "
        f"{', '.join(dict.fromkeys(variant.digests.values()))}"
        for variant in variants
    )


def _best(plan: PromotePlan, scored: dict[tuple[str, str], _Scored]) -> NetworkVariant | None:
    """The plain variant of the highest WA among those of which no cell is missing."""
    expected = len(plan.prepared.folds) * len(plan.seeds)
    whole = {
        title: value
        for (title, manner), value in scored.items()
        if not manner and len(value.cells) == expected
    }
    variants = [variant for variant in plan.variants if variant.plain and variant.title in whole]
    return max(variants, key=lambda variant: whole[variant.title].counts.score("wa"), default=None)


def _note(plan: PromotePlan, scored: _Scored) -> ScoreNote:
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
