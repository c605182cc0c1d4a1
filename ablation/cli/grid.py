"""``ablate grid``, ``plot`` and ``status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli.failures import SOME_FAILED, say
from ablation.cli.options import (
    DEMO,
    FIGURES,
    RESULTS,
    AxisName,
    ClusterOption,
    CorpusOption,
    DevicesOption,
    DigestOption,
    DryRunJsonOption,
    DryRunOption,
    FiguresOption,
    PerDeviceOption,
    ResultsOption,
    RootOption,
    SetOption,
    StudyOption,
    WorkersOption,
    execution_overrides,
    grid_overrides,
    load_given,
    parse_shard,
    parse_words,
    requested_shapes,
    set_overrides,
    study_name,
)
from ablation.errors.common import OptionRequires

if TYPE_CHECKING:
    from ablation.runs.runner import Tally


def grid(
    axis: Annotated[
        AxisName | None,
        typer.Option(help="both: the two axes; product: every height with every width."),
    ] = None,
    study: StudyOption = DEMO,
    values: Annotated[
        str | None, typer.Option(help="Extents in bins or frames, e.g. 2,4,8.")
    ] = None,
    shapes: Annotated[
        str | None, typer.Option(help="Shapes instead of an axis, e.g. 10x2,4x5.")
    ] = None,
    matched: Annotated[
        str | None,
        typer.Option(
            metavar="HxW", help="Instead of an axis, all shapes with as many weights as HxW."
        ),
    ] = None,
    windows: Annotated[
        str | None, typer.Option(help="Analysis windows in ms, e.g. 20,40,80.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds of training, e.g. 0,1,2.")] = None,
    folds: Annotated[
        str | None,
        typer.Option(
            metavar="speaker|K", help="speaker: leave-one-speaker-out; K: K groups of speakers."
        ),
    ] = None,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    set_: SetOption = None,
    workers: WorkersOption = None,
    devices: DevicesOption = None,
    workers_per_device: PerDeviceOption = None,
    cluster: ClusterOption = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Train only every N-th cell: one of N jobs that share a results folder.",
        ),
    ] = None,
    results: ResultsOption = RESULTS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train stored cells again.")] = False,
    dry_run: DryRunOption = False,
    json_: DryRunJsonOption = False,
) -> None:
    """Train the probes that are not stored yet.

    One cell is one shape, analysis window, fold and seed; each is stored once it is finished.
    """
    if json_ and not dry_run:
        raise OptionRequires("--json", "--dry-run")
    from ablation.cli import plan_printing, status_printing
    from ablation.estimate.probes import estimate_grid, grid_json
    from ablation.progress import Reporter
    from ablation.runs.grid import plan_grid, run_grid

    overrides = [
        *set_overrides(set_),
        *grid_overrides(axis.value if axis else "", values, windows, seeds, folds),
        *execution_overrides(workers, devices, workers_per_device, cluster),
    ]
    part = (0, 1) if shard is None else parse_shard(shard)
    given = load_given(study, overrides, corpus, corpus_root)
    requested = requested_shapes(given, axis.value if axis else None, shapes, matched, values)
    plan = plan_grid(given, requested, results, fresh, part)
    plan_printing.warn_damaged(plan.damaged)
    if dry_run:
        if not json_:
            plan_printing.print_jobs(given)
        reporter = Reporter()
        if plan.missing:
            reporter.say("measuring a few training steps on the workers that the run would use")
        estimate = estimate_grid(plan, reporter)
        if json_:
            status_printing.print_object(grid_json(plan, estimate))
        else:
            plan_printing.print_plan(plan, estimate)
        return
    plan_printing.say_plan(plan)
    tally = run_grid(plan, results, Reporter())
    plan_printing.print_curves(plan, results)
    finish(tally)


def plot(
    study: StudyOption = DEMO,
    classes: Annotated[
        str | None,
        typer.Option(
            help="Classes whose recall to draw with WA; default: all but happy, as in the paper."
        ),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="Comma-separated: png, pdf, svg.")
    ] = "png",
    only: Annotated[
        str | None, typer.Option(help="Draw only these figures, e.g. figure2,costs.")
    ] = None,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
) -> None:
    """Draw the paper's Figure 2 and all other figures."""
    from ablation.cli import evidence_printing
    from ablation.figures.plot import plot as draw
    from ablation.results import run_record

    run = run_record.find_run(results, study_name(study), digest)
    evidence_printing.say_taken(run, study, results)
    chosen = None if classes is None else parse_words(classes)
    wanted = None if only is None else parse_words(only)
    drawn = draw(results, figures, run, chosen, parse_words(format_), wanted)
    for remark in drawn.remarks:
        say(f"note: {remark}")
    for file in drawn.files:
        print(file)


def status(
    study: StudyOption = DEMO,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the cells done, failed and left, and list the files."""
    from ablation.cli import evidence_printing, plan_printing, status_printing
    from ablation.results import run_record
    from ablation.runs.status import files_of, status_of

    run = run_record.find_run(results, study_name(study), digest, begun=True)
    evidence_printing.say_differing(run, study, results)
    state = status_of(results, run)
    plan_printing.warn_damaged(state.damaged)
    files = files_of(results, figures, run.study.name)
    if json_:
        status_printing.print_json(run, state, files)
    else:
        status_printing.print_status(run, run_record.others(results, run), state, files)


def finish(tally: Tally) -> None:
    """Print what was done; exit with code 3 when some cells failed."""
    from ablation.cli import plan_printing

    plan_printing.say_tally(tally)
    if tally.failures:
        raise typer.Exit(SOME_FAILED)
