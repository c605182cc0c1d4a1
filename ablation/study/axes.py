"""The two axes of filter shapes: what varies, in which unit, and what stays fixed."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ablation.errors.common import InvalidOption
from ablation.study.shapes import Shape

if TYPE_CHECKING:
    from ablation.study.data import FeaturesSpec
    from ablation.study.grid import GridSpec
    from ablation.study.specs import Study

Side = Literal["height", "width"]


@dataclass(frozen=True)
class Axis:
    """An axis of filter shapes.

    Attributes
    ----------
    name, other
        The side of a filter that varies, and the side that is fixed.
    unit, physical_unit
        What an extent counts (bins or frames), and what it is converted to (Hz or ms; empty where
        rows are no frequencies).
    physical
        The column of ``probes`` that has the extent in ``physical_unit``.
    direction
        The direction in a spectrogram: frequency or time.
    larger
        What a filter of larger extent is: taller or wider.
    """

    name: Side
    other: Side
    unit: str
    physical_unit: str
    physical: str
    direction: str
    larger: str

    def shape(self, extent: int, fixed: int) -> Shape:
        """Return the shape with ``extent`` on this axis, and ``fixed`` on its other side."""
        sides = {self.name: extent, self.other: fixed}
        return Shape(sides["height"], sides["width"])

    def extent(self, shape: Shape) -> int:
        """Return the extent of a shape on this axis (bins or frames)."""
        return getattr(shape, self.name)

    def fixed(self, shape: Shape) -> int:
        """Return the extent of a shape's other side."""
        return getattr(shape, self.other)

    def fixed_in(self, grid: "GridSpec") -> int:
        """Return the extent of the other side that a study's grid holds fixed."""
        return getattr(grid, f"fixed_{self.other}")

    def count(self, physical: float, features: "FeaturesSpec") -> float | None:
        """Return how many rows or frames are so many Hz or ms; None where rows have no Hz."""
        return features.rows_of(physical) if self.name == "height" else physical / features.hop_ms

    def read(self, word: str) -> int:
        """Return an extent from the command line.

        Raises :class:`~ablation.errors.common.InvalidOption` for no whole number from 1 on.
        """
        if not re.fullmatch("[1-9][0-9]{0,5}", word):
            expected = f"a number of {self.unit} from 1 on for --axis {self.name}"
            raise InvalidOption("--values", word, expected)
        return int(word)

    def at(self, study: "Study", shape: Shape, value: Any) -> "tuple[Study, Shape]":
        """Return study and shape with this extent on the axis; raises as :meth:`read`."""
        return study, shape._replace(**{self.name: self.read(str(value))})

    def own(self, study: "Study", shape: Shape) -> int:  # noqa: ARG002 - as of a FieldAxis
        """Return the extent of a shape."""
        return self.extent(shape)

    def name_of(self, extent: int, fixed: int) -> str:
        """Return the shape's name, height first: "10x2"."""
        return str(self.shape(extent, fixed))


HEIGHT = Axis("height", "width", "bins", "Hz", "height_hz", "frequency", "taller")
WIDTH = Axis("width", "height", "frames", "ms", "width_ms", "time", "wider")
AXES: dict[str, Axis] = {axis.name: axis for axis in (HEIGHT, WIDTH)}


def axes_of(features: "FeaturesSpec") -> dict[str, Axis]:
    """Return the axes by name, in the unit of the features' rows: bins, bands or coefficients."""
    if features.kind == "linear":
        return AXES
    physical = "" if features.front_end.extent_hz is None else HEIGHT.physical_unit
    return AXES | {"height": replace(HEIGHT, unit=features.row_unit, physical_unit=physical)}
