"""The paper's network as one writes it down: the module that ours is timed against.

Every layer is padding, convolution, batch norm and ReLU in this order, each group of Conv1 for
itself, max-pooling after ReLU; the head is section 3.3's attention pooling.
"""

import torch
from torch import nn

from ablation.models.network import Network


def _layer(inputs: int, outputs: int, height: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ZeroPad2d(((width - 1) // 2, width // 2, (height - 1) // 2, height // 2)),
        nn.Conv2d(inputs, outputs, (height, width), bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class PlainNetwork(nn.Module):
    """CNN_TF_Att.pooling with Conv1 of 10x2 and 2x8."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.tall, self.wide = _layer(1, 8, 10, 2), _layer(1, 8, 2, 8)
        self.rest = nn.Sequential(
            _layer(16, 32, 3, 3),
            nn.MaxPool2d(2),
            _layer(32, 48, 3, 3),
            nn.MaxPool2d(2),
            _layer(48, 64, 3, 3),
            _layer(64, 80, 3, 3),
        )
        self.top_down = nn.Conv2d(80, classes, 1)
        self.bottom_up = nn.Conv2d(80, 1, 1)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        maps = self.rest(torch.cat([self.tall(segments), self.wide(segments)], dim=1))
        weights = self.bottom_up(maps).flatten(2).softmax(dim=2)
        return (self.top_down(maps).flatten(2) * weights).sum(dim=2)


def plain_weights(network: Network) -> dict[str, torch.Tensor]:
    """The weights of our network under the plain one's names."""
    state = network.state_dict()
    plain: dict[str, torch.Tensor] = {}
    for number, layer in enumerate(("tall", "wide")):
        plain[f"{layer}.1.weight"] = state[f"backbone.conv1.groups.{number}.weight"]
        _norm(
            plain, state, layer, "backbone.conv1.activation.norm", slice(8 * number, 8 * number + 8)
        )
    for ours, theirs in ((0, 0), (2, 2), (4, 4), (6, 5)):
        plain[f"rest.{theirs}.1.weight"] = state[f"backbone.rest.{ours}.weight"]
        _norm(plain, state, f"rest.{theirs}", f"backbone.rest.{ours + 1}.norm", slice(None))
    for name in ("top_down", "bottom_up"):
        for kind in ("weight", "bias"):
            plain[f"{name}.{kind}"] = state[f"pooling.{name}.{kind}"]
    return plain


def _norm(
    plain: dict[str, torch.Tensor],
    state: dict[str, torch.Tensor],
    layer: str,
    norm: str,
    channels: slice,
) -> None:
    for kind in ("weight", "bias", "running_mean", "running_var"):
        plain[f"{layer}.2.{kind}"] = state[f"{norm}.{kind}"][channels]
    plain[f"{layer}.2.num_batches_tracked"] = state[f"{norm}.num_batches_tracked"]
