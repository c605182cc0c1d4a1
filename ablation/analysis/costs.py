"""What a probe costs, and which models no other one beats at their cost."""

import pandas as pd

from ablation.study import Study


def probe_cost(study: Study, height: int, width: int, classes: int) -> tuple[int, int]:
    """Parameters, and multiply-adds of a segment, of a probe of ``height`` x ``width``.

    Convolution (same-size), batch norm, linear; additions of batch norm and pooling are left out,
    as is usual.
    """
    filters, features = study.probe.filters, study.features
    weights = filters * height * width
    bias = filters if study.probe.bias else 0
    parameters = weights + bias + 2 * filters + filters * classes + classes
    return parameters, weights * features.height * features.width + filters * classes


def pareto_front(costs: pd.Series, scores: pd.Series) -> pd.Series:
    """Which models are beaten by none that costs no more (bool, by index).

    Of equal costs and scores all stand; nan is never on the front.
    """
    front = []
    for cost, score in zip(costs, scores, strict=True):
        cheaper = (costs <= cost) & (scores >= score)
        better = cheaper & ((costs < cost) | (scores > score))
        front.append(cost == cost and score == score and not better.any())
    return pd.Series(front, index=costs.index, dtype=bool)
