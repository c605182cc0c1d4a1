"""Which parts of the names are speaker and label: all readings, from the likeliest down.

What tells a speaker from a take, a sentence or an intensity is mostly in the data: a speaker meets
several labels and a label several speakers, a counter runs from 1 within speaker and label or
repeats another number. A reading is sure only if it is the only plausible one: a wrong speaker
would silently put one person on both sides of a fold. No file is opened here.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace

from ablation.corpora.names.parts import Column, Name, Part, column, columns, folded
from ablation.corpora.names.words import (
    EMOTIONS,
    GENDERS,
    LETTERS,
    OTHER_WORDS,
    RECORDING_WORDS,
    SPEAKER_WORDS,
    plain,
)
from ablation.errors.naming import NoLabelInNames, NoSpeakerInNames, NoSuchPart

_MOST_LABELS = 20
_LABELS = 12  # of words that are not known to be emotions
_SURE, _PARTLY, _LIKELY, _MAYBE = 4, 3, 2, 1  # a label: words of emotion (most, some), initials,
# or only few values
_STRONG, _MARGIN = 3.0, 2.0  # a speaker's score, and its distance from the next
_FEWEST = 3  # values of numbers that may be the speakers
_DATE = re.compile(  # 2021-03-04, 20210304, 4.3.21, 04_03_2021
    r"(?:(19|20)\d\d([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])|"
    r"(0?[1-9]|[12]\d|3[01])([-_. ])(0?[1-9]|1[0-2])\6((19|20)?\d\d))(?!\w)"
)
_CODE = re.compile(r"(?P<word>[^\W\d_]*)[\W_]*(?P<number>\d+)")


@dataclass(frozen=True)
class Reading:
    """Speaker and label of every name, None where it has none, and the parts they are in.

    ``sure`` says whether nothing else is plausible.
    """

    speaker: Column
    label: Column
    score: float = 0.0
    sure: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"speaker {self.speaker.part}, label {self.label.part}"

    @property
    def pairs(self) -> list[tuple[str, str] | None]:
        """Speaker and label of every name, None where it lacks either."""
        both = zip(self.speaker.values, self.label.values, strict=True)
        return [None if who is None or what is None else (who, what) for who, what in both]


def read_names(
    names: Sequence[Name],
    speaker: Part | None = None,
    label: Part | None = None,
    codes: Set[str] = frozenset(),
) -> list[Reading]:
    """Return the readings of ``names``, best first; only the first may be sure.

    Parameters
    ----------
    names
        The folders and the file name, without suffix, of every recording.
    speaker, label
        Parts that are known.
    codes
        Labels that are known to occur.

    Raises
    ------
    CorpusError
        When no part can be the speaker or the label, or no name has a part that is given.
    """
    who = None if speaker is None else _given(names, speaker, "speaker")
    what = None if label is None else _given(names, label, "label")
    if who is not None and what is not None:
        return [Reading(who, what, sure=True)]
    found = columns(names)
    labels = [(_SURE, what)] if what is not None else _labels(found, codes)
    if who is not None:
        labels = [(rank, one) for rank, one in labels if one.partition != who.partition]
        if not labels:
            raise NoLabelInNames(str(who.part), who.distinct)
        sure = labels[0][0] == _SURE and len(labels) == 1
        return [Reading(who, one, rank, sure and not at) for at, (rank, one) in enumerate(labels)]
    if not labels:
        raise NoLabelInNames()
    readings = [one for rank, column in labels for one in _readings(found, column, rank)]
    if len(labels) > 1:  # words of emotion in two places may be meant and heard
        readings = [replace(one, sure=False) for one in readings]
    if not readings:
        raise NoSpeakerInNames(str(labels[0][1].part), labels[0][1].distinct)
    return sorted(readings, key=lambda one: (not one.sure, -one.score))


def _given(names: Sequence[Name], part: Part, what: str) -> Column:
    found = column(part, names)
    if not found.distinct:
        raise NoSuchPart(f"--{what}", str(part))
    return found


# ------------------------------------------------------------------------------------- labels


def _labels(found: Sequence[Column], codes: Set[str]) -> list[tuple[int, Column]]:
    """Return what may be the label, likeliest first: of parts that say the same, the plainest."""
    ranked: dict[bytes, tuple[int, Column]] = {}
    for one in found:
        rank = _label_rank(one, codes)
        if rank:
            ranked.setdefault(one.partition, (rank, one))
    best = max((rank for rank, _ in ranked.values()), default=0)
    kept = [(rank, one) for rank, one in ranked.values() if best < _SURE or rank == best]
    return sorted(kept, key=lambda pair: -pair[0])


def _label_rank(one: Column, codes: Set[str]) -> int:
    values = one.distinct
    if len(values) > max(_MOST_LABELS, len(codes)) or one.part.last:
        return 0
    files = Counter(value for value in one.values if value is not None)
    emotions = sum(n for value, n in files.items() if value in codes or is_emotion(value))
    if emotions >= 0.8 * files.total() and (not one.ragged or emotions == files.total()):
        return _SURE
    if one.ragged or len(values) > _LABELS or any(map(_is_number, values)):
        return 0
    if has_emotions(values):
        return _PARTLY
    if _excluded(one):
        return 0
    if len(values) >= 3 and all(value.casefold() in LETTERS for value in values):
        return _LIKELY
    return _MAYBE


def has_emotions(values: Sequence[str]) -> bool:
    """Return whether so many values are words of emotion that it is no chance."""
    found = sum(map(is_emotion, values))
    return found >= 2 and found >= len(values) / 4


def is_emotion(value: str) -> bool:
    """Return whether a value is a word for an emotion, and nothing else."""
    # A word with a number is one take of the emotion: the label of annaHappy01 is Happy.
    return plain(value) in EMOTIONS and not any(map(str.isdigit, value))


# ----------------------------------------------------------------------------------- speakers


def _readings(found: Sequence[Column], label: Column, rank: int) -> list[Reading]:
    """Return the readings with this label."""
    others = {label.partition, *(one.partition for one in found if _excluded(one))}
    free: dict[bytes, Column] = {}
    for one in found:
        if one.partition not in others and _crosses(one, label):
            free.setdefault(one.partition, one)
    people = [one for one in free.values() if not _holds_session(one, found)]
    people = [one for one in people if not _repeats(one, found)]
    people = [one for one in people if not counts_recordings(one, label, people)]
    scored = sorted(((_score(one, label, found), one) for one in people), key=lambda p: -p[0])
    readings = [
        Reading(one, label, rank + (score + _favour(one, label, found)) / 100)
        for score, one in scored
    ]
    if readings and rank == _SURE and not label.ragged and _only_one(scored):
        readings[0] = Reading(readings[0].speaker, label, readings[0].score, sure=True)
    return readings


def _favour(speaker: Column, label: Column, found: Sequence[Column]) -> float:
    """Return what brings a reading forward among those that are asked for, and makes none sure.

    Recordings are counted by speaker and label, and people's names are written Lena, not LEN.
    """
    both = (speaker.partition, label.partition)
    counters = [one for one in found if one.partition not in both]
    counted = any(counts_recordings(one, label, [speaker]) for one in counters)
    return 3.0 * counted + 0.5 * (_share(speaker.distinct, str.istitle) >= 0.8)


def _only_one(scored: Sequence[tuple[float, Column]]) -> bool:
    """Return whether the first speaker is plausible and no other is.

    Words in lower case may be those that were spoken, and numbers beside them the speakers.
    """
    (best, first), *others = scored
    named = _is_named(first)
    if first.ragged or best <= 1 or not (named or best >= _STRONG):
        return False
    if not others:
        return True
    numbers = any(
        not one.alone and _numbers(one.values) is not None and _several(one) >= _FEWEST
        for _, one in others
    )
    return best - others[0][0] >= _MARGIN and best >= _STRONG and (named or not numbers)


def _several(one: Column) -> int:
    """Return how many values occur more than once."""
    times = Counter(value for value in one.values if value is not None)
    return sum(1 for n in times.values() if n > 1)


def _is_named(one: Column) -> bool:
    """Return whether the values are written as people's names or codes are."""
    genders = _share(one.distinct, lambda value: _word(value) in GENDERS) >= 0.8
    known = _is_person(one.distinct) or plain(one.before) in SPEAKER_WORDS
    return known or genders or all(value[0].isupper() for value in one.distinct)


def _excluded(one: Column) -> bool:
    """Return whether the values are known words, or dates, that are no people."""
    if _is_recording(one) or _share(one.distinct, _is_gender) >= 0.8 or has_emotions(one.distinct):
        return True
    return _share(one.distinct, lambda value: (_word(value) or plain(value)) in OTHER_WORDS) >= 0.5


def _is_gender(value: str) -> bool:
    return value.isalpha() and plain(value) in GENDERS


def _is_recording(one: Column) -> bool:
    """Return whether the values number recordings or sessions, or are days."""

    def is_one(value: str) -> bool:
        return _word(value) in RECORDING_WORDS or _DATE.match(value) is not None

    return plain(one.before) in RECORDING_WORDS or _share(one.distinct, is_one) >= 0.5


def _crosses(speaker: Column, label: Column) -> bool:
    """Return whether most speakers have several labels, and most labels several speakers."""
    spoken: dict[str, set[str]] = defaultdict(set)
    speakers: dict[str, set[str]] = defaultdict(set)
    files = 0
    for who, what in zip(speaker.values, label.values, strict=True):
        if who is not None and what is not None:
            spoken[folded(who)].add(folded(what))
            speakers[folded(what)].add(folded(who))
            files += 1
    if files < 0.8 * len(speaker.values) or len(spoken) < 2 or len(spoken) > files / 2:
        return False
    several = sum(len(people) > 1 for people in speakers.values())
    mean = sum(map(len, spoken.values())) / len(spoken)
    return several >= 0.6 * len(speakers) and mean >= max(1.5, 0.3 * len(speakers))


def _holds_session(whole: Column, found: Sequence[Column]) -> bool:
    """Return whether a folder's name holds a session's number beside what else it says."""
    return whole.alone and any(
        one.part.folder == whole.part.folder
        and not one.alone
        and _is_recording(one)
        and one.partition != whole.partition
        for one in found
    )


def _repeats(counter: Column, found: Sequence[Column]) -> bool:
    """Return whether a field's number is also that of another field: F3 in SM1_F3_A3."""
    numbers = _numbers(counter.values)
    if numbers is None or counter.part.last or _is_person(counter.distinct):
        return False
    return any(
        one.part.folder == counter.part.folder
        and one.values != counter.values
        and not one.part.last
        and one.part.split == counter.part.split == "field"
        and _numbers(one.values) == numbers
        for one in found
    )


def counts_recordings(counter: Column, label: Column, others: Sequence[Column]) -> bool:
    """Return whether numbers count the recordings of another part's values and the label.

    They run from 0 or 1, to different ends.
    """
    numbers = _numbers(counter.values)
    if numbers is None or _is_person(counter.distinct):
        return False
    for other in others:
        if other.partition == counter.partition:
            continue
        runs: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
        for who, what, number in zip(other.values, label.values, numbers, strict=True):
            if number is not None:
                runs[who and folded(who), what and folded(what)].append(number)
        several = [run for run in runs.values() if len(run) > 1]
        whole = sum(map(_from_the_start, several)) >= 0.9 * len(several)
        usual = Counter(map(len, several)).most_common(1)
        if len(several) >= 4 and whole and usual[0][1] <= 0.8 * len(several):
            return True
    return False


def _from_the_start(run: list[int]) -> bool:
    first = min(run)
    return first in (0, 1) and sorted(run) == list(range(first, first + len(run)))


def _numbers(values: Sequence[str | None]) -> list[int | None] | None:
    """Return the number in each value, or None where some have none."""
    found = [None if value is None else _CODE.fullmatch(value) for value in values]
    if any(code is None and value for code, value in zip(found, values, strict=True)):
        return None
    return [None if code is None else int(code["number"]) for code in found]


def _score(one: Column, label: Column, found: Sequence[Column]) -> float:
    """Return how much a part looks like speakers, compared with others that cross the label."""
    values, part = one.distinct, one.part
    score = 0.0
    if _is_person(values) or plain(one.before) in SPEAKER_WORDS:
        score += 4.0
    elif _share(values, lambda value: _word(value) in GENDERS and _CODE.match(value)) >= 0.8:
        score += 2.0
    elif all(map(_is_number, values)):
        score -= 0.0 if all(len(value) == len(values[0]) > 1 for value in values) else 1.5
        score -= 2.0 if one.alone and part.folder is None else 0.1
    elif _is_numbered(one):
        score += 0.5 if _word(values[0]) in ("s", "p") else -1.5
    elif _is_named(one) or _share(values, str.isalpha) >= 0.8:
        score += 1.0
    if part.folder is not None:
        score += 2.5 if one.alone else 1.0
    elif part.index == 1:
        score += 1.5
    places = {other.part.folder for other in found if other.partition == one.partition}
    score += 2.0 if len(places) > 1 else 0.0
    score -= 0.5 if len(values) == 2 else 0.0
    pairs = set(zip(one.values, label.values, strict=True))
    return score - (1.5 if len(pairs) == len(one.values) else 0.0)


def _is_person(values: Sequence[str]) -> bool:
    return _share(values, lambda value: _word(value) in SPEAKER_WORDS) >= 0.8


def _word(value: str) -> str:
    code = _CODE.match(value)
    return "" if code is None else plain(code["word"])


def _is_number(value: str) -> bool:
    return value.isdecimal()


def _is_numbered(one: Column) -> bool:
    """Return whether all values are numbers behind the same letters, or behind none."""
    codes = [_CODE.fullmatch(value) for value in one.distinct]
    return all(codes) and len({code and code["word"].casefold() for code in codes}) == 1


def _share(values: Sequence[str], is_one: Callable[[str], object]) -> float:
    return sum(1 for value in values if is_one(value)) / len(values)
