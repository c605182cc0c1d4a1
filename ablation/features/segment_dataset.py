"""A dataset of segments: indices in, normalised batches out, nothing copied before it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self, cast

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


Limit = float | tuple[float, ...]
"""An end of a range: of all rows, or one for each row of a front end with signs (mfcc)."""


@dataclass(frozen=True)
class Range:
    """A range has the values that are mapped to the ends of the normalised range."""

    low: Limit
    high: Limit


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
            known = _joint([_range(entry, spec) for entry in train[0]])
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
        plain = spec.front_end.signed or 0 < spec.mu < 1
        write = None if plain else write_normalised
        for row, index in enumerate(indices):
            if write is None:
                raw[row, 0] = self.stored(index)
            else:
                array, start = array_of(self.entries[self.utterance[index]]), self.starts[index]
                known = None if ranges is None else (ranges[row].low, ranges[row].high)
                write(raw[row, 0], array, start, spec, known)  # type: ignore[arg-type] # not signed
        values = torch.from_numpy(raw)
        if write is not None:
            return values
        return normalised(values, spec, *_limits(values, spec, ranges))

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
        return [_quieter(known, gain, self.spec) for known, gain in zip(ranges, gains, strict=True)]

    def _fixed_ranges(
        self, entries: Sequence[Entry | ArrayEntry], corpus_range: Range | None
    ) -> list[Range] | None:
        """Return a range for each utterance, or None when each segment has its own."""
        if self.spec.scope == "segment":
            return None
        if self.spec.scope == "utterance":
            return [_range(entry, self.spec) for entry in entries]
        known = corpus_range or _joint([_range(entry, self.spec) for entry in entries])
        return [known] * len(entries)


def _limits(
    values: torch.Tensor, spec: FeaturesSpec, ranges: Sequence[Range] | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the lowest and highest mapped value of each segment (:func:`own_limits`)."""
    if ranges is None:
        return own_limits(values, spec)
    shape = (len(ranges), 1, -1, 1)
    low = values.new_tensor([known.low for known in ranges]).view(shape)
    return low, values.new_tensor([known.high for known in ranges]).view(shape)


def own_limits(values: torch.Tensor, spec: FeaturesSpec) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the lowest and highest value of each segment, both (n, 1, 1, 1).

    Of a front end with signs, those of each row: (n, 1, height, 1).
    """
    over = (3,) if spec.front_end.signed else (1, 2, 3)
    return values.amin(over, keepdim=True), values.amax(over, keepdim=True)


def _quieter(known: Range, gain: float, spec: FeaturesSpec) -> Range:
    """Return a range lower by ``gain`` dB, which makes what it maps that much louder."""
    if spec.front_end.signed:
        rise = gain * rise_per_db(spec)
        return Range(tuple(known.low - rise), tuple(known.high - rise))
    low, high = cast(float, known.low), cast(float, known.high)
    if spec.decibels:
        return Range(low - gain, high - gain)
    factor = 10 ** (-gain / (10 if spec.scale == "power" else 20))
    return Range(low * factor, high * factor)


def rise_per_db(spec: FeaturesSpec) -> np.ndarray:
    """Return by how much each row of a front end with signs rises with 1 dB, shape (height,)."""
    rise = spec.front_end.rise_per_db
    return np.zeros(spec.height) if rise is None else np.array(rise(spec))


def normalised(
    values: torch.Tensor, spec: FeaturesSpec, low: torch.Tensor, high: torch.Tensor
) -> torch.Tensor:
    """Map ``values`` linearly, then by the mu-law (equation 1).

    ``normalise = "max"`` divides by ``high`` (0..1); ``"minmax"`` maps ``low..high`` to -1..1. With
    ``scale = "log"`` the range is the ``floor_db`` below ``high``, and the logarithm replaces the
    mu-law. Silence (an empty range) becomes the lower end. With a front end with signs (mfcc) each
    row is mapped from a range of its own, whatever the scale.
    """
    if spec.decibels:
        low = high - spec.floor_db
    elif spec.normalise == "max":
        low = torch.zeros_like(high)
    extent = (high - low).clamp(min=torch.finfo(values.dtype).tiny)
    unit = ((values - low) / extent).clamp_(0, 1)
    linear = unit if spec.normalise == "max" else unit.mul_(2).sub_(1)
    return linear if spec.decibels else mu_law(linear, spec.mu)


def mu_law(values: torch.Tensor, mu: float) -> torch.Tensor:
    """Return sgn(x) ln(1 + mu |x|) / ln(1 + mu), equation 1; ``mu`` = 0 leaves x as it is."""
    if mu == 0:
        return values
    return values.sign() * (values.abs() * mu).log1p_() / float(np.log1p(mu))


def array_of(entry: Entry | ArrayEntry) -> np.ndarray:
    """Return an utterance's array, (height, columns); that of a file is mapped and stays open."""
    return entry.array if isinstance(entry, ArrayEntry) else _open(entry)


def loudest_db(entry: Entry | ArrayEntry, spec: FeaturesSpec) -> float:
    """Return the level of an utterance's loudest point in dB of an arbitrary reference.

    Of a front end with signs, it is that of the loudest frame.
    """
    array = array_of(entry)
    if spec.front_end.signed:
        rise = rise_per_db(spec)
        return float((rise @ array / max(rise @ rise, 1.0)).max())
    most = float(array.max())
    if spec.decibels:
        return most
    return (10 if spec.scale == "power" else 20) * float(
        np.log10(max(most, np.finfo(np.float32).tiny))
    )


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


def _range(entry: Entry | ArrayEntry, spec: FeaturesSpec) -> Range:
    signed = spec.front_end.signed
    if isinstance(entry, ArrayEntry):
        return _ends(entry.array, signed)
    return _stored_range(entry, signed)


@lru_cache(maxsize=1 << 16)
def _stored_range(entry: Entry, signed: bool) -> Range:
    return _ends(_open(entry), signed)


def _ends(array: np.ndarray, signed: bool) -> Range:
    if signed:
        return Range(tuple(array.min(axis=1).tolist()), tuple(array.max(axis=1).tolist()))
    return Range(float(array.min()), float(array.max()))


def _joint(ranges: Sequence[Range]) -> Range:
    low = np.min([known.low for known in ranges], axis=0).tolist()
    high = np.max([known.high for known in ranges], axis=0).tolist()
    return Range(low, high) if isinstance(low, float) else Range(tuple(low), tuple(high))
