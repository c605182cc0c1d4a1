"""The probe: what the paper's Figure 2 trains for every shape, with one class per engine.

All engines compute the same function of the same parameters; they differ in speed and memory:
:mod:`~ablation.models.probe.reference` is a plain module, :mod:`~ablation.models.probe.single_pass`
trains in one pass over the positions, which is computed by :mod:`~ablation.models.probe.portable`,
on a CPU by :mod:`~ablation.models.probe.kernels`, on a card by
:mod:`~ablation.models.probe.cuda`.
"""

import torch
from torch import nn

from ablation.models.own import own_model
from ablation.models.probe.reference import ReferenceProbe
from ablation.models.probe.single_pass import SinglePassProbe, passes_for
from ablation.models.spec import ModelSpec
from ablation.study import FeaturesSpec, ProbeSpec, Shape

__all__ = ["ENGINES", "ReferenceProbe", "SinglePassProbe", "build_probe", "passes_for"]

ENGINES = {"single-pass": SinglePassProbe, "reference": ReferenceProbe}


def build_probe(
    shape: Shape,
    classes: int,
    spec: ProbeSpec,
    features: FeaturesSpec,
    device: torch.device,
    *,
    tile: int | None = None,
    on_card: bool | None = None,
) -> nn.Module:
    """Return the study's probe of a shape, or the user's own model if ``spec.factory`` names one.

    ``device``, ``tile`` and ``on_card`` are those of :func:`passes_for`, where the study's engine
    needs one. Raises :class:`~ablation.errors.StudyError` for a factory that cannot be used.
    """
    if spec.factory is not None:
        return own_model(spec.factory, ModelSpec.of([shape], classes, features, spec.options))
    sizes = (shape.height, shape.width, spec.filters, classes, spec.bias, spec.dilation)
    if spec.engine == "reference":
        return ReferenceProbe(*sizes)
    passes = passes_for(device, tile, bf16=spec.precision == "bf16", on_card=on_card)
    return SinglePassProbe(*sizes, precision=spec.precision, passes=passes)
