"""What a baseline is given, and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ablation.training.checkpoint import EpochRecord


@dataclass(frozen=True)
class Examples:
    """Utterances as arrays of shape (rows, frames), float32, and their class indices.

    Rows are features of a frame (:mod:`ablation.features.frame_features`) or bins of a
    spectrogram. The arrays are mapped from files, read-only.
    """

    arrays: Sequence[np.ndarray]
    labels: Sequence[int]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class BaselineData:
    """A fold as a baseline is given it.

    Attributes
    ----------
    train, development, test
        Speakers are disjoint. Without development speakers, ``development`` is empty.
    classes
        The number of classes; all of them are in ``train``.
    seed
        Names the draws, as (seed, fold) for :func:`ablation.training.seeds.generator`.
    """

    train: Examples
    development: Examples
    test: Examples
    classes: int
    seed: tuple[int, str]


@dataclass(frozen=True)
class BaselineResult:
    """Scores of the test utterances, shape (n, classes): the highest is the answer.

    Attributes
    ----------
    n_segments
        How many segments, pieces or frames each utterance's scores come from, shape (n,).
    engine
        What trained it.
    parameters
        Its trained parameters; None where it has no fixed number.
    records
        One for each epoch.
    chosen
        What was chosen on development speakers, by field, for the row.
    """

    scores: np.ndarray
    n_segments: np.ndarray
    engine: str
    parameters: int | None = None
    records: Sequence[EpochRecord] = ()
    chosen: dict[str, float] = field(default_factory=dict)
