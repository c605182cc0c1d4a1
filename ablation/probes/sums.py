"""What a pass over the positions of a batch gives, and who can make one."""

from dataclasses import dataclass
from typing import Protocol

import torch


class PatchSums(Protocol):
    """Sums of the patches under which a filter is active, for every segment and filter."""

    def weighted(self, weights: torch.Tensor) -> torch.Tensor:
        """Their sum over segments, weighted by ``weights`` (n, filters).

        Returns float64 of shape (filters, height, width).
        """
        ...


@dataclass(frozen=True)
class Sums:
    """Of each segment and filter, over all positions.

    Attributes
    ----------
    relu
        Sum of max(0, score), shape (n, filters).
    active
        Number of positions whose score is positive, shape (n, filters).
    patches
        Sums of the patches at those positions.
    """

    relu: torch.Tensor
    active: torch.Tensor
    patches: PatchSums


class Pass(Protocol):
    """A way to go once over all positions; all ways give the same numbers up to rounding.

    ``segments`` have the shape (n, rows, columns) and are zero-padded to keep their size; scores
    are ``weight`` (filters, height, width) correlated with them, plus ``delta`` (filters,).
    """

    def train(self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor) -> Sums:
        """All sums."""
        ...

    def evaluate(
        self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor
    ) -> torch.Tensor:
        """The sum of max(0, score) alone, shape (n, filters)."""
        ...

    def lags(self, segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Autocorrelations of each segment, as ``moments.batch_sums`` takes them."""
        ...
