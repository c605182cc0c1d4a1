"""The figure of a saved network's receptive field, where one was measured."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from ablation.analysis.evidence import Evidence
from ablation.analysis.fields import extents, stored_field
from ablation.analysis.networks import StoredNetwork
from ablation.errors import counted
from ablation.figures.drawing import Drawing
from ablation.figures.field import draw_field
from ablation.results.field_record import FieldRecord
from ablation.study import Shape


def field_drawing(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    found = stored_field(evidence.stored, networks)
    if found is None:
        return
    label, record = found
    shapes = best_shapes(evidence)
    over = f" Dotted: {' and '.join(shapes)}." if shapes else ""
    yield Drawing(
        "field",
        f"What the central unit of the last map before pooling ({record.pooled} of {label}) sees: "
        f"its mean absolute gradient over {counted(record.segments, 'segment')}, before training "
        f"(the same initial weights) and after. Frame: what it can see at all.{over} Below, the "
        f"sums along time and along frequency.",
        _described(record),
        _table(record),
        partial(
            draw_field, record, shapes, f"{evidence.run.study.name}: receptive field of {label}"
        ),
    )


def best_shapes(evidence: Evidence) -> dict[str, tuple[int, int]]:
    """Return the best shape (bins, frames) of each axis of probes, by its name in a legend."""
    shapes = {}
    for name, axis in evidence.axes.items():
        shape = Shape.parse(axis.name(axis.best))
        shapes[f"best probe of the {name}s, {shape}"] = (shape.height, shape.width)
    return shapes


def _described(record: FieldRecord) -> str:
    parts = []
    for state, field in record.fields.items():
        height, width = extents(field)
        parts.append(
            f"{state}: {record.height_text(height.half)} by {width.half * record.frame_ms:g} ms "
            f"at half height"
        )
    seen = record.theoretical
    whole = f"{record.height_text(seen.bins)} by {seen.frames * record.frame_ms:g} ms can be seen"
    places = "Hz at the lowest, middle and highest band"
    return "; ".join([whole, *parts, *([places] if record.bands_hz else [])])


def _table(record: FieldRecord) -> pd.DataFrame:
    seen = record.theoretical
    bins, frames = np.meshgrid(range(seen.bins), range(seen.frames), indexing="ij")
    gradients = {f"gradient_{state}": field.ravel() for state, field in record.fields.items()}
    return pd.DataFrame({"bin": bins.ravel(), "frame": frames.ravel()} | gradients)
