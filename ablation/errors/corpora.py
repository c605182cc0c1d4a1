"""Errors of corpora: folders, manifests, recordings and labels that cannot be used."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ablation.errors.base import CorpusError
from ablation.errors.text import counted, suggestion

_MANIFEST = (
    "a manifest is a CSV or parquet file with the columns file, speaker, label and optional start, "
    "end, id, partner"
)

_SLASHES = "this system separates folders by '/', not by '\\'"

# ---------------------------------------------------------------------------- folder and files


class CorpusRootMissing(CorpusError):
    """A corpus is read from a folder or file, and none was given."""

    corpus: str
    layout: str
    WHAT = "corpus {corpus}: no root given (expected: {layout})"
    REMEDY = "give --corpus-root PATH, or root in the study's [corpus]"


class WrongCorpusRoot(CorpusError):
    """The folder or file given is not there, or not what this corpus is read from."""

    corpus: str
    root: Path
    fault: str
    layout: str
    WHAT = "corpus {corpus}: {root} {fault}"

    def advise(self) -> str:
        if self.corpus == "synthetic" and self.fault == "is not a folder":
            return "to read your own manifest, use --corpus manifest; to name a study, use --study"
        if self.corpus == "synthetic":
            return f"make it with: ablate corpus synthesize {self.root}"
        if re.search(r"\\|[\x00-\x1f]", str(self.root)):
            return f'{_SLASHES}; in a TOML file, "\\t" is a tab'
        folder = "" if self.corpus == "manifest" else "the folder that holds "
        return f"--corpus-root takes {folder}{self.layout}"


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
    """A file of a corpus is damaged, lacks a part or is not allowed to be read."""

    file: Path
    reason: str
    kind: Literal["file", "manifest", "encoding", "dataset", "header", "table"] = "file"
    WHAT = "cannot read {file}: {reason}"

    def advise(self) -> str:
        return {
            "file": "",
            "manifest": _MANIFEST,
            "encoding": f"save it as UTF-8; {_MANIFEST}",
            "dataset": "save the dataset again with save_to_disk",
            "header": "make sure that it is an audformat header",
            "table": "complete the database",
        }[self.kind]


# ---------------------------------------------------------------------------- recordings


class MissingRecording(CorpusError):
    """A recording that the corpus names is not there; ``nearest`` may be the file meant."""

    file: Path
    origin: str = ""
    nearest: str = ""

    def describe(self) -> str:
        return f"{self.origin}: no file {self.file}" if self.origin else f"no file {self.file}"

    def advise(self) -> str:
        if "\\" in self.file.name:
            return f"{_SLASHES}{f': {self.nearest!r}' if self.nearest else ''}"
        if self.nearest:
            return f"did you mean {self.nearest!r}?"
        return "complete the corpus folder; paths in a manifest are relative to the manifest"


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
    WHAT = "{file}: the name says {named}, but the folder is {file.parent.name}"
    REMEDY = "move it to the folder that matches its name"


class DuplicateRecording(CorpusError):
    """Two files are one recording; ``how`` says what they have in common."""

    file: Path
    other: Path
    how: str
    WHAT = "{file} and {other} {how}"
    REMEDY = "remove one of them"


class PointerFile(CorpusError):
    """A file is the pointer that Git LFS leaves in place of a recording."""

    file: Path
    WHAT = "{file} is a Git LFS pointer, not the recording itself"
    REMEDY = "fetch the recordings: git lfs pull --include 'AudioWAV/*', or ablate corpus fetch"


# ---------------------------------------------------------------------------- labels and classes


class LabelNotInCorpus(CorpusError):
    """A label is given a class by a table or option, and no recording has that label."""

    where: str
    label: str
    allowed: Sequence[str]
    WHAT = "{where}: no recording has the label {label!r}"

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
    found: Sequence[str]
    WHAT = "corpus {corpus}: no utterance has a label to which [corpus.labels] gives a class"
    REMEDY = "give each label a class there (labels found: {found!l}), or leave the table out"


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

    label: str
    renamed: str
    WHAT = "a class cannot be called {label!r}: results already have a column n_{label}"
    REMEDY = "rename it, for example: {renamed}"


# ---------------------------------------------------------------------------- tables and databases


class EmptyField(CorpusError):
    """A field that must have a value is empty."""

    origin: str
    column: str
    WHAT = "{origin}: {column} is empty"
    REMEDY = "fill it in, or remove the row"


class InvalidValue(CorpusError):
    """A field of a row has a value that it cannot have."""

    origin: str
    column: str
    value: object
    expected: str
    WHAT = "{origin}: {column} must be {expected}, got {value!r}"


class DuplicateRow(CorpusError):
    """Two rows of a manifest have one id; ``other`` is the first of them."""

    origin: str
    id: str
    other: str
    WHAT = "{origin}: {id} is a duplicate of {other}"
    REMEDY = (
        "remove the row that is wrong; if both are wanted (two stretches of one file, or two "
        "people in it), give each an id, in a column id"
    )


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
    WHAT = "{file}: no column {column!r} (found: {found!l})"
    REMEDY = _MANIFEST


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


class PartNotChosen(CorpusError):
    """Several tables or splits could be read; ``part``, also the option's name, says which."""

    place: Path
    part: str
    allowed: Sequence[str]
    column: str = ""
    REMEDY = "choose one with corpus.options.{part} (allowed: {allowed!l})"

    def describe(self) -> str:
        which = f" with a column {self.column!r}" if self.column else ""
        return f"{self.place} has {counted(len(self.allowed), self.part)}{which}"


class NotAnAudioColumn(CorpusError):
    """The column that should hold recordings holds something else."""

    folder: Path
    column: str
    WHAT = "{folder}: column {column!r} holds no recordings (corpus.options.audio)"
    REMEDY = "cast it: dataset.cast_column({column!r}, datasets.Audio())"


class TwoSpeakers(CorpusError):
    """Tables of a database give one recording two speakers."""

    header: Path
    file: str
    speakers: Sequence[object]
    tables: Sequence[str]
    WHAT = "{header}: {file} has two speakers, {speakers!a} (tables: {tables!l})"
    REMEDY = "correct one of the tables"
