"""What a cell is and which rows name it; planned by drivers, run by :mod:`~ablation.training.cell`.

Torch is not loaded here: a driver that finds every cell stored answers at once.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ablation.features.cache import Entry
from ablation.records import FAILED
from ablation.study import NETWORK_NAMES, Study, TrainingSpec
from ablation.version import __version__


@dataclass(frozen=True)
class Sample:
    """An utterance as a cell sees it; ``label`` is the class index."""

    id: str
    speaker: str
    label: int
    entry: Entry


@dataclass(frozen=True)
class FoldData:
    """Both sides of a fold."""

    name: str
    test_speakers: tuple[str, ...]
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]


@dataclass(frozen=True)
class Cell:
    """What is trained: a probe (one shape, no pooling) or a network (shapes and pooling)."""

    kind: str  # "probe" or "network"
    shapes: tuple[tuple[int, int], ...]
    window_ms: float
    seed: int
    fold: str
    pooling: str = ""

    @property
    def shape_names(self) -> list[str]:
        return [f"{height}x{width}" for height, width in self.shapes]

    @property
    def name(self) -> str:
        """As in the tables: "10x2" of a probe, the network's name of a network."""
        return self.shape_names[0] if self.kind == "probe" else NETWORK_NAMES[self.pooling]


@dataclass(frozen=True)
class CellTask:
    """A cell with all it needs; ``study`` has the cell's own analysis window."""

    cell: Cell
    study: Study
    classes: tuple[str, ...]
    digest: str
    fold: FoldData
    network_digest: str | None = None

    @property
    def training(self) -> TrainingSpec:
        """The training settings of this kind of cell."""
        study = self.study
        return study.training if self.cell.kind == "probe" else study.network.training


@dataclass(frozen=True)
class Outcome:
    """The rows of a finished or failed cell, by table."""

    row: dict[str, Any]
    predictions: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return self.row["status"] == FAILED


def failed_outcome(
    task: CellTask, error: str, device: str, started: datetime | None = None
) -> Outcome:
    """The row of a cell that could not be trained, for the reason ``error``."""
    row = identity(task) | provenance(task, device, started or datetime.now(UTC))
    return Outcome(row | {"status": FAILED, "error": error.strip()})


def identity(task: CellTask) -> dict[str, Any]:
    """The columns that name the cell."""
    cell, features = task.cell, task.study.features
    row: dict[str, Any] = {
        "study": task.study.name,
        "digest": task.digest,
        "window_ms": cell.window_ms,
        "seed": cell.seed,
        "fold": cell.fold,
        "test_speakers": ",".join(task.fold.test_speakers),
    }
    if cell.kind == "probe":
        height, width = cell.shapes[0]
        return row | {
            "height": height,
            "width": width,
            "height_hz": height * features.bin_hz,
            "width_ms": width * features.hop_ms,
        }
    return row | {
        "network_digest": task.network_digest,
        "network": cell.name,
        "pooling": cell.pooling,
        "shapes": ",".join(cell.shape_names),
    }


def provenance(task: CellTask, device: str, started: datetime) -> dict[str, Any]:
    return {
        "device": device,
        "engine": task.study.probe.engine if task.cell.kind == "probe" else "torch",
        "threads": task.study.execution.threads,
        "started_at": started,
        "version": __version__,
    }
