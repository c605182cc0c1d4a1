"""What an expected error is, and the kinds of them.

An expected error is one that the user can correct. Its type says what went wrong and its fields
say where; the text is made from them: what happened, then what to do about it. The command line
prints that text and ends with exit code 1. Any other exception is a bug and keeps its traceback.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, dataclass_transform

from ablation.errors.text import counted, named, one_line


class _Formatter(string.Formatter):
    """As ``str.format``, with lists and counts as :class:`AblationError` describes them."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if conversion in ("l", "a"):
            return {"l": ", ", "a": " and "}[conversion].join(map(str, value))
        if conversion == "n":
            return named(value)
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.startswith("+"):
            return counted(value, format_spec[1:])
        return super().format_field(value, format_spec)


_FORMATTER = _Formatter()


@dataclass_transform(eq_default=False)
class AblationError(Exception):
    """An error that the user can correct.

    A subclass is a dataclass: it annotates its fields, and says in ``WHAT`` and ``REMEDY`` how they
    become a text, as in ``"{origin}: {column} is empty"``. ``{names!l}`` lists all of a sequence,
    ``{names!n}`` its first three, ``{names!a}`` has "and" between them, and ``{number:+speaker}``
    is "1 speaker" or "2 speakers". Where that does not suffice, it overrides :meth:`describe` or
    :meth:`advise`.
    """

    WHAT: ClassVar[str] = ""
    REMEDY: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclass(eq=False)(cls)

    @property
    def what(self) -> str:
        """What happened, with the file, row or field it happened in and the value found."""
        origin = vars(self).get("_origin", "")
        return one_line(self.describe() + (f" ({origin})" if origin else ""))

    @property
    def remedy(self) -> str:
        """What to do about it; empty where :attr:`what` already says so."""
        return one_line(self.advise())

    @property
    def also(self) -> tuple[str, ...]:
        """Further faults that can be corrected in the same go, a line each."""
        return vars(self).get("_also", ())

    def describe(self) -> str:
        """Return the text of :attr:`what`."""
        return self._formatted(self.WHAT)

    def advise(self) -> str:
        """Return the text of :attr:`remedy`."""
        return self._formatted(self.REMEDY)

    def with_origin(self, origin: str) -> Self:
        """Return this error, which now says too where the file it is about was named."""
        vars(self)["_origin"] = origin
        return self

    def with_others(self, also: Sequence[str]) -> Self:
        """Return this error, which now tells further faults too."""
        vars(self)["_also"] = tuple(map(one_line, also))
        return self

    def _formatted(self, template: str) -> str:
        return _FORMATTER.vformat(template, (), vars(self))

    def __str__(self) -> str:
        return "\n  ".join([self.what, *([self.remedy] if self.remedy else []), *self.also])

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), dict(vars(self)))


def _restored(kind: type[AblationError], state: dict[str, Any]) -> AblationError:
    """Return an error that came from another process."""
    error = kind.__new__(kind)
    vars(error).update(state)
    return error


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
    """A cluster cannot be reached or used, or the connection to it was lost."""


class MemoryShortage(AblationError):
    """A device has no memory left for a task."""


class SelectionError(AblationError):
    """No shape can be chosen, or no curve drawn, from the rows at hand."""
