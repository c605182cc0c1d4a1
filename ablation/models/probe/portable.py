"""The pass in plain PyTorch operators, for any device on which kernels cannot be compiled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from ablation.models.probe.reference import same_padding
from ablation.models.probe.sums import Sums

_TILE = 8  # segments, except on a CPU; a library's rounding may depend on their number

Parts = tuple[torch.Tensor, ...]
Work = Callable[[torch.Tensor], Parts]


@dataclass(frozen=True)
class Patches:
    """Patch sums of shape (n, filters, height, width).

    ``missing``, (n, filters), is to be added to each of their values; None: nothing.
    """

    values: torch.Tensor
    missing: torch.Tensor | None = None

    def weighted(self, weights: torch.Tensor) -> torch.Tensor:
        total = torch.einsum("nk,nkhw->khw", weights.double(), self.values.double())
        if self.missing is not None:
            total += (weights.double() * self.missing.double()).sum(0)[:, None, None]
        return total


class PortablePass:
    """A pass that takes a tile of segments at a time, so that only a tile's scores are in memory.

    Parameters
    ----------
    tile
        Segments per tile; None: one on a CPU, so that it stays in the cache, elsewhere a few.
        Halved if the memory does not suffice. On a CPU it does not change the results.
    """

    def __init__(self, tile: int | None = None) -> None:
        self.tile = tile

    def train(self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor) -> Sums:
        def sums(padded: torch.Tensor) -> tuple[torch.Tensor, ...]:
            score = functional.conv2d(padded, weight[:, None]).add_(delta[:, None, None])
            mask = (score > 0).to(score.dtype)
            relu = score.clamp_(min=0).sum((2, 3))
            return relu, mask.sum((2, 3)), _patch_sums(padded, mask, weight.shape)

        relu, active, patches = self._in_tiles(_padding(sums, weight), segments)
        return Sums(relu, active, Patches(patches))

    def evaluate(
        self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor
    ) -> torch.Tensor:
        def sums(padded: torch.Tensor) -> tuple[torch.Tensor, ...]:
            score = functional.conv2d(padded, weight[:, None]).add_(delta[:, None, None])
            return (score.clamp_(min=0).sum((2, 3)),)

        return self._in_tiles(_padding(sums, weight), segments)[0]

    def lags(self, segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
        size = (segments.shape[1] + height - 1, segments.shape[2] + width - 1)

        def lags(part: torch.Tensor) -> tuple[torch.Tensor, ...]:
            spectrum = torch.fft.rfft2(part.double(), size)
            around = torch.fft.irfft2(spectrum.abs().square(), size)[:, :height]
            return (torch.cat([around[:, :, size[1] - width + 1 :], around[:, :, :width]], 2),)

        return self._in_tiles(lambda tile: _together(lags, tile), segments)[0]

    def _in_tiles(self, work: Work, segments: torch.Tensor) -> list[torch.Tensor]:
        return in_tiles(self, work, 1 if segments.device.type == "cpu" else _TILE, segments)


class Tiled(Protocol):
    """An object with a tile, which is halved for good if the memory does not suffice."""

    tile: int | None


def in_tiles(
    owner: Tiled, work: Callable[..., Parts], most: int, *given: torch.Tensor
) -> list[torch.Tensor]:
    """Apply ``work`` to tiles of what is ``given`` for each segment, and concatenate the results.

    A tile is ``owner.tile`` segments, or ``most`` if that is None.

    Raises
    ------
    torch.OutOfMemoryError, MemoryError
        If the memory does not suffice even for one segment.
    """
    tile = owner.tile or most
    while True:
        try:
            tiles = zip(*(values.split(tile) for values in given), strict=True)
            parts = [work(*part) for part in tiles]
        except (torch.OutOfMemoryError, MemoryError):
            if tile == 1:
                raise
            tile //= 2
            owner.tile = tile  # for later calls too
        else:
            return [torch.cat(group) for group in zip(*parts, strict=True)]


def _padding(work: Work, weight: torch.Tensor) -> Work:
    """Return ``work`` on a tile that is first padded and given a channel axis."""
    pad = same_padding(*weight.shape[1:])
    return lambda tile: _together(work, functional.pad(tile[:, None], pad))


def _together(work: Work, tile: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Apply ``work`` to a tile; on a CPU segment by segment.

    There the rounding of an operator depends on how many segments it is given.
    """
    if tile.device.type != "cpu":
        return work(tile)
    parts = [work(segment) for segment in tile.split(1)]
    return tuple(torch.cat(group) for group in zip(*parts, strict=True))


def _patch_sums(padded: torch.Tensor, mask: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Return sums of patches where ``mask`` (n, filters, rows, columns) is 1.

    The result is (n, filters, height, width): the gradient of a convolution with respect to its
    filters, with each segment as a group of its own.
    """
    filters, height, width = shape
    n = len(padded)
    return conv2d_weight(
        padded.transpose(0, 1),
        [n * filters, 1, height, width],
        mask.flatten(0, 1)[None],
        groups=n,
    ).view(n, filters, height, width)
