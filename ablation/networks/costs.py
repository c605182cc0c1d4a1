"""What a network costs: its parameters, and the multiply-adds of one segment."""

import copy
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Trainable numbers, and multiply-adds of convolutions and matrix products a segment."""

    parameters: int
    multiply_adds: int


def cost_of(model: nn.Module, height: int, width: int) -> Cost:
    """The cost of ``model`` on segments of ``height`` bins by ``width`` frames, forward.

    A model on the device ``meta`` is counted without a multiplication.
    """
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    still = copy.deepcopy(model).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        still(torch.zeros(1, 1, height, width, device=weights[0].device))
    return Cost(sum(weight.numel() for weight in weights), counter.get_total_flops() // 2)
