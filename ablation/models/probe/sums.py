"""The interface of a pass over the positions of a batch, and the sums that it returns."""

from dataclasses import dataclass
from typing import Protocol

import torch


class PatchSums(Protocol):
    """The sums of the patches at which a filter is active, for every segment and filter."""

    def weighted(self, weights: torch.Tensor) -> torch.Tensor:
        """Return their sum over segments, weighted by ``weights`` (n, filters).

        The result is float64 of shape (filters, height, width).
        """
        ...


@dataclass(frozen=True)
class Sums:
    """The sums over all positions, for each segment and filter.

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
    """A way to go once over all positions; all of them agree up to rounding.

    ``segments`` have the shape (n, rows, columns) and are zero-padded to keep their size; scores
    are ``weight`` (filters, height, width) correlated with them, plus ``delta`` (filters,).
    """

    def train(self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor) -> Sums:
        """Return all sums."""
        ...

    def evaluate(
        self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor
    ) -> torch.Tensor:
        """Return the sum of max(0, score) only, shape (n, filters)."""
        ...

    def lags(self, segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Return the autocorrelations of each segment, as ``moments.batch_sums`` takes them."""
        ...
