"""Every stored shape, and the cells that failed."""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from ablation.analysis import METRICS, Counts, named_counts, pooled_scores, score_interval
from ablation.analysis.evidence import Evidence
from ablation.reports import Column, Section, Table
from ablation.reports.document import Value
from ablation.reports.values import number_kind
from ablation.results.schema import FAILED, reason_of
from ablation.study import CellKind, ShapeKey
from ablation.study.extents import hz_headers, hz_values

_MOST_ROWS = 1200  # of the table of all shapes
_MOST_FAILURES = 100


def shapes_section(evidence: Evidence) -> Section | None:
    """Return the scores of every stored shape; None where there is none."""
    stored, classes = evidence.stored, evidence.run.classes
    if stored.probes.empty:
        return None
    by = ["window_ms", "height", "width", "height_hz", "width_ms"]
    scores = pooled_scores(stored.probes, by, classes).head(_MOST_ROWS)
    seconds = stored.probes.groupby(by[:3])["train_seconds"].sum()
    counts = {
        window: named_counts(stored.probe_tally(window), classes) for window in stored.windows
    }
    study, rows = stored.run.study, []
    for row in scores.to_dict("records"):
        key = ShapeKey(row["height"], row["width"], row["window_ms"])
        mine = counts[key.window_ms].get(str(key.shape))
        rows.append(
            (
                str(key.shape),
                *hz_values(study.features, study.probe.extent(row["height"], 1)[0]),
                row["width_ms"],
                row["window_ms"],
                *(_with_interval(row[score], mine, score) for score in METRICS),
                *(row[f"acc_{label}"] for label in classes),
                row["cells"],
                stored.run.expected[key] or None,  # a search pruned it
                float(seconds.loc[(key.window_ms, key.height, key.width)]) / 3600,
            )
        )
    columns = (
        Column("shape"),
        *(
            Column(header, number_kind([float(row[1 + k]) for row in rows]))  # type: ignore[arg-type]
            for k, header in enumerate(hz_headers(study.features))
        ),
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


def _with_interval(score: float, counts: Counts | None, metric: str) -> Value:
    """Return a pooled score, the same number as in the curves, with its interval by speaker."""
    if counts is None:
        return score
    return replace(score_interval(counts, metric), estimate=score)


def failures_section(evidence: Evidence) -> Section | None:
    """Return the cells that failed and why; None where none did."""
    stored = evidence.stored
    networks = stored.networks[stored.networks["status"] == FAILED]
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
        reason = reason_of(str(row["error"]))
        yield (kind, shape, float(row["window_ms"]), int(row["seed"]), str(row["fold"]), reason)
