"""Receptive-field studies of speech-emotion CNNs: probes, folds, promotion, honest statistics.

The names below are imported when they are first used, so that ``import ablation`` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ablation.version import __version__

if TYPE_CHECKING:
    from ablation.analysis.notebook import compare, curves
    from ablation.corpora import load_corpus
    from ablation.models.spec import ModelSpec
    from ablation.results import read_results
    from ablation.saved import load_network
    from ablation.study import load_study

__all__ = [
    "ModelSpec",
    "__version__",
    "compare",
    "curves",
    "load_corpus",
    "load_network",
    "load_study",
    "read_results",
]

_HOMES = {
    "ModelSpec": "ablation.models.spec",
    "compare": "ablation.analysis.notebook",
    "curves": "ablation.analysis.notebook",
    "load_corpus": "ablation.corpora",
    "load_network": "ablation.saved",
    "load_study": "ablation.study",
    "read_results": "ablation.results",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ablation' has no attribute {name!r}")
