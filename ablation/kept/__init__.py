"""Kept networks: a promoted network as a folder that can be carried away and used.

:mod:`~ablation.kept.record` writes and checks the folder, :mod:`~ablation.kept.network` loads it
and hears recordings, :mod:`~ablation.kept.card` is its model card and :mod:`~ablation.kept.export`
makes ONNX of it. Nothing here knows of folds, cells or the store.
"""

from ablation.kept.network import Explanation, Prediction, SavedNetwork, Segment, load_network

__all__ = ["Explanation", "Prediction", "SavedNetwork", "Segment", "load_network"]
