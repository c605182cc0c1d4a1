"""The sums behind batch statistics, kept for every training segment of a cell.

A segment that is not augmented is the same in every epoch, and so are its sums: they are computed
when it is first used, and each step adds up those of its batch. Whether they are kept depends on
the cell alone, so that its bits do not depend on the machine or on other cells.
"""

from typing import Self, cast

import torch
from torch import nn

from ablation.features.batches import Batch
from ablation.models.probe import SinglePassProbe
from ablation.models.probe.moments import MomentSums
from ablation.study import AugmentSpec

# The most that is kept by a worker on the CPU, and for a cell on a card: beyond that, a batch's
# sums are computed in every step.
MOST_BYTES = {"cpu": 512 << 20, "card": 4 << 30}

_TOGETHER = 64  # segments of a group whose sums a card computes at once


class SegmentMoments:
    """The sums of a cell's training segments.

    Parameters
    ----------
    probe
        Computes the sums.
    segments
        The number of training segments.
    """

    def __init__(self, probe: SinglePassProbe, segments: int) -> None:
        self.probe = probe
        self.known = torch.zeros(segments, dtype=torch.bool)
        self.sums: MomentSums | None = None

    @classmethod
    def of(
        cls, model: nn.Module, segments: int, augment: AugmentSpec, *, on_card: bool
    ) -> Self | None:
        """Return the moments for a model that uses them and has room for them; else None."""
        if kept_bytes(model, segments, augment, on_card=on_card):
            return cls(cast(SinglePassProbe, model), segments)
        return None

    @torch.no_grad()
    def total(self, batch: Batch) -> MomentSums:
        """Return the sums over all segments of ``batch``."""
        missing = (~self.known[batch.places]).nonzero().flatten()
        kept = self.sums
        if kept is None or len(missing):
            kept = self._made(batch, missing)
        return MomentSums(_added(kept.first, batch), _added(kept.second, batch))

    def _made(self, batch: Batch, missing: torch.Tensor) -> MomentSums:
        """Compute the sums of the batch's segments at ``missing``; return all that are kept."""
        numbers, segments = batch.numbers, batch.segments
        if len(missing) < len(numbers):
            chosen = missing.to(numbers.device)
            numbers, segments = numbers[chosen], segments[chosen]
        made = self.probe.moment_sums(segments)
        if self.sums is None:
            self.sums = MomentSums(*(_room(len(self.known), v) for v in (made.first, made.second)))
        self.sums.first[numbers] = made.first
        self.sums.second[numbers] = made.second
        self.known[batch.places[missing]] = True
        return self.sums


@torch.no_grad()
def moment_rows(probe: SinglePassProbe, segments: torch.Tensor) -> torch.Tensor:
    """Return the sums of segments (n, 1, height, width), float64, one after the other: (n, size).

    A library's rounding may depend on how many it is given: so it is always the same number.
    """
    together = 1 if segments.device.type == "cpu" else _TOGETHER
    parts = []
    for part in segments.split(together):
        filled = torch.cat([part, part[:1].expand(together - len(part), -1, -1, -1)])
        sums = probe.moment_sums(filled)
        rows = torch.cat([sums.first.flatten(1), sums.second.flatten(1)], 1)
        parts.append(rows[: len(part)])
    return torch.cat(parts)


def kept_bytes(model: nn.Module, segments: int, augment: AugmentSpec, *, on_card: bool) -> int:
    """Return the bytes that are kept for so many segments; 0 if none are."""
    if not isinstance(model, SinglePassProbe) or augment.used:
        return 0
    size = segments * model.moment_bytes
    return size if size <= MOST_BYTES["card" if on_card else "cpu"] else 0


def _room(segments: int, values: torch.Tensor) -> torch.Tensor:
    return values.new_empty((segments, *values.shape[1:]))


def _added(values: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return the sum of the rows of the batch's segments, added in their order."""
    if values.device.type != "cpu":
        return values[batch.numbers].sum(0)
    total = torch.zeros_like(values[0])
    for number in batch.places.tolist():  # five times as fast as gathering the rows first
        total += values[number]
    return total
