"""Accuracy over filter height and width: Figure 2, the choice of each rule, every extent."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ablation.analysis import AxisEvidence, Interval
from ablation.analysis.evidence import Evidence
from ablation.analysis.extents import physical_columns
from ablation.reports import Column, Picture, Section, Table
from ablation.reports.document import Value, picked
from ablation.reports.values import number_kind
from ablation.reports.wording import metric_name
from ablation.study.extents import PLACES

_INTERVAL = "95 % confidence interval by speaker"


def axes_section(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    axes = list(evidence.axes.values())
    return Section(
        "figure2",
        "Accuracy over filter height and width",
        pictures=picked(pictures, "figure2", "heatmap"),
        tables=(
            *([_rules_table(evidence)] if axes else []),
            *(_curve_table(evidence, axis) for axis in axes),
        ),
    )


def _rules_table(evidence: Evidence) -> Table:
    rows = [
        (
            axis.axis.name,
            rule,
            axis.name(choice.extent),
            axis.physical(choice.extent),
            axis.score(choice.extent),
            choice.reason,
        )
        for axis in evidence.axes.values()
        for rule, choice in axis.choices.items()
    ]
    columns = (
        Column("axis"),
        Column("rule"),
        Column("shape"),
        Column("extent"),
        Column(metric_name(evidence.metric), "percent", _INTERVAL),
        Column("reason"),
    )
    return Table("rules", "Choice of each rule", columns, tuple(rows))


def _curve_table(evidence: Evidence, axis: AxisEvidence) -> Table:
    classes = evidence.run.classes
    partial = not axis.curve["complete"].all()
    physical = physical_columns(axis.curve)
    columns = (
        Column(f"{axis.axis.name} ({axis.axis.unit})", "integer"),
        *(
            Column(header, number_kind(axis.curve[name]))
            for name, header in zip(physical, _headers(axis, physical), strict=True)
        ),
        Column("WA", "percent", f"pooled, {_INTERVAL}"),
        Column("UA", "percent"),
        *(Column(label, "percent") for label in classes),
        Column("WA, mean of folds", "percent"),
        Column("cells", "integer", "finished"),
        *((Column("planned", "integer"), Column("failed", "integer")) if partial else ()),
    )
    rows = [
        (
            row["extent"],
            *(row[name] for name in physical),
            *(_interval(row, score) for score in ("wa", "ua")),
            *(row[f"acc_{label}"] for label in classes),
            row["wa_folds"],
            row["cells"],
            *((row["expected"], row["failed"]) if partial else ()),
        )
        for row in axis.curve.to_dict("records")
    ]
    plateau = "Marked: where the plateau begins." if axis.plateau else "No plateau is reached yet."
    rules = "unless --rule plateau or --rule one-se is given."
    marked = [k for k, row in enumerate(rows) if row[0] == axis.plateau]
    return Table(
        axis.axis.name,
        f"Scores over filter {axis.axis.name}; {axis.axis.other} {axis.fixed}",
        columns,
        tuple(rows),
        frozenset(marked),
        (f"{plateau} ablate promote --best takes the highest score {rules}",),
    )


def _headers(axis: AxisEvidence, columns: Sequence[str]) -> list[str]:
    """Return the headers of the columns of Hz or ms: of bands, which band they are of."""
    unit, band = axis.axis.physical_unit, axis.axis.unit.removesuffix("s")
    if len(columns) < 2:
        return [unit] * len(columns)
    return [f"{unit} ({place} {band})" for place in PLACES]


def _interval(row: Mapping[Hashable, Any], score: str) -> Value:
    if row[score] != row[score]:
        return None
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    return Interval(row[score], low, high, float("nan"), int(row["speakers"]))
