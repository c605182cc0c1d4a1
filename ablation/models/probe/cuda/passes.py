"""The pass in Triton kernels, for CUDA cards (and, for tests, in Triton's interpreter)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch.nn import functional
from triton.runtime import driver

from ablation.models.probe.cuda import kernels
from ablation.models.probe.cuda.plans import FILTERS, STAGES, WARPS, CardPlan, card_plan
from ablation.models.probe.portable import Parts, Patches, PortablePass, in_tiles
from ablation.models.probe.reference import same_padding
from ablation.models.probe.sums import Sums

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # when the kernels were imported


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


class FusedPass:
    """A pass by kernels that store no activations; PyTorch's operators do what they cannot.

    Float32 products are each made of three tf32 products, and differ from those of IEEE arithmetic
    in the last two bits; segments and filters of bfloat16 values are multiplied as they are.

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
        # The interpreter cannot multiply bfloat16; in float32 such products are exact too.
        self.kind = torch.bfloat16 if bf16 and not INTERPRETED else torch.float32
        self.operators = PortablePass(tile)

    def train(self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor) -> Sums:
        plan = self._plan(segments, weight)
        if plan is None:
            return self.operators.train(segments, weight, delta)
        centres = self._centres(segments)
        relu, active, patches = self._run(plan, segments, centres, weight, delta, train=True)
        return Sums(relu, active, Patches(patches, centres[:, None] * active.double()))

    def evaluate(
        self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor
    ) -> torch.Tensor:
        plan = self._plan(segments, weight)
        if plan is None:
            return self.operators.evaluate(segments, weight, delta)
        return self._run(plan, segments, self._centres(segments), weight, delta, train=False)[0]

    def lags(self, segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
        return self.operators.lags(segments, height, width)

    def _plan(self, segments: torch.Tensor, weight: torch.Tensor) -> CardPlan | None:
        if segments.dtype != torch.float32:
            return None
        _, height, width = weight.shape
        return card_plan(height, width, segments[0].numel(), interpreted=INTERPRETED)

    def _centres(self, segments: torch.Tensor) -> torch.Tensor:
        """Return what is subtracted from each segment, (n,): its mean; 0 in bfloat16."""
        if self.kind == torch.bfloat16:
            return segments.new_zeros(len(segments))
        return segments.mean((1, 2))

    def _run(
        self,
        plan: CardPlan,
        segments: torch.Tensor,
        centres: torch.Tensor,
        weight: torch.Tensor,
        delta: torch.Tensor,
        *,
        train: bool,
    ) -> list[torch.Tensor]:
        table, start = self._tables(plan, weight, delta)
        filters, height, width = weight.shape

        def work(part: torch.Tensor, centre: torch.Tensor) -> Parts:
            padded = functional.pad(part.to(self.kind), same_padding(height, width)).contiguous()
            job = _Job(plan, padded, part.shape[2], part[0].numel(), width, height * width,
                       table, start, centre, train)  # fmt: skip
            relu, active, patches = _whole(job) if plan.chunks == 1 else _chunked(job)
            sums = (relu.sum(2).flatten(1)[:, :filters],)
            if train:
                counted = active.sum(2).flatten(1)[:, :filters]
                # (n, blocks, chunks, filters, taps) to (n, all filters, all taps)
                whole = patches.sum(2).transpose(2, 3).flatten(3).flatten(1, 2)
                taps = whole[:, :filters, : height * width]
                sums += (counted, taps.reshape(len(part), filters, height, width))
            return sums

        return in_tiles(self, work, len(segments), segments, centres)

    def _tables(
        self, plan: CardPlan, weight: torch.Tensor, delta: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return filters (blocks, taps, filters) and thresholds (blocks, filters).

        They are padded to whole blocks by filters that are never active, and to whole chunks by
        taps of weight 0.
        """
        extra = -len(weight) % FILTERS
        missing = plan.chunks * plan.taps - weight[0].numel()
        filled = functional.pad(weight.flatten(1), (0, missing, 0, extra))
        table = filled.view(-1, FILTERS, plan.chunks * plan.taps).transpose(1, 2)
        start = functional.pad(delta, (0, extra), value=-1.0).view(-1, FILTERS)
        return table.to(self.kind).contiguous(), start.contiguous()


@dataclass(frozen=True)
class _Job:
    """The padded segments and the filters of a launch, laid out as the kernels expect."""

    plan: CardPlan
    padded: torch.Tensor
    columns: int
    positions: int
    width: int
    taps: int
    table: torch.Tensor
    start: torch.Tensor
    centres: torch.Tensor
    train: bool

    @property
    def layout(self) -> tuple[int, ...]:
        """The sizes and strides of the segments that all kernels take."""
        row, share = self.padded.stride(1), self.plan.share
        segment = self.padded.stride(0)
        return segment, row, self.columns, self.positions, share, self.width, self.taps

    @property
    def constants(self) -> dict[str, object]:
        """The constants for which a kernel is compiled."""
        three = self.padded.dtype == torch.float32
        return {"POSITIONS": self.plan.tile, "TAPS": self.plan.taps, "THREE_PRODUCTS": three}

    def empty(self, *more: int) -> torch.Tensor:
        """Return an uninitialised tensor for partial sums, (n, blocks, shares, ...)."""
        shape = (len(self.padded), len(self.table), self.plan.shares, *more)
        return torch.empty(shape, dtype=torch.float32, device=self.padded.device)

    def launch(self, kernel: Callable, *arguments: object) -> None:
        """Launch a scoring kernel: one program for each segment, block and share."""
        grid = (len(self.padded), len(self.table), self.plan.shares)
        given = (self.padded, self.table, self.start, *arguments, *self.layout)
        _launch(kernel, grid, *given, TRAIN=self.train, **self.constants)


def _whole(job: _Job) -> Parts:
    """Return partial sums for filters of one chunk of taps."""
    relu, active = job.empty(FILTERS), job.empty(FILTERS)
    patches = job.empty(1, FILTERS, job.plan.taps) if job.train else relu
    job.launch(kernels.all_sums, relu, active, patches, job.centres)
    return relu, active, patches


def _chunked(job: _Job) -> Parts:
    """Return partial sums for filters of several chunks: scores first, then masked patches."""
    n, blocks, plan = len(job.padded), len(job.table), job.plan
    relu, active = job.empty(FILTERS), job.empty(FILTERS)
    size = (n, blocks, job.positions if job.train else 0)
    masks = torch.empty(size, dtype=torch.int32, device=job.padded.device)
    job.launch(kernels.scores, relu, active, masks)
    if not job.train:
        return relu, active, relu
    patches = job.empty(plan.chunks, FILTERS, plan.taps)
    grid = (n, blocks * plan.chunks, plan.shares)
    _launch(kernels.patch_sums, grid, job.padded, masks, patches, job.centres, *job.layout,
            blocks, **job.constants)  # fmt: skip
    return relu, active, patches


def _launch(
    kernel: Callable, grid: tuple[int, ...], *arguments: object, **constants: object
) -> None:
    kernel[grid](*arguments, **constants, num_warps=WARPS, num_stages=STAGES)  # type: ignore[index]
