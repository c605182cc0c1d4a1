"""``ablate promote``."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli import completing
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
    study_name,
)
from ablation.errors import StudyError

if TYPE_CHECKING:
    from ablation.drivers.progress import Reporter
    from ablation.drivers.promote import PromotePlan
    from ablation.drivers.settings import RunRecord
    from ablation.study import Shape, Study


def promote(
    study: StudyOption = DEMO,
    best: Annotated[
        bool, typer.Option("--best", help="Choose a height and a width from the stored probes.")
    ] = False,
    rule: Annotated[
        str | None,
        typer.Option(
            help="How --best chooses: best (default), one-se or plateau.",
            autocompletion=completing.rules,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Score to choose by: wa (default), ua or a class.",
            autocompletion=completing.metrics,
        ),
    ] = None,
    shapes: Annotated[
        str | None,
        typer.Option(help="Shapes of Conv1 instead, as 10x2,2x8 (10x2:12 for twelve filters)."),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            metavar="attention|gap|bilinear|all",
            help="Default: the study's; all: the paper's three. Others: attention-sum, "
            "attention-class, max, statistics; several parted by commas.",
            autocompletion=completing.poolings,
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
        typer.Option("--nested", help="Also with shapes chosen for each fold without its scores."),
    ] = False,
    nested_full: Annotated[
        bool,
        typer.Option("--nested-full", help="The same from probes that never heard the fold."),
    ] = False,
    seeds: Annotated[str | None, typer.Option(help="Default: the study's.")] = None,
    final: Annotated[
        bool,
        typer.Option("--final/--no-final", help="Train the best network on all speakers too."),
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
    """Cross-validate the network with the chosen shapes; keep the best one."""
    from ablation.cli import evidence_printing, network_printing
    from ablation.drivers import promote as driver
    from ablation.drivers import settings
    from ablation.drivers.choosing import SelectionOptions, select, select_given
    from ablation.drivers.grid import as_given
    from ablation.drivers.progress import Reporter

    if json_ and not dry_run:
        raise StudyError("--json is of --dry-run", "give both, or read results/*/table1.csv")
    began, reporter = time.perf_counter(), Reporter()
    choosing = best or nested or nested_full
    if choosing and shapes is not None:
        raise StudyError(
            "--shapes says which shapes; --best, --nested and --nested-full choose them",
            "as in: ablate promote --best --nested",
        )
    if not choosing and (rule or metric):
        raise StudyError(
            "--rule and --metric say how shapes are chosen; none are to be chosen here",
            "give --best too",
        )
    if network is not None:
        _check_factory(network, pooling)
    overrides = execution_overrides(workers, devices, workers_per_device, cluster)
    if choosing or digest is not None or settings.any_run(results, study_name(study)):
        run = settings.find_run(results, study_name(study), digest)
        overrides = [*(set_ or []), *overrides]
        evidence_printing.say_taken(run, study, results)
        known = True
    else:  # shapes are given, and there is no run of probes to go by
        beside, own = driver.part_overrides(set_ or [])
        run = as_given(load_given(study, beside, corpus, corpus_root))
        overrides = [*own, *overrides]
        say(f"study {run.study.name}: settings {run.digest}, as given")
        known = False
    if network is not None:
        overrides.append(f'network.factory="{network}"')
    changed = driver.change_settings(run, overrides)
    if known:
        _note_other_network(study, run, changed)
    changed = _moved(changed, corpus, corpus_root)
    if seeds is not None:
        changed = _with_seeds(changed, parse_seeds(seeds))
    poolings = chosen_poolings(pooling, changed.network.pooling)
    given = None if choosing else _given_shapes(shapes, changed)
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
    from ablation.drivers.estimating.networks import estimate_promotion, promotion_json

    if not json_:
        plan_printing.print_jobs(plan.study)
    if plan.missing:
        reporter.say("trying a few steps on the workers that the run would use")
    estimate = estimate_promotion(plan, planning, final, reporter)
    if json_:
        status_printing.print_object(promotion_json(plan, estimate))
    else:
        network_printing.print_promotion(plan, estimate)


def _carry_out(plan: PromotePlan, results: Path, final: bool, reporter: Reporter) -> None:
    """Train, print Table 1, train the best network on all speakers."""
    from ablation.cli.study_commands import finish
    from ablation.drivers import promote as driver
    from ablation.drivers.showing.table1 import write_table1

    tally = driver.run_promote(plan, results, reporter)
    if tally.trained or tally.stored:
        table = write_table1(plan, results)
        print(table.text)
        for file in table.files:
            print(file)
        for doubt in table.at_chance:
            say(f"warning: {doubt}")
        if final and table.best is not None and table.scores is not None:
            say(f"{table.best.title} has the highest WA: trained on all speakers, to be kept")
            place, last = driver.run_final(plan, table.best, table.scores, results, reporter)
            tally.failures += last.failures
            if not last.failures:
                print(place)
    finish(tally)


def _check_factory(network: str, pooling: str | None) -> None:
    """Raise :class:`StudyError` for a text that names no factory, or a pooling beside one."""
    from ablation.study.fields import FACTORY

    if not re.fullmatch(FACTORY, network):
        raise StudyError(
            f"--network {network!r} is not MODULE:FACTORY",
            "as in mynet:build for build() in mynet.py",
        )
    if pooling is not None:
        raise StudyError(
            "--pooling is of the network of ablation's own; --network brings a whole one",
            "give one of them",
        )


def _given_shapes(shapes: str | None, study: Study) -> tuple[Shape, ...]:
    words = parse_words(shapes) if shapes is not None else study.network.conv1
    if not words:
        raise StudyError(
            "no shapes to promote: give --best or --shapes (or network.conv1 in the study)",
            "as in: ablate promote --best",
        )
    return parse_shapes(words)


def _note_other_network(study: Path, run: RunRecord, changed: Study) -> None:
    """Say when the study file's [network] is not the one taken: a run's settings are kept."""
    if load_given(study, [], None, None).network not in (run.study.network, changed.network):
        say(
            f"note: [network] of {study} differs from the settings last run, which are taken; to "
            f"take the file's, run ablate grid again (stored cells are not trained again)"
        )


def _moved(study: Study, corpus: str | None, root: Path | None) -> Study:
    """The study with its corpus at another place; the digest says whether it is the same one."""
    from ablation.study import override_study

    overrides = []
    if corpus is not None and corpus != study.corpus.name:
        raise StudyError(
            f"--corpus {corpus}: the probes were trained on {study.corpus.name}",
            "run ablate grid on the other corpus",
        )
    if root is not None:
        overrides.append(f"corpus.root={str(root.absolute())!r}")
    return override_study(study, overrides) if overrides else study


def _with_seeds(study: Study, seeds: Sequence[int]) -> Study:
    from ablation.study import override_study

    return override_study(study, [f"grid.seeds={list(seeds)}"])
