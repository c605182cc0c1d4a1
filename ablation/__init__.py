"""Receptive-field studies of speech-emotion CNNs: probes, folds, promotion, honest statistics.

The names below are imported when they are first used, so that ``import ablation`` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ablation.version import __version__

if TYPE_CHECKING:
    from ablation.analysis.notebook import compare, curves
    from ablation.api.corpora import corpus_from_frame
    from ablation.api.results import Results, read_results
    from ablation.api.running import StudyPlan, plan, predict, promote, report, run, search
    from ablation.corpora import load_corpus
    from ablation.features.audio import read_audio
    from ablation.models.spec import ModelSpec
    from ablation.runs.callbacks import Callback
    from ablation.saved import load_network
    from ablation.study import Study, load_study

__all__ = [
    "Callback",
    "ModelSpec",
    "Results",
    "Study",
    "StudyPlan",
    "__version__",
    "compare",
    "corpus_from_frame",
    "curves",
    "load_corpus",
    "load_network",
    "load_study",
    "plan",
    "predict",
    "promote",
    "read_audio",
    "read_results",
    "report",
    "run",
    "search",
]

_HOMES = {
    "ablation.analysis.notebook": ("compare", "curves"),
    "ablation.api.corpora": ("corpus_from_frame",),
    "ablation.api.results": ("Results", "read_results"),
    "ablation.api.running": ("StudyPlan", "plan", "predict", "promote", "report", "run", "search"),
    "ablation.corpora": ("load_corpus",),
    "ablation.features.audio": ("read_audio",),
    "ablation.models.spec": ("ModelSpec",),
    "ablation.runs.callbacks": ("Callback",),
    "ablation.saved": ("load_network",),
    "ablation.study": ("Study", "load_study"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'ablation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
