"""The figures of named axes: a curve for one axis, curves and a map for several."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product

import pandas as pd
from matplotlib.axes import Axes

from ablation.analysis import METRICS
from ablation.analysis.evidence import Evidence
from ablation.analysis.field_axes import AxesReading
from ablation.figures.drawing import Drawing, metric_label, title_of
from ablation.figures.field_axes import Scale, draw_axes, draw_axis, draw_map, draw_score
from ablation.figures.style import Look
from ablation.study.field_axes import value_text

_MOST_LINES = 9  # that a reader can distinguish in one diagram
_INTERVALS = "Bands and bars: 95 % confidence intervals by speaker."


def field_axes_drawings(evidence: Evidence, shown: Sequence[str]) -> Iterator[Drawing]:
    """Yield the figures of every named axis that has scores; ``shown`` are Figure 2's classes."""
    for reading in evidence.named_axes:
        found = list(_lines_drawing(evidence, reading))
        yield from found
        for axis in reading.axes if not found else ():
            yield from _axis_drawing(evidence, reading, axis, shown)
        if len(reading.axes) == 2:
            yield from _map_drawing(evidence, reading)


def draw_reading(ax: Axes, reading: AxesReading) -> None:
    """Draw the score of a single axis, with its intervals, into a diagram of the caller's own."""
    (axis,) = reading.axes
    column, label = _column(reading), metric_label(reading.metric)
    look = Look.of(len(ax.lines))  # another line gets another look
    draw_score(ax, reading.curve(axis), scale_of(reading, axis), column, label, look)


def scale_of(reading: AxesReading, axis: str) -> Scale:
    """Return the axis of a diagram for one of the axes."""
    name, unit = axis if "." in axis else f"filter {axis}", reading.unit(axis)
    label = f"{name} ({unit})" if unit else name  # "filter height (bins)"
    return Scale(label, reading.levels[reading.axes.index(axis)])


def _axis_drawing(
    evidence: Evidence, reading: AxesReading, axis: str, shown: Sequence[str]
) -> Iterator[Drawing]:
    curve = reading.curve(axis)
    if curve["wa"].notna().sum() < 2:
        return
    own = "" if len(reading.axes) == 1 else f", averaged over {_others(reading, axis)}"
    metric = reading.metric
    first = _column(reading)
    scores = {first: metric_label(metric)} | {f"acc_{label}": label for label in shown}
    found = reading.along.get(axis)
    marks = {}
    if found is not None:
        marks[f"best {metric_label(metric)}"] = int(found.best)
        if found.plateau is not None:
            marks["plateau begins"] = int(found.plateau)
    name = f"axis_{axis}" if len(reading.axes) == 1 else f"axis_{axis}_of_{reading.name}"
    yield Drawing(
        name,
        f"{metric_label(metric)} and class accuracies over {axis}{own}. {_INTERVALS}"
        f"{_extents(reading)}",
        _range(curve, first, axis),
        curve,
        partial(
            draw_axis, curve, scale_of(reading, axis), scores, evidence.run.majority, marks,
            title_of(evidence, f"accuracy over {axis}{own}", not _of_windows(reading)),
        ),
    )  # fmt: skip


def _extents(reading: AxesReading) -> str:
    """Return how far the filters reach, in the words of a caption; nothing where none varies."""
    if not reading.of_shapes:
        return ""
    found = dict.fromkeys(point.extent for point in reading.points.values() if point.extent)
    return f" Filters reach {'; '.join(found)}." if 0 < len(found) <= _MOST_LINES else ""


def _lines_drawing(evidence: Evidence, reading: AxesReading) -> Iterator[Drawing]:
    """Yield a line for each combination of the other axes, over the axis with most numbers.

    Of axes with equally many it is the last one.
    """
    numbers = {one: len(_levels(reading, one)) * reading.ordered(one) for one in reading.axes}
    axis = max(reversed(reading.axes), key=numbers.__getitem__)
    curves = _curves(reading, axis)
    if not 1 < len(curves) <= _MOST_LINES:
        return
    metric, score = reading.metric, _column(reading)
    label = metric_label(metric)
    others = _others(reading, axis)
    yield Drawing(
        f"axes_{reading.name}",
        f"{label} over {axis}, a line for each {others}. {_INTERVALS}{_extents(reading)}",
        "; ".join(_range(curve, score, name) for name, curve in curves.items()),
        pd.concat([curve.assign(line=name) for name, curve in curves.items()]),
        partial(
            draw_axes, curves, scale_of(reading, axis), score, label,
            title_of(evidence, f"{label} over {reading.title}", not _of_windows(reading)),
        ),
    )  # fmt: skip


def _map_drawing(evidence: Evidence, reading: AxesReading) -> Iterator[Drawing]:
    down, along = (scale_of(reading, axis) for axis in reading.axes)
    by_values = dict(zip(reading.points, reading.table.to_dict("records"), strict=True))
    score = _column(reading)
    nothing = {score: float("nan"), "complete": False}
    rows = [by_values.get(values, nothing) for values in product(*reading.levels)]
    table = pd.DataFrame(rows)
    if table[score].notna().sum() < 2:
        return
    label = metric_label(reading.metric)
    yield Drawing(
        f"map_{reading.name}",
        f"{label} over {reading.title}. The highest of the complete ones, which is biased upwards "
        f"as the best of many, is outlined.",
        f"{label} of {table[score].notna().sum()} points",
        reading.table,
        partial(
            draw_map, table, down, along, score, label,
            title_of(evidence, f"{label} over {reading.title}", not _of_windows(reading)),
        ),
    )  # fmt: skip


def _curves(reading: AxesReading, axis: str) -> dict[str, pd.DataFrame]:
    """Return the scores over an axis for every combination of the others' values."""
    place = reading.axes.index(axis)
    rows = dict(zip(reading.points, reading.table.to_dict("records"), strict=True))
    rest = [levels for k, levels in enumerate(reading.levels) if k != place]
    names = [one for one in reading.axes if one != axis]
    nothing: Mapping[str, object] = {"complete": False}
    found = {}
    for values in product(*rest):
        points = [(*values[:place], level, *values[place:]) for level in reading.levels[place]]
        curve = pd.DataFrame([rows.get(point, nothing) for point in points])
        parts = zip(names, values, strict=True)
        label = ", ".join(f"{name} {value_text(value)}" for name, value in parts)
        if "wa" in curve and curve["wa"].notna().any():
            found[label] = curve.assign(value=[*map(value_text, reading.levels[place])])
    return found


def _levels(reading: AxesReading, axis: str) -> Sequence[object]:
    return reading.levels[reading.axes.index(axis)]


def _others(reading: AxesReading, axis: str) -> str:
    return " and ".join(one for one in reading.axes if one != axis)


def _of_windows(reading: AxesReading) -> bool:
    return "features.window_ms" in reading.axes


def _column(reading: AxesReading) -> str:
    return reading.metric if reading.metric in METRICS else f"acc_{reading.metric}"


def _range(curve: pd.DataFrame, score: str, name: str) -> str:
    known = curve[curve[score].notna()]
    low, high = known.nsmallest(1, score).iloc[0], known.nlargest(1, score).iloc[0]
    return (
        f"{name}: lowest at {low['value']} ({100 * low[score]:.1f} %), highest at {high['value']} "
        f"({100 * high[score]:.1f} %)"
    )
