"""``ablate search`` and ``ablate dashboard``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

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
from ablation.errors.common import InvalidOption


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
    axis: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help="A field of [probe] or [training] to choose too, e.g. training.learning_rate.",
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(help="Values to choose from; the n-th are of the n-th --axis."),
    ] = None,
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
        *([("search.choices", _choices(axis or [], values or []))] if axis or values else []),
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


def _choices(names: Sequence[str], values: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of each field; :class:`InvalidOption` unless each has its own."""
    from ablation.study.field_axes import find_axis

    if len(names) != len(values):
        raise InvalidOption("--values", ", ".join(values), "one list of values for every --axis")
    pairs = zip(names, values, strict=True)
    return {
        name: [find_axis(name).read(word) for word in parse_words(text)] for name, text in pairs
    }


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
