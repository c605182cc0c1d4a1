"""Errors that the user can correct, and the texts they are shown as.

``base`` has the kinds, ``common`` what any part may raise; each other file has the errors of one
part of the package. Tests ask an error's type and fields; ``tests/messages.txt`` shows every text.
"""

from ablation.errors.base import (
    AblationError,
    AudioError,
    ClusterError,
    CorpusError,
    FoldError,
    MemoryShortage,
    SelectionError,
    StorageError,
    StudyError,
)
from ablation.errors.text import counted, first_line, named, nearest, suggestion

__all__ = [
    "AblationError",
    "AudioError",
    "ClusterError",
    "CorpusError",
    "FoldError",
    "MemoryShortage",
    "SelectionError",
    "StorageError",
    "StudyError",
    "counted",
    "first_line",
    "named",
    "nearest",
    "suggestion",
]
