"""Probes: the small network whose filter shape is under study, with one class per engine.

A probe is what the paper's Figure 2 trains for every shape. All engines compute the same function
of the same parameters; they differ in speed and memory. Nothing here knows about corpora, folds or
training.
"""

from ablation.probes.reference import ReferenceProbe
from ablation.probes.single_pass import SinglePassProbe, passes_for

__all__ = ["ENGINES", "ReferenceProbe", "SinglePassProbe", "passes_for"]

ENGINES = {"single-pass": SinglePassProbe, "reference": ReferenceProbe}
