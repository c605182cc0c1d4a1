"""What a cell is, and the keys by which plans, rows and counts mean the same cell."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ablation.study.shapes import Shape

if TYPE_CHECKING:
    import pandas as pd


class CellKind(StrEnum):
    """The kinds of cells, as the column ``kind`` has them."""

    PROBE = "probe"  # one shape in Conv1
    NETWORK = "network"  # the full network, with shapes and a pooling
    FINAL = "final"  # a network trained on all speakers and scored on none
    BASELINE = "reference"


class ShapeKey(NamedTuple):
    """A probe's filter: height (bins), width (frames) and analysis window (ms)."""

    height: int
    width: int
    window_ms: float

    @property
    def shape(self) -> Shape:
        return Shape(self.height, self.width)


class CellKey(NamedTuple):
    """A probe cell of a digest."""

    height: int
    width: int
    window_ms: float
    seed: int
    fold: str

    @property
    def filter(self) -> ShapeKey:
        return ShapeKey(*self[:3])

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "CellKey":
        """Return the key of a row of ``probes``."""
        return cls(*(row[name] for name in cls._fields))


def shape_keys(rows: "pd.DataFrame") -> list[ShapeKey]:
    """Return the filter of each row of ``probes``."""
    columns = (rows[name].tolist() for name in ShapeKey._fields)
    return [ShapeKey(*key) for key in zip(*columns, strict=True)]


def cell_keys(rows: "pd.DataFrame") -> list[CellKey]:
    """Return the cell of each row of ``probes``."""
    columns = (rows[name].tolist() for name in CellKey._fields)
    return [CellKey(*key) for key in zip(*columns, strict=True)]
