"""Poolings of section 2.4: from Conv5's maps to one score a class.

A pooling is a module made with (channels, classes, spec) whose input is (n, channels, H, W).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from ablation.study import NetworkSpec


class AveragePooling(nn.Module):
    """Mean over positions, then linear (equation 3 with the mean for the sum)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, classes)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.linear(maps.mean(dim=(2, 3)))


class BilinearPooling(nn.Module):
    """X^T X (channels x channels features), normalised, then linear (equation 4, section 3.3).

    ``order`` "sqrt-l2" is the cited original (Lin et al., ICCV 2015): signed square root, then
    division by the l2 norm; "l2-sqrt" is the order in which the paper's text names them. X^T X is
    divided by the number of positions, which "sqrt-l2" cancels.
    """

    def __init__(
        self, channels: int, classes: int, order: Literal["sqrt-l2", "l2-sqrt"] = "sqrt-l2"
    ) -> None:
        super().__init__()
        self.order = order
        self.linear = nn.Linear(channels * channels, classes)

    def features(self, maps: torch.Tensor) -> torch.Tensor:
        """Shape (n, channels * channels)."""
        x = maps.flatten(2)
        product = (x @ x.transpose(1, 2) / x.shape[2]).flatten(1)
        if self.order == "sqrt-l2":
            return functional.normalize(_signed_sqrt(product))
        return _signed_sqrt(functional.normalize(product))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.linear(self.features(maps))


def _signed_sqrt(x: torch.Tensor) -> torch.Tensor:
    # The derivative of sqrt at 0 is infinite; the shift keeps it finite and changes no digit
    # of a value that float32 can tell from 0 here.
    return x.sign() * (x.abs() + 1e-12).sqrt()


class AttentionPooling(nn.Module):
    """Class-specific top-down maps weighted by one bottom-up map (equation 9, section 3.3).

    The bottom-up map goes through a softmax over positions, so a score is a weighted average of
    its top-down map. ``literal`` divides by the number of positions once more ("spatially
    averaged"). ``norm`` puts batch norm and ReLU on the 1x1 convolutions too.
    """

    def __init__(
        self, channels: int, classes: int, literal: bool = False, norm: bool = False
    ) -> None:
        super().__init__()
        self.literal = literal
        self.top_down = _one_by_one(channels, classes, norm)
        self.bottom_up = _one_by_one(channels, 1, norm)

    def maps(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Top-down (n, classes, H, W) and bottom-up (n, 1, H, W), which sums to 1."""
        raw = self.bottom_up(maps)
        return self.top_down(maps), raw.flatten(1).softmax(dim=1).view_as(raw)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        top_down, bottom_up = self.maps(maps)
        weighted = top_down * bottom_up
        return weighted.mean(dim=(2, 3)) if self.literal else weighted.sum(dim=(2, 3))


def _one_by_one(channels: int, maps: int, norm: bool) -> nn.Module:
    convolution = nn.Conv2d(channels, maps, 1, bias=not norm)
    if not norm:
        return convolution
    return nn.Sequential(convolution, nn.BatchNorm2d(maps), nn.ReLU())


def _attention(channels: int, classes: int, spec: NetworkSpec) -> nn.Module:
    return AttentionPooling(
        channels,
        classes,
        literal=spec.attention == "literal",
        norm=spec.attention_maps == "batchnorm-relu",
    )


POOLINGS: dict[str, Callable[[int, int, NetworkSpec], nn.Module]] = {
    "attention": _attention,
    "gap": lambda channels, classes, _spec: AveragePooling(channels, classes),
    "bilinear": lambda channels, classes, spec: BilinearPooling(
        channels, classes, spec.bilinear_order
    ),
}
