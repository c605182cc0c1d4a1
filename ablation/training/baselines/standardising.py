"""Standardised rows of arrays: zero mean and unit variance over all training frames."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Standardiser:
    """The mean and standard deviation of each row, shape (rows, 1), float32."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, arrays: Iterable[np.ndarray]) -> "Standardiser":
        """Return that of training utterances, each of shape (rows, frames).

        A row that never changes has the deviation 1.
        """
        n, total, squares = 0, np.float64(0), np.float64(0)
        for array in arrays:
            values = array.astype(np.float64)
            n += values.shape[1]
            total = total + values.sum(axis=1)
            squares = squares + (values**2).sum(axis=1)
        mean = np.atleast_1d(total / n)
        deviation = np.sqrt(np.maximum(0, squares / n - mean**2))
        deviation[deviation <= 1e-6 * np.maximum(1, np.abs(mean))] = 1
        return cls(mean[:, None].astype(np.float32), deviation[:, None].astype(np.float32))

    def apply(self, array: np.ndarray) -> np.ndarray:
        """Return (rows, frames) standardised, float32."""
        return (array - self.mean) / self.deviation
