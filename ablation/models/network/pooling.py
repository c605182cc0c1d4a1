"""Poolings of section 2.4 and others: from Conv5's maps to one score per class.

A pooling is a module made from (channels, classes, spec) whose input is (n, channels, H, W). One
that can say where in the map a score comes from has a method ``attention``.

A new one is a class here and a line in ``POOLINGS``; its name, for studies and tables, is in
:mod:`ablation.study.models`, which knows no torch.
"""

from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn import functional

from ablation.study import NetworkSpec


@runtime_checkable
class Explains(Protocol):
    """A pooling of this kind says where a score comes from."""

    def attention(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return top-down (n, classes, H, W) and any bottom-up maps (n, 1 or classes, H, W)."""
        ...


class AveragePooling(nn.Module):
    """This pooling takes the mean over positions, then a linear layer (equation 3 as a mean)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, classes)

    def attention(self, maps: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return each position's own score, the mean of which is the score; no bottom-up map."""
        scores = torch.einsum("nchw,kc->nkhw", maps, self.linear.weight)
        return scores + self.linear.bias.view(1, -1, 1, 1), None

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.linear(maps.mean(dim=(2, 3)))


class MaxPooling(nn.Module):
    """This pooling takes each channel's maximum over positions, then a linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, classes)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.linear(maps.amax(dim=(2, 3)))


class StatisticsPooling(nn.Module):
    """This pooling takes each channel's mean and s.d. over positions, then a linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * channels, classes)

    def features(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the means, then the standard deviations, shape (n, 2 * channels)."""
        mean = maps.mean(dim=(2, 3), keepdim=True)
        # The mean is subtracted first: ONNX would compute E[x^2] - E[x]^2, which cancels in a
        # constant channel.
        variance = (maps - mean).square().mean(dim=(2, 3))
        # The derivative of sqrt is infinite at 0, the variance of a channel that never fires; the
        # shift is batch norm's, and keeps the variance's rounding out of the scores.
        return torch.cat([mean.flatten(1), (variance + 1e-5).sqrt()], dim=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.linear(self.features(maps))


class BilinearPooling(nn.Module):
    """This pooling takes X^T X (channels x channels features), normalised, then a linear layer
    (equation 4, section 3.3).

    ``order`` "sqrt-l2" is the cited original (Lin et al., ICCV 2015): signed square root, then
    division by the l2 norm; "l2-sqrt" is the order in the paper's text. X^T X is divided by the
    number of positions, which "sqrt-l2" cancels.
    """

    def __init__(
        self, channels: int, classes: int, order: Literal["sqrt-l2", "l2-sqrt"] = "sqrt-l2"
    ) -> None:
        super().__init__()
        self.order = order
        self.linear = nn.Linear(channels * channels, classes)

    def features(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the normalised products, shape (n, channels * channels)."""
        x = maps.flatten(2)
        product = (x @ x.transpose(1, 2) / x.shape[2]).flatten(1)
        if self.order == "sqrt-l2":
            return functional.normalize(_signed_sqrt(product))
        return _signed_sqrt(functional.normalize(product))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.linear(self.features(maps))


def _signed_sqrt(x: torch.Tensor) -> torch.Tensor:
    # The derivative of sqrt at 0 is infinite; the shift keeps it finite and is too small to change
    # any other value in float32.
    return x.sign() * (x.abs() + 1e-12).sqrt()


class AttentionPooling(nn.Module):
    """This pooling weights class-specific top-down maps by a bottom-up map (section 2.4.2).

    Parameters
    ----------
    weights
        "softmax": the one bottom-up map goes through a softmax over positions, so a score is a
        weighted average of its top-down map (equation 9, section 3.3). "plain": the maps are
        multiplied as they are and averaged over positions (equation 10 without the softmax, mean
        for sum). "class": as "plain", with a bottom-up map for each class (equation 8).
    literal
        Also divide the softmax-weighted sum by the number of positions ("spatially averaged").
    norm
        Apply batch norm and ReLU to the 1x1 convolutions too.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        weights: Literal["softmax", "plain", "class"] = "softmax",
        literal: bool = False,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.weights = weights
        self.literal = literal
        self.top_down = _one_by_one(channels, classes, norm)
        self.bottom_up = _one_by_one(channels, classes if weights == "class" else 1, norm)

    def attention(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the top-down (n, classes, H, W) and bottom-up maps (n, 1 or classes, H, W).

        With ``weights = "softmax"`` the bottom-up map sums to 1 over positions.
        """
        bottom_up = self.bottom_up(maps)
        if self.weights == "softmax":
            bottom_up = bottom_up.flatten(1).softmax(dim=1).view_as(bottom_up)
        return self.top_down(maps), bottom_up

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        top_down, bottom_up = self.attention(maps)
        weighted = top_down * bottom_up
        if self.weights == "softmax" and not self.literal:
            return weighted.sum(dim=(2, 3))
        return weighted.mean(dim=(2, 3))


def _one_by_one(channels: int, maps: int, norm: bool) -> nn.Module:
    convolution = nn.Conv2d(channels, maps, 1, bias=not norm)
    if not norm:
        return convolution
    return nn.Sequential(convolution, nn.BatchNorm2d(maps), nn.ReLU())


Pooling = Callable[[int, int, NetworkSpec], nn.Module]


def _attention(weights: Literal["softmax", "plain", "class"]) -> Pooling:
    return lambda channels, classes, spec: AttentionPooling(
        channels,
        classes,
        weights,
        literal=spec.attention == "literal",
        norm=spec.attention_maps == "batchnorm-relu",
    )


POOLINGS: dict[str, Pooling] = {
    "attention": _attention("softmax"),
    "gap": lambda channels, classes, _spec: AveragePooling(channels, classes),
    "bilinear": lambda channels, classes, spec: BilinearPooling(
        channels, classes, spec.bilinear_order
    ),
    "attention-sum": _attention("plain"),
    "attention-class": _attention("class"),
    "max": lambda channels, classes, _spec: MaxPooling(channels, classes),
    "statistics": lambda channels, classes, _spec: StatisticsPooling(channels, classes),
}
