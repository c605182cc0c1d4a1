"""``ablate promote``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ablation.cli import completion
from ablation.cli.failures import finish, say
from ablation.cli.options import (
    DEMO,
    Changes,
    DryRun,
    Machines,
    NetworkOption,
    Stored,
    StudyOption,
    parse_seeds,
    parse_shapes,
    parse_words,
    say_taken,
    set_overrides,
)
from ablation.errors import counted

if TYPE_CHECKING:
    from pathlib import Path

    from ablation.estimate.estimate import Estimate
    from ablation.runs.promote import PromoteOptions, PromotePlan, Settings
    from ablation.runs.table1 import Table1


@dataclass(frozen=True)
class Networks:
    """The networks that are promoted: their shapes, chosen or given, poolings and seeds."""

    best: Annotated[
        bool, Option("--best", help="Choose a height and a width from the stored probes.")
    ] = False
    rule: Annotated[
        str | None,
        Option(
            help="How --best chooses: best (highest score; default), one-se (smallest extent "
            "within one standard error of it) or plateau (smallest extent that no larger one "
            "significantly outperforms).",
            autocompletion=completion.among(*completion.RULES),
        ),
    ] = None
    metric: Annotated[
        str | None,
        Option(
            help="Score to choose by: wa (default), ua or a class (its recall).",
            autocompletion=completion.metrics,
        ),
    ] = None
    shapes: Annotated[
        str | None,
        Option(help="Use these shapes in Conv1, e.g. 10x2,2x8 (10x2:12 for twelve filters)."),
    ] = None
    pooling: Annotated[
        str | None,
        Option(
            metavar="attention|gap|bilinear|all",
            help="Comma-separated; default: the study's; all: the paper's three. Others: "
            "attention-sum, attention-class, max, statistics.",
            autocompletion=completion.poolings,
        ),
    ] = None
    baselines: Annotated[
        str | None,
        Option(
            metavar="all|none|NAME,...",
            help="Baselines to train on the same folds: dnn-elm, rnn-elm, cnn-lstm, "
            "cnn-lstm-two-step (these take hours), majority, log-mel-svm. Default: the last two.",
            autocompletion=completion.baselines,
        ),
    ] = None
    network: NetworkOption = None
    nested: Annotated[
        bool,
        Option(
            "--nested",
            help="Also choose shapes for each fold without the scores of its test speakers.",
        ),
    ] = False
    nested_full: Annotated[
        bool,
        Option(
            "--nested-full",
            help="As --nested, with probes that were not trained on the fold either.",
        ),
    ] = False
    seeds: Annotated[str | None, Option(help="Comma-separated; default: the study's.")] = None

    def options(
        self, changes: Changes, machines: Machines, digest: str | None, fresh: bool
    ) -> PromoteOptions:
        """Return these and the other options as the driver takes them."""
        from ablation.runs.promote import PromoteOptions

        words = None if self.pooling is None else self.pooling.lower().split(",")
        return PromoteOptions(
            best=self.best,
            nested=self.nested,
            nested_full=self.nested_full,
            rule=self.rule,
            metric=self.metric,
            shapes=None if self.shapes is None else parse_shapes(parse_words(self.shapes)),
            poolings=None if words is None else tuple(word.strip() for word in words),
            baselines=None if self.baselines is None else tuple(parse_words(self.baselines)),
            network=self.network,
            seeds=None if self.seeds is None else tuple(parse_seeds(self.seeds)),
            digest=digest,
            corpus=changes.corpus,
            corpus_root=changes.corpus_root,
            overrides=(*set_overrides(changes.set_), *machines.overrides()),
            fresh=fresh,
        )


def promote(
    *,
    study: StudyOption = DEMO,
    networks: Networks,
    final: Annotated[
        bool, Option("--final/--no-final", help="Also train the best network on all speakers.")
    ] = True,
    changes: Changes,
    machines: Machines,
    stored: Stored,
    fresh: Annotated[bool, Option("--fresh", help="Train stored folds again.")] = False,
    dry: DryRun,
) -> None:
    """Cross-validate the full network with chosen shapes.

    The best network is then trained on all speakers and saved.
    """
    from ablation.cli.plan_printing import print_dry_run
    from ablation.estimate.estimate import as_json, estimate_promotion
    from ablation.progress import Reporter
    from ablation.runs import promote as promotion

    reporter = Reporter()
    options = networks.options(changes, machines, stored.digest, fresh)
    settings = promotion.find_settings(study, stored.results, options)
    _say_settings(settings, study, stored.results)
    plan = promotion.plan_promotion(settings, stored.results, options, reporter, dry.dry_run)
    _say_plan(plan)
    if dry:
        print_dry_run(
            plan.study,
            stored.results,
            bool(plan.missing),
            lambda reporter: estimate_promotion(plan, final, reporter),
            (lambda estimate: as_json(plan, estimate)) if dry.json_ else None,
            lambda estimate: _print_plan(plan, estimate),
        )
        return
    with promotion.cluster_of(plan, stored.results, reporter) as executor:
        promoted = promotion.cross_validate(plan, stored.results, reporter, executor)
        if promoted.table is not None:
            _print_table(promoted.table)
        if final:
            promoted = promotion.train_final(promoted, stored.results, reporter, executor)
    if promoted.network is not None:
        print(promoted.network)
    finish(promoted.tally)


def _say_settings(settings: Settings, study: Path, results: Path) -> None:
    """Say which settings are promoted, and which tables of the file are others."""
    run = settings.run
    if not settings.stored:
        say(f"study {run.study.name}: settings {run.digest}, as given")
        return
    say_taken(run, study, results)
    for table in settings.other_tables:
        say(
            f"note: [{table}] in {study} differs from the settings last run, which are used; "
            f"to use the file's, run ablate grid again (stored cells are not trained again)"
        )


def _print_table(table: Table1) -> None:
    print(table.text)
    for file in table.files:
        print(file)
    for doubt in table.at_chance:
        say(f"warning: {doubt}")


def _say_plan(plan: PromotePlan) -> None:
    """Print which networks will be cross-validated, and why with these shapes."""
    from ablation.reports import millions
    from ablation.study import shapes_text

    chosen = next(line.selection for line in plan.variants if line.plain)
    for reason in next(iter(chosen.by_fold.values())).reasons:
        say(reason)
    for line in plan.variants:
        shapes = Counter(shapes_text(chosen.shapes) for chosen in line.selection.by_fold.values())
        listed = "; ".join(
            f"{text} in {counted(n, 'fold')}" if len(shapes) > 1 else text
            for text, n in shapes.most_common()
        )
        cost = max((plan.costs[d] for d in line.digests.values()), key=lambda c: c.parameters)
        manner = f", {line.selection.manner}" if line.selection.manner else ""
        say(
            f"{line.title}{manner}: {listed}; {cost.parameters:,} parameters, "
            f"{millions(cost.multiply_adds)} multiply-adds per segment"
        )
    for kind, cells, missing in (
        ("networks", plan.cells, plan.missing),
        ("baselines", plan.baselines, plan.missing_baselines),
    ):
        if cells:
            say(
                f"{kind}: {counted(len(cells), 'cell')}, {len(cells) - len(missing)} stored, "
                f"{len(missing)} to train"
            )


def _print_plan(plan: PromotePlan, estimate: Estimate) -> None:
    """Print what a dry run reports."""
    from ablation.cli.plan_printing import print_estimate

    print(f"networks: {', '.join(dict.fromkeys(line.title for line in plan.variants))}")
    print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
    if plan.missing:
        print_estimate(estimate)
    if slow := Counter(c.cell.title for c in plan.missing_baselines if c.digest):
        listed = ", ".join(f"{title} {counted(n, 'cell')}" for title, n in slow.items())
        print(
            f"baselines: {listed}; their time is not in the estimate (with 15 minutes of speech, "
            f"one to twenty minutes a cell on one core)"
        )
