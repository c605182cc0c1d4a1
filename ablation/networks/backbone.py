"""The full network: groups of Conv1 filters side by side, four 3x3 convolutions, a pooling."""

from collections.abc import Sequence

import torch
from torch import nn

from ablation.networks.poolings import POOLINGS
from ablation.probes.reference import same_padding
from ablation.study import NetworkSpec


def _layer(inputs: int, outputs: int, height: int, width: int, bias: bool) -> nn.Sequential:
    """Convolution of unchanged size, batch norm, ReLU."""
    return nn.Sequential(
        nn.ZeroPad2d(same_padding(height, width)),
        nn.Conv2d(inputs, outputs, (height, width), bias=bias),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Backbone(nn.Module):
    """Conv1 to Conv5 (paper, figure 1 and section 2.2).

    Parameters
    ----------
    shapes
        (height, width) of each group of Conv1, ``spec.filters`` filters each; their maps are
        concatenated by channel.
    spec
        Channels of Conv2 onwards and the places of the 2x2 max-poolings.
    """

    def __init__(self, shapes: Sequence[tuple[int, int]], spec: NetworkSpec) -> None:
        super().__init__()
        self.conv1 = nn.ModuleList(_layer(1, spec.filters, h, w, spec.bias) for h, w in shapes)
        layers: list[nn.Module] = []
        inputs = spec.filters * len(shapes)
        for number, outputs in enumerate(spec.channels, start=2):
            layers.append(_layer(inputs, outputs, 3, 3, spec.bias))
            if number in spec.pools:
                layers.append(nn.MaxPool2d(2))
            inputs = outputs
        self.rest = nn.Sequential(*layers)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Maps (n, channels, H', W') of segments (n, 1, H, W)."""
        return self.rest(torch.cat([group(segments) for group in self.conv1], dim=1))


class Network(nn.Module):
    """Backbone and pooling: segments (n, 1, H, W) to scores (n, classes)."""

    def __init__(
        self, shapes: Sequence[tuple[int, int]], pooling: str, classes: int, spec: NetworkSpec
    ) -> None:
        super().__init__()
        self.backbone = Backbone(shapes, spec)
        self.pooling = POOLINGS[pooling](spec.channels[-1], classes, spec)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        return self.pooling(self.backbone(segments))
