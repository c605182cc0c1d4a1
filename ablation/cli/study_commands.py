"""``ablate grid``, ``plot``, ``promote`` and ``status``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli.failures import SOME_FAILED, expected_errors, say
from ablation.cli.options import (
    DEMO,
    FIGURES,
    RESULTS,
    AxisName,
    CorpusOption,
    DevicesOption,
    DigestOption,
    FiguresOption,
    PerDeviceOption,
    PoolingName,
    ResultsOption,
    RootOption,
    SetOption,
    StudyOption,
    WorkersOption,
    chosen_poolings,
    execution_overrides,
    grid_overrides,
    load_given,
    parse_numbers,
    parse_shapes,
    parse_words,
    study_name,
)
from ablation.errors import StudyError

if TYPE_CHECKING:
    from ablation.drivers.running import Tally
    from ablation.drivers.settings import AsRun
    from ablation.study import Study


def grid(
    axis: Annotated[AxisName, typer.Option(help="both: the two axes; product: every pair.")],
    study: StudyOption = DEMO,
    values: Annotated[str | None, typer.Option(help="Extents in bins or frames, as 2,4,8.")] = None,
    windows: Annotated[
        str | None, typer.Option(help="Analysis windows in ms, as 20,40,80.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, as 0,1,2.")] = None,
    folds: Annotated[
        str | None, typer.Option(metavar="speaker|K", help="A fold a speaker, or K groups.")
    ] = None,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    set_: SetOption = None,
    workers: WorkersOption = None,
    devices: DevicesOption = None,
    workers_per_device: PerDeviceOption = None,
    results: ResultsOption = RESULTS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train stored cells again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Train the probes that are not stored yet."""
    with expected_errors():
        from ablation.cli import printing
        from ablation.drivers.grid import plan_grid, run_grid
        from ablation.drivers.progress import Reporter

        overrides = [
            *(set_ or []),
            *grid_overrides(axis.value, values, windows, seeds, folds),
            *execution_overrides(workers, devices, workers_per_device),
        ]
        plan = plan_grid(
            load_given(study, overrides, corpus, corpus_root), axis.value, results, fresh
        )
        printing.warn_damaged(plan.damaged)
        if dry_run:
            printing.print_plan(plan)
            return
        printing.say_plan(plan)
        tally = run_grid(plan, results, Reporter())
        printing.print_curves(plan, results)
        _finish(tally)


def plot(
    study: StudyOption = DEMO,
    classes: Annotated[
        str | None, typer.Option(help="Classes beside WA; default: all but happy.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="png,pdf,svg")] = "png",
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
) -> None:
    """Draw Figure 2 from the stored rows."""
    with expected_errors():
        from ablation.cli import printing
        from ablation.drivers import settings
        from ablation.drivers.plot import plot as draw

        run = settings.take(results, study_name(study), digest)
        printing.say_taken(run)
        chosen = None if classes is None else parse_words(classes)
        drawn = draw(results, figures, run, chosen, parse_words(format_))
        for remark in drawn.remarks:
            say(f"note: {remark}")
        for file in drawn.files:
            print(file)


def promote(
    study: StudyOption = DEMO,
    best: Annotated[
        bool, typer.Option("--best", help="Choose the best height and width from the probes.")
    ] = False,
    shapes: Annotated[
        str | None, typer.Option(help="Shapes of Conv1 instead, as 10x2,2x8.")
    ] = None,
    metric: Annotated[str, typer.Option(help="Score to choose by: wa, ua or a class.")] = "wa",
    pooling: Annotated[PoolingName | None, typer.Option(help="Default: the study's.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Default: the study's.")] = None,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    set_: SetOption = None,
    workers: WorkersOption = None,
    devices: DevicesOption = None,
    workers_per_device: PerDeviceOption = None,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train stored folds again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Cross-validate the network with the chosen shapes."""
    with expected_errors():
        from ablation.cli import printing
        from ablation.drivers import promote as driver
        from ablation.drivers import settings
        from ablation.drivers.progress import Reporter

        if best and shapes is not None:
            raise StudyError("give either --best or --shapes", "as in: ablate promote --best")
        run = settings.take(results, study_name(study), digest)
        printing.say_taken(run)
        overrides = [
            *(set_ or []),
            *execution_overrides(workers, devices, workers_per_device),
        ]
        changed = driver.change_settings(run, overrides)
        _note_other_network(study, run, changed)
        changed = _moved(changed, corpus, corpus_root)
        if best:
            chosen = driver.choose_shapes(results, run, metric)
        else:
            given = parse_words(shapes) if shapes is not None else changed.network.conv1
            chosen = driver.Chosen(parse_shapes(given), ("shapes as given",))
        poolings = chosen_poolings(pooling, changed.network.pooling)
        if seeds is not None:
            changed = _with_seeds(changed, parse_numbers("--seeds", seeds, int))
        plan = driver.plan_promote(results, run, changed, chosen, poolings, fresh)
        for reason in chosen.reasons:
            say(reason)
        if dry_run:
            print(f"networks: {', '.join(poolings)}")
            print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
            return
        tally = driver.run_promote(plan, results, Reporter())
        if tally.trained or tally.stored:
            path, text = driver.write_table1(plan, results)
            print(text)
            print(path)
        _finish(tally)


def status(
    study: StudyOption = DEMO,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
    json_: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Count cells done, failed and left; list files."""
    with expected_errors():
        from ablation.cli import printing
        from ablation.drivers import settings
        from ablation.drivers.status import files_of, status_of

        run = settings.take(results, study_name(study), digest)
        state = status_of(results, run)
        printing.warn_damaged(state.damaged)
        files = files_of(results, figures, run.study.name)
        if json_:
            printing.print_json(run, state, files)
        else:
            printing.print_status(run, settings.others(results, run), state, files)


def _finish(tally: Tally) -> None:
    """Say what was done; exit 3 when some cells failed."""
    from ablation.cli import printing

    printing.say_tally(tally)
    if tally.failures:
        raise typer.Exit(SOME_FAILED)


def _note_other_network(study: Path, run: AsRun, changed: Study) -> None:
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
