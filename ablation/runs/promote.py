"""A whole promotion: from options to Table 1 and the network of all speakers.

:func:`promote` runs all of it. ``ablate promote`` calls the same four steps one by one, to print
what each of them found: :func:`find_settings`, :func:`plan_promotion`, and on the jobs of one
:func:`cluster_of`, :func:`cross_validate` and :func:`train_final`.
"""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from ablation.errors.common import (
    InvalidOption,
    OptionMissing,
    OptionRequires,
    OptionsExclude,
    UnknownName,
)
from ablation.errors.networks import NoMap
from ablation.errors.studies import FixedByProbes
from ablation.executors import Executor
from ablation.progress import Reporter
from ablation.results import run_record
from ablation.results.field_record import read_field
from ablation.results.run_record import RunRecord
from ablation.runs.baseline_plan import chosen_baselines
from ablation.runs.grid import as_given
from ablation.runs.network_plan import (
    CHANGEABLE,
    PromotePlan,
    change_settings,
    part_overrides,
    plan_promote,
    prepare_promotion,
    run_final,
    run_promote,
)
from ablation.runs.runner import Tally, shared_cluster
from ablation.runs.shape_selection import SelectionOptions, select, select_given
from ablation.runs.table1 import Table1, write_table1
from ablation.study import (
    NETWORK_NAMES,
    PAPER_POOLINGS,
    Shape,
    Study,
    load_study,
    override_study,
)
from ablation.study.fields import FACTORY
from ablation.study.reading import Override


@dataclass(frozen=True)
class PromoteOptions:
    """What is promoted, and how; without any option the study's own ``network.conv1``.

    Attributes
    ----------
    best
        Whether a height and a width are chosen from the stored probes.
    nested, nested_full
        Whether shapes are also chosen for each fold without the scores of its test speakers, and
        with probes that were not trained on the fold either; both imply ``best``.
    rule, metric
        How shapes are chosen: "best", "one-se" or "plateau" (None: best), by "wa", "ua" or a class
        (None: wa).
    shapes
        The shapes of Conv1 instead of a choice.
    poolings
        Names of poolings, or "all" for the paper's three; None: the study's.
    baselines
        Names of the baselines to train beside the networks, or "all" or "none"; None: the majority
        class and the log-mel SVM.
    network
        A factory of the user's own networks as "module:function".
    seeds
        Seeds of training; None: the study's.
    digest
        The beginning of the digest of the settings to use; None: those run last.
    corpus, corpus_root
        The corpus by its name, and where it lies now.
    overrides
        Other values of fields, as :func:`~ablation.study.load_study` takes them.
    fresh
        Whether stored folds are trained again.
    """

    best: bool = False
    nested: bool = False
    nested_full: bool = False
    rule: str | None = None
    metric: str | None = None
    shapes: tuple[Shape, ...] | None = None
    poolings: tuple[str, ...] | None = None
    baselines: tuple[str, ...] | None = None
    network: str | None = None
    seeds: tuple[int, ...] | None = None
    digest: str | None = None
    corpus: str | None = None
    corpus_root: Path | None = None
    overrides: tuple[Override, ...] = ()
    fresh: bool = False

    @property
    def choosing(self) -> list[str]:
        """The options given that have shapes chosen from probes."""
        given = {"--best": self.best, "--nested": self.nested, "--nested-full": self.nested_full}
        return [option for option, wanted in given.items() if wanted]


@dataclass(frozen=True)
class Settings:
    """The settings that a promotion starts from, and the study as it is promoted.

    ``stored`` is False for a study without any run, whose shapes are given; ``other_tables`` are
    those of the file that are neither as stored nor as promoted.
    """

    run: RunRecord
    study: Study
    stored: bool
    other_tables: tuple[str, ...]


@dataclass(frozen=True)
class Promoted:
    """The result of a promotion.

    ``table`` is None when no fold was trained or stored; ``network`` is the folder of the network
    of all speakers, None where it was not to be trained or failed.
    """

    plan: PromotePlan
    tally: Tally
    table: Table1 | None
    network: Path | None = None


def promote(
    study: Path | str,
    results: Path,
    options: PromoteOptions,
    reporter: Reporter,
    final: bool = True,
) -> Promoted:
    """Cross-validate the full network with chosen shapes, and train the best on all speakers.

    Parameters
    ----------
    study
        A study file, or the name of a shipped study.
    results
        The folder of all results, where rows, networks and Table 1 are stored.
    final
        Whether the network with the highest WA is also trained on all speakers.

    Raises
    ------
    InterruptedRun
        On an interrupt; the finished folds are stored.
    AblationError
        For options that cannot be used or combined, a corpus other than that of the probes, or
        whatever else keeps a fold from being trained or stored.
    """
    settings = find_settings(study, results, options)
    plan = plan_promotion(settings, results, options, reporter)
    with cluster_of(plan, results, reporter) as executor:
        found = cross_validate(plan, results, reporter, executor)
        return train_final(found, results, reporter, executor) if final else found


def find_settings(study: Path | str, results: Path, options: PromoteOptions) -> Settings:
    """Return the settings last run, or where there are none and shapes are given, the study's.

    Raises
    ------
    StudyError
        For options that cannot be used or combined, and fields that the probes fix.
    StorageError
        When shapes are to be chosen and there is no run.
    """
    _check(options)
    given = load_study(study)
    overrides: Sequence[Override] = options.overrides
    stored = bool(
        options.choosing or options.digest is not None or run_record.any_run(results, given.name)
    )
    if stored:
        run = run_record.find_run(results, given.name, options.digest)
    else:
        fixed, overrides = part_overrides(options.overrides)
        run = as_given(load_study(study, fixed, options.corpus, options.corpus_root))
    if options.network is not None:
        overrides = [*overrides, ("network.factory", options.network)]
    changed = change_settings(run, overrides)
    other = tuple(
        table
        for table in ("network", "baselines", "development")
        if stored
        and getattr(given, table) not in (getattr(run.study, table), getattr(changed, table))
    )
    if options.corpus not in (None, changed.corpus.name):
        raise FixedByProbes(f"--corpus {options.corpus}", f"on {changed.corpus.name}", CHANGEABLE)
    moved: list[Override] = []
    if options.corpus_root is not None:
        moved.append(("corpus.root", str(options.corpus_root)))
    if options.seeds is not None:
        moved.append(("grid.seeds", list(options.seeds)))
    promoted = override_study(changed, moved) if moved else changed
    return Settings(run, promoted, stored, other)


def plan_promotion(
    settings: Settings,
    results: Path,
    options: PromoteOptions,
    reporter: Reporter,
    dry_run: bool = False,
) -> PromotePlan:
    """Read the corpus, choose shapes and list what is to be trained.

    ``nested_full`` trains its probes here, except in a dry run. Raises as :func:`promote`.
    """
    run, study = settings.run, settings.study
    names = options.poolings
    poolings = chosen_poolings((study.network.pooling,) if names is None else names)
    given = () if options.choosing else options.shapes or _own_shapes(study)
    prepared = prepare_promotion(run, study)
    if given:
        selections = select_given(prepared, given)
    else:
        how = SelectionOptions(
            options.rule or "best", options.metric or "wa", options.nested, options.nested_full
        )
        selections = select(results, run, prepared, how, reporter, dry_run)
    baselines = chosen_baselines(options.baselines)
    return plan_promote(results, run, prepared, selections, poolings, baselines, options.fresh)


def cluster_of(
    plan: PromotePlan, results: Path, reporter: Reporter
) -> AbstractContextManager[Executor | None]:
    """Return the cluster on which both steps of a promotion run, if it has one."""
    folder = run_record.study_folder(results, plan.study.name)
    return shared_cluster(plan.study, folder, reporter.say)


def cross_validate(
    plan: PromotePlan, results: Path, reporter: Reporter, executor: Executor | None = None
) -> Promoted:
    """Train the missing folds and write Table 1. Raises as :func:`promote`."""
    tally = run_promote(plan, results, reporter, executor)
    some = tally.trained or tally.stored
    return Promoted(plan, tally, write_table1(plan, results) if some else None)


def train_final(
    promoted: Promoted, results: Path, reporter: Reporter, executor: Executor | None = None
) -> Promoted:
    """Train the network with the highest WA on all speakers. Raises as :func:`promote`.

    The result is ``promoted`` itself where no network has all of its folds.
    """
    table, tally = promoted.table, promoted.tally
    if table is None or table.best is None or table.scores is None:
        return promoted
    reporter.say(f"{table.best.title} has the highest WA: training it on all speakers, to be saved")
    place, last = run_final(promoted.plan, table.best, table.scores, results, reporter, executor)
    tally.failures += last.failures
    if last.failures:
        return promoted
    _measure_field(place, promoted.plan, reporter)
    return replace(promoted, network=place)


def _measure_field(place: Path, plan: PromotePlan, reporter: Reporter) -> None:
    """Measure the receptive field of the network saved in ``place``, where it was not yet."""
    from ablation.runs.field import SEGMENTS, measure
    from ablation.saved import load_network

    network = load_network(place)
    known = read_field(place)
    if known is not None and known.weights == network.record.weights:
        return
    cuts = [(u.file, u.start, u.end) for u in plan.prepared.corpus.utterances]
    try:
        measure(place, network, cuts, SEGMENTS, reporter)
    except NoMap as error:
        reporter.say(f"no receptive field: {error.what}")


def chosen_poolings(names: Sequence[str]) -> list[str]:
    """Return poolings by name, "all" being the paper's.

    Raises :class:`UnknownName` for one that does not exist.
    """
    chosen: list[str] = []
    for name in names:
        if name != "all" and name not in NETWORK_NAMES:
            raise UnknownName("--pooling", name, ["all", *NETWORK_NAMES])
        chosen += PAPER_POOLINGS if name == "all" else [name]
    return list(dict.fromkeys(chosen))


def _check(options: PromoteOptions) -> None:
    """Raise :class:`StudyError` for options that cannot be combined or used."""
    if options.choosing and options.shapes is not None:
        raise OptionsExclude(["--shapes", *options.choosing])
    if not options.choosing and (options.rule or options.metric):
        raise OptionRequires("--rule" if options.rule else "--metric", "--best")
    if options.network is None:
        return
    if not re.fullmatch(FACTORY, options.network):
        raise InvalidOption("--network", options.network, "MODULE:FACTORY", "mynet:build")
    if options.poolings is not None:  # a network of the user's own has its own
        raise OptionsExclude(["--pooling", "--network"])


def _own_shapes(study: Study) -> tuple[Shape, ...]:
    """Return the shapes of ``network.conv1``; raise :class:`OptionMissing` if it is empty."""
    if not study.network.conv1:
        raise OptionMissing(
            "shapes to promote", ["--best", "--shapes", "network.conv1 in the study"]
        )
    return tuple(Shape.parse(text, "network.conv1") for text in dict.fromkeys(study.network.conv1))
