"""Networks: the full network that the chosen shapes are promoted into, and its poolings.

:mod:`~ablation.networks.backbone` is Conv1 to Conv5 of the paper's Figure 1, and
:mod:`~ablation.networks.poolings` the heads of section 2.4 in a registry. Nothing here knows of
corpora, folds or training.
"""

from ablation.networks.backbone import Backbone, Network
from ablation.networks.poolings import POOLINGS

__all__ = ["POOLINGS", "Backbone", "Network"]
