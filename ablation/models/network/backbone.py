"""The full network: parallel groups of Conv1 filters, four 3x3 convolutions, a pooling."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from ablation.models.network.pooling import POOLINGS
from ablation.models.probe.reference import same_padding
from ablation.study import NetworkSpec, Shape


class Activation(nn.Module):
    """This layer applies batch norm, 2x2 max-pooling if ``pool``, and ReLU.

    Max-pooling and ReLU commute, in value and in gradient; pooling first leaves ReLU a quarter of
    the work.
    """

    def __init__(self, channels: int, pool: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.pool = pool

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = self.norm(maps)
        return functional.relu(functional.max_pool2d(maps, 2) if self.pool else maps)


class Conv1(nn.Module):
    """Conv1 has filters of several shapes, whose maps are concatenated by channel (section 2.3).

    Batch norm and ReLU work channel by channel, so they follow the concatenation: one pass
    over contiguous memory instead of one per group.
    """

    def __init__(self, shapes: Sequence[tuple[int, int] | Shape], spec: NetworkSpec) -> None:
        super().__init__()
        self.shapes = tuple(s if isinstance(s, Shape) else Shape(*s) for s in shapes)
        counts = [shape.filters or spec.filters for shape in self.shapes]
        self.groups = nn.ModuleList(
            nn.Conv2d(1, count, (shape.height, shape.width), bias=spec.bias)
            for shape, count in zip(self.shapes, counts, strict=True)
        )
        self.channels = sum(counts)
        self.activation = Activation(self.channels, 1 in spec.pools)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        maps = [
            group(functional.pad(segments, same_padding(shape.height, shape.width)))
            for shape, group in zip(self.shapes, self.groups, strict=True)
        ]
        return self.activation(torch.cat(maps, dim=1))


class Backbone(nn.Module):
    """The backbone is Conv1 to Conv5 (paper, figure 1 and section 2.2).

    Parameters
    ----------
    shapes
        Each group of Conv1 as (height, width). A :class:`~ablation.study.Shape` may have a number
        of filters of its own; the default is ``spec.filters``.
    spec
        The channels of Conv2 to Conv5, and the layers that end in a 2x2 max-pooling.
    """

    def __init__(self, shapes: Sequence[tuple[int, int] | Shape], spec: NetworkSpec) -> None:
        super().__init__()
        self.conv1 = Conv1(shapes, spec)
        layers: list[nn.Module] = []
        inputs = self.conv1.channels
        for number, outputs in enumerate(spec.channels, start=2):
            layers.append(nn.Conv2d(inputs, outputs, 3, padding=1, bias=spec.bias))
            layers.append(Activation(outputs, number in spec.pools))
            inputs = outputs
        self.rest = nn.Sequential(*layers)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Return the maps (n, channels, H', W') of segments (n, 1, H, W)."""
        return self.rest(self.conv1(segments))


class Network(nn.Module):
    """Backbone and pooling map segments (n, 1, H, W) to scores (n, classes), float32."""

    def __init__(
        self,
        shapes: Sequence[tuple[int, int] | Shape],
        pooling: str,
        classes: int,
        spec: NetworkSpec,
    ) -> None:
        super().__init__()
        self.backbone = Backbone(shapes, spec)
        self.pooling = POOLINGS[pooling](spec.channels[-1], classes, spec)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        maps = self.backbone(segments)
        # Sums over thousands of positions are too imprecise in bfloat16, and cheap in float32.
        device = "cpu" if maps.is_meta else maps.device.type  # meta: only counted (cost.py)
        with torch.autocast(device, enabled=False):
            return self.pooling(maps.float())
