"""The reference engine: the probe as a plain module, which faster engines must agree with."""

import torch
from torch import nn


def same_padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Return the zeros (left, right, top, bottom) that keep a map's size under any filter.

    An even filter has its extra zero on the far side (right, bottom).
    """
    return (width - 1) // 2, width // 2, (height - 1) // 2, height // 2


class ReferenceProbe(nn.Module):
    """A convolution, batch norm, ReLU, global average pooling and a linear layer (section 3.2).

    Parameters
    ----------
    height, width
        Extent of the filters in frequency bins and in frames, each >= 1.
    filters
        Number of filters; 16 in the paper.
    classes
        Number of scores.
    bias
        Whether the convolution has a bias, which batch norm cancels.
    dilation
        Bins and frames from one of a filter's values to the next; 1 if they are adjacent.
    """

    def __init__(
        self,
        height: int,
        width: int,
        filters: int,
        classes: int,
        bias: bool = False,
        dilation: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        down, along = dilation
        self.pad = nn.ZeroPad2d(same_padding((height - 1) * down + 1, (width - 1) * along + 1))
        self.conv = nn.Conv2d(1, filters, (height, width), bias=bias, dilation=dilation)
        self.norm = nn.BatchNorm2d(filters)
        self.linear = nn.Linear(filters, classes)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Return the scores (n, classes) of segments (n, 1, frequency, time)."""
        maps = torch.relu(self.norm(self.conv(self.pad(segments))))
        return self.linear(maps.mean(dim=(2, 3)))
