"""Saved networks: a promoted network as a folder that can be copied and used anywhere.

:mod:`~ablation.saved.record` writes and checks the folder, :mod:`~ablation.saved.network` loads it
and predicts the emotion of recordings, :mod:`~ablation.saved.card` writes its model card and
:mod:`~ablation.saved.export` converts it to ONNX. Nothing here knows of folds, cells or the store.
"""

from ablation.saved.network import Explanation, Prediction, SavedNetwork, Segment, load_network

__all__ = ["Explanation", "Prediction", "SavedNetwork", "Segment", "load_network"]
