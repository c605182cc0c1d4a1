"""The report's sections: what was measured, as tables, with the sentences that explain them."""

import csv
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ablation.analysis import (
    AxisEvidence,
    Counts,
    Family,
    Interval,
    all_pairs,
    named_counts,
    pooled_scores,
    score_interval,
)
from ablation.drivers.evidence import Evidence, references_scores
from ablation.drivers.networks import StoredNetwork
from ablation.report import Column, Picture, Section, Table, wording
from ablation.report.document import Kind, Value
from ablation.study import Shape

DIFFERENCES = (0.01, 0.02, 0.05, 0.1)  # for which the numbers needed are given
_MOST_ROWS = 1200  # of the table of all shapes
_MOST_FAILURES = 100


def sections(
    evidence: Evidence, networks: Sequence[StoredNetwork], pictures: Mapping[str, Picture]
) -> list[Section]:
    """All sections for which there is something to say; ``pictures`` by name."""
    made = [
        *_axes(evidence, pictures),
        _statistics(evidence, pictures),
        _classes(pictures),
        _controls(evidence, pictures),
        _networks(evidence, networks, pictures),
        _training(pictures),
        _shapes(evidence),
        _failures(evidence),
        Section("method", "How to read this", paragraphs=wording.METHOD),
    ]
    return [
        part
        for part in made
        if part is not None and (part.paragraphs or part.pictures or part.tables)
    ]


def _picked(pictures: Mapping[str, Picture], *names: str) -> tuple[Picture, ...]:
    return tuple(pictures[name] for name in names if name in pictures)


def _axes(evidence: Evidence, pictures: Mapping[str, Picture]) -> list[Section]:
    tables = tuple(_curve_table(evidence, axis) for axis in evidence.axes.values())
    rules = [_rules_table(evidence)] if evidence.axes else []
    return [
        Section(
            "figure2",
            "Accuracy over filter height and width",
            pictures=_picked(pictures, "figure2", "heatmap"),
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
        "What each rule chooses",
        (
            Column("axis"),
            Column("rule"),
            Column("shape"),
            Column("extent"),
            Column(wording.metric_name(evidence.metric), "percent", "95 % interval by speaker"),
            Column("reason"),
        ),
        tuple(rows),
    )


def _curve_table(evidence: Evidence, axis: AxisEvidence) -> Table:
    classes = evidence.run.classes
    unit = "bins" if axis.axis.name == "height" else "frames"
    columns = (
        Column(f"{axis.axis.name} ({unit})", "integer"),
        Column(axis.axis.unit, _kind(axis.curve["physical"])),
        Column("WA", "percent", "pooled, 95 % interval by speaker"),
        Column("UA", "percent"),
        *(Column(label, "percent") for label in classes),
        Column("WA, mean of folds", "percent"),
        Column("cells", "integer", "finished"),
        Column("asked", "integer"),
        Column("failed", "integer"),
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
                row["expected"],
                row["failed"],
            )
        )
    marked = [k for k, row in enumerate(rows) if row[0] == axis.choices["plateau"].extent]
    return Table(
        axis.axis.name,
        f"Scores over filter {axis.axis.name}; {axis.axis.fixed} {axis.fixed}",
        columns,
        tuple(rows),
        frozenset(marked),
        ("Marked: where the plateau begins.",),
    )


def _kind(values: pd.Series) -> Kind:
    """Whole numbers are shown as such."""
    return "integer" if (values == values.round()).all() else "number"


def _interval(row: Mapping[Hashable, Any], score: str) -> Value:
    if row[score] != row[score]:
        return None
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    return Interval(row[score], low, high, float("nan"), int(row["speakers"]))


def _statistics(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    lines: list[str] = []
    tables: list[Table] = []
    for axis in evidence.axes.values():
        lines.append(" ".join(wording.axis_sentences(axis)))
        lines.append(" ".join(wording.limits(axis)))
        if axis.against is not None:
            tables.append(
                family_table(
                    axis.against,
                    f"against_{axis.axis.name}",
                    f"Every {axis.axis.name} against {axis.against.reference}, fixed beforehand",
                )
            )
        tables.append(_needed_table(axis))
        if axis.pairs is not None:
            caption = f"All pairs of {axis.axis.name}s, tested jointly"
            tables.append(family_table(axis.pairs, f"pairs_{axis.axis.name}", caption))
    return Section(
        "statistics",
        "What can be told apart",
        paragraphs=tuple(lines),
        pictures=_picked(pictures, "ranks_height", "ranks_width", "speakers"),
        tables=tuple(tables),
    )


def family_table(family: Family, name: str, caption: str) -> Table:
    """A family's comparisons, the significant ones marked."""
    rows = [(c.first, c.second, c.difference, c.effect, c.p, c.p_joint) for c in family.comparisons]
    marked = [k for k, c in enumerate(family.comparisons) if c.significant]
    return Table(
        name,
        caption,
        (
            Column("shape"),
            Column("against"),
            Column(
                f"difference in {wording.metric_name(family.metric)}",
                "points",
                "paired by speaker, with its own 95 % interval",
            ),
            Column("effect size", "number", "mean gain of a speaker over its s.d. (d_z)"),
            Column("p alone", "p", "two-sided sign-flip test, not adjusted"),
            Column("joint p", "p", "adjusted for all comparisons of this table"),
        ),
        tuple(rows),
        frozenset(marked),
        (
            f"Marked: told apart at 5 % jointly. {family.speakers} speakers; no p-value can be "
            f"below {family.smallest_p:.4f}.",
        ),
    )


def _needed_table(axis: AxisEvidence) -> Table:
    rows = [(difference, *wording.needed(axis, difference)) for difference in DIFFERENCES]
    return Table(
        f"needed_{axis.axis.name}",
        f"What it would take to find a difference between two {axis.axis.name}s",
        (
            Column("difference", "points"),
            Column("speakers", "text", f"with {wording.seeds_text(axis.noise.seeds)}"),
            Column("seeds", "text", f"with {axis.speakers} speakers"),
        ),
        tuple(rows),
        notes=("80 % power at the 5 % level, one contrast named beforehand.",),
    )


def _classes(pictures: Mapping[str, Picture]) -> Section:
    return Section(
        "classes",
        "Classes and confusions",
        pictures=_picked(pictures, "classes", "confusion"),
    )


def _controls(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    lines: list[str] = []
    tables: list[Table] = []
    name = evidence.run.study.name
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
            Column("the window's own extent", "number", "main lobe in bins, or length in frames"),
            Column("best", "integer"),
            Column("one-se", "integer"),
            Column("plateau", "integer"),
            Column("highest score", "percent"),
        )
        caption = f"Best filter {reading.axis.name} under each analysis window"
        tables.append(Table(f"windows_{reading.axis.name}", caption, columns, tuple(rows)))
    if not evidence.windows:
        lines.append(
            f"Not run: whether the best height moves with the analysis window "
            f"(ablate grid --axis height --windows 20,40,80 --study {name})."
        )
    matched = evidence.matched()
    for best, same in matched.items():
        family = all_pairs(same, evidence.metric)
        lines.append(_matched_sentence(best, same, family, evidence.metric))
        tables.append(_matched_table(best, same, family, evidence.metric))
    if not matched:
        shape = next((axis.name(axis.best) for axis in evidence.axes.values()), "10x2")
        lines.append(
            f"Not run: shapes of as many weights as the best in another form "
            f"(ablate grid --matched {shape} --study {name})."
        )
    return Section(
        "controls",
        "Controls",
        paragraphs=tuple(lines),
        pictures=_picked(pictures, "windows"),
        tables=tuple(tables),
    )


def _matched_sentence(best: str, same: Mapping[str, Counts], family: Family, metric: str) -> str:
    others = [name for name in same if name != best]
    apart = [n for n in others if (c := family.between(n, best)) is not None and c.significant]
    shape = Shape.parse(best)
    weights = shape.height * shape.width
    scores = ", ".join(f"{n} {100 * same[n].score(metric):.1f} %" for n in same)
    told = (
        f"{', '.join(apart)} can be told from {best} (jointly, 5 %)"
        if apart
        else f"none can be told from {best}"
    )
    return (
        f"With the same number of weights ({weights} a filter) in another form: {scores}; {told}."
    )


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
            Column(f"difference to {best}", "points", "paired by speaker"),
            Column("joint p", "p", "of all pairs of this table"),
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


def _networks(
    evidence: Evidence, networks: Sequence[StoredNetwork], pictures: Mapping[str, Picture]
) -> Section:
    tables: list[Table] = []
    lines: list[str] = []
    if table1 := read_table1(evidence.stored.folder / "table1.csv"):
        tables.append(table1)
    whole = [network for network in networks if network.complete]
    if networks:
        tables.append(_networks_table(networks, evidence))
        held = references_scores(evidence.stored)
        models = {network.label: network.counts for network in whole} | held
        if len(models) > 1 and len({counts.speakers for counts in models.values()}) == 1:
            family = all_pairs(models, evidence.metric)
            caption = "Networks and references, all pairs tested jointly"
            tables.append(family_table(family, "pairs_networks", caption))
    else:
        lines.append(
            f"No network is cross-validated yet "
            f"(ablate promote --best --study {evidence.run.study.name})."
        )
    if whole and not any("," not in network.shapes for network in whole):
        lines.append(
            "Not run: one group of filters in place of two (ablate promote --shapes 10x8:16 for "
            "the paper's 10x2,2x8), which tells whether separate shapes are what helps."
        )
    return Section(
        "networks",
        "The full networks",
        paragraphs=tuple(lines),
        pictures=_picked(pictures, "costs", "filters"),
        tables=tuple(tables),
    )


def _networks_table(networks: Sequence[StoredNetwork], evidence: Evidence) -> Table:
    rows = []
    for network in networks:
        rows.append(
            (
                network.label,
                score_interval(network.counts, "wa"),
                score_interval(network.counts, "ua"),
                network.parameters,
                network.multiply_adds,
                network.folds,
                network.seeds,
                network.digest,
            )
        )
    return Table(
        "networks",
        "Every stored network",
        (
            Column("network"),
            Column("WA", "percent", "95 % interval by speaker"),
            Column("UA", "percent"),
            Column("parameters", "integer"),
            Column("multiply-adds", "millions", "a segment"),
            Column("folds", "integer", f"of {len(evidence.run.folds)}"),
            Column("seeds", "integer"),
            Column("digest"),
        ),
        tuple(rows),
    )


def read_table1(path: Path) -> Table | None:
    """Table 1 as ``ablate promote`` wrote it last; None where there is none that can be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [_table1_row(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError):
        return None
    columns = (
        Column("network"),
        Column("corpus"),
        Column("Conv1"),
        Column("parameters", "integer"),
        Column("WA", "percent", "pooled, 95 % interval by speaker"),
        Column("UA", "percent"),
        Column("WA, mean of folds", "percent"),
        Column("UA, mean of folds", "percent"),
        Column("WA over SVM", "points", "paired by speaker"),
        Column("seeds"),
    )
    note = f"As last written by ablate promote; {path.with_suffix('.md').name} has its notes."
    return Table("table1", "Table 1", columns, tuple(rows), notes=(note,)) if rows else None


def _table1_row(row: Mapping[str, str]) -> tuple[Value, ...]:
    def interval(name: str) -> Interval | None:
        if not row[name]:
            return None
        low, high = (float(row[f"{name}{end}"] or "nan") for end in ("_low", "_high"))
        return Interval(float(row[name]), low, high, float("nan"), int(row["speakers"] or 0))

    parameters = int(row["parameters"]) if row["parameters"] else None
    scores = (interval(name) for name in ("wa", "ua", "wa_folds", "ua_folds", "against"))
    return (row["network"], row["corpus"], row["conv1"], parameters, *scores, row["seeds"])


def _training(pictures: Mapping[str, Picture]) -> Section:
    return Section(
        "training",
        "Training",
        pictures=_picked(pictures, "learning_probes", "learning_networks"),
        folded=True,
    )


def _shapes(evidence: Evidence) -> Section | None:
    stored, classes = evidence.stored, evidence.run.classes
    if stored.probes.empty:
        return None
    by = ["window_ms", "height", "width", "height_hz", "width_ms"]
    scores = pooled_scores(stored.probes, by, classes).head(_MOST_ROWS)
    seconds = stored.probes.groupby(by[:3])["train_seconds"].sum()
    counts = {
        window: named_counts(stored.probe_tally(window), classes) for window in stored.windows
    }
    rows = []
    for row in scores.to_dict("records"):
        name = f"{row['height']}x{row['width']}"
        mine = counts[row["window_ms"]].get(name)
        key = (row["height"], row["width"], row["window_ms"])
        rows.append(
            (
                name,
                row["height_hz"],
                row["width_ms"],
                row["window_ms"],
                row["wa"] if mine is None else score_interval(mine, "wa"),
                row["ua"] if mine is None else score_interval(mine, "ua"),
                *(row[f"acc_{label}"] for label in classes),
                row["cells"],
                stored.expected[key],
                float(seconds.loc[(row["window_ms"], row["height"], row["width"])]) / 3600,
            )
        )
    columns = (
        Column("shape"),
        Column("Hz", _kind(scores["height_hz"])),
        Column("ms", _kind(scores["width_ms"])),
        Column("window (ms)", _kind(scores["window_ms"])),
        Column("WA", "percent", "95 % interval by speaker"),
        Column("UA", "percent"),
        *(Column(label, "percent") for label in classes),
        Column("cells", "integer"),
        Column("asked", "integer"),
        Column("hours", "number", "of one worker"),
    )
    total = len(stored.probes.drop_duplicates(by[:3]))
    notes = (f"The first {_MOST_ROWS} of {total}.",) if total > _MOST_ROWS else ()
    table = Table("shapes", "Every stored shape", columns, tuple(rows), notes=notes)
    return Section("shapes", "Every shape", tables=(table,), folded=True)


def _failures(evidence: Evidence) -> Section | None:
    stored = evidence.stored
    networks = stored.networks[stored.networks["status"] != "ok"]
    if stored.failed.empty and networks.empty:
        return None
    rows = [*_failed(stored.failed, "probe"), *_failed(networks, "network")]
    table = Table(
        "failures",
        "Failed cells",
        (
            Column("kind"),
            Column("shape"),
            Column("window (ms)", "number"),
            Column("seed", "integer"),
            Column("fold"),
            Column("reason"),
        ),
        tuple(rows[:_MOST_FAILURES]),
        notes=(f"{len(rows)} in all; the same command tries them again.",),
    )
    return Section("failures", "What failed", tables=(table,))


def _failed(rows: pd.DataFrame, kind: str) -> Iterable[tuple[Value, ...]]:
    for row in rows.to_dict("records"):
        shape = f"{row['height']}x{row['width']}" if kind == "probe" else str(row["shapes"])
        reason = (str(row["error"]).splitlines() or [""])[-1]
        yield (kind, shape, float(row["window_ms"]), int(row["seed"]), str(row["fold"]), reason)


def hours(rows: pd.DataFrame) -> float:
    """Time that the cells' training took, one worker."""
    return float(np.nansum(rows["train_seconds"].to_numpy(float))) / 3600
