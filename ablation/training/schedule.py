"""Training budgets, learning rates and optimisers."""

import math
from dataclasses import dataclass

import torch

from ablation.study import TrainingSpec


@dataclass(frozen=True)
class Budget:
    """The optimiser steps of a training; a budget in steps may cut the last epoch short."""

    steps: int
    steps_per_epoch: int

    @property
    def epochs(self) -> int:
        """The number of epochs, the last one counted even if it is cut short."""
        return math.ceil(self.steps / self.steps_per_epoch)


def budget(spec: TrainingSpec, segments: int) -> Budget:
    """Return the budget for ``segments`` training segments; a smaller last batch is a step too."""
    per_epoch = math.ceil(segments / spec.batch_size)
    return Budget(spec.steps or (spec.epochs or 0) * per_epoch, per_epoch)


def learning_rate(spec: TrainingSpec, step: int, total: Budget) -> float:
    """Return the learning rate of optimiser step ``step`` (from 0).

    ``milestones``: multiplied by ``decay`` at the start of each listed epoch, counted from 1
    (section 3.1). ``cosine``: from the full rate to 0 over the budget. ``one-cycle``: linearly up
    to the full rate over the first ``warmup`` share of the budget, then by a cosine to 0 (after
    Smith & Topin, *Super-convergence*, 2018).
    """
    if spec.schedule == "constant":
        return spec.learning_rate
    if spec.schedule == "cosine":
        return spec.learning_rate * _cosine(step / total.steps)
    if spec.schedule == "one-cycle":
        rising = round(spec.warmup * total.steps)
        if step < rising:
            return spec.learning_rate * (step + 1) / (rising + 1)
        return spec.learning_rate * _cosine((step - rising) / (total.steps - rising))
    epoch = step // total.steps_per_epoch + 1
    passed = sum(epoch >= milestone for milestone in spec.milestones)
    return spec.learning_rate * spec.decay**passed


def averaging_decay(spec: TrainingSpec, total: Budget) -> float:
    """Return the decay per step of the running mean of the weights.

    It is ``averaging``, unless its window of 1 / (1 - averaging) steps is longer than a tenth of
    the budget: then the window is that tenth. So less than e^-10 of the initial values is left at
    the end. A hundredth would be too much: batch norm's variances begin at 1, and those of a first
    layer end at 0.01.
    """
    return min(spec.averaging, max(0.0, 1 - 10 / total.steps))


def _cosine(share: float) -> float:
    """Return a value that falls from 1 to 0 as ``share`` rises from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * share))


def make_optimizer(
    spec: TrainingSpec, model: torch.nn.Module, *, capturable: bool = False
) -> torch.optim.Optimizer:
    """Return the study's optimiser for all parameters of ``model``.

    With ``capturable`` it is torch's fused one. Of each kind that one can be captured: it alone
    reads the rate of SGD from a tensor without waiting for the card.
    """
    parameters, rate, decay = model.parameters(), spec.learning_rate, spec.weight_decay
    fused = True if capturable else None
    if spec.optimizer == "sgd":
        nesterov = spec.momentum > 0
        return torch.optim.SGD(
            parameters, rate, spec.momentum, weight_decay=decay, nesterov=nesterov, fused=fused
        )
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[spec.optimizer]
    return kind(parameters, rate, weight_decay=decay, capturable=capturable, fused=fused)
