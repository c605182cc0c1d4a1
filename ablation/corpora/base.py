"""A corpus consists of utterances, each with a speaker and a label, and of a study's classes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import BaseModel, ConfigDict, ValidationError

from ablation.corpora.recordings import is_recording
from ablation.corpora.spelling import near_spellings
from ablation.errors import named
from ablation.errors.corpora import CorpusRootMissing, DuplicateRecording, WrongCorpusRoot
from ablation.errors.studies import InvalidField, UnknownField
from ablation.files import is_file, is_folder


@dataclass(frozen=True, slots=True)
class Utterance:
    """An utterance is a recording, or its part from ``start`` to ``end`` (seconds), with a label.

    ``partner`` is the other speaker of its dialogue, where there is one. ``origin`` tells messages
    where it was found, such as the file and row of a manifest.
    """

    id: str
    file: Path
    speaker: str
    label: str
    start: float | None = None
    end: float | None = None
    origin: str = field(default="", compare=False)
    partner: str | None = None


@dataclass(frozen=True)
class Corpus(Sequence[Utterance]):
    """A corpus holds the utterances of a study, labelled with its classes and sorted by id."""

    name: str
    root: Path | None
    utterances: tuple[Utterance, ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Utterance]: ...
    def __getitem__(self, index: int | slice) -> Utterance | Sequence[Utterance]:
        return self.utterances[index]

    @property
    def speakers(self) -> list[str]:
        """The names of all speakers, sorted."""
        return sorted({utterance.speaker for utterance in self.utterances})

    def doubts(self) -> list[str]:
        """Return a sentence for each group of names that may mean one speaker or one class.

        A speaker spelt in two ways leaks from training to test; a class would be one too many.
        """
        return [
            f"{what} {', '.join(map(repr, group))} differ only in spelling; if they are the same, "
            f"spell them alike{why}"
            for what, names, why in (
                ("speakers", self.speakers, ", or one person is in both training and test sets"),
                ("classes", self.classes, " or merge them in [corpus.labels]"),
            )
            for group in near_spellings(names)
        ] + session_doubts(self.speakers)

    def counts(self) -> dict[str, int]:
        """Return the number of utterances of each class, in the order of the classes."""
        counts = dict.fromkeys(self.classes, 0)
        for utterance in self.utterances:
            counts[utterance.label] += 1
        return counts


_END = re.compile(r"^(?P<person>.*\w)[\s_\-.,;]+(?P<session>\w+)$")  # "Anna, session 2"
_PERSONS = 3  # so many people must have several sessions before they count as a pattern


def session_doubts(speakers: Iterable[str]) -> list[str]:
    """Return a doubt where speaker names look like a person followed by a session number.

    Several people must recur with the same endings: "speaker 1" to "speaker 9" is nobody twice.
    """
    persons: dict[str, dict[str, str]] = {}
    for speaker in speakers:
        if (found := _END.match(speaker)) is not None:
            persons.setdefault(found["person"], {})[found["session"]] = speaker
    several = {person: ends for person, ends in persons.items() if len(ends) > 1}
    ends = {end for mine in several.values() for end in mine}
    if len(several) < _PERSONS or len(ends) > len(several):
        return []
    first = named(map(repr, next(iter(several.values())).values()))
    return [
        f"speakers {first}, and {len(several) - 1} more like them, may be one person in several "
        f"sessions; if so, name them alike, or one person is in both training and test sets"
    ]


class Options(BaseModel):
    """Options of a corpus are given in ``[corpus.options]``; most corpora have none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Known = TypeVar("Known", bound=Options)


def parse_options(kind: type[Known], corpus: str, given: Mapping[str, Any]) -> Known:
    """Return the options of a corpus, or raise :class:`StudyError` naming the wrong field."""
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        origin = f"corpus {corpus}"
        name = ".".join(map(str, ("corpus", "options", *fault["loc"])))
        if fault["type"] == "extra_forbidden":
            raise UnknownField(origin, name, list(kind.model_fields)) from error
        reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = repr(fault["input"]) if fault["loc"] else ""
        raise InvalidField(origin, name, value, reason[:1].lower() + reason[1:]) from error


@dataclass(frozen=True)
class CorpusKind:
    """A registry entry says how a corpus is read, and which label maps it has.

    The first of ``label_maps`` is the default; without any, the labels found, sorted, are the
    classes. The labels of a ``closed`` corpus are known in advance; in an open one (a manifest)
    every label must be in the map, since one that is not may be a typing error.
    """

    name: str
    summary: str
    layout: str
    read: Callable[[Path | None, Any], list[Utterance]]
    label_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    options: type[Options] = Options
    closed: bool = True
    needs_root: bool = True


def audio_files(root: Path, pattern: str) -> list[Path]:
    """Return the recordings below ``root`` that match ``pattern`` (a glob without suffix).

    Raises :class:`CorpusError` where one recording is there in two formats.
    """
    files: dict[Path, Path] = {}
    for file in sorted(root.glob(pattern)):
        if not is_recording(file):
            continue
        other = files.setdefault(file.with_suffix(""), file)
        if other is not file:
            raise DuplicateRecording(file, other, "are one recording in two formats")
    return list(files.values())


def require_folder(root: Path | None, name: str, layout: str) -> Path:
    """Return ``root``, or raise :class:`CorpusError` with the layout where it is no folder."""
    if root is None:
        raise CorpusRootMissing(name, layout)
    if is_file(root):
        raise WrongCorpusRoot(name, root, "is not a folder", layout)
    if not is_folder(root):
        raise WrongCorpusRoot(name, root, "does not exist", layout)
    return root
