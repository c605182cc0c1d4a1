"""Extreme learning machines: a fixed hidden layer or kernel, and least squares on one-hot targets.

Features are standardised on the training utterances first.
"""

from typing import Protocol

import numpy as np
import torch
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import StandardScaler

from ablation.training.seeds import generator


class Elm(Protocol):
    """A machine that gives utterances scores."""

    def fit(self, features: np.ndarray, labels: np.ndarray, classes: int) -> "Elm":
        """Fit to features of shape (n, dimension) and class indices."""
        ...

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return scores of shape (n, classes)."""
        ...


class RandomElm:
    """A layer of random sigmoid units without bias (Han et al. 2014).

    Weights are drawn from U[-1, 1]; those of the output are regularised least squares.

    Parameters
    ----------
    units
        Number of hidden units.
    ridge
        Weight of the squared output weights; 0: the pseudo-inverse.
    seed
        Names the draw.
    """

    def __init__(self, units: int, ridge: float, seed: tuple[object, ...]) -> None:
        self.units, self.ridge, self.seed = units, ridge, seed

    def fit(self, features: np.ndarray, labels: np.ndarray, classes: int) -> "RandomElm":
        """Fit to features of shape (n, dimension) and class indices."""
        self._scaler = StandardScaler().fit(features)
        draws = torch.rand(
            features.shape[1],
            self.units,
            generator=generator("elm", *self.seed),
            dtype=torch.double,
        )
        self._weights = 2 * draws.numpy() - 1
        hidden = self._hidden(features)
        # The ridge as further equations: well-conditioned, and the pseudo-inverse where it is 0.
        pulled = np.concatenate([hidden, np.sqrt(self.ridge) * np.eye(self.units)])
        targets = np.concatenate([one_hot(labels, classes), np.zeros((self.units, classes))])
        self._output = np.linalg.lstsq(pulled, targets, rcond=None)[0]
        return self

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return scores of shape (n, classes)."""
        return self._hidden(features) @ self._output

    def _hidden(self, features: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(self._scaler.transform(features) @ self._weights)))


class KernelElm:
    """An ELM with the kernel exp(-gamma |x - y|^2) in place of the hidden layer.

    Parameters
    ----------
    cost
        C; 1 / C is the ridge.
    gamma
        Width of the kernel on standardised features; None: 1 / dimension.
    """

    def __init__(self, cost: float, gamma: float | None = None) -> None:
        self.cost, self.gamma = cost, gamma

    def fit(self, features: np.ndarray, labels: np.ndarray, classes: int) -> "KernelElm":
        """Fit to features of shape (n, dimension) and class indices."""
        self._scaler = StandardScaler().fit(features)
        gamma = 1 / features.shape[1] if self.gamma is None else self.gamma
        self._machine = KernelRidge(alpha=1 / self.cost, kernel="rbf", gamma=gamma)  # type: ignore[arg-type]
        self._machine.fit(self._scaler.transform(features), one_hot(labels, classes))
        return self

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return scores of shape (n, classes)."""
        return self._machine.predict(self._scaler.transform(features))


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return targets of shape (n, classes), 1 for the class and 0 for all others."""
    return np.eye(classes)[np.asarray(labels)]
