"""Random changes of training segments: louder, moved, stretched, partly covered.

Masks after Park et al., *SpecAugment* (Interspeech 2019); the frequency axis stretched as by
another vocal tract's length after Jaitly & Hinton (ICML workshop 2013).
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from ablation.study import AugmentSpec


def draw(
    spec: AugmentSpec, sizes: Sequence[int], random: torch.Generator, device: torch.device
) -> list[torch.Tensor]:
    """What batches of ``sizes`` segments are changed by, each of shape (numbers a segment, n).

    All is drawn on the CPU, uniformly in 0..1, and brought to the device in one go.
    """
    rows = _numbers(spec)
    drawn = [
        torch.stack([torch.rand(n, generator=random) for _ in range(rows)])
        if rows
        else torch.empty(0, n)
        for n in sizes
    ]
    return list(torch.cat(drawn, 1).to(device).split(list(sizes), 1))


def _numbers(spec: AugmentSpec) -> int:
    """How many numbers are drawn for a segment: its gain, three for warping, two a mask."""
    masks = spec.masks * sum(share > 0 for _, share in _masked_axes(spec))
    return bool(spec.gain_db) + 3 * spec.warped + 2 * masks


def gains(spec: AugmentSpec, draws: torch.Tensor) -> torch.Tensor | None:
    """A gain in dB for each segment, or None when the study wants none."""
    return _symmetric(draws[0]) * spec.gain_db if spec.gain_db else None


def augment(batch: torch.Tensor, spec: AugmentSpec, draws: torch.Tensor) -> torch.Tensor:
    """``batch`` (n, 1, H, W) warped, moved and masked; 0 stands where nothing is known.

    Gains are not applied here: they come before normalisation.
    """
    rows = iter(draws[bool(spec.gain_db) :])
    if spec.warped:
        batch = _warp(batch, spec, rows)
    for axis, share in _masked_axes(spec):
        for _ in range(spec.masks if share else 0):
            batch = _mask(batch, axis, next(rows) * share, next(rows))
    return batch


def _masked_axes(spec: AugmentSpec) -> tuple[tuple[int, float], tuple[int, float]]:
    return (2, spec.frequency_mask), (3, spec.time_mask)


def _warp(batch: torch.Tensor, spec: AugmentSpec, draws: Iterator[torch.Tensor]) -> torch.Tensor:
    """Both axes resampled in one go: the frequency axis from 0 Hz on, time about the middle."""
    frequency, time = (
        torch.exp(_symmetric(next(draws)) * math.log1p(share))
        for share in (spec.frequency_warp, spec.time_warp)
    )
    # Coordinates run from -1 to 1, so a shift by the whole segment is one of 2.
    shift = _symmetric(next(draws)) * 2 * spec.time_shift
    rows, columns = (_centres(length, batch.device) for length in batch.shape[2:])
    down = frequency[:, None] * (rows + 1) - 1
    across = time[:, None] * columns + shift[:, None]
    size = (len(batch), len(rows), len(columns))
    grid = torch.stack([across[:, None, :].expand(size), down[:, :, None].expand(size)], dim=3)
    return functional.grid_sample(batch, grid, align_corners=False)


def _centres(length: int, device: torch.device) -> torch.Tensor:
    """Where the middles of ``length`` equal parts of -1..1 lie."""
    return (2 * torch.arange(length, device=device) + 1) / length - 1


def _mask(batch: torch.Tensor, axis: int, share: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """A run of ``share`` (0..1) of ``axis`` set to 0, another for each segment."""
    n, length = len(batch), batch.shape[axis]
    width = share * length
    start = at * (length - width)
    place = torch.arange(length, device=batch.device)
    covered = (place >= start[:, None]) & (place < (start + width)[:, None])
    shape = [n, 1, 1, 1]
    shape[axis] = length
    return batch.masked_fill(covered.view(shape), 0)


def _symmetric(uniform: torch.Tensor) -> torch.Tensor:
    """From 0..1 to -1..1."""
    return 2 * uniform - 1
