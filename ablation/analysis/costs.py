"""What a probe costs, and which models no cheaper one beats."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ablation.results.search_record import Searched, Trial
from ablation.study import Study


def probe_cost(study: Study, height: int, width: int, classes: int) -> tuple[int, int]:
    """Return the parameters, and multiply-adds per segment, of a probe of ``height`` x ``width``.

    These are of its convolution (same size), batch norm and linear layer; as usual, the additions
    of batch norm and pooling are left out.
    """
    filters, features = study.probe.filters, study.features
    weights = filters * height * width
    bias = filters if study.probe.bias else 0
    parameters = weights + bias + 2 * filters + filters * classes + classes
    return parameters, weights * features.height * features.width + filters * classes


def seconds_by_cost(known: Sequence[tuple[int, float]], costs: Iterable[int]) -> dict[int, float]:
    """Return the seconds of models of these ``costs``, in multiply-adds.

    They lie on a line through the ``known`` (cost, seconds), of which there is at least one; none
    is below the fastest of them.
    """
    adds, seconds = zip(*known, strict=True)
    slope, level = np.polyfit(adds, seconds, 1) if len(set(adds)) > 1 else (0.0, np.mean(seconds))
    return {cost: max(min(seconds), float(level + slope * cost)) for cost in costs}


def pareto_front(costs: pd.Series, scores: pd.Series) -> pd.Series:
    """Return which models no model of at most their cost beats (bool, by index).

    Models of equal cost and score are all on the front; nan never is.
    """
    front = []
    for cost, score in zip(costs, scores, strict=True):
        cheaper = (costs <= cost) & (scores >= score)
        better = cheaper & ((costs < cost) | (scores > score))
        front.append(cost == cost and score == score and not better.any())
    return pd.Series(front, index=costs.index, dtype=bool)


def search_front(searched: Searched) -> list[Trial]:
    """Return the Pareto front of a search's two objectives, cheapest first; empty for one."""
    trials = searched.complete
    if not trials or len(searched.config.objective) == 1:
        return []
    scores, costs = (pd.Series(column) for column in zip(*(t.values for t in trials), strict=True))
    kept = [trial for trial, on in zip(trials, pareto_front(costs, scores), strict=True) if on]
    return sorted(kept, key=lambda trial: trial.values[1])
