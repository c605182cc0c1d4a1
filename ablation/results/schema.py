"""The tables of a results folder: explicit Arrow schemas with a version, and their keys.

Schemas depend on the classes of a study (``acc_CLASS`` and so on); everything else is fixed.
A row is a plain dict; :func:`arrow_table` gives it its types.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ablation.study import CellKey, CellKind

SCHEMA_VERSION = 1
VERSION_KEY = b"ablation.schema"

OK, FAILED = "ok", "failed"


def reason_of(error: str) -> str:
    """Return the line of a failed row's ``error`` that says why.

    Of a traceback it is the first line of the exception's message: a remedy may follow it.
    """
    lines = [line for line in error.strip().splitlines() if not line.startswith("Traceback (")]
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    message = lines[frames[-1] + 1 :] if frames else lines
    return next((line for line in message if not line.startswith("    ")), error.strip())


_CELL = [
    ("study", pa.string()),
    ("digest", pa.string()),
]
_PROBE = [
    ("height", pa.int32()),  # bins, bands or coefficients
    ("width", pa.int32()),  # frames
    ("height_hz", pa.float64()),
    ("width_ms", pa.float64()),
]
_NETWORK = [
    ("network_digest", pa.string()),
    ("network", pa.string()),
    ("pooling", pa.string()),
    ("shapes", pa.string()),  # "10x2,2x8"
    ("parameters", pa.int64()),
    ("multiply_adds", pa.int64()),  # per segment
]
_REFERENCE = [
    ("reference", pa.string()),  # majority class, log-mel SVM, DNN-ELM and so on
    ("baseline_digest", pa.string()),  # null for a baseline without settings
    ("parameters", pa.int64()),
]
_TUNED = [  # of networks and baselines
    ("development", pa.string()),  # development speakers, comma-separated; null: none
    ("chosen", pa.string()),  # what was chosen on them, as JSON
]
_OUTCOME = [
    ("window_ms", pa.float64()),
    ("seed", pa.int32()),
    ("fold", pa.string()),
    ("test_speakers", pa.string()),  # comma-separated
    ("n_test", pa.int32()),
    ("n_correct", pa.int32()),
    ("wa", pa.float64()),
    ("ua", pa.float64()),  # mean over the classes present in the fold
]
_TRAINING = [
    ("train_loss", pa.float64()),  # mean of the last epoch
    ("epochs", pa.int32()),
    ("steps", pa.int32()),
    ("train_seconds", pa.float64()),
    ("device", pa.string()),
    ("engine", pa.string()),
    ("threads", pa.int32()),
    ("started_at", pa.timestamp("ms", tz="UTC")),
    ("version", pa.string()),
    ("status", pa.string()),
    ("error", pa.string()),
]
_DETAIL = [
    ("kind", pa.string()),  # probe, network or reference
    ("name", pa.string()),  # 10x2, or the network's or reference's name
    ("network_digest", pa.string()),
    ("window_ms", pa.float64()),
    ("seed", pa.int32()),
    ("fold", pa.string()),
]
_PREDICTION = [
    ("utterance", pa.string()),
    ("speaker", pa.string()),
    ("label", pa.string()),
    ("predicted", pa.string()),
    ("n_segments", pa.int32()),
]
_EPOCH = [
    ("epoch", pa.int32()),
    ("lr", pa.float64()),
    ("train_loss", pa.float64()),
    ("train_wa", pa.float64()),
    ("development_ua", pa.float64()),  # null without development speakers
]
_CHECKPOINT = [
    ("step", pa.int32()),
    ("share", pa.float64()),  # of the cell's budget, 0..1
    ("n_test", pa.int32()),
    ("n_correct", pa.int32()),
]

_DETAIL_KEY = ("digest", "network_digest", "kind", "name", "window_ms", "seed", "fold")


@dataclass(frozen=True)
class Table:
    """A table of a results folder: its file stem and the columns that identify a row.

    Files of older versions lack the columns of the key that are ``later``; there they are null.
    """

    name: str
    key: tuple[str, ...]
    later: tuple[str, ...] = ()

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what identifies a row."""
        return tuple(row[column] for column in self.key)


PROBES = Table("probes", ("digest", *CellKey._fields))
NETWORKS = Table("networks", ("digest", "network_digest", "seed", "fold"))
REFERENCES = Table(
    "references",
    ("digest", "reference", "baseline_digest", "window_ms", "seed", "fold"),
    later=("baseline_digest",),
)
PREDICTIONS = Table("predictions", (*_DETAIL_KEY, "utterance"))
EPOCHS = Table("epochs", (*_DETAIL_KEY, "epoch"))
CHECKPOINTS = Table("checkpoints", (*_DETAIL_KEY, "step"))
TABLE_OF = {  # the table of a cell's own row; the network of all speakers has none
    CellKind.PROBE: PROBES,
    CellKind.NETWORK: NETWORKS,
    CellKind.BASELINE: REFERENCES,
}
TABLES = {
    table.name: table for table in (PROBES, NETWORKS, REFERENCES, PREDICTIONS, EPOCHS, CHECKPOINTS)
}


def schema(table: Table, classes: Sequence[str]) -> pa.Schema:
    """Return the columns of ``table`` for a study with these classes."""
    per_class = [
        (f"{prefix}_{name}", kind)
        for name in classes
        for prefix, kind in (("n", pa.int32()), ("correct", pa.int32()), ("acc", pa.float64()))
    ]
    columns = {
        "probes": [*_CELL, *_PROBE, *_OUTCOME, *per_class, *_TRAINING],
        "networks": [*_CELL, *_NETWORK, *_TUNED, *_OUTCOME, *per_class, *_TRAINING],
        "references": [*_CELL, *_REFERENCE, *_TUNED, *_OUTCOME, *per_class, *_TRAINING],
        "predictions": [
            *_CELL,
            *_DETAIL,
            *_PREDICTION,
            *((f"score_{name}", pa.float32()) for name in classes),
        ],
        "epochs": [*_CELL, *_DETAIL, *_EPOCH],
        "checkpoints": [
            *_CELL,
            *_DETAIL,
            *_CHECKPOINT,
            *((name, kind) for name, kind in per_class if not name.startswith("acc_")),
        ],
    }[table.name]
    return pa.schema(columns, metadata={VERSION_KEY: str(SCHEMA_VERSION).encode()})


def arrow_table(
    table: Table, classes: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> pa.Table:
    """Return rows as an Arrow table, with null for columns that a row lacks.

    Raises
    ------
    KeyError
        When a row has a column that the schema lacks, which is a bug.
    """
    columns = schema(table, classes)
    for row in rows:
        if unknown := set(row) - set(columns.names):
            raise KeyError(f"{table.name} has no column {', '.join(sorted(unknown))}")
    return pa.Table.from_pylist([dict(row) for row in rows], schema=columns)
