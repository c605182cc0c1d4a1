"""A convolution by Fourier transforms: on a CPU, faster than sums over large kernels."""

import math
from typing import Any

import torch
from scipy.fft import next_fast_len
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ablation.device import CPU


def fourier_convolution(maps: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return what ``torch.nn.functional.conv2d(maps, weight, padding="same")`` returns.

    The operations for an output do not depend on the kernel's size. Rounding differs: errors are
    of the order of the largest output's, not of each one's.

    Parameters
    ----------
    maps
        Shape (n, channels, height, width).
    weight
        Shape (filters, channels, kernel height, kernel width).
    """
    return _FourierConvolution.apply(maps, weight)  # type: ignore[no-untyped-call]


class SameConvolution(nn.Conv2d):
    """A convolution that leaves the size of maps; by Fourier transforms on a CPU."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return maps (n, filters, height, width) of maps (n, channels, height, width)."""
        if input.device.type != CPU:
            height, width = self.kernel_size
            sides = ((width - 1) // 2, width // 2, (height - 1) // 2, height // 2)
            return super().forward(functional.pad(input, sides))
        maps = fourier_convolution(input, self.weight).to(memory_format=torch.channels_last)
        return maps if self.bias is None else maps + self.bias[:, None, None]


class _FourierConvolution(torch.autograd.Function):
    """With N the transform's size: Y(f) = X(f) W(f), W(f) = sum of w(k) exp(2 pi i f (k - c) / N).

    The kernel's centre c is where "same" puts it. Spectra are (frequencies, n, channels), so that
    each frequency is a product of matrices.
    """

    @staticmethod
    def forward(ctx: Any, maps: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        spectra, kernels = _spectra(maps, weight.shape), _kernel_spectra(weight, maps)
        ctx.save_for_backward(maps, spectra, kernels)
        ctx.kernel = weight.shape
        return _values(torch.bmm(spectra, kernels), maps, weight.shape)

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        maps, spectra, kernels = ctx.saved_tensors
        errors = _spectra(gradients[0], ctx.kernel)
        products = torch.bmm(spectra.mT, errors.conj())
        of_maps = None
        if ctx.needs_input_grad[0]:
            of_maps = _values(torch.bmm(errors, kernels.mH), maps, ctx.kernel)
        return of_maps, _kernel_values(products, maps, ctx.kernel)


def _size(maps: torch.Tensor, kernel: torch.Size) -> tuple[int, int]:
    """The transform's size: what reaches beyond an edge must not come back at the other."""
    height: int = next_fast_len(maps.shape[2] + kernel[2] // 2, real=True)  # type: ignore[assignment]
    width: int = next_fast_len(maps.shape[3] + kernel[3] // 2, real=True)  # type: ignore[assignment]
    return height, width


def _spectra(maps: torch.Tensor, kernel: torch.Size) -> torch.Tensor:
    """(n, channels, height, width) -> (frequencies, n, channels)."""
    spectra = torch.fft.rfft2(maps, _size(maps, kernel))
    return spectra.flatten(2).permute(2, 0, 1).contiguous()


def _values(spectra: torch.Tensor, maps: torch.Tensor, kernel: torch.Size) -> torch.Tensor:
    """(frequencies, n, channels) -> (n, channels, height, width)."""
    height, width = size = _size(maps, kernel)
    by_channel = spectra.permute(1, 2, 0).unflatten(2, (height, width // 2 + 1)).contiguous()
    return torch.fft.irfft2(by_channel, size)[..., : maps.shape[2], : maps.shape[3]]


def _kernel_spectra(weight: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """(filters, channels, height, width) -> (frequencies, channels, filters)."""
    filters, channels, *_ = weight.shape
    down, across = _waves(maps, weight.shape)
    taps = weight.permute(2, 3, 1, 0).flatten(2).to(across.dtype)
    return (down @ (across @ taps).flatten(1)).view(-1, channels, filters)


def _kernel_values(products: torch.Tensor, maps: torch.Tensor, kernel: torch.Size) -> torch.Tensor:
    """(frequencies, channels, filters) -> (filters, channels, height, width), of gradients."""
    filters, channels, *taps = kernel
    size = height, width = _size(maps, kernel)
    down, across = _waves(maps, kernel)
    # Half of the frequencies stand for the other half too, except the first and, of an even width,
    # the last.
    weights = torch.full((width // 2 + 1,), 2.0 / math.prod(size), dtype=maps.dtype)
    weights[0 :: max(1, width // 2)][: 2 - width % 2] /= 2
    by_row = (down.mT @ products.view(height, -1)).view(taps[0], len(weights), -1)
    values = (across.mT * weights) @ by_row
    return values.real.view(*taps, channels, filters).permute(3, 2, 0, 1)


def _waves(maps: torch.Tensor, kernel: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
    """exp(2 pi i f (k - c) / N), (frequencies, kernel), down and across."""
    height, width = _size(maps, kernel)
    return _wave(height, height, kernel[2], maps), _wave(width // 2 + 1, width, kernel[3], maps)


def _wave(frequencies: int, size: int, taps: int, maps: torch.Tensor) -> torch.Tensor:
    turns = torch.arange(frequencies)[:, None] * (torch.arange(taps) - (taps - 1) // 2) % size
    angles = turns.to(maps) * (2 * math.pi / size)
    return torch.polar(torch.ones_like(angles), angles)
