"""A filter shape and how it is written: "10x2", or "10x2:12" where the number matters."""

import re
from collections.abc import Iterable
from math import isqrt
from typing import NamedTuple

from ablation.errors import StudyError

PATTERN = r"^[1-9]\d{0,5}x[1-9]\d{0,5}(:[1-9]\d{0,3})?$"


class Shape(NamedTuple):
    """Extent of a filter in frequency bins and in frames, each >= 1.

    ``filters`` is the number of such filters in Conv1; None: the study's ``network.filters``.
    """

    height: int
    width: int
    filters: int | None = None

    def __str__(self) -> str:
        count = "" if self.filters is None else f":{self.filters}"
        return f"{self.height}x{self.width}{count}"

    @property
    def weights(self) -> int:
        """Of one filter."""
        return self.height * self.width

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """ "10x2" or "10x2:12"; :class:`StudyError` for any other text."""
        if not re.fullmatch(PATTERN, text):
            raise StudyError(
                f"{text!r} is not a filter shape HEIGHTxWIDTH in bins and frames",
                "as in 10x2, or 10x2:12 for twelve filters of it",
            )
        extents, _, filters = text.partition(":")
        height, _, width = extents.partition("x")
        return cls(int(height), int(width), int(filters) if filters else None)


def shapes_text(shapes: Iterable[Shape]) -> str:
    """ "10x2,2x8"."""
    return ",".join(map(str, shapes))


def matched_shapes(shape: Shape) -> tuple[Shape, ...]:
    """All shapes with as many weights as ``shape``, from the widest to the tallest."""
    weights = shape.weights
    low = [number for number in range(1, isqrt(weights) + 1) if weights % number == 0]
    heights = sorted({*low, *(weights // number for number in low)})
    return tuple(Shape(height, weights // height) for height in heights)
