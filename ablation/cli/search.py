"""``ablate search`` and ``ablate dashboard``."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ablation.cli.failures import finish
from ablation.cli.options import (
    DEMO,
    RESULTS,
    Changes,
    Machines,
    Repeats,
    ResultsOption,
    StudyOption,
    parse_words,
    study_name,
)


class SamplerName(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    tpe = "tpe"
    random = "random"
    nsga2 = "nsga2"
    grid = "grid"


def search(
    *,
    trials: Annotated[
        int,
        typer.Option("--trials", min=1, help="Trials in total, including those of earlier runs."),
    ],
    study: StudyOption = DEMO,
    sampler: Annotated[
        SamplerName | None, typer.Option(help="Default: tpe, or nsga2 for two objectives.")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(help="wa or ua; add ,params or ,multiply-adds to minimise that too."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Stop trials early that score worse fold by fold.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the sampler, not of training.")
    ] = None,
    repeats: Repeats,
    changes: Changes,
    machines: Machines,
    results: ResultsOption = RESULTS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be searched; write nothing.")
    ] = False,
) -> None:
    """Search for the best filter shape.

    With several workers, the points depend on the order in which cells end.
    """
    from ablation.cli import search_printing
    from ablation.cli.plan_printing import warn_damaged
    from ablation.progress import Reporter
    from ablation.searches.search import plan_search, run_search

    own = {
        "sampler": sampler and sampler.value,
        "objective": objective and parse_words(objective.lower()),
        "prune": prune or None,
        "seed": seed,
    }
    overrides = [
        *repeats.overrides(),
        *machines.overrides(),
        *((f"search.{name}", value) for name, value in own.items() if value is not None),
    ]
    plan = plan_search(changes.applied_to(study, overrides), trials, results)
    warn_damaged(plan.damaged)
    search_printing.say_plan(plan)
    if dry_run:
        search_printing.print_plan(plan)
        return
    run = run_search(plan, results, Reporter())
    search_printing.print_searched(run.searched)
    finish(run.tally)


def dashboard(
    study: StudyOption = DEMO,
    results: ResultsOption = RESULTS,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8080,
) -> None:
    """Show a study's searches in optuna-dashboard.

    It is read-only and reachable from this machine only.
    """
    from ablation.cli.failures import say
    from ablation.searches.dashboard import serve

    serve(results, study_name(study), port, say)
