"""The file of a network's measured receptive field, beside its weights: written once, read by all.

It is JSON, so that figures and reports need no torch.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ablation.files import write_text

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
        The size of a bin and of a frame.
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
    bin_hz: float
    frame_ms: float
    segments: Positive
    layers: list[LayerExtent] = Field(min_length=1)
    pooled: str
    trained: list[list[Share]]
    untrained: list[list[Share]]

    @property
    def fields(self) -> dict[str, np.ndarray]:
        """The effective fields by their names, shape (bins, frames)."""
        return {"untrained": np.array(self.untrained), "trained": np.array(self.trained)}

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
