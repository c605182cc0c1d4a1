"""Filter shapes and how they are written: "10x2", or "10x2:12" for twelve such filters."""

import re
from collections.abc import Iterable
from math import isqrt
from typing import NamedTuple

from ablation.errors.studies import InvalidShape

PATTERN = r"^[1-9]\d{0,5}x[1-9]\d{0,5}(:[1-9]\d{0,3})?$"


class Shape(NamedTuple):
    """The extent of a filter in frequency bins and in frames, each at least 1.

    ``filters`` is the number of such filters in Conv1; None stands for ``network.filters``.
    """

    height: int
    width: int
    filters: int | None = None

    def __str__(self) -> str:
        count = "" if self.filters is None else f":{self.filters}"
        return f"{self.height}x{self.width}{count}"

    @property
    def weights(self) -> int:
        """The weights of one filter."""
        return self.height * self.width

    @classmethod
    def parse(cls, text: str, where: str = "") -> "Shape":
        """Return "10x2" or "10x2:12" as a shape.

        Any other text raises :class:`~ablation.errors.studies.InvalidShape`, which names the
        option or field ``where`` it stands.
        """
        if not re.fullmatch(PATTERN, text):
            raise InvalidShape(where, text)
        extents, _, filters = text.partition(":")
        height, _, width = extents.partition("x")
        return cls(int(height), int(width), int(filters) if filters else None)


def shapes_text(shapes: Iterable[Shape]) -> str:
    """Return shapes as "10x2,2x8"."""
    return ",".join(map(str, shapes))


def matched_shapes(shape: Shape) -> tuple[Shape, ...]:
    """Return all shapes with as many weights as ``shape``, from the widest to the tallest."""
    weights = shape.weights
    low = [number for number in range(1, isqrt(weights) + 1) if weights % number == 0]
    heights = sorted({*low, *(weights // number for number in low)})
    return tuple(Shape(height, weights // height) for height in heights)
