"""Errors that any part of the package may raise: wrong options, unknown names, missing packages."""

from collections.abc import Sequence

from ablation.errors.base import AblationError, StudyError
from ablation.errors.text import nearest, suggestion


class UnknownName(StudyError):
    """A name is none of those allowed.

    ``where`` is the option or field that holds it, or says what it is a name of, and ``kind`` the
    noun for it; ``otherwise`` is what to do where no name at all is allowed.
    """

    where: str
    name: str
    allowed: Sequence[str]
    kind: str = "name"
    otherwise: str = ""
    WHAT = "{where}: unknown {kind} {name!r}"

    @property
    def nearest(self) -> str:
        """The allowed name most like the one given, or an empty text."""
        return nearest(self.name, self.allowed)

    def advise(self) -> str:
        if self.otherwise and not self.allowed:
            return self.otherwise
        return suggestion(self.name, self.allowed)


class InvalidOption(StudyError):
    """An option has a value that cannot be used."""

    option: str
    value: object
    expected: str
    example: str = ""
    WHAT = "{option}: expected {expected}, got {value!r}"

    def advise(self) -> str:
        return f"for example: {self.option} {self.example}" if self.example else ""


class OptionRequires(StudyError):
    """An option was given without another one that it needs."""

    option: str
    required: str
    WHAT = "{option} requires {required}"


class OptionsExclude(StudyError):
    """Options were given that cannot be combined."""

    options: Sequence[str]
    WHAT = "{options!a} cannot be combined"
    REMEDY = "give only one of them"


class OptionMissing(StudyError):
    """None of several options was given, and one of them is needed."""

    needed: str
    options: Sequence[str]
    WHAT = "no {needed} given"
    REMEDY = "give one of: {options!l}"


class MissingPackage(AblationError):
    """A feature needs an optional package that is not installed."""

    feature: str
    package: str
    extra: str
    WHAT = "{feature} requires the package {package}, which is not installed"
    REMEDY = "pip install -c constraints.txt -e '.[{extra}]'"
