"""The probe trained in a single pass over its positions, without storing activations.

Batch norm's statistics of a convolution follow from the moments of the patches alone, so that
convolution and batch norm together are an affine map that is known before any position is visited:
y = relu(alpha z + delta). A single pass then yields all that forward and backward need: for every
segment and filter the sum of y, the number of active positions and the sum of the patches there.
``docs/explanation/single_pass.md`` has the mathematics.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from ablation.models.probe.moments import (
    MomentSums,
    PatchMoments,
    batch_sums,
    moments_of,
    second_sums,
    segment_sums,
)
from ablation.models.probe.portable import PortablePass
from ablation.models.probe.reference import ReferenceProbe
from ablation.models.probe.sums import Pass

PRECISIONS = ("float32", "bf16")

_TOGETHER = {"cpu": 16, "card": 64}  # segments whose moments are computed at once


class SinglePassProbe(ReferenceProbe):
    """The function and parameters of :class:`ReferenceProbe`, computed several times faster.

    Parameters
    ----------
    height, width, filters, classes, bias, dilation
        As for :class:`ReferenceProbe`.
    precision
        ``float32``, or ``bf16``: segments and scaled filters are rounded to bfloat16, and products
        are summed in float32.
    passes
        What goes over the positions; None: chosen by the segments' device (:func:`passes_for`).
    """

    def __init__(
        self,
        height: int,
        width: int,
        filters: int,
        classes: int,
        bias: bool = False,
        dilation: tuple[int, int] = (1, 1),
        *,
        precision: str = "float32",
        passes: Pass | None = None,
    ) -> None:
        super().__init__(height, width, filters, classes, bias, dilation)
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be {' or '.join(PRECISIONS)}, got {precision!r}")
        self.precision = precision
        self.passes = passes
        self._by_device: dict[torch.device, Pass] = {}

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width of the filters, with the gaps that dilation leaves between values."""
        (height, width), (down, along) = self.conv.kernel_size, self.conv.dilation
        return (height - 1) * down + 1, (width - 1) * along + 1

    def on_kernels(self, device: torch.device) -> bool:
        """Return whether a card's kernels, and not operators, compute the pass."""
        passes = passes_for(device, bf16=self.precision == "bf16", on_card=True)
        if isinstance(passes, PortablePass):
            return False
        from ablation.models.probe.cuda.passes import takes

        return takes(self.extent)

    @property
    def moment_bytes(self) -> int:
        """The bytes that :meth:`moment_sums` needs per segment."""
        height, width = sorted(self.extent, reverse=True)
        return 8 * (height * width + second_sums(height, width))

    def moment_sums(self, segments: torch.Tensor) -> MomentSums:
        """Return the sums behind batch statistics for each segment (n, 1, frequency, time).

        The sums of a batch are those of its segments, added up.
        """
        passes = self._passes(segments)
        values, (height, width) = _upright(_rounded(segments[:, 0], self.precision), self.extent)
        parts = []
        together = _TOGETHER["cpu" if values.device.type == "cpu" else "card"]
        for chunk in values.split(together):
            lags = passes.lags(chunk, height, width)
            with _one_thread():
                parts.append(segment_sums(chunk, lags, height, width))
        return MomentSums(
            torch.cat([part.first for part in parts]), torch.cat([part.second for part in parts])
        )

    def forward(self, segments: torch.Tensor, sums: MomentSums | None = None) -> torch.Tensor:
        """Return the scores (n, classes) of segments (n, 1, frequency, time).

        ``sums`` are those of :meth:`moment_sums` over all of ``segments``, without the axis of
        segments; in training they are computed here if none are given.

        Raises
        ------
        RuntimeError
            If a gradient with respect to ``segments`` is needed, which a pass does not compute.
        ValueError
            For more than one channel; in training, for a batch of a single position, as with
            ``BatchNorm2d``.
        """
        if segments.dim() != 4 or segments.shape[1] != 1:
            raise ValueError(
                f"segments must be (n, 1, frequency, time), got shape {tuple(segments.shape)}"
            )
        if not len(segments):
            return super().forward(segments)
        if segments.requires_grad and torch.is_grad_enabled():
            raise RuntimeError(
                "the single pass computes no gradient of its input; use ReferenceProbe for that"
            )
        if self.training and segments.numel() == 1:
            raise ValueError("a batch of one position has no variance to train with")
        values = _rounded(segments[:, 0], self.precision)
        return self.linear(self._pooled(values, self._passes(segments), sums))

    def _passes(self, segments: torch.Tensor) -> Pass:
        if self.passes is not None:
            return self.passes
        device = segments.device
        if device not in self._by_device:
            self._by_device[device] = passes_for(device, bf16=self.precision == "bf16")
        return self._by_device[device]

    def _pooled(
        self, segments: torch.Tensor, passes: Pass, sums: MomentSums | None
    ) -> torch.Tensor:
        """Return the mean over all positions of the ReLU's output, shape (n, filters)."""
        weight, norm = spread_weight(self.conv.weight[:, 0], self.conv.dilation), self.norm
        scale, shift = norm.weight, norm.bias
        if not self.training:
            mean = cast(torch.Tensor, norm.running_mean)
            variance = cast(torch.Tensor, norm.running_var)
            deviation = (variance + norm.eps).sqrt()
            if self.conv.bias is not None:
                mean = mean - self.conv.bias
            alpha = scale / deviation
            delta = shift - alpha * mean
            if not torch.is_grad_enabled():
                scaled = _rounded(alpha[:, None, None] * weight, self.precision)
                return passes.evaluate(segments, scaled, delta) / segments[0].numel()
            return _FixedNorm.apply(segments, weight, alpha, delta, self.precision, passes)
        moments = self._moments(segments, passes, sums)
        pooled, mean, variance = _BatchNorm.apply(
            segments, weight, scale, shift, moments, norm.eps, self.precision, passes
        )
        if self.conv.bias is not None:
            mean = mean + self.conv.bias
            # It cancels and its gradient is 0, but an optimiser needs one to decay its weight.
            pooled = pooled + 0 * self.conv.bias
        _track(norm, mean, variance, segments.numel())
        return pooled

    def _moments(
        self, segments: torch.Tensor, passes: Pass, sums: MomentSums | None
    ) -> PatchMoments:
        """Return the moments of the patches of a batch."""
        turned = self.extent[0] < self.extent[1]
        if sums is not None:
            with _one_thread():
                return moments_of(sums.first, sums.second, segments.numel(), turned=turned)
        values, (height, width) = _upright(segments, self.extent)
        lags = passes.lags(values, height, width)
        with _one_thread():
            found = batch_sums(values, lags, height, width)
            return moments_of(found.first[0], found.second[0], segments.numel(), turned=turned)


def passes_for(
    device: torch.device,
    tile: int | None = None,
    *,
    bf16: bool = False,
    on_card: bool | None = None,
) -> Pass:
    """Return the fastest kernels that are available for a device, else plain operators.

    Parameters
    ----------
    tile
        Segments processed together; None: chosen by device.
    bf16
        Whether segments and filters will contain only bfloat16 values.
    on_card
        Whether to take a card's kernels; None: on a CUDA device.
    """
    if device.type == "cuda" or on_card:
        return _passes_for_card(device, tile, bf16)
    if device.type == "cpu":
        with suppress(ImportError):  # no numba for this platform
            from ablation.models.probe.kernels.passes import CompiledPass

            return CompiledPass(tile, bf16=bf16)
    return PortablePass(tile)


def _passes_for_card(device: torch.device, tile: int | None, bf16: bool) -> Pass:
    # tf32 and bfloat16 products, of which the kernels are made, came with Ampere.
    if device.type != "cuda" or torch.cuda.get_device_capability(device) >= (8, 0):
        with suppress(ImportError):  # only torch's CUDA builds for Linux come with Triton
            from ablation.models.probe.cuda.passes import FusedPass, can_launch

            if can_launch():
                return FusedPass(tile, bf16=bf16)
    return PortablePass(tile)


def _rounded(values: torch.Tensor, precision: str) -> torch.Tensor:
    return values.bfloat16().to(values.dtype) if precision == "bf16" else values


def spread_weight(weight: torch.Tensor, dilation: tuple[int, ...]) -> torch.Tensor:
    """Return filters (filters, height, width) with zeros between their values, for dilation.

    A pass multiplies the zeros too, which is wasteful but exact; autograd drops their gradient.
    """
    down, along = dilation
    if (down, along) == (1, 1):
        return weight
    filters, height, width = weight.shape
    wide = weight.new_zeros(filters, (height - 1) * down + 1, (width - 1) * along + 1)
    wide[:, ::down, ::along] = weight
    return wide


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run the operators of this block on the calling thread only.

    They are many and small: if other processes use the cores, waiting for threads would take far
    longer than the work itself; and no sum's rounding depends on the number of threads.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _upright(
    segments: torch.Tensor, extent: tuple[int, int]
) -> tuple[torch.Tensor, tuple[int, int]]:
    """Return segments and extent, transposed if that puts the filter's longer side in the rows."""
    height, width = extent
    return (segments, extent) if height >= width else (segments.mT, (width, height))


@torch.no_grad()
def _track(
    norm: nn.BatchNorm2d, mean: torch.Tensor, variance: torch.Tensor, positions: int
) -> None:
    """Update the running statistics as ``BatchNorm2d`` does, with the unbiased variance."""
    seen = cast(torch.Tensor, norm.num_batches_tracked).add_(1)
    momentum = 1 / float(seen) if norm.momentum is None else norm.momentum
    unbiased = variance * (positions / (positions - 1))
    for kept, new in ((norm.running_mean, mean), (norm.running_var, unbiased)):
        running = cast(torch.Tensor, kept)
        running.lerp_(new.to(running.dtype), momentum)


class _BatchNorm(torch.autograd.Function):
    """Computes convolution, batch norm by the batch's statistics, ReLU and mean over positions."""

    @staticmethod
    def forward(
        ctx: Any,
        segments: torch.Tensor,
        weight: torch.Tensor,
        scale: torch.Tensor,
        shift: torch.Tensor,
        moments: PatchMoments,
        eps: float,
        precision: str,
        passes: Pass,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return pooled features (n, filters), and mean and biased variance of the convolution."""
        w = weight.double().flatten(1)
        mean = w @ moments.mean
        spread = w @ moments.covariance  # (filters, d)
        variance = (spread * w).sum(1).clamp(min=0)  # rounding may make it negative
        deviation = (variance + eps).sqrt()
        alpha = scale.double() / deviation
        delta = shift.double() - alpha * mean
        scaled = _rounded((alpha[:, None, None] * weight.double()).to(weight.dtype), precision)
        sums = passes.train(segments, scaled, delta.to(weight.dtype))
        ctx.save_for_backward(weight, scale, sums.active)
        ctx.parts = (moments, mean, spread, deviation, sums.patches)
        ctx.positions = segments.shape[1] * segments.shape[2]
        ctx.mark_non_differentiable(mean, variance)
        return sums.relu / ctx.positions, mean, variance

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        weight, scale, active = ctx.saved_tensors
        moments, mean, spread, deviation, patches = ctx.parts
        g = gradients[0].double() / ctx.positions
        with _one_thread():
            through = patches.weighted(g).flatten(1)  # M of docs/explanation/single_pass.md
        total = (g * active).sum(0)  # T
        centred = (weight.double().flatten(1) * through).sum(1) - mean * total  # Z - mean T
        alpha = scale.double() / deviation
        by_weight = alpha[:, None] * (through - total[:, None] * moments.mean)
        by_weight -= (alpha * centred / deviation.square())[:, None] * spread
        return (
            None,
            by_weight.view_as(weight).to(weight.dtype),
            (centred / deviation).to(scale.dtype),
            total.to(scale.dtype),
            *[None] * 4,
        )


class _FixedNorm(torch.autograd.Function):
    """Computes the same as :class:`_BatchNorm`, but with a given affine map."""

    @staticmethod
    def forward(
        ctx: Any,
        segments: torch.Tensor,
        weight: torch.Tensor,
        alpha: torch.Tensor,
        delta: torch.Tensor,
        precision: str,
        passes: Pass,
    ) -> torch.Tensor:
        scaled = _rounded(alpha[:, None, None] * weight, precision)
        positions = segments.shape[1] * segments.shape[2]
        sums = passes.train(segments, scaled, delta)
        ctx.save_for_backward(weight, alpha, sums.active)
        ctx.patches, ctx.positions = sums.patches, positions
        return sums.relu / positions

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        weight, alpha, active = ctx.saved_tensors
        g = gradients[0].double() / ctx.positions
        with _one_thread():
            through = ctx.patches.weighted(g)
        by_alpha = (weight.double() * through).sum((1, 2))
        return (
            None,
            (alpha.double()[:, None, None] * through).to(weight.dtype),
            by_alpha.to(alpha.dtype),
            (g * active).sum(0).to(alpha.dtype),
            None,
            None,
        )
