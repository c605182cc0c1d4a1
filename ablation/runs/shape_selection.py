"""Which shapes go into Conv1: chosen from the stored probes, once or for each fold separately.

*Plain* selection looks at the probes' scores on all speakers, as the paper does; the network is
then scored on the same speakers, so its score is biased upwards. *Nested* selection for a fold
looks only at scores on the speakers of the other folds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ablation.analysis import RULES, Choice, Counts, speaker_counts
from ablation.analysis.evidence import check_metric, other_settings
from ablation.analysis.study_results import StudyResults
from ablation.errors import counted
from ablation.errors.common import UnknownName
from ablation.errors.networks import ModelChanged
from ablation.errors.reading import NoCompleteAxis
from ablation.progress import Reporter, duration
from ablation.results import run_record
from ablation.results.run_record import RunRecord
from ablation.runs.grid import plan_shapes, run_grid
from ablation.runs.plans import GridPlan
from ablation.runs.prepare import Prepared
from ablation.study import AXES, Shape, Study, override_study


@dataclass(frozen=True)
class Chosen:
    """The shapes of Conv1, and the sentences that say why they were chosen."""

    shapes: tuple[Shape, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """The shapes of each fold, and how they were chosen.

    Attributes
    ----------
    manner
        Empty for plain selection, else ``nested`` or ``nested-full``.
    by_fold
        For every fold its shapes and the reasons for them.
    """

    manner: str
    by_fold: Mapping[str, Chosen]


@dataclass(frozen=True)
class SelectionOptions:
    """How to choose shapes: by which rule and score, and with which nested selections."""

    rule: str = "best"
    metric: str = "wa"
    nested: bool = False
    nested_full: bool = False


def select_given(prepared: Prepared, shapes: Sequence[Shape]) -> list[Selection]:
    """Return the selection of the shapes that the user names, for every fold."""
    chosen = Chosen(tuple(shapes), ("shapes as given",))
    return [Selection("", {fold.name: chosen for fold in prepared.folds})]


def select(
    results: Path,
    run: RunRecord,
    prepared: Prepared,
    options: SelectionOptions,
    reporter: Reporter,
    dry_run: bool,
) -> list[Selection]:
    """Return the plain selection, and the nested ones that are asked for.

    ``nested_full`` trains its probes here, after saying what they cost; a dry run only says it.

    Raises
    ------
    NoCompleteAxis
        When the stored probes leave nothing to choose from.
    UnknownName
        For an unknown rule or metric.
    InterruptedRun
        On an interrupt while probes are trained; the finished ones are stored.
    """
    options = _check(options, run.classes)
    scores = ProbeScores(results, run)
    plain = scores.choose(options.rule, options.metric)
    selections = [Selection("", {fold.name: plain for fold in prepared.folds})]
    if options.nested:
        by_fold = {
            fold.name: scores.choose_without(fold.test_speakers, options.rule, options.metric)
            for fold in prepared.folds
        }
        selections.append(Selection("nested", by_fold))
    if options.nested_full:
        plan = _plan_pairs(results, prepared.study, run, scores.shapes())
        reporter.say(_cost_of_pairs(results, run, plan))
        if not dry_run:
            run_grid(plan, results, reporter)
            selections.append(_from_pairs(results, plan.records()[0], scores, prepared, options))
    return selections


class ProbeScores:
    """The finished probes of a run, by axis, extent and speaker.

    Raises
    ------
    NoCompleteAxis
        When neither axis has two finished shapes.
    """

    def __init__(self, results: Path, run: RunRecord) -> None:
        self.run = run
        stored = StudyResults(results, run)
        self.axes: dict[str, dict[int, Counts]] = {}
        self.lacking: list[str] = []
        for axis in AXES.values():
            shapes = stored.axis_shapes(axis)
            if len(shapes) < 2:
                self.lacking.append(
                    f"no {axis.name} was chosen: fewer than two shapes of that axis are complete "
                    f"(ablate grid --axis {axis.name})"
                )
            else:
                self.axes[axis.name] = shapes
        if not self.axes:
            raise NoCompleteAxis(run.study.name, run.digest, others=other_settings(results, run))

    def choose(self, rule: str, metric: str) -> Chosen:
        """Return the shapes by ``rule`` and ``metric`` from the scores of all speakers."""
        return _chosen(self.run, self.axes, rule, metric, self.lacking)

    def choose_without(self, speakers: Sequence[str], rule: str, metric: str) -> Chosen:
        """Return the same from the scores of all speakers except ``speakers``."""
        axes = {
            name: {extent: counts.without(speakers) for extent, counts in shapes.items()}
            for name, shapes in self.axes.items()
        }
        return _chosen(self.run, axes, rule, metric, self.lacking)

    def shapes(self) -> tuple[Shape, ...]:
        """Return all shapes that can be chosen."""
        return run_record.unique(
            _shape(self.run, name, extent)
            for name, extents in self.axes.items()
            for extent in extents
        )


def _check(options: SelectionOptions, classes: Sequence[str]) -> SelectionOptions:
    """Return the options with the metric's name as analysis knows it."""
    if options.rule not in RULES:
        raise UnknownName("--rule", options.rule, list(RULES))
    return replace(options, metric=check_metric(options.metric, tuple(classes)))


def _plan_pairs(results: Path, study: Study, run: RunRecord, shapes: Sequence[Shape]) -> GridPlan:
    """Return the probes that nested-full needs: every shape without each pair of folds.

    One probe serves both folds of a pair: it was trained on neither, so its scores on one of them
    count where shapes are chosen for the other.
    """
    seeds = sorted(run.seeds())
    paired = override_study(study, [("folds.pairs", True), ("grid.seeds", seeds)])
    plan = plan_shapes(paired, "nested", shapes, [study.features.window_ms], results)
    if plan.prepared.code != run.code and study.probe.factory is not None:
        raise ModelChanged(study.probe.factory, run.digest)
    return plan


def _cost_of_pairs(results: Path, run: RunRecord, plan: GridPlan) -> str:
    left = len(plan.missing)
    seconds = duration(left * float(StudyResults(results, run).probes["train_seconds"].mean()))
    return (
        f"nested-full: {counted(len(plan.cells), 'probe')} "
        f"({counted(len(plan.request.shapes), 'shape')} without each of "
        f"{counted(len(plan.prepared.folds), 'pair')} of folds), {len(plan.cells) - left} "
        f"stored, {left} to train: about {seconds} on one worker"
    )


def _from_pairs(
    results: Path,
    pairs: RunRecord,
    scores: ProbeScores,
    prepared: Prepared,
    options: SelectionOptions,
) -> Selection:
    """Return for each fold the shapes chosen from probes not trained on it."""
    tallied = StudyResults(results, pairs).tallied
    tallied = tallied[tallied["window_ms"] == pairs.study.features.window_ms]
    by_fold = {}
    for fold in prepared.folds:
        others = [other.name for other in prepared.folds if other is not fold]
        left_out = {*(f"{fold.name}+{o}" for o in others), *(f"{o}+{fold.name}" for o in others)}
        mine = tallied[tallied["fold"].isin(list(left_out))]
        by_name = dict(list(mine[~mine["speaker"].isin(list(fold.test_speakers))].groupby("name")))
        axes = {
            name: {
                extent: speaker_counts(by_name[str(_shape(pairs, name, extent))], pairs.classes)
                for extent in extents
            }
            for name, extents in scores.axes.items()
        }
        by_fold[fold.name] = _chosen(scores.run, axes, options.rule, options.metric, scores.lacking)
    return Selection("nested-full", by_fold)


def _chosen(
    run: RunRecord,
    axes: Mapping[str, Mapping[int, Counts]],
    rule: str,
    metric: str,
    lacking: Sequence[str],
) -> Chosen:
    shapes, reasons = [], []
    for name, counts in axes.items():
        choice: Choice = RULES[rule](counts, metric)
        shape = _shape(run, name, choice.extent)
        shapes.append(shape)
        reasons.append(f"{name}: {shape}, {choice.reason}")
    return Chosen(run_record.unique(shapes), (*reasons, *lacking))


def _shape(run: RunRecord, axis: str, extent: int) -> Shape:
    return AXES[axis].shape(extent, AXES[axis].fixed_in(run.study.grid))
