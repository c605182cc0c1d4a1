"""The report's sections: what was measured, in tables, with sentences that explain them."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ablation.analysis import (
    AxisEvidence,
    Counts,
    Family,
    Interval,
    all_pairs,
    score_interval,
)
from ablation.analysis.evidence import Evidence
from ablation.analysis.networks import StoredNetwork
from ablation.errors import counted
from ablation.report import Column, Picture, Section, Table, wording
from ablation.report.contrast import contrasts_table
from ablation.report.document import Value
from ablation.report.sections.listings import (
    failures_section,
    family_table,
    networks_section,
    number_kind,
    picked,
    shapes_section,
)
from ablation.report.sections.search import search_section
from ablation.study import Shape, matched_shapes

_INTERVAL = "95 % confidence interval by speaker"
DIFFERENCES = (0.01, 0.02, 0.05, 0.1)  # for which the numbers needed are given


def sections(
    evidence: Evidence, networks: Sequence[StoredNetwork], pictures: Mapping[str, Picture]
) -> list[Section]:
    """Return all sections for which there is something to say; ``pictures`` by name."""
    made = [
        *_axes(evidence, pictures),
        search_section(evidence, pictures),
        _statistics(evidence, pictures),
        _classes(pictures),
        _controls(evidence, pictures),
        networks_section(evidence, networks, pictures),
        _training(pictures),
        shapes_section(evidence),
        failures_section(evidence),
        Section("method", "How to read this", paragraphs=wording.METHOD),
    ]
    return [
        part
        for part in made
        if part is not None and (part.paragraphs or part.pictures or part.tables)
    ]


def _axes(evidence: Evidence, pictures: Mapping[str, Picture]) -> list[Section]:
    tables = tuple(_curve_table(evidence, axis) for axis in evidence.axes.values())
    rules = [_rules_table(evidence)] if evidence.axes else []
    return [
        Section(
            "figure2",
            "Accuracy over filter height and width",
            pictures=picked(pictures, "figure2", "heatmap"),
            tables=(*rules, *tables),
        )
    ]


def _rules_table(evidence: Evidence) -> Table:
    rows = []
    for axis in evidence.axes.values():
        for rule, choice in axis.choices.items():
            rows.append(
                (
                    axis.axis.name,
                    rule,
                    axis.name(choice.extent),
                    axis.physical(choice.extent),
                    axis.score(choice.extent),
                    choice.reason,
                )
            )
    return Table(
        "rules",
        "Choice of each rule",
        (
            Column("axis"),
            Column("rule"),
            Column("shape"),
            Column("extent"),
            Column(
                wording.metric_name(evidence.metric),
                "percent",
                _INTERVAL,
            ),
            Column("reason"),
        ),
        tuple(rows),
    )


def _curve_table(evidence: Evidence, axis: AxisEvidence) -> Table:
    classes = evidence.run.classes
    unit = axis.axis.unit
    partial = not axis.curve["complete"].all()
    columns = (
        Column(f"{axis.axis.name} ({unit})", "integer"),
        Column(axis.axis.physical_unit, number_kind(axis.curve["physical"])),
        Column("WA", "percent", f"pooled, {_INTERVAL}"),
        Column("UA", "percent"),
        *(Column(label, "percent") for label in classes),
        Column("WA, mean of folds", "percent"),
        Column("cells", "integer", "finished"),
        *((Column("planned", "integer"), Column("failed", "integer")) if partial else ()),
    )
    rows = []
    for row in axis.curve.to_dict("records"):
        rows.append(
            (
                row["extent"],
                row["physical"],
                *(_interval(row, score) for score in ("wa", "ua")),
                *(row[f"acc_{label}"] for label in classes),
                row["wa_folds"],
                row["cells"],
                *((row["expected"], row["failed"]) if partial else ()),
            )
        )
    marked = [k for k, row in enumerate(rows) if row[0] == axis.choices["plateau"].extent]
    return Table(
        axis.axis.name,
        f"Scores over filter {axis.axis.name}; {axis.axis.other} {axis.fixed}",
        columns,
        tuple(rows),
        frozenset(marked),
        (
            "Marked: where the plateau begins. ablate promote --best takes the highest score "
            "unless --rule plateau or --rule one-se is given.",
        ),
    )


def _interval(row: Mapping[Hashable, Any], score: str) -> Value:
    if row[score] != row[score]:
        return None
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    return Interval(row[score], low, high, float("nan"), int(row["speakers"]))


def _statistics(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    lines: list[str] = []
    tables: list[Table] = []
    for axis in evidence.axes.values():
        if axis.speakers < 2:
            lines.append(f"{axis.axis.name.capitalize()}: one speaker, so nothing is compared.")
            continue
        lines.append(" ".join(wording.axis_sentences(axis)))
        lines.append(" ".join(wording.limits(axis)))
        if axis.against is not None:
            reference = axis.against.reference
            caption = f"Every {axis.axis.name} compared with the pre-specified {reference}"
            tables.append(family_table(axis.against, f"against_{axis.axis.name}", caption))
        tables.append(_needed_table(axis))
        if axis.pairs is not None:
            caption = f"All pairs of {axis.axis.name}s"
            tables.append(family_table(axis.pairs, f"pairs_{axis.axis.name}", caption))
    return Section(
        "statistics",
        "Significant differences",
        paragraphs=tuple(lines),
        pictures=picked(pictures, "ranks_height", "ranks_width", "speakers"),
        tables=tuple(tables),
    )


def _needed_table(axis: AxisEvidence) -> Table:
    rows = [(difference, *wording.needed(axis, difference)) for difference in DIFFERENCES]
    return Table(
        f"needed_{axis.axis.name}",
        f"Speakers or seeds needed to find a difference between two {axis.axis.name}s",
        (
            Column("difference", "points"),
            Column("speakers", "text", f"with {wording.seeds_text(axis.noise.seeds)}"),
            Column("seeds", "text", f"with {counted(axis.speakers, 'speaker')}"),
        ),
        tuple(rows),
        notes=("For 80 % power at the 5 % level in one planned comparison.",),
    )


def _classes(pictures: Mapping[str, Picture]) -> Section:
    return Section(
        "classes",
        "Classes and confusions",
        pictures=picked(pictures, "classes", "confusion"),
    )


def _controls(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    lines: list[str] = []
    tables: list[Table] = []
    study = evidence.stored.as_study
    for reading in evidence.windows.values():
        lines += wording.window_sentences(reading)
        rows = []
        for window in sorted(reading.chosen):
            choices = reading.chosen[window]
            best = choices["best"]
            rows.append(
                (
                    window,
                    reading.spans[window],
                    *(choices[rule].extent for rule in ("best", "one-se", "plateau")),
                    best.score,
                )
            )
        columns = (
            Column("window (ms)", "number"),
            Column("window's own extent", "number", "main lobe in bins, or length in frames"),
            Column("best", "integer"),
            Column("one-se", "integer"),
            Column("plateau", "integer"),
            Column("highest score", "percent"),
        )
        caption = f"Best filter {reading.axis.name} for each analysis window"
        tables.append(Table(f"windows_{reading.axis.name}", caption, columns, tuple(rows)))
    if not evidence.windows:
        lines.append(
            f"Not run: whether the best height moves with the analysis window "
            f"(ablate grid --axis height --windows 20,40,80 {study})."
        )
    matched = evidence.matched()
    for best, same in matched.items():
        family = all_pairs(same, evidence.metric)
        lines.append(_matched_sentence(best, same, family, evidence))
        tables.append(_matched_table(best, same, family, evidence.metric))
    if not matched:
        shape = next((axis.name(axis.best) for axis in evidence.axes.values()), "10x2")
        lines.append(
            f"Not run: other shapes with as many weights as the best "
            f"(ablate grid --matched {shape} {study})."
        )
    if contrasts := contrasts_table(evidence.stored.folder):
        tables.append(contrasts)
    return Section(
        "controls",
        "Controls",
        paragraphs=tuple(lines),
        pictures=picked(pictures, "windows"),
        tables=tuple(tables),
    )


def _matched_sentence(
    best: str, same: Mapping[str, Counts], family: Family, evidence: Evidence
) -> str:
    others = [name for name in same if name != best]
    apart = [n for n in others if (c := family.between(n, best)) is not None and c.significant]
    shape = Shape.parse(best)
    weights = shape.weights
    scores = ", ".join(f"{n} {100 * same[n].score(evidence.metric):.1f} %" for n in same)
    told = (
        f"significantly different from {best}: {', '.join(apart)}"
        if apart
        else f"none is significantly different from {best}"
    )
    total = len(matched_shapes(shape))
    rest = (
        ""
        if len(same) == total
        else (
            f" These are {len(same)} of the {total} shapes with as many weights (ablate grid "
            f"--matched {best} {evidence.stored.as_study} trains the rest)."
        )
    )
    return f"Shapes with the same number of weights ({weights} per filter): {scores}; {told}.{rest}"


def _matched_table(best: str, same: Mapping[str, Counts], family: Family, metric: str) -> Table:
    rows = []
    for name, counts in same.items():
        comparison = family.between(name, best)
        sign = 1 if comparison is None or comparison.first == name else -1
        rows.append(
            (
                name,
                score_interval(counts, metric),
                None if comparison is None else _turned(comparison.difference, sign),
                None if comparison is None else comparison.p_joint,
            )
        )
    return Table(
        f"matched_{best}",
        f"Shapes with as many weights as {best}",
        (
            Column("shape"),
            Column(wording.metric_name(metric), "percent"),
            Column(f"difference from {best}", "points", "paired by speaker"),
            Column("family-wise adjusted p", "p", "over all pairs of these shapes"),
        ),
        tuple(rows),
        frozenset(k for k, row in enumerate(rows) if row[0] == best),
    )


def _turned(interval: Interval, sign: int) -> Interval:
    if sign > 0:
        return interval
    return Interval(
        -interval.estimate, -interval.high, -interval.low, interval.standard_error, interval.sample
    )


def _training(pictures: Mapping[str, Picture]) -> Section:
    return Section(
        "training",
        "Training",
        pictures=picked(pictures, "learning_probes", "learning_networks"),
        folded=True,
    )
