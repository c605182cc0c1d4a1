"""A dataset of segments: indices in, normalised batches out, nothing copied before it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import torch

from ablation.errors.audio import DamagedSpectrogram
from ablation.features.cache import Entry, located, open_entry
from ablation.features.segments import Purpose, columns
from ablation.files import open_files, storage_error
from ablation.study import FeaturesSpec

try:
    from ablation.features.companding import write_normalised
except ImportError:  # no compiler of kernels for this platform
    write_normalised = None


@dataclass(frozen=True)
class Range:
    """A range has the values that are mapped to the ends of the normalised range."""

    low: float
    high: float


@dataclass(frozen=True)
class ArrayEntry:
    """An entry in memory has the array of :func:`~ablation.features.cache.stored_array`, and the
    utterance's length in frames before any cutting."""

    array: np.ndarray
    frames: int


class SegmentDataset:
    """A dataset of the segments of some utterances, in their order, makes batches of them.

    Attributes
    ----------
    entries
        The utterances' arrays.
    utterance
        The position of each segment's utterance in ``entries``; int64, shape (n,).
    starts
        The first column of each segment in its utterance's array.
    labels
        The class of each segment; int64, shape (n,).
    ranges
        The range of each utterance that is mapped; None where each segment has its own.
    corpus_range
        The range that ``scope = "corpus"`` maps; None with another scope.
    """

    def __init__(
        self,
        entries: Sequence[Entry | ArrayEntry],
        labels: Sequence[int],
        spec: FeaturesSpec,
        purpose: Purpose,
        corpus_range: Range | None = None,
    ) -> None:
        self.spec = spec
        self.corpus_range = corpus_range
        self.entries = entries
        for entry in entries:  # a damaged one must fail now, not in the middle of training
            array_of(entry)
        self.starts: list[int] = []
        owners: list[int] = []
        for position, entry in enumerate(entries):
            starts = columns(entry.frames, spec, purpose)
            self.starts += starts
            owners += [position] * len(starts)
        self.utterance = np.asarray(owners, np.int64)
        self.labels = torch.as_tensor(np.asarray(labels, np.int64)[self.utterance])
        self.ranges = self._fixed_ranges(entries, corpus_range)

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def pair(
        cls,
        train: tuple[Sequence[Entry], Sequence[int]],
        test: tuple[Sequence[Entry], Sequence[int]],
        spec: FeaturesSpec,
    ) -> tuple[Self, Self]:
        """Return the training and test datasets of a fold.

        With ``scope = "corpus"`` both use the range of the *training* utterances: nothing is
        learnt from the held-out speaker.
        """
        known = None
        if spec.scope == "corpus":
            known = _joint([_range(entry) for entry in train[0]])
        return (
            cls(*train, spec, "train", known),
            cls(*test, spec, "test", known),
        )

    def batch(self, indices: Sequence[int], gains: Sequence[float] | None = None) -> torch.Tensor:
        """Return normalised segments (len(indices), 1, height, width), float32, on the CPU.

        The range is [0, 1] with ``normalise = "max"`` and [-1, 1] with ``"minmax"``; values of a
        test utterance beyond the range of ``scope = "corpus"`` are clipped to it.

        ``gains`` makes each segment so many dB louder first; it has no effect with
        ``scope = "segment"``, which takes loudness away.
        """
        spec = self.spec
        ranges = self._ranges_of(indices, gains)
        raw = np.empty((len(indices), 1, spec.height, spec.width), np.float32)
        # The compiled logarithm of 1 + mu x is imprecise for small mu.
        write = None if 0 < spec.mu < 1 else write_normalised
        for row, index in enumerate(indices):
            if write is None:
                raw[row, 0] = self.stored(index)
            else:
                array, start = array_of(self.entries[self.utterance[index]]), self.starts[index]
                known = None if ranges is None else (ranges[row].low, ranges[row].high)
                write(raw[row, 0], array, start, spec, known)
        values = torch.from_numpy(raw)
        if write is not None:
            return values
        return normalised(values, spec, *_limits(values, ranges))

    def stored(self, index: int) -> np.ndarray:
        """Return a segment as it is stored, shape (height, width)."""
        start = self.starts[index]
        return array_of(self.entries[self.utterance[index]])[:, start : start + self.spec.width]

    def _ranges_of(
        self, indices: Sequence[int], gains: Sequence[float] | None
    ) -> list[Range] | None:
        """Return the range of each segment that is mapped; None when each has its own."""
        if self.ranges is None:
            return None
        ranges = [self.ranges[self.utterance[index]] for index in indices]
        if gains is None:
            return ranges
        return [
            _quieter(known, gain, self.spec.scale)
            for known, gain in zip(ranges, gains, strict=True)
        ]

    def _fixed_ranges(
        self, entries: Sequence[Entry | ArrayEntry], corpus_range: Range | None
    ) -> list[Range] | None:
        """Return a range for each utterance, or None when each segment has its own."""
        if self.spec.scope == "segment":
            return None
        if self.spec.scope == "utterance":
            return [_range(entry) for entry in entries]
        known = corpus_range or _joint([_range(entry) for entry in entries])
        return [known] * len(entries)


def _limits(
    values: torch.Tensor, ranges: Sequence[Range] | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the lowest and highest mapped value of each segment, both (n, 1, 1, 1)."""
    if ranges is None:
        return values.amin((1, 2, 3), keepdim=True), values.amax((1, 2, 3), keepdim=True)
    shape = (-1, 1, 1, 1)
    low = values.new_tensor([known.low for known in ranges]).view(shape)
    return low, values.new_tensor([known.high for known in ranges]).view(shape)


def _quieter(known: Range, gain: float, scale: str) -> Range:
    """Return a range lower by ``gain`` dB, which makes what it maps that much louder."""
    if scale == "log":
        return Range(known.low - gain, known.high - gain)
    factor = 10 ** (-gain / (10 if scale == "power" else 20))
    return Range(known.low * factor, known.high * factor)


def normalised(
    values: torch.Tensor, spec: FeaturesSpec, low: torch.Tensor, high: torch.Tensor
) -> torch.Tensor:
    """Map ``values`` linearly, then by the mu-law (equation 1).

    ``normalise = "max"`` divides by ``high`` (0..1); ``"minmax"`` maps ``low..high`` to -1..1. With
    ``scale = "log"`` the range is the ``floor_db`` below ``high``, and the logarithm replaces the
    mu-law. Silence (an empty range) becomes the lower end.
    """
    if spec.scale == "log":
        low = high - spec.floor_db
    elif spec.normalise == "max":
        low = torch.zeros_like(high)
    extent = (high - low).clamp(min=torch.finfo(values.dtype).tiny)
    unit = ((values - low) / extent).clamp_(0, 1)
    linear = unit if spec.normalise == "max" else unit.mul_(2).sub_(1)
    return linear if spec.scale == "log" else mu_law(linear, spec.mu)


def mu_law(values: torch.Tensor, mu: float) -> torch.Tensor:
    """Return sgn(x) ln(1 + mu |x|) / ln(1 + mu), equation 1; ``mu`` = 0 leaves x as it is."""
    if mu == 0:
        return values
    return values.sign() * (values.abs() * mu).log1p_() / float(np.log1p(mu))


def array_of(entry: Entry | ArrayEntry) -> np.ndarray:
    """Return an utterance's array, (height, columns); that of a file is mapped and stays open."""
    return entry.array if isinstance(entry, ArrayEntry) else _open(entry)


def loudest_db(entry: Entry | ArrayEntry, scale: str) -> float:
    """Return the level of an utterance's loudest point in dB of an arbitrary reference."""
    most = float(array_of(entry).max())
    if scale == "log":
        return most
    return (10 if scale == "power" else 20) * float(np.log10(max(most, np.finfo(np.float32).tiny)))


# A mapped file counts as an open one. A worker uses the same utterances in every cell, and opening
# one takes a tenth of a step's time.
@lru_cache(maxsize=open_files() // 2)
def _open(entry: Entry) -> np.ndarray:
    try:
        return open_entry(entry)
    except (FileNotFoundError, ValueError, EOFError) as error:
        located(entry.path).unlink(missing_ok=True)
        raise DamagedSpectrogram(entry.path, str(error)) from error
    except OSError as error:
        raise storage_error("read", entry.path, error) from error


def _range(entry: Entry | ArrayEntry) -> Range:
    if isinstance(entry, ArrayEntry):
        return Range(float(entry.array.min()), float(entry.array.max()))
    return _stored_range(entry)


@lru_cache(maxsize=1 << 16)
def _stored_range(entry: Entry) -> Range:
    array = _open(entry)
    return Range(float(array.min()), float(array.max()))


def _joint(ranges: Sequence[Range]) -> Range:
    return Range(min(r.low for r in ranges), max(r.high for r in ranges))
