"""How batches of segments reach the device that trains: cut on the CPU, resident, or streamed.

A GPU reads from its own memory: spectrograms are copied there once, and a batch is gathered by
index. What does not fit beside the training is streamed: pieces of a few batches are cut into
pinned memory while the GPU works on earlier ones. Either way a batch is normalised on the GPU, and
nothing waits for the GPU between two steps. All ways give the same segments; a GPU's logarithm and
division may differ from the CPU's in the last bit.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import torch

from ablation.features.cache import Entry
from ablation.features.segment_dataset import (
    Limit,
    Range,
    SegmentDataset,
    array_of,
    normalised,
    own_limits,
    rise_per_db,
)
from ablation.study import FeaturesSpec

_SHARE, _KEPT_SHARE = 0.5, 0.25  # of the free memory: for spectrograms, then for their segments
_PIECE_BYTES = 64 << 20  # size of a streamed piece
_PIECES_AHEAD = 2
_TOGETHER = 64  # segments normalised at once, where all are normalised in advance


@dataclass(frozen=True)
class Batch:
    """A batch has segments (n, 1, height, width), their classes (n,) and their numbers (n,) on one
    device; ``places`` are the numbers on the CPU."""

    segments: torch.Tensor
    labels: torch.Tensor
    numbers: torch.Tensor
    places: torch.Tensor


Order = Sequence[torch.Tensor]  # the numbers of each batch, on the CPU
Gains = Sequence[torch.Tensor | None]  # of each batch, on the device: dB of its segments


class Feed(Protocol):
    """A feed yields batches of segments; ``utterance`` is as in :class:`SegmentDataset`."""

    utterance: np.ndarray

    def __len__(self) -> int: ...

    def batches(self, order: Order, gains: Gains | None = None) -> Iterator[Batch]:
        """Yield the batches of ``order``, each segment made louder by ``gains``."""
        ...


class HostFeed:
    """A feed of batches that are cut and normalised on the CPU when they are needed."""

    def __init__(self, bank: SegmentDataset) -> None:
        self.bank, self.utterance = bank, bank.utterance

    def __len__(self) -> int:
        return len(self.bank)

    def batches(self, order: Order, gains: Gains | None = None) -> Iterator[Batch]:
        for numbers, gain in zip(order, gains or [None] * len(order), strict=True):
            louder = None if gain is None else gain.tolist()
            segments = self.bank.batch(numbers.tolist(), louder)
            yield Batch(segments, self.bank.labels[numbers], numbers, numbers)


@dataclass(frozen=True)
class _Due:
    """The next batch consists of segments ``numbers`` (``places`` on the CPU), with gains."""

    numbers: torch.Tensor
    gain: torch.Tensor | None
    places: torch.Tensor


class _DeviceFeed:
    """Resident and streamed feeds both keep labels and ranges on the device."""

    def __init__(self, bank: SegmentDataset, device: torch.device) -> None:
        self.bank, self.device, self.utterance = bank, device, bank.utterance
        self.labels = bank.labels.to(device)
        self.low, self.high = _limits(bank, device)

    def __len__(self) -> int:
        return len(self.bank)

    def _made(self, raw: torch.Tensor, due: _Due) -> Batch:
        """Make a batch from segments as they are stored, shape (n, height, width)."""
        spec, values, numbers, gain = self.bank.spec, raw[:, None], due.numbers, due.gain
        if self.low is None or self.high is None:
            low, high = own_limits(values, spec)
        else:
            low, high = self.low[numbers], self.high[numbers]
            if gain is not None:  # a range lower by so many dB comes out that much louder
                low, high = (_quieter(limit, gain, spec) for limit in (low, high))
            low, high = (limit.float().view(len(limit), 1, -1, 1) for limit in (low, high))
        segments = normalised(values, spec, low, high)
        return Batch(segments, self.labels[numbers], numbers, due.places)

    def _due(self, order: Order, gains: Gains | None) -> Iterator[_Due]:
        """Yield each batch's numbers on the device; an epoch's are copied at once."""
        sizes = [len(numbers) for numbers in order]
        numbers = torch.cat(list(order)).to(self.device).split(sizes)
        louder: Sequence[torch.Tensor | None] = [None] * len(sizes)
        if gains is not None and gains[0] is not None:
            louder = gains
        for one, gain, places in zip(numbers, louder, order, strict=True):
            yield _Due(one, gain, places)


class ResidentFeed(_DeviceFeed):
    """A feed of batches gathered from spectrograms in the device's memory.

    Parameters
    ----------
    steady
        Whether a segment is the same in every epoch: then it is normalised only once, if there
        is memory for all of them.
    """

    def __init__(
        self, bank: SegmentDataset, spectrograms: "Spectrograms", *, steady: bool = False
    ) -> None:
        super().__init__(bank, spectrograms.values.device)
        begins = spectrograms.begins_of(bank)[bank.utterance] + np.asarray(bank.starts, np.int64)
        self.begins = torch.from_numpy(begins).to(self.device)
        # Every slice of a segment's width, as a view: (height, columns, width).
        self.slices = spectrograms.values.unfold(1, bank.spec.width, 1)
        self.kept: torch.Tensor | None = None
        size = (len(bank), 1, bank.spec.height, bank.spec.width)
        if steady and 4 * math.prod(size) <= _KEPT_SHARE * available_bytes(self.device):
            kept = torch.empty(size, device=self.device)
            every = torch.arange(len(bank)).split(_TOGETHER)
            for part, batch in zip(kept.split(_TOGETHER), self.batches(every), strict=True):
                part.copy_(batch.segments)
            self.kept = kept

    def batches(self, order: Order, gains: Gains | None = None) -> Iterator[Batch]:
        for due in self._due(order, gains):
            if self.kept is not None and due.gain is None:
                numbers = due.numbers
                yield Batch(self.kept[numbers], self.labels[numbers], numbers, due.places)
            else:
                raw = self.slices[:, self.begins[due.numbers]].transpose(0, 1)
                yield self._made(raw, due)


class StreamedFeed(_DeviceFeed):
    """A feed of batches copied from the CPU's memory, a piece of a few batches at a time."""

    def batches(self, order: Order, gains: Gains | None = None) -> Iterator[Batch]:
        spec = self.bank.spec
        each = 4 * spec.height * spec.width * max(1, *map(len, order))
        few = max(1, _PIECE_BYTES // each)
        pieces = iter([order[k : k + few] for k in range(0, len(order), few)])
        due = self._due(order, gains)
        with ThreadPoolExecutor(1, "pieces") as cutter:
            ahead = [cutter.submit(self._cut, piece) for piece in islice(pieces, _PIECES_AHEAD)]
            while ahead:
                piece = ahead.pop(0).result()
                ahead += [cutter.submit(self._cut, later) for later in islice(pieces, 1)]
                values = piece.values.to(self.device, non_blocking=True)
                for raw in values.split(piece.sizes):
                    yield self._made(raw, next(due))

    def _cut(self, piece: Order) -> "_Piece":
        """Return the segments of a piece as they are stored."""
        spec, sizes = self.bank.spec, [len(numbers) for numbers in piece]
        values = torch.empty(
            (sum(sizes), spec.height, spec.width), pin_memory=self.device.type == "cuda"
        )
        for row, number in zip(values.numpy(), torch.cat(list(piece)).tolist(), strict=True):
            row[:] = self.bank.stored(number)
        return _Piece(values, sizes)


@dataclass(frozen=True)
class _Piece:
    """A piece has the stored segments of some batches, and the size of each batch."""

    values: torch.Tensor
    sizes: list[int]


@dataclass(frozen=True)
class Spectrograms:
    """The stored arrays of utterances lie side by side on a device, shape (height, columns)."""

    values: torch.Tensor
    begins: dict[object, int]  # the first column of each utterance

    def begins_of(self, bank: SegmentDataset) -> np.ndarray:
        """Return the first column of each of the bank's utterances."""
        return np.array([self.begins[_name(entry)] for entry in bank.entries], np.int64)


def feeds(
    banks: Sequence[SegmentDataset], device: torch.device, *, steady: bool = False
) -> list[Feed]:
    """Return feeds of several datasets for a GPU: resident if all of them fit, or streamed.

    ``steady`` says that segments of the first one are used again, and the same each time.
    """
    spectrograms = _loaded(banks, device)
    if spectrograms is None:
        return [StreamedFeed(bank, device) for bank in banks]
    return [
        ResidentFeed(bank, spectrograms, steady=steady and number == 0)
        for number, bank in enumerate(banks)
    ]


def available_bytes(device: torch.device) -> int:
    """Return the unused memory of a GPU in bytes; of other devices, which share it, no limit."""
    if device.type != "cuda":
        return sys.maxsize
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def resident(stored_bytes: int, free_bytes: int) -> bool:
    """Return whether spectrograms of so many bytes are kept on a GPU with so many free."""
    return stored_bytes <= _SHARE * free_bytes


# Spectrograms of the last cell: all folds of a corpus and all shapes use the same utterances.
_last: dict[tuple[torch.device, frozenset[object]], Spectrograms] = {}


def _loaded(banks: Sequence[SegmentDataset], device: torch.device) -> Spectrograms | None:
    """Return the banks' utterances on the device; None if they do not fit there."""
    arrays = {_name(entry): entry for bank in banks for entry in bank.entries}
    key = (device, frozenset(arrays))
    if key in _last:
        return _last[key]
    _last.clear()
    columns = {name: array_of(entry).shape[1] for name, entry in arrays.items()}
    height, total = banks[0].spec.height, sum(columns.values())
    if not resident(4 * height * total, available_bytes(device)):
        return None
    values = torch.empty((height, total), device=device)
    begins, at = {}, 0
    for name, entry in arrays.items():
        begins[name] = at
        at += columns[name]
        values[:, begins[name] : at] = torch.from_numpy(np.array(array_of(entry))).to(device)
    found = Spectrograms(values, begins)
    if all(isinstance(entry, Entry) for entry in arrays.values()):
        _last[key] = found
    return found


def _name(entry: object) -> object:
    """Return what identifies a stored array."""
    return entry.path if isinstance(entry, Entry) else id(entry)


def _limits(
    bank: SegmentDataset, device: torch.device
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return each segment's lowest and highest mapped value, float64; None: each has its own.

    Their shape is (n,), or (n, height) for a front end with signs.
    """
    ranges: Sequence[Range] | None = bank.ranges
    if ranges is None:
        return None, None
    owners = torch.from_numpy(bank.utterance)

    def of_segments(values: list[Limit]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64)[owners].to(device)

    return of_segments([known.low for known in ranges]), of_segments([r.high for r in ranges])


def _quieter(limit: torch.Tensor, gain: torch.Tensor, spec: FeaturesSpec) -> torch.Tensor:
    gain = gain.double()
    if spec.front_end.signed:
        return limit - gain[:, None] * torch.from_numpy(rise_per_db(spec)).to(gain.device)
    if spec.decibels:
        return limit - gain
    return limit * 10 ** (-gain / (10 if spec.scale == "power" else 20))
