"""Early stopping: the epoch with the highest UA on development speakers is kept."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ablation.features.batches import Feed
from ablation.study import TrainingSpec
from ablation.training.checkpoint import EpochRecord
from ablation.training.fit import predict
from ablation.training.metrics import accuracies


@dataclass
class BestEpoch:
    """The weights of the best epoch so far; of equal ones, the first.

    Parameters
    ----------
    feed
        The segments of the development speakers.
    labels
        The class indices of their utterances, in the order of ``feed``.
    model
        The model, whose shape ``kept`` has.
    """

    feed: Feed
    labels: Sequence[int]
    model: nn.Module
    kept: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.kept = copy.deepcopy(self.model)

    def score(self, model: nn.Module, spec: TrainingSpec) -> float:
        """Return the UA (0..1) of the development speakers."""
        scores, _ = predict(model, self.feed, spec)
        return accuracies(self.labels, scores.argmax(1).tolist(), scores.shape[1]).ua

    @torch.no_grad()
    def keep(self, model: nn.Module, records: Sequence[EpochRecord]) -> None:
        """Keep the weights of ``model`` if the last epoch is the best."""
        if best_epoch(records) == len(records):
            self.kept.load_state_dict(model.state_dict())


def best_epoch(records: Sequence[EpochRecord]) -> int:
    """Return the number, from 1, of the first epoch with the highest UA on development speakers."""
    scores = [record.development_ua or 0.0 for record in records]
    return scores.index(max(scores)) + 1
