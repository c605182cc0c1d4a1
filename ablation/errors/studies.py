"""Errors of study files, of ``--set`` and of the options that stand for a study's fields."""

from collections.abc import Sequence
from pathlib import Path

from ablation.errors.base import StudyError
from ablation.errors.text import nearest, suggestion


class StudyNotFound(StudyError):
    """There is neither a study file nor a shipped study of that name."""

    path: Path
    nearest: str  # a study that may have been meant, or an empty text
    shipped: Sequence[str]
    WHAT = "no study file {path}"

    def advise(self) -> str:
        meant = f"did you mean {self.nearest!r}? " if self.nearest else ""
        shipped = ", ".join(self.shipped)
        return f"{meant}give a TOML file, a study's results folder or a shipped study: {shipped}"


class UnreadableStudy(StudyError):
    """A study file is not TOML, or the system does not let it be read."""

    file: Path
    reason: str
    WHAT = "cannot read {file}: {reason}"

    def advise(self) -> str:
        if "Unescaped '\\'" in self.reason or "Invalid hex value" in self.reason:
            return "in double quotes '\\' begins a special character: write paths with '/'"
        return ""


class UnknownField(StudyError):
    """A study has no field of that name; ``allowed`` are those of the same table."""

    origin: str
    field: str
    allowed: Sequence[str]
    WHAT = "{origin}: unknown field {field}"

    @property
    def nearest(self) -> str:
        """The allowed field most like the one given, or an empty text."""
        return nearest(self.field.rpartition(".")[2], self.allowed)

    def advise(self) -> str:
        return suggestion(self.field.rpartition(".")[2], self.allowed)


class InvalidField(StudyError):
    """A field of a study has a value that it cannot take; ``reason`` says what it should be.

    ``value`` is empty where fields of a table contradict each other: ``field`` is that table then,
    and ``reason`` names them with their values.
    """

    origin: str
    field: str
    value: str
    reason: str

    def describe(self) -> str:
        if not self.value:
            return f"{self.origin}: {f'[{self.field}] ' if self.field else ''}{self.reason}"
        joint = " " if self.reason.startswith("should") else ": "
        return f"{self.origin}: {self.field} = {self.value}{joint}{self.reason}"


class NotUtf8(StudyError):
    """A text of the command line, or a path, cannot be written into a study file."""

    where: str
    value: str
    WHAT = "{where}: {value!r} is not valid UTF-8, so a study cannot hold it"


class NoiseFolderUnusable(StudyError):
    """The folder that noise is taken from has no recording, or cannot be read."""

    folder: Path
    reason: str
    WHAT = "no noise can be taken from features.noise_folder = {folder}: {reason}"
    REMEDY = "give a folder of recordings, as WAV or FLAC files"


class InvalidShape(StudyError):
    """A text is no filter shape."""

    where: str  # the option or field; empty where the caller knows
    text: str
    REMEDY = "for example: 10x2, or 10x2:12 for twelve such filters"

    def describe(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}expected HEIGHTxWIDTH in bins and frames, got {self.text!r}"


class NoMatchedShape(StudyError):
    """No shape with as many weights as the one given fits a segment."""

    shape: str
    height: int
    width: int
    unit: str = "bins"  # of the height
    WHAT = (
        "--matched {shape}: no shape with as many weights fits a segment of {height} {unit} x "
        "{width} frames"
    )
    REMEDY = "for example: --matched 10x2"


class UnknownAxis(StudyError):
    """No axis of that name; ``allowed`` are the fields that can be one, and the sides of a filter.

    ``where`` is the option or argument that names it.
    """

    where: str
    name: str
    allowed: Sequence[str]
    WHAT = "{where}: unknown axis {name!r}"

    @property
    def nearest(self) -> str:
        """The axis most like the one given, or an empty text."""
        last = {name.rpartition(".")[2]: name for name in self.allowed}
        return nearest(self.name, self.allowed) or last.get(nearest(self.name, list(last)), "")

    def advise(self) -> str:
        meant = f"did you mean {self.nearest!r}? " if self.nearest else ""
        return (
            f"{meant}(allowed: height, width, both, product, or a field of the tables features, "
            f"probe, folds and training on which a row depends)"
        )


class NoValues(StudyError):
    """An axis was given without the values that it takes."""

    axis: str
    WHAT = "no values of the axis {axis} given"
    REMEDY = "for example: --axis features.window_ms --values 20,40,80"


class SameSettings(StudyError):
    """Two points of some axes are the same cells, so that there is nothing to compare."""

    axes: Sequence[str]
    one: str
    other: str
    WHAT = "--axis {axes!l}: {one} and {other} are the same settings"
    REMEDY = (
        "a field may have no effect on these settings (features.noise without features.snr_db), or "
        "exclude another (training.epochs, training.steps)"
    )


class FixedByProbes(StudyError):
    """Something cannot be changed when promoting, because the probes were trained with it."""

    given: str
    trained: str
    changeable: Sequence[str]
    WHAT = "{given}: the probes were trained {trained}"
    REMEDY = "promote can change only the tables {changeable!l}; for others run ablate grid again"
