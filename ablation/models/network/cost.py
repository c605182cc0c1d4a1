"""The cost of a network: its parameters, and its multiply-adds per segment."""

import copy
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """A cost has the trainable parameters, and the multiply-adds per segment of convolutions and
    matrix products."""

    parameters: int
    multiply_adds: int


def cost_of(model: nn.Module, height: int, width: int) -> Cost:
    """Return the forward cost of ``model`` on segments of ``height`` bins by ``width`` frames.

    A model on the device ``meta`` is counted without computing anything.
    """
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    still = copy.deepcopy(model).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        still(torch.zeros(1, 1, height, width, device=weights[0].device))
    return Cost(sum(weight.numel() for weight in weights), counter.get_total_flops() // 2)
