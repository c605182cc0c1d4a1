"""The full networks: Table 1, every stored network, and how they compare."""

from collections.abc import Mapping, Sequence

from ablation.analysis import all_pairs, score_interval
from ablation.analysis.evidence import Evidence, references_scores
from ablation.analysis.fields import extents, stored_field
from ablation.analysis.networks import StoredNetwork
from ablation.reports import Column, Picture, Section, Table
from ablation.reports.document import picked
from ablation.reports.sections.statistics import family_table
from ablation.reports.sections.table1 import table1
from ablation.reports.values import number_kind
from ablation.results.field_record import FieldRecord
from ablation.study.baselines import TITLES


def networks_section(
    evidence: Evidence, networks: Sequence[StoredNetwork], pictures: Mapping[str, Picture]
) -> Section:
    tables = [table] if (table := table1(evidence.stored, networks)) else []
    whole = [network for network in networks if network.complete]
    if networks:
        tables.append(_networks_table(networks, evidence))
        held = {
            title: counts
            for title, counts in references_scores(evidence.stored).items()
            if title in TITLES.values()
        }
        models = {network.label: network.counts for network in whole} | held
        if len(models) > 1 and len({counts.speakers for counts in models.values()}) == 1:
            family = all_pairs(models, evidence.metric)
            caption = "All pairs of networks and baselines"
            tables.append(family_table(family, "pairs_networks", caption, evidence.margin))
    if (measured := stored_field(evidence.stored, networks)) is not None:
        tables.append(_field_table(*measured))
    return Section(
        "networks",
        "The full networks",
        paragraphs=tuple(_sentences(networks, whole, evidence.stored.as_study)),
        pictures=picked(pictures, "costs", "filters", "field"),
        tables=tuple(tables),
    )


def _sentences(
    networks: Sequence[StoredNetwork], whole: Sequence[StoredNetwork], study: str
) -> list[str]:
    """Return what is not there, or not alike; ``whole`` are the ``networks`` that are complete."""
    lines = []
    if not networks:
        lines.append(f"No network has been cross-validated yet (ablate promote --best {study}).")
    if len({network.steps for network in whole}) > 1:
        budgets = ", ".join(f"{network.label}: {network.steps:,}" for network in whole)
        lines.append(
            f"Networks were trained for different numbers of steps ({budgets}), so differences "
            f"between them may come from the training budget."
        )
    if whole and all("," in network.shapes for network in whole):
        lines.append(
            f"Not run: one group of filters instead of two, which shows whether separate shapes "
            f"help (ablate promote --shapes 10x8:16 {study} for the paper's 10x2,2x8)."
        )
    return lines


def _networks_table(networks: Sequence[StoredNetwork], evidence: Evidence) -> Table:
    rows = [
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
        for network in networks
    ]
    columns = (
        Column("network"),
        Column("WA", "percent", "95 % confidence interval by speaker"),
        Column("UA", "percent"),
        Column("parameters", "integer"),
        Column("multiply-adds", "millions", "per segment"),
        Column("folds", "integer", f"of {len(evidence.run.folds)}"),
        Column("seeds", "integer"),
        Column("steps", "integer", "of training"),
        Column("digest"),
    )
    return Table("networks", "All stored networks", columns, tuple(rows))


def _field_table(label: str, record: FieldRecord) -> Table:
    seen = record.theoretical
    sizes = [("all that it can see", seen.bins, seen.frames)]
    for state, field in record.fields.items():
        height, width = extents(field)
        sizes.append((f"{state}, at half height", height.half, width.half))
        sizes.append((f"{state}, 95 % of its mass", height.mass, width.mass))
    rows = [
        (what, bins, *record.hz(bins), frames, frames * record.frame_ms)
        for what, bins, frames in sizes
    ]
    columns = (
        Column("field"),
        Column(record.row_unit, "integer"),
        *(
            Column(header, number_kind([float(row[2 + k]) for row in rows]))
            for k, header in enumerate(record.hz_headers())
        ),
        Column("frames", "integer"),
        Column("ms", number_kind([float(row[-1]) for row in rows])),
    )
    caption = f"Receptive field of the last map before pooling, {record.pooled} of {label}"
    return Table("field", caption, columns, tuple(rows))
