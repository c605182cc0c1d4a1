"""The file of a network's measured receptive field, beside its weights: written once, read by all.

It is JSON, so that figures and reports need no torch.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ablation.errors import counted
from ablation.files import write_text
from ablation.study.extents import PLACES, joined_hz

FIELD = "field.json"
_DIGITS = 4

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LayerExtent(_Part):
    """A layer and what its central unit can see: so many bins high and frames wide."""

    name: str
    kind: str  # the module's class
    bins: Positive
    frames: Positive


class FieldRecord(_Part):
    """The theoretical fields of a network's layers, and the effective field of its last map.

    Attributes
    ----------
    weights
        The digest of the weights that were measured.
    bin_hz, frame_ms
        The size of a bin and of a frame; ``bin_hz`` is None where rows are no bins.
    row_unit
        What rows are: bins, bands or coefficients. They are called bins elsewhere here.
    bands_hz
        For each number of mel bands from 1 on, how far they reach in Hz at the lowest, middle and
        highest band; empty for others.
    segments
        How many segments the gradients are averaged over.
    layers
        In the order in which they run.
    pooled
        The name of the last layer before pooling, whose field was measured.
    trained, untrained
        The mean absolute gradient of its central unit over what it can see, the largest being 1,
        shape (bins, frames); untrained, with the weights that training began with.
    """

    format: Literal[1] = 1
    weights: str
    bin_hz: float | None
    frame_ms: float
    row_unit: str = "bins"
    bands_hz: list[tuple[float, float, float]] = []
    segments: Positive
    layers: list[LayerExtent] = Field(min_length=1)
    pooled: str
    trained: list[list[Share]]
    untrained: list[list[Share]]

    @property
    def fields(self) -> dict[str, np.ndarray]:
        """The effective fields by their names, shape (bins, frames)."""
        return {"untrained": np.array(self.untrained), "trained": np.array(self.trained)}

    def hz(self, rows: int) -> tuple[float, ...]:
        """Return how far so many rows reach in Hz: one number, three for bands, or none."""
        if self.bin_hz is not None:
            return (rows * self.bin_hz,)
        return self.bands_hz[min(rows, len(self.bands_hz)) - 1] if self.bands_hz else ()

    def hz_headers(self) -> tuple[str, ...]:
        """Return the headers of :meth:`hz`."""
        if self.bin_hz is not None:
            return ("Hz",)
        band = self.row_unit.removesuffix("s")
        return tuple(f"Hz ({place} {band})" for place in PLACES) if self.bands_hz else ()

    def height_text(self, rows: int) -> str:
        """Return "100 Hz", "2 bands (72.1, 88.9 and 281 Hz)" or "2 coefficients"."""
        if self.bin_hz is not None:
            return f"{rows * self.bin_hz:g} Hz"
        text = counted(rows, self.row_unit.removesuffix("s"))
        return f"{text} ({joined_hz(self.hz(rows))} Hz)" if self.bands_hz else text

    @property
    def theoretical(self) -> LayerExtent:
        """What the last layer before pooling can see."""
        return next(layer for layer in self.layers if layer.name == self.pooled)


def rounded(field: np.ndarray) -> list[list[float]]:
    """Return a field as a record holds it: the largest value is 1, and four digits are kept."""
    return np.round(field / (field.max() or 1.0), _DIGITS).tolist()


def write_field(folder: Path, record: FieldRecord) -> Path:
    """Write the record into a network's folder, and return its file.

    Raises :class:`~ablation.errors.StorageError` when it cannot be written.
    """
    write_text(folder / FIELD, record.model_dump_json() + "\n")
    return folder / FIELD


def read_field(folder: Path) -> FieldRecord | None:
    """Return the record in a network's folder, None where none, or a damaged one, is there."""
    try:
        record = FieldRecord.model_validate_json((folder / FIELD).read_bytes())
        sizes = {field.shape for field in record.fields.values()}
        seen = record.theoretical
    except (OSError, ValidationError, ValueError, StopIteration):
        return None
    return record if sizes == {(seen.bins, seen.frames)} else None
