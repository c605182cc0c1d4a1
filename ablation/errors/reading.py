"""Errors of reading what is stored: curves, comparisons, contrasts, figures and chosen shapes."""

from collections.abc import Sequence
from pathlib import Path

from ablation.errors.base import SelectionError, StorageError, StudyError
from ablation.errors.text import named


class NoCompleteShape(SelectionError):
    """A rule was asked to choose, and no shape has finished all its folds and seeds."""

    WHAT = "no shape has finished all its folds and seeds"
    REMEDY = "finish the grid: ablate grid"


class NoCompleteAxis(SelectionError):
    """A study has no axis, or not the axis asked for, with two complete shapes.

    ``others`` are the other settings stored under the study's name.
    """

    study: str
    digest: str
    axis: str = ""
    others: Sequence[str] = ()

    def describe(self) -> str:
        axis = f"{self.axis} axis" if self.axis else "axis"
        return f"study {self.study}, settings {self.digest}, has no {axis} with two complete shapes"

    def advise(self) -> str:
        grid = f"run ablate grid --axis {self.axis or 'both'} with the same --study"
        if not self.others:
            return grid
        return f"{grid}; other settings are stored (--digest): {named(self.others, 4)}"


class NoProbes(SelectionError):
    """No finished probe is stored."""

    WHAT = "no finished probe is stored"
    REMEDY = "run ablate grid"


class NoProbesWith(SelectionError):
    """No finished probe has a value that was asked for."""

    column: str
    value: object
    stored: Sequence[object]
    WHAT = "no finished probe has {column} {value}"
    REMEDY = "stored: {stored!l}"


class SeveralStored(SelectionError):
    """The probes have several values of a column of which only one can be used."""

    column: str
    stored: Sequence[object]
    WHAT = "the stored probes have several values of {column}: {stored!l}"

    def advise(self) -> str:
        return f"choose one, for example {self.column}={self.stored[0]!r}"


class NobodySpoke(StudyError):
    """The score asked for is the accuracy of a class without any utterance."""

    option: str
    label: str
    WHAT = "{option}: the corpus has no utterance of class {label!r}"
    REMEDY = "choose another: wa, ua or a class of the corpus"


class ReferenceOffAxes(StudyError):
    """A reference shape lies on neither axis of the study."""

    shape: str
    fixed_height: int
    fixed_width: int
    WHAT = "--reference: {shape} lies on neither axis"
    REMEDY = (
        "shapes of the height axis have width {fixed_width}, those of the width axis have height "
        "{fixed_height}, for example 10x{fixed_width},{fixed_height}x8"
    )


class ReferencesShareAxis(StudyError):
    """Two reference shapes lie on the same axis."""

    axis: str
    shapes: Sequence[str]
    WHAT = "--reference: {shapes!a} are both on the {axis} axis"
    REMEDY = "give one reference per axis"


class ReferenceNotComplete(StudyError):
    """A reference is none of the complete shapes that it is to be compared with."""

    where: str
    shape: str
    complete: Sequence[str]
    WHAT = "{where}: {shape} has not finished all its folds and seeds"
    REMEDY = "complete: {complete!l}"


class NoReference(SelectionError):
    """None of the reference shapes is complete, so there is nothing to compare with."""

    complete: Sequence[str]
    WHAT = "no reference shape has finished all its folds and seeds"
    REMEDY = "name one with --reference, or compare all with --pairs; complete: {complete!l}"


class TooManyPairs(SelectionError):
    """An axis has too many shapes to compare all pairs of them."""

    shapes: int
    most: int
    WHAT = "{shapes} shapes are too many to compare all pairs (at most {most})"
    REMEDY = "compare them with one shape: --reference"


class SameStudy(StudyError):
    """A contrast was to be chosen and tested on the same study."""

    study: str
    WHAT = "--study {study} is given twice"
    REMEDY = "choose the contrast on one study and test it on another"


class SameRecordings(StudyError):
    """A contrast was to be chosen and tested on the same recordings."""

    studies: Sequence[str]
    WHAT = "{studies!a} are studies of the same recordings"
    REMEDY = "test on another corpus: what was chosen on some speakers is tested on others"


class UnitsDiffer(StudyError):
    """Two studies have bins or frames of different extents.

    ``bins`` are in Hz and ``frames`` in ms, of each study.
    """

    studies: tuple[str, str]
    bins: tuple[float, float]
    frames: tuple[float, float]
    WHAT = (
        "in {studies[0]}, a bin is {bins[0]:g} Hz and a frame {frames[0]:g} ms; "
        "in {studies[1]}, a bin is {bins[1]:g} Hz and a frame {frames[1]:g} ms"
    )
    REMEDY = "the same shape has another extent there: compare studies with the same spectrogram"


class RowsDiffer(StudyError):
    """Two studies have front ends whose rows differ; ``rows`` says what those of each are."""

    studies: tuple[str, str]
    rows: tuple[str, str]
    WHAT = "{studies[0]} has {rows[0]}; {studies[1]} has {rows[1]}"
    REMEDY = "the same shape has another extent there: compare studies with the same front end"


class TooFewSpeakers(SelectionError):
    """A study has too few speakers to compare anything."""

    study: str
    speakers: int
    WHAT = "study {study} has {speakers:+speaker}; a comparison needs two"


class ReferenceIsChoice(SelectionError):
    """The rule chose the very shape that its choice was to be compared with."""

    rule: str
    shape: str
    WHAT = "the rule {rule} chooses {shape}, which is the reference"
    REMEDY = "there is no difference to test; give another --reference only if it is pre-specified"


class PlateauAtStart(SelectionError):
    """The plateau begins at the smallest shape, so there is no smaller one to compare with."""

    axis: str
    shape: str
    WHAT = "the plateau begins at the smallest {axis}, {shape}: there is no difference to test"
    REMEDY = "report that; use another --rule or --reference only if it is pre-specified"


class UnreadableContrast(StorageError):
    """The file of a recorded contrast cannot be read, or was edited."""

    file: Path
    reason: str
    WHAT = "cannot read the contrast {file}: {reason}"
    REMEDY = "restore it, or remove it to choose again"


class OtherContrast(StudyError):
    """The file of a contrast records one of two other studies."""

    file: Path
    recorded: tuple[str, str]
    expected: tuple[str, str]
    WHAT = "{file} is a contrast of {recorded!a}, not of {expected!a}"
    REMEDY = "restore it, or choose again with --anew"


class ContrastOfOtherSettings(StudyError):
    """A recorded contrast was chosen on other settings of the study than those taken."""

    file: Path
    recorded: str
    digest: str
    WHAT = "{file} was chosen on settings {recorded}, not on {digest}"
    REMEDY = "use --digest {recorded}, or choose again with --anew (the old contrast is kept)"


class ContrastUntested(SelectionError):
    """A contrast is recorded, and the study that tests it has not finished its shapes.

    ``digest`` is empty where nothing of that study is stored.
    """

    file: Path
    contrast: tuple[str, str]
    study: str
    digest: str
    missing: Sequence[str]

    def describe(self) -> str:
        stored = f"settings {self.digest}" if self.digest else "nothing is stored"
        return (
            f"study {self.study} ({stored}) has not finished {' and '.join(self.missing)}; the "
            f"contrast {' against '.join(self.contrast)} is recorded in {self.file}"
        )

    def advise(self) -> str:
        return (
            f"run ablate grid --shapes {','.join(self.missing)} with that --study (and its --set), "
            f"then compare again"
        )


class SpeakersDiffer(SelectionError):
    """Two shapes of a study were not scored on the same speakers."""

    study: str
    shapes: Sequence[str]
    WHAT = "study {study}: {shapes!a} were scored on different speakers"
    REMEDY = "train them with the same folds and seeds"
