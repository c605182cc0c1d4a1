"""What a model answers for the held-out speakers at fixed shares of its budget.

It is reported, so that one sees whether a verdict depends on the budget. Nothing is chosen by it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

SHARES = (1 / 8, 1 / 4, 1 / 2)  # of the steps; the whole is what every cell is scored on


def shares_by_step(steps: int) -> dict[int, float]:
    """Return the share of the budget (0..1) by the step after which it is spent."""
    return {at: share for share in SHARES if 0 < (at := math.ceil(share * steps)) < steps}


@dataclass
class Partway:
    """Asks a model during its training.

    Attributes
    ----------
    answers
        Returns the class index that a model predicts for each held-out utterance.
    predicted
        What it returned, by the number of steps taken.
    """

    answers: Callable[[nn.Module], list[int]]
    predicted: dict[int, list[int]] = field(default_factory=dict)

    def after(self, step: int, steps: int, model: nn.Module) -> None:
        """Ask ``model``, which has taken ``step`` of ``steps``, if that is one of the shares."""
        if step in shares_by_step(steps):
            self.predicted[step] = self.answers(model)
