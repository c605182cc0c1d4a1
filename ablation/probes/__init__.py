"""Probes: the small network whose filter shape is under study, one class an engine.

A probe is what the paper's Figure 2 trains for every shape. Every engine computes the same
function; they differ in speed alone. Nothing here knows of corpora, folds or training.
"""

from ablation.probes.reference import ReferenceProbe

__all__ = ["ENGINES", "ReferenceProbe"]

ENGINES = {"reference": ReferenceProbe}
