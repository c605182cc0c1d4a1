"""Random changes of training segments: louder, moved, stretched, partly covered.

Masks after Park et al., *SpecAugment* (Interspeech 2019); the frequency axis stretched as by
another vocal tract's length after Jaitly & Hinton (ICML workshop 2013).
"""

import math

import torch
from torch.nn import functional

from ablation.study import AugmentSpec


def draw_gains(spec: AugmentSpec, segments: int, random: torch.Generator) -> list[float] | None:
    """A gain in dB for each segment, or None when the study wants none."""
    if spec.gain_db == 0:
        return None
    return (_symmetric(segments, random) * spec.gain_db).tolist()


def augment(batch: torch.Tensor, spec: AugmentSpec, random: torch.Generator) -> torch.Tensor:
    """``batch`` (n, 1, H, W) warped, moved and masked; 0 stands where nothing is known.

    All draws are made on the CPU, from ``random``, whatever the batch's device.
    """
    if spec.frequency_warp or spec.time_warp or spec.time_shift:
        batch = _warp(batch, spec, random)
    for axis, share in ((2, spec.frequency_mask), (3, spec.time_mask)):
        for _ in range(spec.masks if share else 0):
            batch = _mask(batch, axis, share, random)
    return batch


def _warp(batch: torch.Tensor, spec: AugmentSpec, random: torch.Generator) -> torch.Tensor:
    """Both axes resampled in one go: the frequency axis from 0 Hz on, time about the middle."""
    n = len(batch)
    frequency, time = (
        torch.exp(_symmetric(n, random) * math.log1p(share))
        for share in (spec.frequency_warp, spec.time_warp)
    )
    # Coordinates run from -1 to 1, so a shift by the whole segment is one of 2.
    shift = _symmetric(n, random) * 2 * spec.time_shift
    rows, columns = (_centres(length) for length in batch.shape[2:])
    down = frequency[:, None] * (rows + 1) - 1
    across = time[:, None] * columns + shift[:, None]
    size = (n, len(rows), len(columns))
    grid = torch.stack([across[:, None, :].expand(size), down[:, :, None].expand(size)], dim=3)
    return functional.grid_sample(batch, grid.to(batch.device), align_corners=False)


def _centres(length: int) -> torch.Tensor:
    """Where the middles of ``length`` equal parts of -1..1 lie."""
    return (2 * torch.arange(length) + 1) / length - 1


def _mask(batch: torch.Tensor, axis: int, share: float, random: torch.Generator) -> torch.Tensor:
    """A run of up to ``share`` of ``axis`` set to 0, another for each segment."""
    n, length = len(batch), batch.shape[axis]
    width = torch.rand(n, generator=random) * share * length
    start = torch.rand(n, generator=random) * (length - width)
    place = torch.arange(length)
    covered = (place >= start[:, None]) & (place < (start + width)[:, None])
    shape = [n, 1, 1, 1]
    shape[axis] = length
    return batch.masked_fill(covered.view(shape).to(batch.device), 0)


def _symmetric(n: int, random: torch.Generator) -> torch.Tensor:
    """Uniform in -1..1, shape (n,)."""
    return 2 * torch.rand(n, generator=random) - 1
