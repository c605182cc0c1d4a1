"""The report's lists: comparisons, networks, every shape, failed cells."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan

import numpy as np
import pandas as pd

from ablation.analysis import (
    Family,
    Interval,
    all_pairs,
    named_counts,
    pooled_scores,
    score_interval,
)
from ablation.analysis.evidence import Evidence, references_scores
from ablation.analysis.networks import StoredNetwork
from ablation.errors import counted
from ablation.report import Column, Picture, Section, Table, wording
from ablation.report.document import Kind, Value
from ablation.report.sections.table1 import of_paper, table1_rows
from ablation.report.table1 import PAPER
from ablation.study import CellKind, ShapeKey

_MOST_ROWS = 1200  # of the table of all shapes
_MOST_FAILURES = 100


def picked(pictures: Mapping[str, Picture], *names: str) -> tuple[Picture, ...]:
    """Return those of the named figures that were drawn."""
    return tuple(pictures[name] for name in names if name in pictures)


def family_table(family: Family, name: str, caption: str) -> Table:
    """Return a family's comparisons as a table with the significant ones marked."""
    rows = [(c.first, c.second, c.difference, c.effect, c.p, c.p_joint) for c in family.comparisons]
    marked = [k for k, c in enumerate(family.comparisons) if c.significant]
    return Table(
        name,
        caption,
        (
            Column("first"),
            Column("compared with"),
            Column(
                f"difference in {wording.metric_name(family.metric)}",
                "points",
                "first minus second, paired by speaker, with its own 95 % confidence interval",
            ),
            Column(
                "effect size",
                "number",
                "d_z: mean gain per speaker over its s.d.",
            ),
            Column("p", "p", "two-sided sign-flip test by speaker, not adjusted"),
            Column("family-wise adjusted p", "p", "for all comparisons of this table"),
        ),
        tuple(rows),
        frozenset(marked),
        (
            f"Marked: significantly different (family-wise adjusted p at most 0.05). With "
            f"{counted(family.speakers, 'speaker')}, p cannot be below {family.smallest_p:.4f}. "
            f"Confidence intervals are not adjusted: one that excludes 0 is no finding while the "
            f"family-wise adjusted p is above 0.05.",
        ),
    )


def number_kind(values: pd.Series) -> Kind:
    """Return the kind of a column: whole numbers are shown as such."""
    return "integer" if (values == values.round()).all() else "number"


def networks_section(
    evidence: Evidence, networks: Sequence[StoredNetwork], pictures: Mapping[str, Picture]
) -> Section:
    tables: list[Table] = []
    lines: list[str] = []
    if table1 := _table1(evidence, networks):
        tables.append(table1)
    whole = [network for network in networks if network.complete]
    if networks:
        tables.append(_networks_table(networks, evidence))
        held = references_scores(evidence.stored)
        models = {network.label: network.counts for network in whole} | held
        if len(models) > 1 and len({counts.speakers for counts in models.values()}) == 1:
            family = all_pairs(models, evidence.metric)
            caption = "All pairs of networks and baselines"
            tables.append(family_table(family, "pairs_networks", caption))
    else:
        lines.append(
            f"No network has been cross-validated yet (ablate promote --best "
            f"{evidence.stored.as_study})."
        )
    if len({network.steps for network in whole}) > 1:
        budgets = ", ".join(f"{network.label}: {network.steps:,}" for network in whole)
        lines.append(
            f"Networks were trained for different numbers of steps ({budgets}), so differences "
            f"between them may come from the training budget."
        )
    if whole and not any("," not in network.shapes for network in whole):
        lines.append(
            f"Not run: one group of filters instead of two, which shows whether separate shapes "
            f"help (ablate promote --shapes 10x8:16 {evidence.stored.as_study} for the paper's "
            f"10x2,2x8)."
        )
    return Section(
        "networks",
        "The full networks",
        paragraphs=tuple(lines),
        pictures=picked(pictures, "costs", "filters"),
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
                network.steps,
                network.digest,
            )
        )
    return Table(
        "networks",
        "All stored networks",
        (
            Column("network"),
            Column("WA", "percent", "95 % confidence interval by speaker"),
            Column("UA", "percent"),
            Column("parameters", "integer"),
            Column("multiply-adds", "millions", "per segment"),
            Column("folds", "integer", f"of {len(evidence.run.folds)}"),
            Column("seeds", "integer"),
            Column("steps", "integer", "of training"),
            Column("digest"),
        ),
        tuple(rows),
    )


def _table1(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Table | None:
    """Return Table 1 of these settings; None where they have no network."""
    found = table1_rows(evidence.stored, networks)
    rows: list[tuple[Value, ...]] = [
        (row.name, row.corpus, row.shapes, row.parameters, row.wa, row.ua, row.wa_folds,
         row.ua_folds, row.against, row.seeds)
        for row in found
    ]  # fmt: skip
    if not rows:
        return None
    if of_paper(evidence.run):
        for name, *percent in PAPER:
            wa, ua = (Interval(score / 100, nan, nan, nan, 10) for score in percent)
            title = f"{name} (Li et al. 2018)"
            rows.append((title, "iemocap", "10x2 + 2x8", None, wa, ua, None, None, None, ""))
    columns = (
        Column("network"),
        Column("corpus"),
        Column("Conv1"),
        Column("parameters", "integer"),
        Column("WA", "percent", "pooled, 95 % confidence interval by speaker"),
        Column("UA", "percent"),
        Column("WA, mean of folds", "percent"),
        Column("UA, mean of folds", "percent"),
        Column("WA over SVM", "points", "paired by speaker"),
        Column("seeds"),
    )
    note = "The networks of the last promotion of these settings, and the baselines."
    return Table("table1", "Table 1", columns, tuple(rows), notes=(note,))


def shapes_section(evidence: Evidence) -> Section | None:
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
        key = ShapeKey(row["height"], row["width"], row["window_ms"])
        mine = counts[key.window_ms].get(str(key.shape))
        rows.append(
            (
                str(key.shape),
                row["height_hz"],
                row["width_ms"],
                row["window_ms"],
                row["wa"] if mine is None else score_interval(mine, "wa"),
                row["ua"] if mine is None else score_interval(mine, "ua"),
                *(row[f"acc_{label}"] for label in classes),
                row["cells"],
                stored.run.expected[key] or None,  # a search pruned it
                float(seconds.loc[(row["window_ms"], row["height"], row["width"])]) / 3600,
            )
        )
    columns = (
        Column("shape"),
        Column("Hz", number_kind(scores["height_hz"])),
        Column("ms", number_kind(scores["width_ms"])),
        Column("window (ms)", number_kind(scores["window_ms"])),
        Column("WA", "percent", "95 % confidence interval by speaker"),
        Column("UA", "percent"),
        *(Column(label, "percent") for label in classes),
        Column("cells", "integer"),
        Column("planned", "integer"),
        Column("hours", "number", "training time of one worker"),
    )
    total = len(stored.probes.drop_duplicates(by[:3]))
    notes = (f"The first {_MOST_ROWS} of {total}.",) if total > _MOST_ROWS else ()
    table = Table("shapes", "All stored shapes", columns, tuple(rows), notes=notes)
    return Section("shapes", "All shapes", tables=(table,), folded=True)


def failures_section(evidence: Evidence) -> Section | None:
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
        notes=(f"{len(rows)} in total; the same command tries them again.",),
    )
    return Section("failures", "Failed cells", tables=(table,))


def _failed(rows: pd.DataFrame, kind: str) -> Iterable[tuple[Value, ...]]:
    for row in rows.to_dict("records"):
        shape = f"{row['height']}x{row['width']}" if kind == CellKind.PROBE else str(row["shapes"])
        reason = (str(row["error"]).splitlines() or [""])[-1]
        yield (kind, shape, float(row["window_ms"]), int(row["seed"]), str(row["fold"]), reason)


def hours(rows: pd.DataFrame) -> float:
    """Return the hours that training the cells took, summed over workers."""
    return float(np.nansum(rows["train_seconds"].to_numpy(float))) / 3600
