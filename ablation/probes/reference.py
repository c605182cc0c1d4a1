"""The probe as a plain module: what every faster engine is held against."""

import torch
from torch import nn


def same_padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Zeros (left, right, top, bottom) that keep a map's size under an odd or even filter.

    An even filter has its extra zero on the far side (right, bottom).
    """
    return (width - 1) // 2, width // 2, (height - 1) // 2, height // 2


class ReferenceProbe(nn.Module):
    """Convolution, batch norm, ReLU, global average pooling, linear (paper, section 3.2).

    Parameters
    ----------
    height, width
        Extent of the filters in frequency bins and in frames, each >= 1.
    filters
        Number of filters, 16 in the paper.
    classes
        Number of scores.
    bias
        Whether the convolution has a bias, which batch norm cancels.
    """

    def __init__(
        self, height: int, width: int, filters: int, classes: int, bias: bool = False
    ) -> None:
        super().__init__()
        self.pad = nn.ZeroPad2d(same_padding(height, width))
        self.conv = nn.Conv2d(1, filters, (height, width), bias=bias)
        self.norm = nn.BatchNorm2d(filters)
        self.linear = nn.Linear(filters, classes)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Scores (n, classes) of segments (n, 1, frequency, time)."""
        maps = torch.relu(self.norm(self.conv(self.pad(segments))))
        return self.linear(maps.mean(dim=(2, 3)))
