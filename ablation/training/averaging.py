"""The running mean of a network's weights."""

from collections.abc import Iterator
from itertools import chain

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class RunningMean(AveragedModel):
    """The exponential mean of a model's parameters and buffers after each step.

    It is torch's, which hands the number of updates to the device in each of them, and so waits for
    a card; this one leaves that number on the CPU. Its arithmetic and its state are torch's.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.average = get_ema_multi_avg_fn(decay)
        super().__init__(model, multi_avg_fn=self.average, use_buffers=True)

    def update_parameters(self, model: nn.Module) -> None:
        """Take the values of ``model`` into the mean; the first ones are the mean."""
        if self.n_averaged > 0:
            self.follow(model)
        self.count(model)

    def follow(self, model: nn.Module) -> None:
        """Move the mean towards the values of ``model``: work for the device alone."""
        groups: dict[object, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}
        for mean, value in zip(_tensors(self.module), _tensors(model), strict=True):
            means, values = groups.setdefault((mean.device, mean.dtype), ([], []))
            means.append(mean)
            values.append(value)
        for means, values in groups.values():
            self.average(means, values, 0)

    def count(self, model: nn.Module) -> None:
        """Count an update; the first one copies the values of ``model``."""
        if self.n_averaged == 0:
            for mean, value in zip(_tensors(self.module), _tensors(model), strict=True):
                mean.copy_(value)
        self.n_averaged += 1


def _tensors(model: nn.Module) -> Iterator[torch.Tensor]:
    return (tensor.detach() for tensor in chain(model.parameters(), model.buffers()))
