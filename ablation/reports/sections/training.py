"""Training: whether the verdict depends on the budget, and whether shapes answer alike."""

from collections.abc import Mapping

from ablation.analysis.budget import HALF, WHOLE, Agreement, BudgetReading, Change, share_text
from ablation.analysis.evidence import Evidence
from ablation.errors import counted
from ablation.reports import Column, Picture, Section, Table
from ablation.reports.document import picked
from ablation.reports.values import show
from ablation.reports.wording import metric_name


def training_section(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    budget, agreement = evidence.budget, evidence.agreement
    lines: list[str] = []
    tables: list[Table] = []
    if budget is not None:
        lines += _from_half_to_all(budget, evidence.metric)
        tables.append(_table(budget, evidence.metric))
    elif evidence.axes:
        lines.append(
            "These rows have no scores at shares of the training budget, so whether the verdict "
            "depends on the budget is unknown."
        )
    if agreement is not None:
        lines.append(agreement_sentence(agreement))
    names = ("budget", "learning_probes", "learning_networks")
    return Section(
        "training",
        "Training budget and agreement",
        paragraphs=tuple(lines),
        pictures=picked(pictures, *names),
        tables=tuple(tables),
    )


def _from_half_to_all(budget: BudgetReading, metric: str) -> list[str]:
    """Return how scores and their differences change; nothing for a single shape."""
    change = budget.change
    if change is None:
        return []
    gain = float((budget.scores[WHOLE] - budget.scores[HALF]).mean())
    verdict = (
        "differences between shapes change significantly"
        if change.significant
        else "no difference between two shapes changes significantly"
    )
    return [
        f"From half the training budget to all of it, {metric_name(metric)} changes by "
        f"{show(gain, 'points')} points (mean of {counted(len(budget.scores), 'shape')}), and "
        f"{verdict}: the surest change is that {change_text(change)}."
    ]


def change_text(change: Change) -> str:
    """Return how a difference changes from half the budget to all of it."""
    return (
        f"{change.first} less {change.second} goes from {show(change.half, 'points')} to "
        f"{show(change.whole, 'points')} points (family-wise adjusted p over all pairs, by fold, "
        f"{show(change.p_joint, 'p')})"
    )


def agreement_sentence(agreement: Agreement) -> str:
    """Return on how many utterances two shapes give the same answer."""
    first, second, least = agreement.lowest
    errors = (
        ""
        if agreement.same_errors != agreement.same_errors
        else f"; on {show(agreement.same_errors, 'percent')} % of those that one of the two gets "
        f"wrong"
    )
    return (
        f"Two shapes give the same answer on {show(agreement.same, 'percent')} % of the utterances "
        f"(median over pairs; Cohen's kappa {agreement.kappa:.2f}{errors}). {first} and {second} "
        f"agree least, on {show(least, 'percent')} %."
    )


def _table(budget: BudgetReading, metric: str) -> Table:
    shares = budget.scores.columns.to_numpy(float)
    columns = (
        Column("shape"),
        *(
            Column(f"{metric_name(metric)} after {share_text(share)}", "percent")
            for share in shares
        ),
    )
    rows = tuple((str(name), *map(float, row)) for name, row in budget.scores.iterrows())
    note = "Held-out speakers, pooled. Nothing is chosen by these scores."
    caption = "Scores after shares of the training budget"
    return Table("budget", caption, columns, tuple(rows), notes=(note,))
