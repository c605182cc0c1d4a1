"""Scores over any fields of the study: each point's, each axis' own, and all points' jointly.

With several axes, an axis' own scores are averaged over the values of the others, speaker by
speaker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ablation.analysis.axes import MOST_PAIRED, AxisEvidence, axis_evidence
from ablation.analysis.comparisons import Family, against_reference, all_pairs
from ablation.analysis.curves import end_columns, interval_ends
from ablation.analysis.selection import RULES
from ablation.analysis.speakers import METRICS, Counts
from ablation.analysis.study_results import StudyResults
from ablation.analysis.tallies import named_counts, seed_counts
from ablation.results.axes_record import AxesRequest, StoredPoint, joined
from ablation.study import AXES, Shape, Study
from ablation.study.extents import hz_text
from ablation.study.field_axes import FieldAxis, Value, find_axis, is_ordered, value_text

Values = tuple[Value, ...]


class Level(int):
    """A value of an axis: it sorts by its place among the values, and prints as the value."""

    text: str

    def __new__(cls, place: int, text: str) -> "Level":
        level = super().__new__(cls, place)
        level.text = text
        return level

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class PointScores:
    """The stored cells of a point.

    Attributes
    ----------
    extent
        How far the filter reaches, as "100 Hz, 20 ms".
    counts
        By speaker, of whatever is finished; None where nothing is.
    by_seed
        The same for each seed.
    cells, expected, failed
        How many cells are finished, were asked for, and failed.
    complete
        Whether all that were asked for are finished, with all of their predictions.
    """

    at: StoredPoint
    extent: str = ""
    counts: Counts | None = None
    by_seed: Mapping[int, Counts] = field(default_factory=dict)
    cells: int = 0
    expected: int = 0
    failed: int = 0
    complete: bool = False


@dataclass(frozen=True)
class AxesReading:
    """What the cells over one or several axes say.

    Attributes
    ----------
    axes, levels
        The names of what varies, and the values of each in order.
    points
        The stored cells by their values, in the order of the levels.
    own
        The values that the varied settings have themselves.
    metric
        ``wa``, ``ua`` or a class.
    rows
        What a height counts: bins, bands or coefficients, or rows where that varies.
    """

    axes: tuple[str, ...]
    levels: tuple[Values, ...]
    points: Mapping[Values, PointScores]
    own: Values
    classes: tuple[str, ...]
    metric: str
    rows: str = "rows"

    @property
    def name(self) -> str:
        """The axes in one word, as of a file."""
        return "-".join(self.axes)

    @property
    def title(self) -> str:
        """The axes as a reader sees them: "features.window_ms and height"."""
        return " and ".join(self.axes)

    def unit(self, axis: str) -> str:
        """Return what the values of an axis count, such as ms; an empty text for nothing."""
        return self.rows if axis == "height" else find_axis(axis).unit

    @property
    def of_shapes(self) -> bool:
        """Whether a side of the filter is among the axes."""
        return not set(self.axes).isdisjoint(AXES)

    def ordered(self, axis: str) -> bool:
        """Return whether the values of an axis are numbers."""
        return is_ordered(self.levels[self.axes.index(axis)])

    def label(self, values: Values) -> str:
        """Return a point's name: "40", or with several axes "window_ms 40, height 10"."""
        if len(values) == 1:
            return value_text(values[0])
        parts = zip(self.axes, values, strict=True)
        return ", ".join(f"{axis.rpartition('.')[2]} {value_text(value)}" for axis, value in parts)

    @cached_property
    def complete(self) -> dict[str, Counts]:
        """The complete points by name; of those scored on other speakers than most, none."""
        found = {
            self.label(values): point.counts
            for values, point in self.points.items()
            if point.complete and point.counts is not None
        }
        heard = [counts.speakers for counts in found.values()]
        usual = max(heard, key=heard.count, default=())
        return {name: counts for name, counts in found.items() if counts.speakers == usual}

    @cached_property
    def family(self) -> Family | None:
        """All pairs of complete points, or of very many all compared with the study's own.

        None for fewer than two.
        """
        if len(self.complete) < 2:
            return None
        if len(self.complete) <= MOST_PAIRED:
            return all_pairs(self.complete, self.metric)
        own = self.label(self.own)
        reference = own if own in self.complete else next(iter(self.complete))
        return against_reference(self.complete, reference, self.metric)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each point: its values, scores (0..1) with the ends of their intervals, cells.

        The scores are those of whatever is finished; ``complete`` says whether that is all.
        """
        rows = [
            dict(zip(self.axes, map(_cell, values), strict=True))
            | {"shape": str(point.at.shape), "window_ms": point.at.window_ms}
            | {"extent": point.extent}
            | self._scores(point.counts)
            | {"cells": point.cells, "expected": point.expected, "failed": point.failed}
            | {"complete": point.complete, "digest": point.at.digest}
            for values, point in self.points.items()
        ]
        return pd.DataFrame(rows)

    @cached_property
    def along(self) -> dict[str, AxisEvidence[FieldAxis]]:
        """Each axis with two values that are complete whatever the others are."""
        found = {}
        for axis in self.axes:
            levels = self._levels_of(axis)
            shapes, by_seed = {}, {}
            for level, points in levels.items():
                counts = _mean([point.counts for point in points if point.complete])
                if counts is not None and all(point.complete for point in points):
                    shapes[level], by_seed[level] = counts, _mean_by_seed(points)
            if len(shapes) > 1 and len({counts.speakers for counts in shapes.values()}) == 1:
                found[axis] = self._evidence(axis, shapes, by_seed)
        return found

    def curve(self, axis: str) -> pd.DataFrame:
        """Return the scores over an axis, averaged over the others: ``extent`` is the place.

        The other columns are ``value``, the scores with their intervals, and ``complete``.
        """
        rows = []
        for level, points in self._levels_of(axis).items():
            row = {"extent": int(level), "value": level.text}
            counts = _mean([point.counts for point in points])
            whole = all(point.complete for point in points)
            rows.append(row | self._scores(counts) | {"complete": whole})
        return pd.DataFrame(rows)

    def _levels_of(self, axis: str) -> dict[Level, list[PointScores]]:
        """Return the points of each value of an axis."""
        place = self.axes.index(axis)
        return {
            Level(k, value_text(value)): [
                point for values, point in self.points.items() if values[place] == value
            ]
            for k, value in enumerate(self.levels[place])
        }

    def _evidence(
        self,
        axis: str,
        shapes: Mapping[int, Counts],
        by_seed: Mapping[int, Mapping[int, Counts]],
    ) -> AxisEvidence[FieldAxis]:
        place = self.axes.index(axis)
        own = next((k for k in shapes if self.levels[place][k] == self.own[place]), None)
        rules = RULES if self.ordered(axis) else {"best": RULES["best"]}
        curve = self.curve(axis)
        return axis_evidence(
            FieldAxis(axis), 0, self.metric, curve, shapes, by_seed, own, rules=rules
        )

    def _scores(self, counts: Counts | None) -> dict[str, float]:
        names = ["wa", "ua", *(f"acc_{label}" for label in self.classes)]
        scores = (
            [float("nan")] * len(names)
            if counts is None
            else [counts.score(metric) for metric in (*METRICS, *self.classes)]
        )
        ends = interval_ends(counts, self.classes)
        return dict(zip(names, scores, strict=True)) | dict(
            zip(end_columns(self.classes), ends, strict=True)
        )


def read_axes(stored: StudyResults, metric: str = "wa") -> list[AxesReading]:
    """Return what is stored over the axes along which these settings were varied."""
    requests = joined(stored.run.axes)
    if not requests:
        return []
    every = {digest: stored.of(digest) for one in requests for digest in _digests(one)}
    return [_reading(stored, one, every, metric) for one in requests]


def _digests(request: AxesRequest) -> list[str]:
    return list(dict.fromkeys(point.digest for point in request.points.values()))


def _reading(
    stored: StudyResults,
    request: AxesRequest,
    every: Mapping[str, StudyResults | None],
    metric: str,
) -> AxesReading:
    study = stored.run.study
    levels = request.levels()
    points = {
        values: point_scores(request.points[values], every[request.points[values].digest])
        for values in product(*levels)
        if values in request.points
    }
    fixed = Shape(study.grid.fixed_height, study.grid.fixed_width)
    own = tuple(find_axis(name).own(study, fixed) for name in request.axes)
    rows = rows_unit(study, request.axes)
    return AxesReading(request.axes, tuple(levels), points, own, stored.run.classes, metric, rows)


def rows_unit(study: Study, axes: Sequence[str]) -> str:
    """Return what a height counts: "rows" where the axes vary the front end."""
    return "rows" if "features.kind" in axes else study.features.row_unit


def _extent(study: Study, shape: Shape) -> str:
    height, width = study.probe.extent(shape.height, shape.width)
    hz, ms = hz_text(study.features, height), f"{width * study.features.hop_ms:g} ms"
    return f"{hz}, {ms}" if hz else ms


def point_scores(at: StoredPoint, stored: StudyResults | None) -> PointScores:
    """Return what is stored of a point; nothing where its settings cannot be read."""
    if stored is None:
        return PointScores(at)
    classes, key = stored.run.classes, at.key
    rows = stored.probe_tally(at.window_ms)
    rows = rows[rows["name"] == str(at.shape)]
    whole = stored.shapes(at.window_ms).get(at.shape)
    return PointScores(
        at,
        extent=_extent(stored.run.study, at.shape),
        counts=named_counts(rows, classes).get(str(at.shape)) if whole is None else whole,
        by_seed=seed_counts(rows, classes),
        cells=stored.cells[key],
        expected=stored.run.expected[key],
        failed=stored.failures[key],
        complete=whole is not None,
    )


def _mean(every: Sequence[Counts | None]) -> Counts | None:
    """Return the mean of counts of the same speakers; None where there are none such."""
    found = [counts for counts in every if counts is not None]
    if not found or any(counts.speakers != found[0].speakers for counts in found):
        return None
    n, correct = (
        np.mean([getattr(counts, part) for counts in found], axis=0) for part in ("n", "correct")
    )
    return Counts(found[0].speakers, found[0].classes, n, correct)


def _mean_by_seed(points: Sequence[PointScores]) -> dict[int, Counts]:
    seeds = set.intersection(*(set(point.by_seed) for point in points))
    means = {seed: _mean([point.by_seed[seed] for point in points]) for seed in sorted(seeds)}
    return {seed: counts for seed, counts in means.items() if counts is not None}


def _cell(value: Value) -> Any:
    """Return a value as a cell of a table: numbers as they are, others as texts."""
    return value if is_ordered([value]) else value_text(value)
