"""Errors of reading speakers and labels from names, and of starting a study from a folder."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablation.errors.base import AblationError, AudioError, CorpusError, StorageError
from ablation.errors.text import counted, named

HOW = "folder:1 is the outermost folder, field:2 the second field of the file's name"
_KINDS = ".wav, .flac, .ogg, .opus, .mp3, .aiff or another suffix of a format that libsndfile reads"


def quoted(names: Sequence[str]) -> str:
    """Return ``angry, happy, neutral and 4 more``; a name with a comma stands in quotes."""
    return named(repr(name) if "," in name else name for name in names)


@dataclass(frozen=True)
class Candidate:
    """A part of the names that may be the speaker or the label, and its values in order.

    ``role`` is "speaker" or "label"; ``part`` is written as on the command line: ``field:2``.
    """

    role: str
    part: str
    values: tuple[str, ...]

    @property
    def flag(self) -> str:
        """The option that chooses this part, quoted for a shell: ``--speaker field:1``."""
        return f"--{self.role} {shlex.quote(self.part)}"

    def __str__(self) -> str:
        return f"{self.part} ({quoted(self.values)})"


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
    """The names have several readings that are about equally good.

    ``readings`` are the likeliest, best first, each with the parts that tell it from the others;
    ``ways`` counts all.
    """

    readings: Sequence[Sequence[Candidate]]
    ways: int

    @property
    def flags(self) -> list[str]:
        """The options that choose each reading, best first."""
        return [" ".join(part.flag for part in reading) for reading in self.readings]

    def describe(self) -> str:
        readings = " or ".join(
            " with ".join(f"{part.role} {part}" for part in reading) for reading in self.readings
        )
        number = {2: "two", 3: "three"}.get(self.ways, str(self.ways))
        likeliest = "" if self.ways == len(self.readings) else ", most likely"
        return f"the names can be read in {number} ways{likeliest}: {readings}"

    def advise(self) -> str:
        return f"choose one: {' or '.join(self.flags)}"


class UnsurePart(CorpusError):
    """The likeliest speaker, or label, in the names may be something else."""

    candidate: Candidate
    WHAT = (
        "the names do not clearly tell the {candidate.role}: {candidate} could just as well be "
        "takes or sentences"
    )
    REMEDY = (
        "give {candidate.flag} if it is the {candidate.role}, or another part; or put the "
        "recordings of each {candidate.role} in a folder of their own"
    )


class NoSpeakerInNames(CorpusError):
    """The names tell the label, but no part of them can be the speaker."""

    label: Candidate
    WHAT = (
        "the names do not tell who is speaking: {label} is the label, and no other part has at "
        "least two values that each occur with several labels"
    )
    REMEDY = (
        "speaker-independent folds need at least two speakers: put each speaker's recordings in a "
        "folder of their own, or write a manifest with a column speaker by hand"
    )


class NoLabelInNames(CorpusError):
    """No part of the names can be the label; nor the speaker, unless it is known."""

    speaker: Candidate | None = None

    def describe(self) -> str:
        if (known := self.speaker) is None:
            return "the names tell neither speaker nor label"
        return f"given {known.flag} ({quoted(known.values)}), the names do not tell the label"

    def advise(self) -> str:
        flags = "--speaker and --label" if self.speaker is None else "--label"
        pattern = "--pattern '{speaker}/{label}_{}'"
        return f"give {flags} (such as folder:1 or field:2), or {pattern}"


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
    """Some labels have a single speaker each; ``speakers`` maps those labels to them."""

    speakers: Mapping[str, str]
    reading: str

    @property
    def flag(self) -> str:
        """The option that leaves these labels out, quoted for a shell."""
        return f"--labels {shlex.quote(','.join(f'{label}=' for label in self.speakers))}"

    def describe(self) -> str:
        pairs = named(f"{label} ({who})" for label, who in self.speakers.items())
        return (
            f"spoken by one speaker only: {pairs} ({self.reading}); when that speaker is held out, "
            "there is nothing to learn the label from"
        )

    def advise(self) -> str:
        return (
            f"leave out with {self.flag}, or add recordings of other speakers; if it is not a "
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
