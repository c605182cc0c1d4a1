"""Persons with several sessions: "Anna, Sitzung 1" and "Anna, Sitzung 2" are one speaker.

To read them as two speakers would put Anna on both sides of a fold; to read two people as one only
costs a fold. So where the person is plain, the person is the speaker. Where the word may be a role
that someone else has in the next session (a patient, a group, number 3), the user is asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ablation.init.parts import SEPARATORS, Column, Name, Part, column
from ablation.init.words import (
    EMOTIONS,
    NAMES,
    NO_SPEAKERS,
    ROLES,
    SESSION_WORDS,
    SPEAKER_WORDS,
    plain,
)

_STRANGERS = 3  # persons whose names are on no list; fewer may be the roles in a session
_SIGNS = rf"[\s{re.escape(SEPARATORS)}]"
_PERSON, _WORD, _COUNT = r"(?P<person>.*[^\W_].*?)", r"(?P<word>[^\W\d_]+)", r"(?P<count>\d{1,3})"
_FORMS = [
    re.compile(form)
    for form in (
        rf"{_PERSON}{_SIGNS}+{_WORD}{_SIGNS}*{_COUNT}{_SIGNS}*",  # Anna, session 1
        rf"{_PERSON}{_SIGNS}+{_COUNT}{_SIGNS}*{_WORD}{_SIGNS}*",  # Anna, 1. Sitzung
        rf"{_SIGNS}*{_WORD}{_SIGNS}*{_COUNT}{_SIGNS}+{_PERSON}",  # session 1, Anna
    )
]
_NUMBERED = re.compile(rf"{_PERSON}{_SIGNS}+{_COUNT}{_SIGNS}*")  # Anna 1


@dataclass(frozen=True)
class Persons:
    """The persons in a folder's name: ``person`` is ``whole`` without the session.

    It is ``plain`` where nothing else can be meant. ``sessions`` is the partition of the files by
    session, where a word such as "session" marks it; it then cannot be the speaker.
    """

    whole: Column
    person: Column
    plain: bool
    sessions: bytes = b""


def returning(whole: Column, names: Sequence[Name]) -> Persons | None:
    """Return the persons of a folder's name, where some of them have several sessions."""
    if whole.part.folder is None or whole.part.split:
        return None
    with_word = {value: _with_word(value) for value in whole.distinct}
    pieces = {value: found for value, found in with_word.items() if found is not None}
    worded = len(pieces) == len(with_word)
    if not worded:
        numbered = {value: _NUMBERED.fullmatch(value) for value in whole.distinct}
        pieces = {v: (m["person"], m["count"]) for v, m in numbered.items() if m is not None}
    if len(pieces) < len(with_word) or not _come_back(list(pieces.values())):
        return None
    people = {value: person.strip(" _-,;") for value, (person, _) in pieces.items()}
    part = _part(whole, people, names)
    if part is None:
        return None
    person = replace(part, before=whole.before, remains=True)
    if not worded:
        return Persons(whole, person, plain=False)
    counts = tuple(None if value is None else pieces[value][1] for value in whole.values)
    sessions = replace(whole, values=counts)
    sure = _are_persons(sorted(set(people.values())), len(sessions.distinct))
    return Persons(whole, person, sure, sessions.partition)


def _with_word(value: str) -> tuple[str, str] | None:
    """Return person and number of "Anna, session 1", or None where no word marks a session."""
    for form in _FORMS:
        match = form.fullmatch(value)
        if match is not None and plain(match["word"]) in SESSION_WORDS:
            return match["person"], match["count"]
    return None


def _come_back(pieces: Sequence[tuple[str, str]]) -> bool:
    """Return whether some person has several sessions, and some session several persons."""
    people, sessions = ({pair[place] for pair in pieces} for place in (0, 1))
    return 1 < len(people) < len(pieces) and 1 < len(sessions) < len(pieces)


def _are_persons(people: Sequence[str], sessions: int) -> bool:
    """Return whether these can only be people: known names, or words without another meaning."""
    words = [[plain(word) for word in re.split(r"[\W_]+", person) if word] for person in people]
    roles = ROLES | SPEAKER_WORDS | SESSION_WORDS
    if any(word in roles for mine in words for word in mine):
        return False
    nobody = NO_SPEAKERS | EMOTIONS
    if any(all(len(word) < 2 or word in nobody for word in mine) for mine in words):
        return False  # a letter may be someone else in the next session
    if any(map(str.isdigit, "".join(people))):
        return False  # and so may a number
    known = sum(any(word in NAMES for word in mine) for mine in words)
    return known >= len(people) / 2 or (len(people) >= _STRANGERS and sessions <= len(people))


def _part(whole: Column, people: dict[str, str], names: Sequence[Name]) -> Column | None:
    """Return the part of the folder's name that is the person, or that groups the files alike."""
    meant = tuple(None if value is None else people[value] for value in whole.values)
    separators = [sign for sign in SEPARATORS if any(sign in value for value in people)]
    parts = [
        Part(whole.part.folder, "field", index, separator)
        for separator in ["", *separators]
        for index in (1, -1)
    ]
    found = [column(part, names) for part in parts]
    exact = [one for one in found if list(map(_bare, one.values)) == list(map(_bare, meant))]
    partition = replace(whole, values=meant).partition
    return next(iter([*exact, *(one for one in found if one.partition == partition)]), None)


def _bare(person: str | None) -> str | None:
    """Return the person without the full stop of "Anna M., session 1", which may be of either."""
    return person and person.rstrip(".")
