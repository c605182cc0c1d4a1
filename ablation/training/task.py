"""Cells, their tasks and outcomes: planned by runs, trained by :mod:`~ablation.training.worker`.

Torch is not loaded here, so that a run that finds every cell stored answers at once.
"""

import pickle
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ablation.corpora.folds import trained_on
from ablation.errors.folds import ClassNotDrawn
from ablation.features.cache import Entry
from ablation.results.schema import FAILED
from ablation.study import CellKey, CellKind, Shape, Study, TrainingSpec
from ablation.study.baselines import NAMES


@dataclass(frozen=True)
class Sample:
    """An utterance of a cell; ``label`` is the class index."""

    id: str
    speaker: str
    label: int
    entry: Entry


@dataclass(frozen=True)
class FoldData:
    """The training, test and development utterances of a fold; mostly there are none of the last.

    Many cells share a fold, and pickling thousands of utterances takes longer than handing out a
    cell: so it is pickled once, and a worker that has unpickled it before reuses it.
    """

    name: str
    test_speakers: tuple[str, ...]
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]
    development: tuple[Sample, ...] = ()

    def tuned_on(self, speakers: Collection[str]) -> "FoldData":
        """Return the fold with these speakers on its development side."""
        sides: tuple[list[Sample], list[Sample]] = [], []
        for sample in self.train:
            sides[sample.speaker in speakers].append(sample)
        return FoldData(self.name, self.test_speakers, tuple(sides[0]), self.test, tuple(sides[1]))

    def trained_on(self, number: int | None, seed: int, classes: Sequence[str]) -> "FoldData":
        """Return the fold with ``number`` of its training speakers; for None as it is.

        A seed draws them (:func:`ablation.corpora.folds.trained_on`).

        Raises
        ------
        ClassNotDrawn
            When they do not have every class that the fold could train on.
        """
        if number is None:
            return self
        mine = trained_on({sample.speaker for sample in self.train}, number, seed)
        train = tuple(sample for sample in self.train if sample.speaker in mine)
        if lacking := {s.label for s in self.train} - {s.label for s in train}:
            names = [classes[label] for label in sorted(lacking)]
            raise ClassNotDrawn(self.name, number, seed, sorted(mine), names)
        return replace(self, train=train)

    def __reduce__(self) -> tuple[Callable[[bytes], "FoldData"], tuple[bytes]]:
        return _unpacked, (self._packed,)

    @cached_property
    def _packed(self) -> bytes:
        return pickle.dumps(
            (self.name, self.test_speakers, self.train, self.test, self.development)
        )


@lru_cache(maxsize=16)
def _unpacked(packed: bytes) -> FoldData:
    return FoldData(*pickle.loads(packed))  # noqa: S301 - from this program's own processes


@dataclass(frozen=True)
class Cell:
    """What is trained in one go: a model, a fold and a seed.

    Attributes
    ----------
    kind
        What is trained.
    shapes
        Those of Conv1: one for a probe, none for a baseline.
    window_ms
        The analysis window (ms).
    pooling
        The pooling of a network; empty for a user's own network.
    title
        The name of a network or baseline in the tables.
    """

    kind: CellKind
    shapes: tuple[Shape, ...]
    window_ms: float
    seed: int
    fold: str
    pooling: str = ""
    title: str = ""

    @property
    def key(self) -> CellKey:
        """The key of a probe's row."""
        shape = self.shapes[0]
        return CellKey(shape.height, shape.width, self.window_ms, self.seed, self.fold)

    @property
    def baseline(self) -> str:
        """The name of a baseline, as options and settings have it."""
        return NAMES[self.title]

    @property
    def name(self) -> str:
        """The name in the tables: ``10x2`` for a probe, else the title."""
        return str(self.shapes[0]) if self.kind == CellKind.PROBE else self.title


@dataclass(frozen=True)
class CellTask:
    """A cell with everything it needs; ``study`` has the cell's own analysis window.

    ``network_digest`` is the digest of a network's settings, or of a baseline's if it has any.
    ``checkpoint`` is the file that holds the state of a network's training after each epoch.
    ``model`` is the class or function that the study's factory names, where it was given and
    cannot be imported, packed by :mod:`~ablation.models.given`.
    """

    cell: Cell
    study: Study
    classes: tuple[str, ...]
    digest: str
    fold: FoldData
    network_digest: str | None = None
    checkpoint: Path | None = None
    model: bytes | None = None

    @property
    def factory(self) -> str | None:
        """The factory of the user's own model, if the cell trains one."""
        study, kind = self.study, self.cell.kind
        if kind == CellKind.BASELINE:
            return None
        return study.probe.factory if kind == CellKind.PROBE else study.network.factory

    @property
    def training(self) -> TrainingSpec:
        """The training settings for this kind of cell."""
        study = self.study
        return study.training if self.cell.kind == CellKind.PROBE else study.network.training


@dataclass(frozen=True)
class TrainedNetwork:
    """A network's weights (the bytes of a safetensors file), and how its input was normalised.

    ``corpus_range`` is the (lowest, highest) value of the training utterances, which
    ``features.scope = "corpus"`` normalises by, or those of each row; None with another scope.
    ``shortest_s`` (seconds) and ``quietest_db`` (level of the loudest point) are the least of the
    training utterances.
    """

    weights: bytes
    corpus_range: tuple[float | tuple[float, ...], float | tuple[float, ...]] | None
    shortest_s: float
    quietest_db: float


@dataclass(frozen=True)
class Outcome:
    """The rows of a finished or failed cell, by table, and the network of a finished one."""

    row: dict[str, Any]
    predictions: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    network: TrainedNetwork | None = None

    @property
    def failed(self) -> bool:
        """Whether the cell could not be trained."""
        return self.row["status"] == FAILED
