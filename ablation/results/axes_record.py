"""Requests of cells over axes: stored with the settings that they vary, with each point's place.

A value of a field makes settings of their own, with a digest and a file in ``studies/``; the
settings that are varied list which value has which, so that reading needs no corpus.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from ablation.study import Shape, ShapeKey
from ablation.study.field_axes import Value, as_value, is_ordered


@dataclass(frozen=True)
class StoredPoint:
    """Where the cells of a point are: the digest of their settings, shape and window (ms)."""

    digest: str
    shape: Shape
    window_ms: float

    @property
    def key(self) -> ShapeKey:
        """The shape and window, as rows have them."""
        return ShapeKey(self.shape.height, self.shape.width, self.window_ms)


@dataclass(frozen=True)
class AxesRequest:
    """The cells requested over one or several axes.

    Attributes
    ----------
    axes
        The names of what varies.
    points
        Where the cells of each point are, by its values in the order of the axes.
    """

    axes: tuple[str, ...]
    points: Mapping[tuple[Value, ...], StoredPoint]
    seeds: tuple[int, ...]
    at: datetime = field(compare=False)

    @property
    def name(self) -> str:
        """The axes in one word, as files and options are named by it."""
        return "-".join(self.axes)

    def levels(self) -> list[tuple[Value, ...]]:
        """Return the values of each axis: numbers by size, others in the order given."""
        found = []
        for place in range(len(self.axes)):
            values = tuple(dict.fromkeys(values[place] for values in self.points))
            found.append(tuple(sorted(values)) if is_ordered(values) else values)
        return found

    def as_toml(self) -> dict[str, Any]:
        points = [
            {
                "values": list(values),
                "digest": point.digest,
                "shape": str(point.shape),
                "window_ms": point.window_ms,
            }
            for values, point in self.points.items()
        ]
        return {
            "at": self.at,
            "axes": list(self.axes),
            "seeds": list(self.seeds),
            "points": points,
        }

    @staticmethod
    def from_toml(table: dict[str, Any]) -> "AxesRequest":
        """Return a stored request; ValueError, KeyError or TypeError for what is none."""
        axes = tuple(table["axes"])
        points = {
            tuple(map(as_value, one["values"])): StoredPoint(
                one["digest"], Shape.parse(one["shape"]), float(one["window_ms"])
            )
            for one in table["points"]
        }
        found = AxesRequest(axes, points, tuple(table["seeds"]), table["at"])
        texts = chain(axes, (point.digest for point in points.values()))
        if not axes or not points or not all(isinstance(text, str) for text in texts):
            raise ValueError("[as_run] axes: axes and digests must be strings")
        if any(len(values) != len(axes) for values in points):
            raise ValueError("[as_run] axes: a point must have one value per axis")
        if not all(type(seed) is int and 0 <= seed < 2**31 for seed in found.seeds):
            raise ValueError("[as_run] axes: seeds must be whole numbers")
        if not (isinstance(found.at, datetime) and found.at.tzinfo is not None):
            raise ValueError("[as_run] axes: at must be a time with a time zone")
        return found


def joined(requests: Iterable[AxesRequest]) -> list[AxesRequest]:
    """Return the requests, those over the same axes as one with all of their points and seeds."""
    found: dict[tuple[str, ...], AxesRequest] = {}
    for one in requests:
        before = found.get(one.axes)
        points = {**(before.points if before else {}), **one.points}
        seeds = dict.fromkeys([*(before.seeds if before else ()), *one.seeds])
        found[one.axes] = AxesRequest(one.axes, points, tuple(seeds), one.at)
    return list(found.values())
