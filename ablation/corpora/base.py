"""What a corpus is: utterances with a speaker and a label, and the classes of a study."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import BaseModel, ConfigDict, ValidationError

from ablation.corpora.recordings import is_recording
from ablation.corpora.spelling import near_spellings
from ablation.errors import CorpusError, StudyError, named, suggestion
from ablation.files import is_file, is_folder


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording, or the part of it from ``start`` to ``end`` (seconds), with its label.

    ``origin`` says where it was found (a manifest's file and row) for messages about it.
    """

    id: str
    file: Path
    speaker: str
    label: str
    start: float | None = None
    end: float | None = None
    origin: str = field(default="", compare=False)


@dataclass(frozen=True)
class Corpus(Sequence[Utterance]):
    """The utterances of a study, labelled with its classes, in the order of their ids."""

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
        return sorted({utterance.speaker for utterance in self.utterances})

    def doubts(self) -> list[str]:
        """Speakers or classes that may be one, spelt in two ways: a leak, or a class too many."""
        return [
            f"{what} {', '.join(map(repr, group))} differ only in spelling; if they are one, "
            f"spell them alike{why}"
            for what, names, why in (
                ("speakers", self.speakers, ": else one person stands on both sides of a fold"),
                ("classes", self.classes, " or join them by [corpus.labels]"),
            )
            for group in near_spellings(names)
        ] + session_doubts(self.speakers)

    def counts(self) -> dict[str, int]:
        """Utterances of each class, in the order of the classes."""
        counts = dict.fromkeys(self.classes, 0)
        for utterance in self.utterances:
            counts[utterance.label] += 1
        return counts


_END = re.compile(r"^(?P<person>.*\w)[\s_\-.,;]+(?P<session>\w+)$")  # "Anna, session 2"
_PERSONS = 3  # who must return so, before a pattern is seen in it


def session_doubts(speakers: Iterable[str]) -> list[str]:
    """A doubt where names of speakers look like persons with the number of a session behind.

    Several persons must return with the same ends: "speaker 1" to "speaker 9" is nobody twice.
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
        f"sessions; if they are, name them alike: else one person stands on both sides of a fold"
    ]


class Options(BaseModel):
    """The options of a corpus, as given in ``[corpus.options]``; most have none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Known = TypeVar("Known", bound=Options)


def parse_options(kind: type[Known], corpus: str, given: Mapping[str, Any]) -> Known:
    """The options of a corpus; :class:`StudyError` naming the field that is wrong."""
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field_name = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = list(kind.model_fields)
            remedy = suggestion(field_name, known) if known else f"corpus {corpus} has no options"
            raise StudyError(f"unknown field corpus.options.{field_name}", remedy) from error
        message = fault["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        value = f".{field_name} = {fault['input']!r}" if field_name else ""
        raise StudyError(f"corpus.options{value}: {message}") from error


@dataclass(frozen=True)
class CorpusKind:
    """A registry line: how a corpus is read, and which ready label maps it has.

    ``label_maps`` come with the default first; without any, the labels found, sorted, are the
    classes. ``closed`` corpora have labels known in advance; in an open one (a manifest) every
    label must be in the map, since one that is not may be a slip of the pen.
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
            raise CorpusError(
                f"{file} stands beside {other.name}: the same recording twice",
                "keep one of the two formats",
            )
    return list(files.values())


def require_folder(root: Path | None, name: str, layout: str) -> Path:
    """``root`` as a folder; :class:`CorpusError` with the layout expected when it is none."""
    if root is None:
        raise CorpusError(
            f"corpus {name} needs its folder ({layout})",
            "give --corpus-root PATH, or root in the study's [corpus]",
        )
    if not is_folder(root):
        what = "is not a folder" if is_file(root) else "does not exist"
        raise CorpusError(
            f"corpus {name}: {root} {what}", f"--corpus-root takes the folder that holds {layout}"
        )
    return root
