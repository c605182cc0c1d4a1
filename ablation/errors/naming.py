"""Errors of reading speakers and labels from names, and of starting a study from a folder."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ablation.errors.base import AblationError, AudioError, CorpusError, StorageError
from ablation.errors.text import counted, named, one_line

HOW = "folder:1 is the outermost folder, field:2 the second field of the file's name"
_KINDS = ".wav, .flac, .ogg, .opus, .mp3, .aiff or another suffix of a format that libsndfile reads"


def quoted(names: Sequence[str]) -> str:
    """Return ``angry, happy, neutral and 4 more``; a name with a comma stands in quotes."""
    return named(repr(name) if "," in name else name for name in names)


@dataclass(frozen=True)
class Way:
    """A way to read the names: the parts that are speaker and label, and what it makes of a file.

    ``examples`` are paths with their speaker and label.
    """

    speaker: str
    label: str
    examples: tuple[tuple[str, str, str], ...]

    @property
    def flags(self) -> str:
        """The options that choose it, quoted for a shell."""
        return f"--speaker {shlex.quote(self.speaker)} --label {shlex.quote(self.label)}"


# --------------------------------------------------------------------------- parts of the names


class InvalidPart(CorpusError):
    """An option, or an answer, is no part of a name."""

    option: str
    text: str
    WHAT = "{option}: expected a part of the names such as folder:1 or field:2, got {text!r}"
    REMEDY = (
        f"{HOW}, -1 the last; other forms are word:2 (the second word), run:4 (the fourth run "
        "of letters or of digits), field:2:_ (split at _ only) and folder:1/field:2 (both joined)"
    )


class NoSuchPart(CorpusError):
    """No recording's name has the part that an option gives."""

    option: str
    part: str
    WHAT = "{option} {part}: no recording has this part in its name"
    REMEDY = HOW


class AmbiguousNames(CorpusError):
    """No reading of the names is the only plausible one; ``ways`` are the likeliest, best first.

    ``parts`` are the parts of the names with their values.
    """

    folder: Path
    ways: Sequence[Way]
    parts: Sequence[str] = ()

    @property
    def commands(self) -> list[str]:
        """The command that settles it for each way."""
        return [f"ablate init {shlex.quote(str(self.folder))} {way.flags}" for way in self.ways]

    def describe(self) -> str:
        path, *_ = self.ways[0].examples[0]
        readings = " or ".join(
            f"speaker {way.examples[0][1]}, label {way.examples[0][2]}" for way in self.ways[:2]
        )
        only = "" if self.ways[1:] else ", or neither"
        return f"the names do not say for certain who speaks and what: {path} is {readings}{only}"

    def advise(self) -> str:
        parts = f", or name other parts: {'; '.join(self.parts)}" if self.parts else ""
        return f"run the command that is right; the likeliest comes first{parts}"

    @property
    def also(self) -> tuple[str, ...]:
        return tuple(map(one_line, self.commands))


class NoSpeakerInNames(CorpusError):
    """The names tell the label, in the part ``label`` with ``values``, but no speaker."""

    label: str
    values: Sequence[str]
    REMEDY = (
        "speaker-independent folds need at least two speakers: put each speaker's recordings in a "
        "folder of their own, or write a manifest with a column speaker by hand"
    )

    def describe(self) -> str:
        return (
            f"the names do not tell who is speaking: {self.label} ({quoted(self.values)}) is the "
            "label, and no other part has at least two values that each occur with several labels"
        )


class NoLabelInNames(CorpusError):
    """No part of the names can be the label; nor the speaker, unless that part is known.

    ``how`` says which corpus' names they are, where that is known.
    """

    speaker: str = ""
    values: Sequence[str] = ()
    how: str = ""

    def describe(self) -> str:
        if self.how:
            return f"{self.how}: the names do not tell the label, and its annotation is not there"
        if not self.speaker:
            return "the names tell neither speaker nor label"
        return f"given --speaker {self.speaker} ({quoted(self.values)}), nothing can be the label"

    def advise(self) -> str:
        flags = "--label" if self.speaker else "--speaker and --label"
        pattern = "--pattern '{speaker}/{label}_{}'"
        return (
            f"if the names do tell, give {flags} (such as folder:1 or field:2), or {pattern}; if "
            "not, write a manifest by hand: a CSV file with the columns file, speaker, label"
        )


# ------------------------------------------------------------------------------------- patterns


class InvalidPattern(CorpusError):
    """A pattern has an unmatched brace, or its places are not what they must be."""

    pattern: str
    fault: str
    WHAT = "--pattern {pattern!r}: {fault}"
    REMEDY = (
        "for example: --pattern '{{speaker}}/{{label}}_{{}}.wav'; {{}} is anything, {{speaker:2}} "
        "has two characters, {{{{ and }}}} are braces in a name"
    )


class AmbiguousPattern(CorpusError):
    """A pattern fits a path in two ways; each is a speaker and a label."""

    pattern: str
    path: str
    ways: tuple[tuple[str, str], tuple[str, str]]
    REMEDY = "add more of the text between its placeholders, so that it fits in one way only"

    def describe(self) -> str:
        ways = " or ".join(f"speaker {speaker}, label {label}" for speaker, label in self.ways)
        return f"--pattern {self.pattern!r} fits {self.path} in two ways: {ways}"


# ---------------------------------------------------------------------------------- recordings


class NoSuchFolder(CorpusError):
    """The folder of recordings does not exist, or is a file."""

    folder: Path
    is_file: bool
    REMEDY = "give the folder that holds the recordings"

    def describe(self) -> str:
        return f"{self.folder} {'is a file, not a folder' if self.is_file else 'does not exist'}"


class NoReadableRecording(CorpusError):
    """A folder has recordings, but none that can be read; ``path`` and ``reason`` are the first."""

    folder: Path
    unreadable: int
    path: str
    reason: str
    REMEDY = "give a folder of recordings that libsndfile reads (WAV, FLAC, Ogg, Opus, MP3, AIFF)"

    def describe(self) -> str:
        number = counted(self.unreadable, "recording")
        first = f"{self.path}: {self.reason}"
        if self.unreadable == 1:
            return f"{self.folder}: the only recording cannot be read: {first}"
        return f"{self.folder}: none of {number} can be read; the first is {first}"


class NoRecordings(CorpusError):
    """A folder holds no recording, only ``others``."""

    folder: Path
    others: Sequence[str] = ()
    REMEDY = f"recordings end in {_KINDS}; hidden files are skipped"

    def describe(self) -> str:
        others = f", only {counted(len(self.others), 'other file')} ({named(self.others)})"
        return f"{self.folder} holds no recordings{others if self.others else ''}"


class NothingMatches(AudioError):
    """No file matches a pattern of recordings."""

    pattern: str
    WHAT = "{pattern}: nothing matches"
    REMEDY = "give files, folders or patterns such as 'recordings/*.wav'"


# ------------------------------------------------------------------------------- a study of them


class ReadingFitsNothing(CorpusError):
    """No recording has the speaker and the label that a reading of the names says.

    ``reading`` is that reading, such as ``speaker folder:1, label field:2``; ``path`` is one
    recording that does not fit.
    """

    reading: str
    path: str
    WHAT = "{reading}: no recording fits; for example, {path} does not"
    REMEDY = "a pattern is compared with the end of each path; {{}} stands for anything"


class NoRecordingLeft(CorpusError):
    """``--labels`` leaves out the label of every recording."""

    labels: Sequence[str]
    WHAT = "no recording is left: --labels leaves out every label ({labels!n})"
    REMEDY = "keep at least two labels"


class OnlyOne(CorpusError):
    """By this reading all recordings have one speaker, or one label; ``role`` says which."""

    role: str
    value: str
    reading: str
    WHAT = "only one {role}: {value} ({reading})"
    REMEDY = "a study needs at least two: give another part with --{role}"


class LabelsOfOneSpeaker(CorpusError):
    """Some labels have a single speaker each; ``speakers`` maps those labels to them.

    ``meant`` maps those that may be a misspelt label to it.
    """

    speakers: Mapping[str, str]
    reading: str
    meant: Mapping[str, str] = field(default_factory=dict)

    @property
    def flag(self) -> str:
        """The option that joins or leaves out these labels, quoted for a shell."""
        codes = ",".join(f"{label}={self.meant.get(label, '')}" for label in self.speakers)
        return f"--labels {shlex.quote(codes)}"

    def describe(self) -> str:
        pairs = named(f"{label} ({who})" for label, who in self.speakers.items())
        return (
            f"spoken by one speaker only: {pairs} ({self.reading}); when that speaker is held out, "
            "there is nothing to learn the label from"
        )

    def advise(self) -> str:
        does = "join with another label" if self.meant else "leave out"
        return (
            f"{does} with {self.flag}, or add recordings of other speakers; if it is not a "
            "label, give --label or --pattern"
        )


class TargetExists(StorageError):
    """A file that is to be written already exists."""

    file: Path
    WHAT = "{file} already exists"
    REMEDY = "give --force to overwrite it, or another --name"


class GaveUp(AblationError):
    """The user wants no study after all."""

    WHAT = "stopped; nothing was written"
    REMEDY = "options can be given instead of answers: ablate init --help"
