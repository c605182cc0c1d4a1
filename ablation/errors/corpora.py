"""Errors of corpora: folders, manifests and labels that cannot be used, and folds."""

from collections.abc import Sequence
from pathlib import Path

from ablation.errors.base import CorpusError, FoldError, StudyError
from ablation.errors.text import counted, named, suggestion

# ---------------------------------------------------------------------------- name and folder


class UnknownCorpus(CorpusError):
    """The registry has no corpus of this name."""

    name: str
    allowed: Sequence[str]
    WHAT = "unknown corpus {name!r}"

    def advise(self) -> str:
        return suggestion(self.name, self.allowed)


class UnknownCorpusOption(StudyError):
    """A field of ``[corpus.options]`` is no option of the corpus."""

    corpus: str
    option: str
    allowed: Sequence[str]
    WHAT = "unknown field corpus.options.{option}"

    def advise(self) -> str:
        if not self.allowed:
            return f"corpus {self.corpus} has no options"
        return suggestion(self.option, self.allowed)


class InvalidCorpusOption(StudyError):
    """An option of a corpus has a value that cannot be used, or does not fit another option.

    ``option`` is empty where the fault lies in several options together.
    """

    option: str
    value: object
    reason: str

    def describe(self) -> str:
        given = f".{self.option} = {self.value!r}" if self.option else ""
        return f"corpus.options{given}: {self.reason}"


class CorpusRootMissing(CorpusError):
    """A corpus is read from a folder or file, and none was given."""

    corpus: str
    layout: str
    WHAT = "corpus {corpus}: no root given (expected: {layout})"
    REMEDY = "give --corpus-root PATH, or root in the study's [corpus]"


class CorpusRootNotFound(CorpusError):
    """There is no such corpus folder."""

    corpus: str
    root: Path
    layout: str
    WHAT = "corpus {corpus}: {root} does not exist"
    REMEDY = "--corpus-root takes the folder that holds {layout}"


class ManifestNotFound(CorpusRootNotFound):
    """There is no such manifest."""

    REMEDY = "--corpus-root takes {layout}"


class SyntheticCorpusNotFound(CorpusRootNotFound):
    """There is no folder from which to read a synthetic corpus."""

    REMEDY = "make it with: ablate corpus synthesize {root}"


class CorpusRootNotAFolder(CorpusError):
    """A file was given where the folder of a corpus is needed."""

    corpus: str
    root: Path
    layout: str
    WHAT = "corpus {corpus}: {root} is not a folder"
    REMEDY = "--corpus-root takes the folder that holds {layout}"


class SyntheticCorpusNotAFolder(CorpusRootNotAFolder):
    """A file was given where the folder of a synthetic corpus is needed."""

    REMEDY = "to read your own manifest, use --corpus manifest; to name a study, use --study"


class ManifestIsAFolder(CorpusError):
    """A folder was given where a manifest is needed."""

    root: Path
    layout: str
    WHAT = "corpus manifest: {root} is a folder, not a file"
    REMEDY = "--corpus-root takes {layout}"


class NotACorpus(CorpusError):
    """A folder lacks the files by which a corpus is recognised."""

    corpus: str
    root: Path
    missing: str
    layout: str
    WHAT = "corpus {corpus}: {root} holds no {missing}"
    REMEDY = "--corpus-root takes the folder that holds {layout}"


class NotASyntheticCorpus(NotACorpus):
    """A folder lacks the manifest of a synthetic corpus."""

    REMEDY = "make the corpus with: ablate corpus synthesize {root}"


class OtherSyntheticCorpus(CorpusError):
    """A folder already holds a synthetic corpus that was made with other options."""

    folder: Path
    WHAT = "{folder} holds a synthetic corpus made with other options"
    REMEDY = "choose another folder"


class EmptyCorpus(CorpusError):
    """A corpus folder or manifest names no recording."""

    corpus: str
    root: Path | None
    layout: str
    WHAT = "corpus {corpus}: no recordings in {root}"
    REMEDY = "expected: {layout}"


class UnreadableFile(CorpusError):
    """A file of a corpus cannot be read."""

    file: Path
    reason: str
    WHAT = "cannot read {file}: {reason}"


# ---------------------------------------------------------------------------- recordings


class MissingRecording(CorpusError):
    """A recording that the corpus names is not there."""

    file: Path
    origin: str = ""
    REMEDY = "complete the corpus folder"

    def describe(self) -> str:
        return f"{self.origin}: no file {self.file}" if self.origin else f"no file {self.file}"


class MissingManifestFile(MissingRecording):
    """A recording that a manifest names is not there; ``nearest`` may be the file meant."""

    nearest: str = ""

    def advise(self) -> str:
        if self.nearest:
            return f"did you mean {self.nearest!r}?"
        return "paths are relative to the manifest"


class RecordingIsAFolder(CorpusError):
    """A manifest names a folder where a recording is needed."""

    origin: str
    file: Path
    WHAT = "{origin}: {file} is a folder, not a recording"
    REMEDY = "give the path of the recording"


class RemoteRecording(CorpusError):
    """A dataset names a recording by an address on the net, and nothing is downloaded."""

    origin: str
    address: str
    WHAT = "{origin}: {address} is an address, not a file"
    REMEDY = "download the recordings, and save the dataset with them: datasets.Audio(decode=False)"


class MisnamedRecording(CorpusError):
    """A file is not named as its corpus names recordings."""

    file: Path
    corpus: str
    expected: str
    WHAT = "{file} is not named like a recording of {corpus}, such as {expected}"
    REMEDY = "move it out of the corpus folder, or use a manifest"


class MisplacedRecording(CorpusError):
    """A recording lies in a folder that contradicts its name."""

    file: Path
    named: str
    REMEDY = "move it to the folder that matches its name"

    @property
    def folder(self) -> str:
        """The name of the folder that the recording lies in."""
        return self.file.parent.name

    def describe(self) -> str:
        return f"{self.file}: the name says {self.named}, but the folder is {self.folder}"


class TwoFormats(CorpusError):
    """A recording is there as WAV and as FLAC."""

    file: Path
    other: Path
    WHAT = "{file} and {other.name} are the same recording in two formats"
    REMEDY = "keep only one of them"


class DifferingCopies(CorpusError):
    """Two files have the name of one recording but differ in content."""

    file: Path
    other: Path
    WHAT = "{file} and {other} have the name of one recording, but their contents differ"
    REMEDY = "remove one of them"


class DuplicateId(CorpusError):
    """Two recordings have one id."""

    id: str
    file: Path
    other: Path
    WHAT = "{file} and {other} have the same utterance id {id!r}"
    REMEDY = "remove one of them"


class PointerFile(CorpusError):
    """A file is the pointer that Git LFS leaves in place of a recording."""

    file: Path
    WHAT = "{file} is a Git LFS pointer, not the recording itself"
    REMEDY = "fetch the recordings: git lfs pull --include 'AudioWAV/*', or ablate corpus fetch"


# ---------------------------------------------------------------------------- labels and classes


class UnknownLabelMap(CorpusError):
    """A corpus has no label map of this name."""

    corpus: str
    name: str
    allowed: Sequence[str]
    WHAT = "corpus {corpus} has no label map {name!r}"

    def advise(self) -> str:
        if not self.allowed:
            return "give a table: [corpus.labels]"
        return suggestion(self.name, self.allowed)


class EmptyLabelMap(CorpusError):
    """The table ``[corpus.labels]`` is empty."""

    corpus: str
    found: Sequence[str]
    WHAT = "[corpus.labels] is empty: no label of corpus {corpus} has a class"
    REMEDY = "give each label a class (labels found: {found!l}), or leave the table out"


class LabelNotInCorpus(CorpusError):
    """The table ``[corpus.labels]`` names a label that the corpus does not have."""

    corpus: str
    label: str
    allowed: Sequence[str]
    WHAT = "[corpus.labels]: corpus {corpus} has no label {label!r}"

    def advise(self) -> str:
        return suggestion(self.label, self.allowed)


class UnknownLabel(CorpusError):
    """A row has a label that ``[corpus.labels]`` lacks; ``more`` further rows have it too."""

    origin: str
    label: str
    allowed: Sequence[str]
    more: int = 0

    def describe(self) -> str:
        more = f" (and in {counted(self.more, 'more row')})" if self.more else ""
        return f"{self.origin}: unknown label {self.label!r}{more}"

    def advise(self) -> str:
        omitted = f'to leave it out, add {self.label} = "" to [corpus.labels]'
        return f"{suggestion(self.label, self.allowed)}; {omitted}"


class NoLabelUsed(CorpusError):
    """No utterance has a label to which the study gives a class."""

    corpus: str
    root: Path | None
    found: Sequence[str]
    WHAT = "corpus {corpus}: no utterance in {root} has a label that the study uses"
    REMEDY = "correct [corpus.labels], or leave it out (labels found: {found!l})"


class ClassWithoutUtterances(CorpusError):
    """A class of the study has no utterance."""

    corpus: str
    root: Path | None
    label: str
    WHAT = "corpus {corpus}: no utterance in {root} is labelled {label}"
    REMEDY = "complete the corpus, or leave the class out of [corpus.labels]"


class SingleClass(CorpusError):
    """All utterances are of one class."""

    corpus: str
    label: str
    WHAT = "corpus {corpus}: only one class ({label})"
    REMEDY = "at least two classes are needed"


class ReservedClass(CorpusError):
    """A class would share a column of the results with something else."""

    corpus: str
    label: str
    WHAT = (
        "corpus {corpus}: a class cannot be called {label!r}, "
        "because n_{label} is already a column of the results"
    )
    REMEDY = 'rename it in [corpus.labels], for example: {label} = "{label}ed"'


# ---------------------------------------------------------------------------- rows of tables


class EmptyField(CorpusError):
    """A field that must have a value is empty."""

    origin: str
    column: str
    WHAT = "{origin}: {column} is empty"
    REMEDY = "fill it in, or remove the row"


class NotTextOrNumber(CorpusError):
    """A field holds bytes or a list where a text or a number is needed."""

    origin: str
    column: str
    value: object
    WHAT = "{origin}: {column} must be text or a number, got {value!r}"


class InvalidTime(CorpusError):
    """A start or end is not a time in a recording."""

    origin: str
    column: str
    value: object
    WHAT = "{origin}: {column} must be a time of at least 0 seconds, got {value!r}"


class EndBeforeStart(CorpusError):
    """The end of a cut does not lie after its start; both are in seconds."""

    origin: str
    start: float
    end: float
    WHAT = "{origin}: end = {end:g} must be after start = {start:g}"


class DuplicateRow(CorpusError):
    """Two rows of a manifest have one id; ``other`` is the first of them."""

    origin: str
    id: str
    other: str
    WHAT = "{origin}: {id} is a duplicate of {other}"
    REMEDY = "remove one of the two rows, or give them different ids"


class LongRow(CorpusError):
    """A row of a manifest has more fields than the others have columns."""

    origin: str
    fields: int
    columns: int
    WHAT = "{origin}: {fields} fields instead of {columns}"
    REMEDY = "put double quotes around a field that contains a comma"


class MissingColumn(CorpusError):
    """A manifest lacks a column."""

    file: Path
    column: str
    found: Sequence[str]
    layout: str
    WHAT = "{file}: no column {column!r} (found: {found!l})"
    REMEDY = "a manifest is {layout}"


class SemicolonSeparated(CorpusError):
    """The columns of a manifest are separated by semicolons."""

    file: Path
    header: str
    WHAT = "{file}: the columns are separated by semicolons ({header})"
    REMEDY = "save it with commas as separators"


class UnreadableManifest(CorpusError):
    """A manifest is neither CSV nor parquet, or is damaged."""

    file: Path
    reason: str
    layout: str
    WHAT = "cannot read the manifest {file}: {reason}"
    REMEDY = "a manifest is {layout}"


class ManifestNotUtf8(CorpusError):
    """A manifest has another encoding than UTF-8."""

    file: Path
    reason: str
    WHAT = "cannot read the manifest {file}: {reason}"
    REMEDY = "save it as UTF-8"


class InvalidTurn(CorpusError):
    """A line of an IEMOCAP evaluation file is not a turn."""

    origin: str
    line: str
    labels: Sequence[str]

    WHAT = (
        "{origin}: expected '[start - end] TAB turn TAB label TAB [v, a, d]', got {line!r} "
        "(labels: {labels!l})"
    )
    REMEDY = "restore the file from the corpus"


# ---------------------------------------------------------------------------- databases, datasets


class UnknownPart(CorpusError):
    """A database or dataset lacks the table, column or split that an option names.

    ``part`` is that noun; ``option`` is the field of ``[corpus.options]``.
    """

    place: str | Path
    part: str
    name: str
    option: str
    allowed: Sequence[str]
    WHAT = "{place}: no {part} {name!r} (corpus.options.{option})"

    def advise(self) -> str:
        return suggestion(self.name, self.allowed)


class PartNotChosen(CorpusError):
    """Several tables or splits could be read; ``part``, also the option's name, says which."""

    place: str | Path
    part: str
    allowed: Sequence[str]
    column: str = ""

    def describe(self) -> str:
        which = f" with a column {self.column!r}" if self.column else ""
        return f"{self.place} has {counted(len(self.allowed), self.part)}{which}"

    def advise(self) -> str:
        return f"choose one with corpus.options.{self.part} (allowed: {', '.join(self.allowed)})"


class NoSplits(CorpusError):
    """A split was named, but the dataset has none."""

    folder: Path
    split: str
    WHAT = "{folder} has no splits, but corpus.options.split = {split!r}"
    REMEDY = "leave corpus.options.split out"


class NotAnAudioColumn(CorpusError):
    """The column that should hold recordings holds something else."""

    folder: Path
    column: str
    WHAT = "{folder}: column {column!r} holds no recordings (corpus.options.audio)"
    REMEDY = "cast it: dataset.cast_column({column!r}, datasets.Audio())"


class UnreadableDataset(CorpusError):
    """A folder saved by Hugging Face datasets is damaged."""

    folder: Path
    reason: str
    WHAT = "cannot read {folder}: {reason}"
    REMEDY = "save the dataset again with save_to_disk"


class UnreadableHeader(CorpusError):
    """The header of a database is damaged, or of another kind."""

    header: Path
    reason: str
    WHAT = "cannot read {header}: {reason}"
    REMEDY = "make sure that it is an audformat header"


class MissingTable(CorpusError):
    """A table that the header of a database names has no file."""

    header: Path
    table: str
    WHAT = "{header}: no file db.{table}.csv or db.{table}.parquet (pickled tables are not read)"
    REMEDY = "complete the database"


class UnreadableTable(CorpusError):
    """A table of a database is damaged."""

    header: Path
    table: str
    reason: str
    WHAT = "{header}: cannot read the table {table}: {reason}"
    REMEDY = "complete the database"


class TwoSpeakers(CorpusError):
    """Tables of a database give one recording two speakers."""

    header: Path
    file: str
    speakers: Sequence[object]
    tables: Sequence[str]
    REMEDY = "correct one of the tables"

    def describe(self) -> str:
        both, tables = " and ".join(map(str, self.speakers)), ", ".join(self.tables)
        return f"{self.header}: {self.file} has two speakers, {both} (tables: {tables})"


# ---------------------------------------------------------------------------- folds


class OneSpeaker(FoldError):
    """A corpus has one speaker, and folds need two."""

    corpus: str
    speaker: str
    WHAT = "corpus {corpus} has only one speaker ({speaker})"
    REMEDY = "speaker-independent folds need at least two speakers"


class TooManyFolds(FoldError):
    """More groups of speakers were asked for than there are speakers."""

    corpus: str
    count: int
    speakers: int
    REMEDY = "choose 2 to {speakers} folds"

    def describe(self) -> str:
        speakers = counted(self.speakers, "speaker")
        return f"{self.count} folds requested, but corpus {self.corpus} has {speakers}"


class NobodyToTrainOn(FoldError):
    """Leaving out two of two folds leaves no training set."""

    folds: int
    WHAT = "leaving out pairs of {folds} folds leaves no speakers to train on"
    REMEDY = "--nested-full needs at least three folds: use more folds, or --nested"


class SpeakerOnBothSides(FoldError):
    """Speakers stand in the training set and in the test set of a fold."""

    fold: str
    speakers: Sequence[str]
    WHAT = "fold {fold}: speaker {speakers!n} is in both the training and the test set"
    REMEDY = "every speaker must belong to exactly one fold"


class ClassNotInTraining(FoldError):
    """The training set of a fold lacks classes: its test speakers speak all their utterances."""

    fold: str
    missing: Sequence[str]
    test_speakers: Sequence[str]
    classes: Sequence[str]
    WHAT = (
        "fold {fold}: no training utterance is {missing!n} "
        "(all of them are from test speaker {test_speakers!n})"
    )

    def advise(self) -> str:
        missing = named(self.missing)
        return (
            f"if {missing} is a typo, correct it (classes: {', '.join(self.classes)}); "
            f"otherwise leave it out in [corpus.labels], or add recordings of it by other speakers"
        )
