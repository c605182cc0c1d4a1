"""Accuracy over any fields of the study: a section for each set of named axes."""

from collections.abc import Mapping
from typing import Any

from ablation.analysis import AxisEvidence, Interval
from ablation.analysis.evidence import Evidence
from ablation.analysis.field_axes import AxesReading
from ablation.errors import counted, named
from ablation.reports import Column, Picture, Section, Table
from ablation.reports.answer import unlearnt
from ablation.reports.document import Value, picked
from ablation.reports.sections.statistics import family_table, verdicts_sentence
from ablation.reports.values import percent_ends, show
from ablation.reports.wording import capital, metric_name, power
from ablation.study.field_axes import FieldAxis, is_ordered, value_text
from ablation.study.field_axes import Value as FieldValue

_INTERVAL = "95 % confidence interval by speaker"


def field_axes_sections(evidence: Evidence, pictures: Mapping[str, Picture]) -> list[Section]:
    """Return a section for each set of axes along which the study was varied."""
    return [_section(evidence, reading, pictures) for reading in evidence.named_axes]


def field_axes_answer(evidence: Evidence) -> str:
    """Return what the named axes say, a sentence each; an empty text where none says anything."""
    told = []
    every = [found for reading in evidence.named_axes for found in reading.along.values()]
    question, majority = "compare these settings", evidence.run.majority
    if every and (nothing := unlearnt(every, majority, question, "they")):
        return nothing
    for reading in evidence.named_axes:
        told += [_axis_sentence(reading, axis, found) for axis, found in reading.along.items()]
    return " ".join(told)


def _section(evidence: Evidence, reading: AxesReading, pictures: Mapping[str, Picture]) -> Section:
    lines = [_axis_sentence(reading, axis, found) for axis, found in reading.along.items()]
    family, tables = reading.family, [_points_table(reading)]
    if family is not None and family.comparisons and family.speakers > 1:
        against = f"compared with {family.reference}" if family.reference else "all pairs"
        what = f"{counted(len(reading.complete), 'point')}, {against}, tested jointly"
        lines.append(f"{capital(what)}: {verdicts_sentence(family, evidence.margin)}")
        caption = f"{capital(against)} over {reading.title}"
        tables.append(family_table(family, f"pairs_{reading.name}", caption, evidence.margin))
    if reading.along:
        noisiest = next(iter(reading.along.values()))
        if noisiest.speakers > 1:
            lines.append(f"{capital(power(noisiest, 'values'))}.")
    lines += _cautions(reading)
    names = [f"axes_{reading.name}", f"map_{reading.name}"]
    names += [f"axis_{axis}" for axis in reading.axes] if len(reading.axes) == 1 else []
    names += [f"axis_{axis}_of_{reading.name}" for axis in reading.axes]
    return Section(
        f"axes_{reading.name}",
        f"Accuracy over {reading.title}",
        paragraphs=tuple(lines),
        pictures=picked(pictures, *names),
        tables=tuple(tables),
    )


def _axis_sentence(reading: AxesReading, axis: str, found: AxisEvidence[FieldAxis]) -> str:
    """Return what one axis says: its best value, where nothing more is gained, what differs."""
    metric = metric_name(reading.metric)
    rest = [one for one in reading.axes if one != axis]
    averaged = f", averaged over {' and '.join(rest)}" if rest else ""
    best = f"{axis}{averaged}: {metric} is highest at {_with_unit(reading, axis, found.best)}"
    best += f" ({_percent(found, found.best)})"
    if reading.ordered(axis) and found.speakers > 1:
        if found.plateau is None:
            best += ", and a larger value still is significantly better than every smaller one"
        elif found.plateau != found.best or len(found.shapes) > 1:
            least = _with_unit(reading, axis, found.plateau)
            best += f"; beyond {least}, no larger value is significantly better"
    if found.pairs is None or found.speakers < 2:
        return f"{best}."
    apart = sum(c.significant for c in found.pairs.comparisons)
    pairs = counted(len(found.pairs.comparisons), "pair")
    return (
        f"{best}; of {pairs} of values, {apart} {'is' if apart == 1 else 'are'} significantly "
        f"different (family-wise adjusted p at most 0.05)."
    )


def field_axes_warnings(evidence: Evidence) -> list[str]:
    """Return what keeps the named axes from showing anything, a sentence each."""
    every = [found for reading in evidence.named_axes for found in reading.along.values()]
    lines = []
    if any(found.pairs is not None and not found.pairs.can_reject for found in every):
        speakers = counted(min(found.speakers for found in every), "speaker")
        lines.append(
            f"With {speakers}, no difference between two values of an axis can be significant at "
            f"5 %, whatever the scores: more speakers are needed."
        )
    if every and not evidence.axes and all(found.noise.seeds < 2 for found in every):
        lines.append(
            "One seed: differences between values of an axis cannot be separated from variation "
            "between training runs (--seeds 0,1,2)."
        )
    return lines


def _cautions(reading: AxesReading) -> list[str]:
    """Return what a reader of these axes should know."""
    lines = []
    lacking = [reading.label(v) for v, point in reading.points.items() if not point.complete]
    if lacking:
        lines.append(
            f"Not all cells are finished of {named(lacking, 5)}; they are drawn hollow and not "
            f"tested (the same ablate grid goes on with them)."
        )
    if "training.speakers" in reading.axes:
        lines.append(
            "Speakers trained on are drawn by seed, and a larger number keeps those of a smaller "
            "one; with one seed, the differences are also those of the speakers drawn."
        )
    if "features.snr_db" in reading.axes:
        lines.append("Noise is mixed into training and test recordings alike.")
    return lines


def _points_table(reading: AxesReading) -> Table:
    classes, table = reading.classes, reading.table
    partial = not table["complete"].all()
    columns = (
        *(_axis_column(reading, k) for k in range(len(reading.axes))),
        *((Column("filter reaches"),) if reading.of_shapes else ()),
        Column("WA", "percent", f"pooled, {_INTERVAL}"),
        Column("UA", "percent"),
        *(Column(label, "percent") for label in classes),
        Column("cells", "integer", "finished"),
        *((Column("planned", "integer"), Column("failed", "integer")) if partial else ()),
    )
    rows = [
        (
            *map(_shown, values),
            *((row["extent"],) if reading.of_shapes else ()),
            *(_interval(row, score) for score in ("wa", "ua")),
            *(row[f"acc_{label}"] for label in classes),
            row["cells"],
            *((row["expected"], row["failed"]) if partial else ()),
        )
        for values, row in zip(reading.points, table.to_dict("records"), strict=True)
    ]
    own = [k for k, values in enumerate(reading.points) if values == reading.own]
    note = ("Marked: the study's own.",) if own else ()
    caption = f"Scores over {reading.title}"
    return Table(f"axes_{reading.name}", caption, columns, tuple(rows), frozenset(own), note)


def _axis_column(reading: AxesReading, number: int) -> Column:
    axis = reading.axes[number]
    unit = reading.unit(axis)
    header = f"{axis} ({unit})" if unit else axis
    levels = reading.levels[number]
    if not is_ordered(levels):
        return Column(header)
    whole = all(float(str(level)).is_integer() for level in levels)
    return Column(header, "integer" if whole else "plain")


def _shown(value: FieldValue) -> Value:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return value_text(value)


def _with_unit(reading: AxesReading, axis: str, level: int) -> str:
    value = reading.levels[reading.axes.index(axis)][level]
    unit = reading.unit(axis) if is_ordered([value]) else ""
    return f"{level} {unit}" if unit else f"{level}"


def _percent(found: AxisEvidence[FieldAxis], level: int) -> str:
    interval = found.score(level)
    return f"{show(interval.estimate, 'percent')} % {percent_ends(interval)}"


def _interval(row: Mapping[Any, Any], score: str) -> Value:
    if row[score] != row[score]:
        return None
    low, high = row[f"{score}_low"], row[f"{score}_high"]
    return Interval(row[score], low, high, float("nan"), int(row["speakers"]))
