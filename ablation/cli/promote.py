"""``ablate promote``."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli import completion
from ablation.cli.failures import say
from ablation.cli.options import (
    DEMO,
    RESULTS,
    ClusterOption,
    CorpusOption,
    DevicesOption,
    DigestOption,
    DryRunJsonOption,
    DryRunOption,
    PerDeviceOption,
    ResultsOption,
    RootOption,
    SetOption,
    StudyOption,
    WorkersOption,
    chosen_poolings,
    execution_overrides,
    load_given,
    parse_seeds,
    parse_shapes,
    parse_words,
    set_overrides,
    study_name,
)
from ablation.errors.common import InvalidOption, OptionRequires, OptionsExclude
from ablation.errors.studies import CorpusFixedByProbes, NoShapesToPromote

if TYPE_CHECKING:
    from ablation.progress import Reporter
    from ablation.results.run_record import RunRecord
    from ablation.runs.promote import PromotePlan
    from ablation.study import Shape, Study


def promote(
    study: StudyOption = DEMO,
    best: Annotated[
        bool, typer.Option("--best", help="Choose a height and a width from the stored probes.")
    ] = False,
    rule: Annotated[
        str | None,
        typer.Option(
            help="How --best chooses: best (highest score; default), one-se (smallest extent "
            "within one standard error of it) or plateau (smallest extent that no larger one "
            "significantly outperforms).",
            autocompletion=completion.rules,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Score to choose by: wa (default), ua or a class (its recall).",
            autocompletion=completion.metrics,
        ),
    ] = None,
    shapes: Annotated[
        str | None,
        typer.Option(help="Use these shapes in Conv1, e.g. 10x2,2x8 (10x2:12 for twelve filters)."),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            metavar="attention|gap|bilinear|all",
            help="Comma-separated; default: the study's; all: the paper's three. Others: "
            "attention-sum, attention-class, max, statistics.",
            autocompletion=completion.poolings,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FACTORY",
            help="Your own network, made by FACTORY(shapes, classes).",
        ),
    ] = None,
    nested: Annotated[
        bool,
        typer.Option(
            "--nested",
            help="Also choose shapes for each fold without the scores of its test speakers.",
        ),
    ] = False,
    nested_full: Annotated[
        bool,
        typer.Option(
            "--nested-full",
            help="As --nested, with probes that were not trained on the fold either.",
        ),
    ] = False,
    seeds: Annotated[
        str | None, typer.Option(help="Comma-separated; default: the study's.")
    ] = None,
    final: Annotated[
        bool,
        typer.Option("--final/--no-final", help="Also train the best network on all speakers."),
    ] = True,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    set_: SetOption = None,
    workers: WorkersOption = None,
    devices: DevicesOption = None,
    workers_per_device: PerDeviceOption = None,
    cluster: ClusterOption = None,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train stored folds again.")] = False,
    dry_run: DryRunOption = False,
    json_: DryRunJsonOption = False,
) -> None:
    """Cross-validate the full network with chosen shapes.

    The best network is then trained on all speakers and saved.
    """
    from ablation.cli import evidence_printing, network_printing
    from ablation.progress import Reporter
    from ablation.results import run_record
    from ablation.runs import promote as driver
    from ablation.runs.grid import as_given
    from ablation.runs.shape_selection import SelectionOptions, select, select_given

    if json_ and not dry_run:
        raise OptionRequires("--json", "--dry-run")
    began, reporter = time.perf_counter(), Reporter()
    choices = {"--best": best, "--nested": nested, "--nested-full": nested_full}
    chosen_by = [option for option, given in choices.items() if given]
    if chosen_by and shapes is not None:
        raise OptionsExclude(["--shapes", *chosen_by])
    if not chosen_by and (rule or metric):
        raise OptionRequires("--rule" if rule else "--metric", "--best")
    if network is not None:
        _check_factory(network, pooling)
    overrides = execution_overrides(workers, devices, workers_per_device, cluster)
    if chosen_by or digest is not None or run_record.any_run(results, study_name(study)):
        run = run_record.find_run(results, study_name(study), digest)
        overrides = [*set_overrides(set_), *overrides]
        evidence_printing.say_taken(run, study, results)
        known = True
    else:  # shapes are given, and there is no run of probes to go by
        fixed, own = driver.part_overrides(set_overrides(set_))
        run = as_given(load_given(study, fixed, corpus, corpus_root))
        overrides = [*own, *overrides]
        say(f"study {run.study.name}: settings {run.digest}, as given")
        known = False
    if network is not None:
        overrides.append(("network.factory", network))
    changed = driver.change_settings(run, overrides)
    if known:
        _note_other_network(study, run, changed)
    changed = _moved(changed, corpus, corpus_root)
    if seeds is not None:
        changed = _with_seeds(changed, parse_seeds(seeds))
    poolings = chosen_poolings(pooling, changed.network.pooling)
    given = None if chosen_by else _given_shapes(shapes, changed)
    prepared = driver.prepare_promotion(run, changed)
    if given is None:
        options = SelectionOptions(rule or "best", metric or "wa", nested, nested_full)
        selections = select(results, run, prepared, options, reporter, dry_run)
    else:
        selections = select_given(prepared, given)
    plan = driver.plan_promote(results, run, prepared, selections, poolings, fresh)
    network_printing.say_promotion(plan)
    if dry_run:
        _say_what_it_takes(plan, time.perf_counter() - began, final, json_, reporter)
        return
    _carry_out(plan, results, final, reporter)


def _say_what_it_takes(
    plan: PromotePlan, planning: float, final: bool, json_: bool, reporter: Reporter
) -> None:
    from ablation.cli import network_printing, plan_printing, status_printing
    from ablation.estimate.networks import estimate_promotion, promotion_json

    if not json_:
        plan_printing.print_jobs(plan.study)
    if plan.missing:
        reporter.say("measuring a few training steps on the workers that the run would use")
    estimate = estimate_promotion(plan, planning, final, reporter)
    if json_:
        status_printing.print_object(promotion_json(plan, estimate))
    else:
        network_printing.print_promotion(plan, estimate)


def _carry_out(plan: PromotePlan, results: Path, final: bool, reporter: Reporter) -> None:
    """Train, print Table 1, train the best network on all speakers."""
    from ablation.cli.study_commands import finish
    from ablation.runs import promote as driver
    from ablation.runs.table1 import write_table1

    tally = driver.run_promote(plan, results, reporter)
    if tally.trained or tally.stored:
        table = write_table1(plan, results)
        print(table.text)
        for file in table.files:
            print(file)
        for doubt in table.at_chance:
            say(f"warning: {doubt}")
        if final and table.best is not None and table.scores is not None:
            say(f"{table.best.title} has the highest WA: training it on all speakers, to be saved")
            place, last = driver.run_final(plan, table.best, table.scores, results, reporter)
            tally.failures += last.failures
            if not last.failures:
                print(place)
    finish(tally)


def _check_factory(network: str, pooling: str | None) -> None:
    """Raise :class:`StudyError` for a text that names no factory, or a pooling beside one."""
    from ablation.study.fields import FACTORY

    if not re.fullmatch(FACTORY, network):
        raise InvalidOption("--network", network, "MODULE:FACTORY", "mynet:build")
    if pooling is not None:  # a network of the user's own has its own
        raise OptionsExclude(["--pooling", "--network"])


def _given_shapes(shapes: str | None, study: Study) -> tuple[Shape, ...]:
    words = parse_words(shapes) if shapes is not None else study.network.conv1
    if not words:
        raise NoShapesToPromote
    return parse_shapes(words, "network.conv1" if shapes is None else "--shapes")


def _note_other_network(study: Path, run: RunRecord, changed: Study) -> None:
    """Say when the study file's [network] is not the one used: a run keeps its settings."""
    if load_given(study, [], None, None).network not in (run.study.network, changed.network):
        say(
            f"note: [network] in {study} differs from the settings last run, which are used; "
            f"to use the file's, run ablate grid again (stored cells are not trained again)"
        )


def _moved(study: Study, corpus: str | None, root: Path | None) -> Study:
    """Return the study with its corpus in another folder; its digest tells if it is the same."""
    from ablation.study import override_study

    if corpus is not None and corpus != study.corpus.name:
        raise CorpusFixedByProbes(corpus, study.corpus.name)
    return study if root is None else override_study(study, [("corpus.root", str(root))])


def _with_seeds(study: Study, seeds: Sequence[int]) -> Study:
    from ablation.study import override_study

    return override_study(study, [("grid.seeds", list(seeds))])
