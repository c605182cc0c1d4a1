"""The tree of expected errors.

An expected error is one that the user can mend: it says what happened, where, and what to do,
and the command line prints it as one or two lines, and one for each further fault of the same
kind, with exit code 1. Anything else is a bug and keeps its traceback.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class AblationError(Exception):
    """An error the user can mend.

    Parameters
    ----------
    what
        What happened, with the file, row or field it happened in and the value found.
    remedy
        What to do about it; empty where ``what`` already says so.
    also
        Further faults that can be mended in the same go, a line each.
    """

    def __init__(self, what: str, remedy: str = "", also: Sequence[str] = ()) -> None:
        what, remedy = _line(what), _line(remedy)
        self.also = tuple(map(_line, also))
        super().__init__(what, remedy, *([self.also] if also else []))
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return "\n  ".join([self.what, *([self.remedy] if self.remedy else []), *self.also])


class StudyError(AblationError):
    """A study file or a value from the command line cannot be used."""


class CorpusError(AblationError):
    """A corpus folder or manifest is missing, empty or inconsistent."""


class AudioError(AblationError):
    """A recording cannot be used: not audio, truncated, empty, silent or not finite."""


class FoldError(AblationError):
    """The folds asked for cannot be made from the corpus at hand."""


class StorageError(AblationError):
    """A file cannot be written or read: permissions, a full disk, a damaged or newer file."""


class ClusterError(AblationError):
    """A cluster cannot be reached or used, or went away."""


class MemoryShortage(AblationError):  # noqa: N818 - not an error of the run: the task may fit alone
    """A device has no memory left for a task."""


class SelectionError(AblationError):
    """No shape can be chosen, or no curve drawn, from the rows at hand."""


def _line(text: str) -> str:
    """``text`` as one line of bearable length, whatever a file's name or a field's value holds."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    if len(shown) <= _LONGEST:
        return shown
    return f"{shown[: _LONGEST // 2]} ... {shown[-_LONGEST // 2 :]}"


_LONGEST = 800  # characters


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """A remedy that names the nearest allowed word, or all of them where none is near."""
    words = sorted(allowed)
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    listed = ", ".join(words)
    return f"did you mean {near[0]!r}? (allowed: {listed})" if near else f"allowed: {listed}"


def first_line(error: BaseException) -> str:
    """What another library's error says, but for the lines below; its type where it is silent."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def named(items: Iterable[object], most: int = 3) -> str:
    """``a, b, c and 4 more``: a list short enough for one line."""
    texts = [str(item) for item in items]
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 speaker`` or ``2 speakers``; ``plural`` where it is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
