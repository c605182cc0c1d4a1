"""The convolution by Fourier transforms is torch's convolution."""

import math
import warnings

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation.training.baselines.fourier_convolution import fourier_convolution

EXTENT, TAPS, FEW = st.integers(1, 23), st.integers(1, 9), st.integers(1, 3)


def _both(
    maps: torch.Tensor, weight: torch.Tensor
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Outputs and gradients: ours of the given type, torch's in float64."""
    found = []
    for convolve, dtype in ((fourier_convolution, maps.dtype), (_torchs, torch.float64)):
        given = [tensor.to(dtype).requires_grad_() for tensor in (maps.clone(), weight.clone())]
        outputs = convolve(*given)
        random = torch.Generator().manual_seed(1)
        above = torch.randn(outputs.shape, generator=random, dtype=torch.float64)
        gradients = torch.autograd.grad(outputs, given, above.to(dtype))
        found.append([outputs.detach(), *gradients])
    return found[0], found[1]


def _torchs(maps: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    with warnings.catch_warnings():  # an even kernel costs it a copy
        warnings.simplefilter("ignore", UserWarning)
        return torch.nn.functional.conv2d(maps, weight, padding="same")


@settings(max_examples=60, deadline=None)
@given(n=FEW, channels=FEW, filters=FEW, height=EXTENT, width=EXTENT, tall=TAPS, wide=TAPS)
def test_outputs_and_gradients_are_those_of_conv2d(
    n: int, channels: int, filters: int, height: int, width: int, tall: int, wide: int
) -> None:
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(n, channels, height, width, generator=random, dtype=torch.float64)
    weight = torch.randn(filters, channels, tall, wide, generator=random, dtype=torch.float64)
    for ours, torchs in zip(*_both(maps, weight), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=0, atol=1e-11)


def test_float32_loses_no_more_than_the_transforms_rounding() -> None:
    """An error is at most a few units in the last place for each halving, of the whole's norm."""
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 16, 150, 100, generator=random)
    weight = torch.randn(24, 16, 8, 12, generator=random)
    halvings = math.log2(160 * 108)
    for ours, torchs in zip(*_both(maps, weight), strict=True):
        scale = float(torchs.abs().max())
        error = float((ours.double() - torchs).abs().max())
        assert error <= 4 * halvings * 2**-24 * scale
