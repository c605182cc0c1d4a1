"""Errors about saved networks, about networks of the user's own, and about what they are given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from ablation.errors.base import AudioError, StorageError, StudyError
from ablation.errors.text import named

_AGAIN = "run ablate promote again to recreate it"

# ---------------------------------------------------------------------------- saved networks


class NoNetwork(StorageError):
    """A folder has no saved network."""

    folder: Path
    WHAT = "no network in {folder}: network.json is missing"
    REMEDY = "give a folder below results/STUDY/networks, as ablate promote writes them"


class NoFinalNetwork(StorageError):
    """A study has no saved network that was trained on all speakers."""

    folder: Path
    digest: str = ""
    REMEDY = "run ablate promote with the same --study first, or give a folder with --network"

    def describe(self) -> str:
        settings = f" for the settings with digest {self.digest}" if self.digest else ""
        return f"no network trained on all speakers is saved in {self.folder}{settings}"


class DamagedNetwork(StorageError):
    """A file of a saved network, or its ``field``, cannot be used."""

    file: Path
    reason: str
    field: str = ""
    REMEDY = _AGAIN

    def describe(self) -> str:
        return f"{self.file}: {f'{self.field}: ' if self.field else ''}{self.reason}"


class NetworkChanged(StorageError):
    """A file of a saved network is not the one that was written: its checksum differs."""

    file: Path
    WHAT = "{file} was changed after it was written (its checksum differs)"
    REMEDY = _AGAIN


class WeightsMisfit(StorageError):
    """A network has parameters of other names or shapes than its weights file.

    ``missing`` and ``unknown`` are names; ``shapes`` maps a name to the shape found and the shape
    expected.
    """

    file: Path
    missing: Sequence[str]
    unknown: Sequence[str]
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    REMEDY = _AGAIN

    def describe(self) -> str:
        faults = [
            *(f"{name} is missing" for name in self.missing),
            *(f"{name} is unknown" for name in self.unknown),
            *(f"{name} has shape {a}, not {b}" for name, (a, b) in self.shapes.items()),
        ]
        return f"{self.file} does not fit the network in network.json: {named(sorted(faults), 2)}"


class FactoryChanged(StudyError):
    """A network of the user's own has other source code than when it was trained."""

    folder: Path
    factory: str
    WHAT = "{folder}: the source code of {factory} has changed since the network was trained"
    REMEDY = "restore the old source, or run ablate promote with the new one"


# ---------------------------------------------------------------------------- their use


class TooLongToExplain(AudioError):
    """A recording, or its part, is too long for one figure (seconds)."""

    file: Path
    seconds: float
    longest: float
    WHAT = "{file}: {seconds:.0f} s are too long for one figure"
    REMEDY = "give --start and --end, at most {longest:.0f} s apart"


class ShorterThanASegment(AudioError):
    """A recording is shorter than a segment (seconds) of a network that drops such recordings."""

    file: Path
    segment_s: float
    WHAT = "{file}: shorter than a segment of {segment_s:g} s"
    REMEDY = 'give a longer recording: this network was trained with features.short = "drop"'


class NoMap(StudyError):
    """A network has no layer with a map over bins and frames, so no receptive field."""

    network: str
    WHAT = "{network}: no layer has a map of shape (n, channels, bins, frames)"
    REMEDY = "a receptive field is that of a unit in such a map, as of torch.nn.Conv2d"


class NotTranslated(StorageError):
    """A network cannot be written as ONNX."""

    network: str
    WHAT = "torch could not export {network} to ONNX"
    REMEDY = "use the saved network with ablate predict"


class OnnxDiffers(StorageError):
    """An ONNX model's scores are not torch's."""

    difference: float
    tolerance: float
    WHAT = (
        "the ONNX model's scores differ from torch's by {difference:.2g}, more than {tolerance:.2g}"
    )
    REMEDY = "nothing was written"


# ---------------------------------------------------------------------------- the user's own


class FactoryModuleMissing(StudyError):
    """The module of a network of the user's own is not found."""

    factory: str
    module: str
    folder: Path
    WHAT = "--network {factory}: no module {module!r} in {folder} or among the installed packages"
    REMEDY = "give MODULE:FACTORY, such as mynet:build for build() in mynet.py"


def _made_with(shapes: str) -> str:
    return f" with {shapes}" if shapes else ""


class FactoryFailed(StudyError):
    """The user's own code raised an exception.

    ``stage`` is what ran: the import of the ``module``, the ``factory``, or the ``network`` made
    with ``shapes``.
    """

    factory: str
    stage: Literal["module", "factory", "network"]
    exception: str
    reason: str
    file: str
    line: int
    shapes: str = ""
    REMEDY = "--debug shows the traceback"

    def describe(self) -> str:
        return (
            f"--network {self.factory}{_made_with(self.shapes)}: the {self.stage} raised "
            f"{self.exception}: {self.reason} ({self.file}, line {self.line})"
        )


class UnusableNetwork(StudyError):
    """A network of the user's own is no module, has nothing to train, or returns no scores.

    ``shapes`` are those that it was made with, ``place`` is the file and line of its factory.
    """

    factory: str
    fault: str
    shapes: str = ""
    place: str = ""
    REMEDY = (
        "the factory returns a torch.nn.Module with weights; its input is (n, 1, frequency, time), "
        "its output must be (n, classes)"
    )

    def describe(self) -> str:
        place = f" ({self.place})" if self.place else ""
        return f"--network {self.factory}{_made_with(self.shapes)}: {self.fault}{place}"


class FactorySignature(StudyError):
    """A factory of the user's own takes other parameters than a spec, or shapes and classes."""

    factory: str
    signature: str
    WHAT = "--network {factory}: the factory takes {signature}, but is called with one spec"
    REMEDY = (
        "let it take one parameter, which has .shapes, .classes, .bins, .frames, .features and "
        ".options (or two, shapes and classes), and give all others a default"
    )


class FactoryNotGiven(StudyError):
    """A study names a model that was defined in a notebook or script, which is not running."""

    factory: str
    WHAT = "{factory} was defined in a notebook or script, and is not known here"
    REMEDY = "run the notebook or script, or put the model into a file and give MODULE:FACTORY"


class ModelChanged(StudyError):
    """A model of the user's own has other source code than the probes of some settings."""

    factory: str
    digest: str
    WHAT = "the source code of {factory} has changed since the settings {digest} were run"
    REMEDY = "restore the old source, or run ablate grid with the new one"


class NotOfOwnModel(StudyError):
    """A search varies or counts what only the probe has."""

    factory: str
    asked: str
    WHAT = "{asked}: only the probe has it, not a model of your own ({factory})"
    REMEDY = "leave it out; heights and widths can be searched, by wa or ua"
