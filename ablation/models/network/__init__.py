"""The full network that the chosen shapes are promoted into, and its poolings.

:mod:`~ablation.models.network.backbone` is Conv1 to Conv5 of the paper's Figure 1,
:mod:`~ablation.models.network.pooling` has the heads of section 2.4 and others in a registry, and
:mod:`~ablation.models.network.cost` counts parameters and multiply-adds.
"""

from collections.abc import Sequence

import torch
from torch import nn

from ablation.models.network.backbone import Backbone, Network
from ablation.models.network.cost import Cost, cost_of
from ablation.models.network.pooling import POOLINGS, Explains
from ablation.models.own import own_model
from ablation.models.spec import ModelSpec
from ablation.study import FeaturesSpec, NetworkSpec, Shape

__all__ = [
    "POOLINGS",
    "Backbone",
    "Cost",
    "Explains",
    "Network",
    "build_network",
    "cost_of",
    "network_cost",
]


def build_network(
    shapes: Sequence[Shape], pooling: str, classes: int, spec: NetworkSpec, features: FeaturesSpec
) -> nn.Module:
    """Return the study's network, or the user's own if ``spec.factory`` names one.

    Raises :class:`~ablation.errors.StudyError` for a factory that cannot be used.
    """
    if spec.factory is not None:
        return own_model(spec.factory, ModelSpec.of(shapes, classes, features, spec.options))
    return Network(shapes, pooling, classes, spec)


def network_cost(
    shapes: Sequence[Shape], pooling: str, classes: int, spec: NetworkSpec, features: FeaturesSpec
) -> Cost:
    """Return the cost of what :func:`build_network` builds, counted without building its weights.

    Raises the same :class:`~ablation.errors.StudyError`.
    """
    # A network of the user's own is really built and tried.
    with torch.device("meta" if spec.factory is None else "cpu"):
        model = build_network(shapes, pooling, classes, spec, features)
    return cost_of(model, features.height, features.width)
