"""The pass in Triton kernels, for CUDA cards (and, for tests, in Triton's interpreter)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch.nn import functional
from triton.runtime import driver

from ablation.models.probe.cuda import kernels
from ablation.models.probe.cuda.plans import FILTERS, MOST_TAPS, CardPlan, Tiles, card_plan
from ablation.models.probe.portable import Parts, Patches, PortablePass, in_tiles
from ablation.models.probe.sums import Sums

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # when the kernels were imported

_DIAGONAL_TAPS = 32  # taps that are added up at once
_MOST_PLANES = 4  # copies of a segment
_ENOUGH_SHARED = 160 << 10  # bytes
STAGES = 3  # pieces of a segment that are on their way at once


@cache
def can_launch() -> bool:
    """Return whether Triton can start kernels here: it builds its launcher with a C compiler."""
    if INTERPRETED:
        return True
    try:
        driver.active.get_current_device()  # type: ignore[attr-defined]
    except RuntimeError:
        return False
    return True


@cache
def _small_card() -> bool:
    """Return whether this process' card has too little shared memory for the largest kernels."""
    if INTERPRETED or not torch.cuda.is_available():
        return False
    known = torch.cuda.get_device_properties(torch.cuda.current_device())
    return getattr(known, "shared_memory_per_block_optin", _ENOUGH_SHARED) < _ENOUGH_SHARED


def takes(extent: tuple[int, int]) -> bool:
    """Return whether kernels are made for filters of this height and width."""
    return extent[0] * extent[1] <= MOST_TAPS


@dataclass(frozen=True)
class Stored:
    """Segments as the kernels read them: upright, and padded by zeros on all sides.

    ``values`` (n, planes, rows, columns) float32 or bfloat16; ``centres`` (n,), what is taken off
    each segment before its patches are summed in float32: its mean.
    """

    values: torch.Tensor
    centres: torch.Tensor


class CardPass:
    """How kernels go over segments of one size with filters of one extent.

    Parameters
    ----------
    extent
        Height and width of the filters, with the gaps that dilation leaves.
    size
        Rows and columns of a segment.
    precision
        ``float32``: products are each made of three tf32 products, and differ from those of IEEE
        arithmetic in the last two bits. ``bf16``: values and filters are bfloat16.
    """

    def __init__(self, extent: tuple[int, int], size: tuple[int, int], precision: str) -> None:
        self.precision = precision
        self.turned = extent[0] < extent[1]
        self.extent = extent[::-1] if self.turned else extent
        self.size = size[::-1] if self.turned else size
        # The interpreter cannot multiply bfloat16; in float32 such products are exact too.
        exact = precision == "float32" or INTERPRETED
        self.kind = torch.float32 if exact else torch.bfloat16

    @cached_property
    def plan(self) -> CardPlan | None:
        """The division of the work; None if PyTorch's operators are faster."""
        height, width = self.extent
        return card_plan(
            height, width, self.precision, small=_small_card(), interpreted=INTERPRETED
        )

    @property
    def aligned(self) -> bool:
        """Whether segments are stored once for every column of a filter (:mod:`kernels`).

        It costs as much memory as a filter has columns; the results are the same.
        """
        return self.extent[1] <= _MOST_PLANES and self.size[1] % 8 == 0

    @property
    def stored_size(self) -> tuple[int, int, int]:
        """Planes, rows and columns of a stored segment."""
        (rows, columns), (height, width) = self.size, self.extent
        below = max(_rows_read(tiles, height, rows) for tiles in self._planned.used)
        return (width, below, columns) if self.aligned else (1, below, columns + width - 1)

    @property
    def _planned(self) -> CardPlan:
        if self.plan is None:
            raise ValueError(f"no kernel takes filters of {self.extent[0]}x{self.extent[1]}")
        return self.plan

    def room(self, n: int, device: torch.device) -> Stored:
        """Return room for ``n`` segments."""
        values = torch.zeros((n, *self.stored_size), dtype=self.kind, device=device)
        return Stored(values, torch.zeros(n, device=device))

    def put(self, segments: torch.Tensor, stored: Stored, first: int = 0) -> None:
        """Store segments (n, rows, columns), float32, in places ``first`` and the following."""
        upright = segments.mT if self.turned else segments
        if self.kind == torch.float32 and self.precision == "bf16":
            upright = upright.bfloat16().float()
        values = stored.values
        launch(kernels.put, (len(segments), values.shape[1]), 4, upright, values, stored.centres,
               first, *upright.stride(), *values.stride()[:3], *self.size, *self.extent,
               VALUES=1024, CENTRED=self.precision == "float32")  # fmt: skip

    def tables(
        self, weight: torch.Tensor, delta: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return one cell's filters and thresholds in blocks of 16, as :meth:`run` takes them.

        The last block is filled by filters that are never active.
        """
        upright = weight.mT if self.turned else weight
        extra = -len(weight) % FILTERS
        table = functional.pad(upright.flatten(1), (0, 0, 0, extra)).to(self.kind)
        start = functional.pad(delta, (0, extra), value=-1.0)
        return table.view(1, -1, FILTERS, table.shape[1]), start.view(1, -1, FILTERS)

    def run(
        self,
        stored: Stored,
        numbers: torch.Tensor,
        batch: int,
        weight: torch.Tensor,
        delta: torch.Tensor,
        *,
        train: bool,
    ) -> Parts:
        """Go over the segments ``numbers`` (n,); each ``batch`` of them has filters of its own.

        Parameters
        ----------
        weight, delta
            Shapes (cells, blocks, 16, taps) and (cells, blocks, 16).

        Returns
        -------
        relu, active
            Shape (n, blocks, shares, 16): sums of each share of the positions.
        patches
            Shape (n, blocks, shares, 16, taps). Without ``train`` only relu is there.
        """
        job = _Launch(self, self._planned, stored, numbers, batch, weight, delta, train)
        sums = self._planned.sums
        return job.whole() if sums is None else job.in_chunks(sums)


def _rows_read(tiles: Tiles, height: int, rows: int) -> int:
    """Return how many rows a kernel may read, from the first on."""
    reach = tiles.rows + height - 1
    if tiles.whole:  # and beyond the padded segment as many rows of zeros as a place reads
        return rows + height - 1 + reach
    return -(-rows // tiles.rows) * tiles.rows - tiles.rows + -(-reach // tiles.taps) * tiles.taps


@dataclass(frozen=True)
class _Launch:
    """A pass over some segments, laid out as the kernels expect it."""

    way: CardPass
    plan: CardPlan
    stored: Stored
    numbers: torch.Tensor
    batch: int
    weight: torch.Tensor
    delta: torch.Tensor
    train: bool

    @property
    def blocks(self) -> int:
        return self.weight.shape[1]

    def empty(self, *more: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return an uninitialised tensor, (n, blocks, ...)."""
        shape = (self.numbers.numel(), self.blocks, *more)
        return torch.empty(shape, dtype=dtype, device=self.numbers.device)

    def sizes(self, tiles: Tiles) -> tuple[int, ...]:
        """The sizes and strides that all kernels take."""
        values, (rows, columns) = self.stored.values, self.way.size
        places = -(-rows // tiles.rows) * columns
        pieces = -(-places // tiles.places)
        share = -(-pieces // self.plan.shares) * tiles.places
        segment, plane, row, _ = values.stride()
        if not self.way.aligned:
            plane = 1
        return segment, plane, row, rows, columns, places, share

    def constants(self, tiles: Tiles) -> dict[str, object]:
        """The constants for which a kernel is compiled."""
        three = self.way.precision == "float32"
        return {"ROWS": tiles.rows, "TAPS": tiles.taps, "PLACES": tiles.places,
                "ALIGNED": self.way.aligned, "THREE_PRODUCTS": three}  # fmt: skip

    def whole(self) -> Parts:
        """Return the sums by the one kernel that does everything."""
        tiles, shares = self.plan.scores, self.plan.shares
        relu, active = self.empty(shares, FILTERS), self.empty(shares, FILTERS)
        wide = tiles.taps
        sums = self.empty(shares, tiles.rows * FILTERS * wide) if self.train else relu
        given = (self.stored.values, self.numbers, self.weight, self.delta, relu, active, sums)
        ragged = self.way.size[0] % tiles.rows > 0
        grid = (self.numbers.numel(), self.blocks, shares)
        launch(kernels.all_sums, grid, tiles.warps, *given, self.stored.centres,
                *self.sizes(tiles), *self.way.extent, self.batch, TRAIN=self.train, RAGGED=ragged,
                **self.constants(tiles))  # fmt: skip
        if not self.train:
            return (relu,)
        pitch = tiles.rows + self.way.extent[0] - 1
        scored = self.way.precision == "bf16"
        return self.diagonals(tiles.rows, pitch, wide, scored, relu, active, sums)

    def in_chunks(self, patches: Tiles) -> Parts:
        """Return the sums by kernels that take a chunk of taps at a time, scores first."""
        plan, shares, (height, width) = self.plan, self.plan.shares, self.way.extent
        relu, active = self.empty(shares, FILTERS), self.empty(shares, FILTERS)
        masks = self.empty(*(self.way.size if self.train else (0,)), dtype=torch.int32)
        n, tiles = self.numbers.numel(), plan.scores
        chunks = -(-(tiles.rows + height - 1) // tiles.taps)
        cells = self.weight.shape[0] * self.blocks
        table = torch.empty(
            (cells, width * chunks, tiles.rows * FILTERS, tiles.taps),
            dtype=self.way.kind, device=self.numbers.device,
        )  # fmt: skip
        launch(kernels.banded, (cells, width * chunks), tiles.warps, self.weight, table,
                height, width, chunks, ROWS=tiles.rows, TAPS=tiles.taps)  # fmt: skip
        launch(kernels.scores, (n, self.blocks, shares), tiles.warps, self.stored.values,
                self.numbers, table, self.delta, relu, active, masks, *self.sizes(tiles), width,
                chunks, self.batch, TRAIN=self.train, **self.constants(tiles))  # fmt: skip
        if not self.train:
            return (relu,)
        tiles = patches
        chunks = -(-(tiles.rows + height - 1) // tiles.taps)
        wide = width * chunks * tiles.taps
        sums = self.empty(shares, tiles.rows * FILTERS * wide)
        launch(kernels.masked_sums, (n, self.blocks * width * chunks, shares), tiles.warps,
                self.stored.values, self.numbers, masks, sums, self.stored.centres,
                *self.sizes(tiles), width, chunks, self.blocks,
                **self.constants(tiles))  # fmt: skip
        return self.diagonals(tiles.rows, chunks * tiles.taps, wide, False, relu, active, sums)

    def diagonals(
        self, rows: int, pitch: int, wide: int, scored: bool, *found: torch.Tensor
    ) -> Parts:
        relu, active, sums = found
        shares, (height, width) = self.plan.shares, self.way.extent
        patches = self.empty(shares, FILTERS, height * width)
        grid = (self.numbers.numel(), self.blocks, shares)
        launch(kernels.diagonals, grid, 4, sums, self.weight, self.delta, relu, active, patches,
                height, width, self.batch, pitch, wide, ROWS=rows, TAPS=_DIAGONAL_TAPS,
                SCORED=scored)  # fmt: skip
        return relu, active, patches


def launch(
    kernel: Callable, grid: tuple[int, ...], warps: int, *arguments: object, **constants: object
) -> None:
    """Launch a kernel with so many programs, each of so many warps."""
    kernel[grid](*arguments, **constants, num_warps=warps, num_stages=STAGES)  # type: ignore[index]


class FusedPass:
    """A pass by kernels that store no activations; PyTorch's operators do what they cannot.

    Parameters
    ----------
    tile
        Segments per launch; None: all. Halved if the memory does not suffice. It does not change
        the results.
    bf16
        Whether segments and filters contain only bfloat16 values.
    """

    def __init__(self, tile: int | None = None, *, bf16: bool = False) -> None:
        self.tile = tile
        self.precision = "bf16" if bf16 else "float32"
        self.operators = PortablePass(tile)

    def train(self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor) -> Sums:
        way = self._way(segments, weight)
        if way is None:
            return self.operators.train(segments, weight, delta)
        relu, active, patches, centres = self._run(way, segments, weight, delta, train=True)
        return Sums(relu, active, Patches(patches, centres[:, None] * active.double()))

    def evaluate(
        self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor
    ) -> torch.Tensor:
        way = self._way(segments, weight)
        if way is None:
            return self.operators.evaluate(segments, weight, delta)
        return self._run(way, segments, weight, delta, train=False)[0]

    def lags(self, segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
        if INTERPRETED:  # one program for every lag takes it too long
            return self.operators.lags(segments, height, width)
        return self.lags_by_kernel(segments, height, width)

    @staticmethod
    def lags_by_kernel(segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Return what :meth:`lags` does, with a rounding that is each segment's own."""
        n, rows, columns = segments.shape
        lags = segments.new_empty((n, height, 2 * width - 1), dtype=torch.float64)
        launch(kernels.lags, (n, height), 4, segments, lags, *segments.stride(), rows, columns,
                width, VALUES=1024)  # fmt: skip
        return lags

    def _way(self, segments: torch.Tensor, weight: torch.Tensor) -> CardPass | None:
        if segments.dtype != torch.float32:
            return None
        height, width = weight.shape[1:]
        way = CardPass((height, width), (segments.shape[1], segments.shape[2]), self.precision)
        return way if way.plan else None

    def _run(
        self,
        way: CardPass,
        segments: torch.Tensor,
        weight: torch.Tensor,
        delta: torch.Tensor,
        *,
        train: bool,
    ) -> list[torch.Tensor]:
        table, start = way.tables(weight, delta)
        filters = len(weight)

        def work(part: torch.Tensor) -> Parts:
            stored = way.room(len(part), part.device)
            way.put(part, stored)
            numbers = torch.arange(len(part), device=part.device, dtype=torch.int32)
            relu, *more = way.run(stored, numbers, len(part), table, start, train=train)
            sums = (relu.sum(2).flatten(1)[:, :filters],)
            if train:
                active, patches = more
                whole = patches.sum(2).flatten(1, 2)[:, :filters]  # (n, filters, taps)
                upright = whole.view(len(part), filters, *way.extent)
                sums += (active.sum(2).flatten(1)[:, :filters],
                         upright.mT if way.turned else upright, stored.centres)  # fmt: skip
            return sums

        return in_tiles(self, work, len(segments), segments)
