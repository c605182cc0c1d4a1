"""Augmentation of training segments: gain, shift, warp and masks.

Masks follow Park et al., *SpecAugment* (Interspeech 2019); the frequency axis is stretched as by a
vocal tract of another length, after Jaitly & Hinton (ICML workshop 2013).
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from ablation.study import AugmentSpec


def draw(
    spec: AugmentSpec, sizes: Sequence[int], random: torch.Generator, device: torch.device
) -> list[torch.Tensor]:
    """Return the draws for batches of ``sizes`` segments, each of shape (draws per segment, n).

    All are drawn on the CPU, uniformly in 0..1, and copied to the device at once.
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
    """Return how many numbers a segment needs: one for gain, three for warps, two per mask."""
    masks = spec.masks * sum(share > 0 for _, share in _masked_axes(spec))
    return bool(spec.gain_db) + 3 * spec.warped + 2 * masks


def gains(spec: AugmentSpec, draws: torch.Tensor) -> torch.Tensor | None:
    """Return a gain in dB for each segment, or None if the study asks for none."""
    return _symmetric(draws[0]) * spec.gain_db if spec.gain_db else None


def augment(batch: torch.Tensor, spec: AugmentSpec, draws: torch.Tensor) -> torch.Tensor:
    """Return ``batch`` (n, 1, H, W) warped, shifted and masked; unknown values are 0.

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
    """Resample both axes at once: frequency is stretched from 0 Hz, time about the middle."""
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
    """Return the centres of ``length`` equal parts of -1..1."""
    return (2 * torch.arange(length, device=device) + 1) / length - 1


def _mask(batch: torch.Tensor, axis: int, share: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Set a run of ``share`` (0..1) of ``axis`` to 0, at ``at`` (0..1) of each segment."""
    n, length = len(batch), batch.shape[axis]
    width = share * length
    start = at * (length - width)
    place = torch.arange(length, device=batch.device)
    covered = (place >= start[:, None]) & (place < (start + width)[:, None])
    shape = [n, 1, 1, 1]
    shape[axis] = length
    return batch.masked_fill(covered.view(shape), 0)


def _symmetric(uniform: torch.Tensor) -> torch.Tensor:
    """Map 0..1 to -1..1."""
    return 2 * uniform - 1
