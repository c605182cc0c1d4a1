"""Significant differences: what the tests of each axis show, and what they could show."""

from collections.abc import Mapping

from ablation.analysis import AxisEvidence, Family, seeds_needed, speakers_needed
from ablation.analysis.equivalence import smallest_margin
from ablation.analysis.evidence import Evidence
from ablation.analysis.verdicts import verdicts
from ablation.errors import counted
from ablation.reports import Column, Picture, Section, Table
from ablation.reports.answer import are
from ablation.reports.document import picked
from ablation.reports.wording import limits, metric_name

DIFFERENCES = (0.01, 0.02, 0.05, 0.1)  # for which the numbers needed are given


def statistics_section(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    margin = evidence.margin
    lines: list[str] = []
    tables: list[Table] = []
    for name, axis in evidence.axes.items():
        if axis.speakers < 2:
            lines.append(f"{name.capitalize()}: one speaker, so nothing is compared.")
            continue
        lines.append(f"{_pairs_sentence(axis)} {_reference_sentence(axis)}")
        if (family := axis.pairs or axis.against) is not None:
            lines.append(f"{name.capitalize()}: {verdicts_sentence(family, margin)}")
        lines.append(" ".join(limits(axis, evidence.settled)))
        if axis.against is not None:
            caption = f"Every {name} compared with the pre-specified {axis.against.reference}"
            tables.append(family_table(axis.against, f"against_{name}", caption, margin))
        if evidence.settled:
            tables.append(_needed_table(axis))
        if axis.pairs is not None:
            caption = f"All pairs of {name}s"
            tables.append(family_table(axis.pairs, f"pairs_{name}", caption, margin))
    return Section(
        "statistics",
        "Different, practically equivalent, or undecided",
        paragraphs=tuple(lines),
        pictures=picked(pictures, "differences", "ranks_height", "ranks_width", "speakers"),
        tables=tuple(tables),
    )


def family_table(family: Family, name: str, caption: str, margin: float) -> Table:
    """Return a family's comparisons as a table with the significant ones marked."""
    judged = verdicts(family, margin)
    rows = [
        (c.first, c.second, c.difference, c.effect, c.p, c.p_joint, within, verdict)
        for c, within, verdict in zip(family.comparisons, judged.p_within, judged.of, strict=True)
    ]
    bounds = f"family-wise adjusted, of not being equivalent within ±{100 * margin:g} points"
    marked = [k for k, c in enumerate(family.comparisons) if c.significant]
    paired = "first minus second, paired by speaker, with its own 95 % confidence interval"
    columns = (
        Column("first"),
        Column("compared with"),
        Column(f"difference in {metric_name(family.metric)}", "points", paired),
        Column("effect size", "number", "d_z: mean gain per speaker over its s.d."),
        Column("p", "p", "two-sided sign-flip test by speaker, not adjusted"),
        Column("family-wise adjusted p", "p", "for all comparisons of this table"),
        Column("p (equivalence)", "p", bounds),
        Column("verdict"),
    )
    note = (
        f"Marked: significantly different (family-wise adjusted p at most 0.05). With "
        f"{counted(family.speakers, 'speaker')}, p cannot be below {family.smallest_p:.4f}. "
        f"Confidence intervals are not adjusted: one that excludes 0 is no finding while the "
        f"family-wise adjusted p is above 0.05."
    )
    return Table(name, caption, columns, tuple(rows), frozenset(marked), (note,))


def verdicts_sentence(family: Family, margin: float) -> str:
    """Return how many comparisons have which verdict, and which margin could be shown."""
    judged, smallest = verdicts(family, margin), smallest_margin(family.gains)
    points = f"±{100 * margin:g} points"
    if smallest > 1:
        could = f"With {counted(family.speakers, 'speaker')}, no equivalence can be shown."
    else:
        could = (
            f"The smallest margin within which this study shows any two to be equivalent is "
            f"±{100 * smallest:.1f} points."
        )
    return (
        f"of {counted(len(judged.of), 'comparison')}, "
        f"{judged.count('different')} different, {judged.count('equivalent')} practically "
        f"equivalent within {points}, {judged.count('undecided')} undecided. {could}"
    )


def _pairs_sentence(axis: AxisEvidence) -> str:
    name = axis.axis.name
    if axis.pairs is None:
        return (
            f"There are too many {name}s to compare all pairs; they are compared with the "
            f"reference only."
        )
    apart = sum(c.significant for c in axis.pairs.comparisons)
    return (
        f"{name.capitalize()}: of {counted(len(axis.pairs.comparisons), 'pair')}, {apart} "
        f"{'is' if apart == 1 else 'are'} significantly different (family-wise adjusted p at "
        f"most 0.05); the best, {axis.name(axis.best)}, {_like_best(axis)}."
    )


def _like_best(axis: AxisEvidence) -> str:
    alike = [axis.name(extent) for extent in axis.like_best]
    if len(alike) == len(axis.shapes) - 1:
        return "is not significantly different from any other"
    if not alike:
        return "is significantly different from every other"
    return f"is not significantly different from {', '.join(alike)}"


def _reference_sentence(axis: AxisEvidence) -> str:
    name, against = axis.axis.name, axis.against
    if against is None:
        return (
            f"The paper's {name} is not among the complete shapes and no other reference was "
            f"pre-specified (--reference), so no {name} is compared with a reference."
        )
    apart = [c for c in against.comparisons if c.significant]
    better = [c.first for c in apart if c.difference.estimate > 0]
    worse = [c.first for c in apart if c.difference.estimate < 0]
    told = [
        f"{are(names)} significantly {how}"
        for names, how in ((better, "better"), (worse, "worse"))
        if names
    ]
    if told:
        return f"{' and '.join(told)} than the pre-specified {against.reference}."
    return f"No {name} is significantly different from the pre-specified {against.reference}."


def _needed_table(axis: AxisEvidence) -> Table:
    return Table(
        f"needed_{axis.axis.name}",
        f"Speakers or seeds needed to find a difference between two {axis.axis.name}s",
        (
            Column("difference", "points"),
            Column("speakers", "text", f"with {counted(axis.noise.seeds, 'seed')}"),
            Column("seeds", "text", f"with {counted(axis.speakers, 'speaker')}"),
        ),
        tuple((difference, *_needed(axis, difference)) for difference in DIFFERENCES),
        notes=("For 80 % power at the 5 % level in one planned comparison.",),
    )


def _needed(axis: AxisEvidence, difference: float) -> tuple[str, str]:
    """Return how many speakers (at the seeds there are), and seeds (at the speakers), find it."""
    speakers = speakers_needed(axis.noise, difference, axis.noise.seeds)
    seeds = seeds_needed(axis.noise, difference, axis.speakers)
    unknown = "unknown from one seed" if axis.noise.seeds < 2 else "no number suffices"
    return (
        f"{speakers:,}" if speakers is not None else "no number suffices",
        f"{seeds:,}" if seeds is not None else unknown,
    )
