"""Probe cells by all fields in which they differ: as one table, and along one of these fields."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ablation.analysis.field_axes import AxesReading, PointScores, point_scores, rows_unit
from ablation.analysis.study_results import StudyResults
from ablation.errors.common import UnknownName
from ablation.errors.reading import NoProbes, NoProbesWith, SeveralStored
from ablation.results.axes_record import StoredPoint
from ablation.results.reading import Results
from ablation.results.run_record import RunRecord
from ablation.study import AXES, CellKind, Shape, Study
from ablation.study.field_axes import (
    TABLES,
    Value,
    as_value,
    find_axis,
    is_ordered,
    value_text,
)

WINDOW = "features.window_ms"  # a column of the rows, beside height and width
_ROWS = {"speaker": "predictions", "utterance": "predictions", "epoch": "epochs"}
_SHAPE = ["digest", "window_ms", "height", "width", "height_hz", "width_ms", "name"]


def cells_frame(results: Results, by: str = "cell") -> pd.DataFrame:
    """Return finished probe cells with every field in which they differ, as a tidy table.

    ``by`` says what a row is: a ``cell``, a ``speaker`` of a cell, an ``utterance`` or an
    ``epoch``. Raises :class:`UnknownName` for another.
    """
    if by not in ("cell", *_ROWS):
        raise UnknownName("by", by, ["cell", *_ROWS])
    probes = results.probes
    fields = _fields_frame(results.runs)
    if by == "cell":
        return probes.merge(fields, how="left", on="digest")
    shape = probes["height"].astype(str) + "x" + probes["width"].astype(str)
    shapes = probes.assign(name=shape)[_SHAPE].drop_duplicates(["digest", "window_ms", "name"])
    rows = getattr(results, _ROWS[by])
    rows = rows[rows["kind"] == CellKind.PROBE]
    if by != "epoch":
        rows = rows.assign(correct=rows["label"] == rows["predicted"])
    if by == "speaker":
        keys = ["digest", "name", "window_ms", "seed", "fold", "speaker"]
        counted = rows.groupby(keys, as_index=False)["correct"].agg(["size", "sum", "mean"])
        names = {"size": "n_test", "sum": "n_correct", "mean": "wa"}
        rows = counted.rename(columns=names)
    merged = rows.merge(shapes, how="left", on=["digest", "window_ms", "name"])
    return merged.merge(fields, how="left", on="digest")


def read_axis(
    results: Results, run: RunRecord, axis: str, where: Mapping[str, Any], metric: str
) -> AxesReading:
    """Return the stored points along an axis.

    Parameters
    ----------
    run
        The settings whose own values are taken for what ``where`` leaves open.
    where
        Values of other fields, by their names.

    Raises
    ------
    UnknownAxis
        For a name that is no axis.
    SeveralStored
        When a field that is left open has several values, none of them the study's own.
    NoProbes, NoProbesWith
        When no point has a value of the axis, or one of ``where``.
    """
    for name in (axis, *where):
        find_axis(name)
    points = [point for point in _points(results) if point.get(axis) is not None]
    if not points:
        raise NoProbes()
    for name, value in where.items():
        wanted = as_value(value)
        known = dict.fromkeys(point.get(name) for point in points)
        points = [point for point in points if point.get(name) == wanted]
        if not points:
            raise NoProbesWith(name, value, list(known))
    points = _pinned(points, axis, run)
    levels = tuple(dict.fromkeys(point[axis] for point in points))
    levels = tuple(sorted(levels)) if is_ordered(levels) else levels
    by_value: dict[Value, dict[str, Any]] = {point[axis]: point for point in points}
    stored: dict[str, StudyResults] = {}
    scores: dict[tuple[Value, ...], PointScores] = {}
    for level in levels:
        at = _stored_at(by_value[level])
        if at.digest not in stored:
            stored[at.digest] = StudyResults(Path(), results.runs[at.digest], results)
        scores[(level,)] = point_scores(at, stored[at.digest])
    fixed = Shape(run.study.grid.fixed_height, run.study.grid.fixed_width)
    own = (find_axis(axis).own(run.study, fixed),)
    rows = rows_unit(run.study, (axis,))
    return AxesReading((axis,), (levels,), scores, own, run.classes, metric, rows)


def _points(results: Results) -> Iterator[dict[str, Any]]:
    """Yield every shape, window and digest with finished cells, and the values of its fields."""
    values = {digest: dict(_fields_of(run.study)) for digest, run in results.runs.items()}
    columns = ["digest", "height", "width", "window_ms"]
    rows = results.probes[columns].drop_duplicates()
    for row in rows[rows["digest"].isin(list(values))].to_dict("records"):
        sides = {name: int(row[name]) for name in AXES}
        yield values[row["digest"]] | sides | {WINDOW: row["window_ms"], "digest": row["digest"]}


def _pinned(points: list[dict[str, Any]], axis: str, run: RunRecord) -> list[dict[str, Any]]:
    """Return the points that have one value of everything but the axis: the study's own.

    Raises :class:`SeveralStored` for a field that has several, and not the study's own.
    """
    fixed = Shape(run.study.grid.fixed_height, run.study.grid.fixed_width)
    # An option of a user's own model is a field of some points alone.
    names = dict.fromkeys(name for point in points for name in point)
    for name in names:
        if name in (axis, "digest"):
            continue
        found = dict.fromkeys(point.get(name) for point in points)
        if len(found) < 2:
            continue
        own = find_axis(name).own(run.study, fixed)
        if own not in found:
            raise SeveralStored(name, list(found))
        points = [point for point in points if point.get(name) == own]
    return points


def _stored_at(point: Mapping[str, Any]) -> StoredPoint:
    shape = Shape(point["height"], point["width"])
    return StoredPoint(point["digest"], shape, point[WINDOW])


def _fields_frame(runs: Mapping[str, RunRecord]) -> pd.DataFrame:
    """Return the fields in which digests differ, a row each; the window is in the rows."""
    values = {digest: dict(_fields_of(run.study)) for digest, run in runs.items()}
    names = dict.fromkeys(name for mine in values.values() for name in mine)
    differing = [n for n in names if len({mine.get(n) for mine in values.values()}) > 1]
    rows = [
        {"digest": digest}
        | {
            name: value_text(mine[name]) if isinstance(mine.get(name), tuple) else mine.get(name)
            for name in differing
            if name != WINDOW
        }
        for digest, mine in values.items()
    ]
    return pd.DataFrame(rows, columns=["digest", *(n for n in differing if n != WINDOW)])


def _fields_of(study: Study) -> Iterator[tuple[str, Any]]:
    """Yield every field on which a probe's row depends, with its value."""

    def below(table: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
        for name, value in table.items():
            if isinstance(value, Mapping):
                yield from below(value, f"{above}{name}.")
            else:
                yield f"{above}{name}", as_value(value)

    yield from below(study.model_dump(mode="json", include=set(TABLES)), "")
