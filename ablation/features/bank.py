"""A bank of segments: indices in, normalised batches out, nothing copied before it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import torch

from ablation.errors import StorageError
from ablation.features.cache import Entry, open_entry
from ablation.features.segments import Purpose, columns
from ablation.files import open_files, storage_error
from ablation.study import FeaturesSpec

try:
    from ablation.features.companding import write_normalised
except ImportError:  # no compiler of kernels for this platform
    write_normalised = None


@dataclass(frozen=True)
class Range:
    """The values that are mapped to the ends of the normalised range."""

    low: float
    high: float


class SegmentBank:
    """The segments of some utterances, in their order.

    Attributes
    ----------
    utterance
        For every segment, the position of its utterance in ``entries``; int64, shape (n,).
    labels
        For every segment, its class; int64, shape (n,).
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        labels: Sequence[int],
        spec: FeaturesSpec,
        purpose: Purpose,
        corpus_range: Range | None = None,
    ) -> None:
        self.spec = spec
        self._entries = entries
        for entry in entries:  # a damaged one is to be named now, not in the middle of a training
            _open(entry)
        self._starts: list[int] = []
        owners: list[int] = []
        for position, entry in enumerate(entries):
            starts = columns(entry.frames, spec, purpose)
            self._starts += starts
            owners += [position] * len(starts)
        self.utterance = np.asarray(owners, np.int64)
        self.labels = torch.as_tensor(np.asarray(labels, np.int64)[self.utterance])
        self._ranges = self._fixed_ranges(entries, corpus_range)

    def __len__(self) -> int:
        return len(self._starts)

    @classmethod
    def pair(
        cls,
        train: tuple[Sequence[Entry], Sequence[int]],
        test: tuple[Sequence[Entry], Sequence[int]],
        spec: FeaturesSpec,
    ) -> tuple[Self, Self]:
        """The banks of both sides of a fold.

        With ``scope = "corpus"`` both use the range of the *training* utterances: the held-out
        speaker tells nothing.
        """
        known = None
        if spec.scope == "corpus":
            known = _joint([_range(entry) for entry in train[0]])
        return (
            cls(*train, spec, "train", known),
            cls(*test, spec, "test", known),
        )

    def batch(self, indices: Sequence[int], device: torch.device | str = "cpu") -> torch.Tensor:
        """Normalised segments, shape (len(indices), 1, height, width), float32.

        The range is [0, 1] with ``normalise = "max"`` and [-1, 1] with ``"minmax"``; values of a
        test utterance beyond the range of ``scope = "corpus"`` are clipped to it.
        """
        spec = self.spec
        raw = np.empty((len(indices), 1, spec.height, spec.width), np.float32)
        # The compiled logarithm of 1 + mu x loses the digits of a small mu.
        by_operators = torch.device(device).type != "cpu" or 0 < spec.mu < 1
        write = None if by_operators else write_normalised
        if write is not None:
            for row, index in enumerate(indices):
                owner = self.utterance[index]
                known = None
                if self._ranges is not None:
                    known = self._ranges[owner].low, self._ranges[owner].high
                array = _open(self._entries[owner])
                write(raw[row, 0], array, self._starts[index], spec, known)
            return torch.from_numpy(raw)
        for row, index in enumerate(indices):
            array, start = _open(self._entries[self.utterance[index]]), self._starts[index]
            raw[row, 0] = array[:, start : start + spec.width]
        values = torch.from_numpy(raw).to(device)
        return normalised(values, spec, *self._limits(values, indices))

    def _fixed_ranges(
        self, entries: Sequence[Entry], corpus_range: Range | None
    ) -> list[Range] | None:
        """A range for every utterance, or None when each segment has its own."""
        if self.spec.scope == "segment":
            return None
        if self.spec.scope == "utterance":
            return [_range(entry) for entry in entries]
        known = corpus_range or _joint([_range(entry) for entry in entries])
        return [known] * len(entries)

    def _limits(
        self, values: torch.Tensor, indices: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Lowest and highest value of each segment's scope, both of shape (n, 1, 1, 1)."""
        if self._ranges is None:
            return values.amin((1, 2, 3), keepdim=True), values.amax((1, 2, 3), keepdim=True)
        ranges = [self._ranges[self.utterance[index]] for index in indices]
        shape = (-1, 1, 1, 1)
        low = values.new_tensor([r.low for r in ranges]).view(shape)
        return low, values.new_tensor([r.high for r in ranges]).view(shape)


def normalised(
    values: torch.Tensor, spec: FeaturesSpec, low: torch.Tensor, high: torch.Tensor
) -> torch.Tensor:
    """Map ``values`` linearly, then by the mu-law (equation 1).

    ``normalise = "max"`` divides by ``high`` (0..1); ``"minmax"`` maps ``low..high`` to -1..1. With
    ``scale = "log"`` the range is the ``floor_db`` below ``high``, and there is no mu-law: it takes
    the logarithm's place. Silence (a range of nothing) becomes the lower end.
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
    """F(x) = sgn(x) ln(1 + mu |x|) / ln(1 + mu), equation 1; ``mu`` = 0 leaves x as it is."""
    if mu == 0:
        return values
    return values.sign() * (values.abs() * mu).log1p_() / float(np.log1p(mu))


# A mapped file counts as an open one. A worker meets the same utterances in every cell, and opening
# one takes as long as a tenth of its step.
@lru_cache(maxsize=open_files() // 2)
def _open(entry: Entry) -> np.ndarray:
    try:
        return open_entry(entry)
    except (FileNotFoundError, ValueError, EOFError) as error:
        entry.path.unlink(missing_ok=True)
        raise StorageError(
            f"the cached spectrogram {entry.path} is gone or damaged ({error})",
            "run the same command again: it is made anew",
        ) from error
    except OSError as error:
        raise storage_error("read", entry.path, error) from error


@lru_cache(maxsize=1 << 16)
def _range(entry: Entry) -> Range:
    array = _open(entry)
    return Range(float(array.min()), float(array.max()))


def _joint(ranges: Sequence[Range]) -> Range:
    return Range(min(r.low for r in ranges), max(r.high for r in ranges))
