"""The probe: what the paper's Figure 2 trains for every shape, with one class per engine.

All engines compute the same function of the same parameters; they differ in speed and memory:
:mod:`~ablation.models.probe.reference` is a plain module, :mod:`~ablation.models.probe.single_pass`
trains in one pass over the positions, which is computed by :mod:`~ablation.models.probe.portable`,
on a CPU by :mod:`~ablation.models.probe.kernels`, on a card by
:mod:`~ablation.models.probe.cuda`.
"""

from ablation.models.probe.reference import ReferenceProbe
from ablation.models.probe.single_pass import SinglePassProbe, passes_for

__all__ = ["ENGINES", "ReferenceProbe", "SinglePassProbe", "passes_for"]

ENGINES = {"single-pass": SinglePassProbe, "reference": ReferenceProbe}
