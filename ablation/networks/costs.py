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
    """The cost of ``model`` on segments of ``height`` bins by ``width`` frames, forward."""
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    still = copy.deepcopy(model).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        still(torch.zeros(1, 1, height, width))
    return Cost(parameters, counter.get_total_flops() // 2)
