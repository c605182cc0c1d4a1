"""Saved networks: a promoted network as a folder that can be copied and used anywhere.

:mod:`~ablation.kept.record` writes and checks the folder, :mod:`~ablation.kept.network` loads it
and predicts the emotion of recordings, :mod:`~ablation.kept.card` writes its model card and
:mod:`~ablation.kept.export` converts it to ONNX. Nothing here knows of folds, cells or the store.
"""

from ablation.kept.network import Explanation, Prediction, SavedNetwork, Segment, load_network

__all__ = ["Explanation", "Prediction", "SavedNetwork", "Segment", "load_network"]
