"""The kernel ELM of a fold, with its cost and width chosen where there are development speakers."""

import math
from itertools import product

import numpy as np

from ablation.study.baselines import KernelElmFields
from ablation.training.baselines.elm import KernelElm
from ablation.training.baselines.epochs import unweighted_accuracy

Labelled = tuple[np.ndarray, np.ndarray]  # features (n, dimension) and class indices (n,)


def fit_kernel_elm(
    spec: KernelElmFields, train: Labelled, development: Labelled, classes: int
) -> tuple[KernelElm, dict[str, float]]:
    """Return the machine, fitted to ``train``, and what was chosen on ``development``.

    Without development utterances it has ``spec.cost`` and ``spec.gamma``. With them it has the
    cost and gamma of the grids that answer best (unweighted accuracy); of equally good ones those
    nearest to ``spec.cost`` and ``spec.gamma`` in ratio, and then the earlier in the grids.
    """
    features, labels = development
    if not len(labels):
        return KernelElm(spec.cost, spec.gamma).fit(*train, classes), {}
    usual = spec.gamma or 1 / features.shape[1]

    def rank(machine: KernelElm) -> tuple[float, float]:
        ratios = (machine.cost / spec.cost, (machine.gamma or usual) / usual)
        distance = sum(abs(math.log10(ratio)) for ratio in ratios)
        return unweighted_accuracy(machine.scores(features), labels.tolist()), -round(distance, 9)

    grid = (KernelElm(*pair).fit(*train, classes) for pair in product(spec.costs, spec.gammas))
    best = max(grid, key=rank)
    return best, {"cost": best.cost, "gamma": float(best.gamma or usual)}
