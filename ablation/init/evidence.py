"""Evidence that a part of the names is the speaker, or the label.

Scores are comparable: two readings less than :data:`MARGIN` apart are about equally good, and a
part that scores below :data:`LEAST` is never guessed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

from ablation.init.parts import Column
from ablation.init.words import (
    EMOTIONS,
    LABEL_WORDS,
    LETTERS,
    NAMES,
    NO_SPEAKERS,
    SPEAKER_LETTERS,
    SPEAKER_WORDS,
    plain,
)

MARGIN = 1.5
LEAST = 1.5
CERTAIN, LIKELY, NUMBERED, WORD, NUMBER = 4.0, 2.5, 2.0, 1.5, 0.5
FOLDER = 1.0  # people sort by what matters: a folder is better evidence than a field
_UNLIKE = -3.0
_MOST_LABELS = 20
_USUAL_LABELS = 12
_DATE = re.compile(  # 2021-03-04, 20210304, 4.3.21, 04_03_2021
    r"(19|20)\d\d([-_. ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])|"
    r"(0?[1-9]|[12]\d|3[01])([-_. ])(0?[1-9]|1[0-2])\6((19|20)?\d\d)"
)
_NUMBERED = re.compile(r"([a-z])\d{1,4}", re.IGNORECASE)


@dataclass(frozen=True)
class Pair:
    """Two parts read as speaker and label, with the score of that reading."""

    score: float
    speaker: Column
    label: Column


def label_score(column: Column, codes: Set[str] = frozenset()) -> float | None:
    """Return how much ``column`` looks like labels, or None where it cannot be the label.

    ``codes`` are labels that are known to occur.
    """
    values = column.distinct
    if not 2 <= len(values) <= max(_MOST_LABELS, len(codes)):
        return None
    folder = _sorted_by(column)
    if codes and _share(values, lambda value: value in codes) >= 0.8:
        return 2 * CERTAIN
    emotions = _share(values, _is_emotion)
    if column.ragged and emotions < 1.0:  # a value may be one place off
        return None
    if emotions >= 0.8 or plain(column.before) in LABEL_WORDS:
        return CERTAIN * max(emotions, 0.8) + folder
    if len(values) > _USUAL_LABELS:
        return None
    if len(values) >= 3 and all(value.casefold() in LETTERS for value in values):
        return LIKELY + folder
    score = NUMBER if _numbers(values) else WORD
    if _share(values, _is_name) >= 0.5 or _speaks(column):
        score += _UNLIKE
    return score + folder


def speaker_score(column: Column) -> float:
    """Return how much ``column`` looks like speakers."""
    values = column.distinct
    folder = _sorted_by(column)
    emotions = _share(values, _is_emotion)
    if emotions < 0.5 and (_speaks(column) or _share(values, _is_name) >= 0.5):
        return CERTAIN + folder
    if emotions:
        return folder + _UNLIKE
    if _share(values, lambda value: bool(_NUMBERED.fullmatch(value))) >= 0.8:
        lettered = all(value[0].casefold() in SPEAKER_LETTERS for value in values)
        return (NUMBERED if lettered else NUMBER) + folder  # t1 and r2 are takes, a01 is a text
    no_speakers = _share(values, lambda value: plain(value) in NO_SPEAKERS or _is_date(value))
    if no_speakers >= 0.5 or plain(column.before) in NO_SPEAKERS:
        return folder - FOLDER
    if _numbers(values):
        lettered = column.before.casefold() in SPEAKER_LETTERS
        return (NUMBERED if lettered else NUMBER) + folder
    return WORD + folder


def surely_speakers(column: Column) -> bool:
    """Return whether every value is a person's name or begins with a word for speakers."""
    return all(_is_name(value) or _begins_as_speaker(value) for value in column.distinct)


def crosses(speaker: Column, label: Column) -> bool:
    """Return whether most speakers have several labels, and most labels several speakers."""
    if len(speaker.distinct) > len(speaker.values) / 2:
        return False
    spoken: dict[str, set[str]] = defaultdict(set)
    speakers: dict[str, set[str]] = defaultdict(set)
    both = 0
    for (who, what), times in Counter(zip(speaker.values, label.values, strict=True)).items():
        if who is not None and what is not None:
            spoken[who].add(what)
            speakers[what].add(who)
            both += times
    if len(spoken) < 2 or len(speakers) < 2 or both < 0.8 * len(speaker.values):
        return False
    if len(spoken) > both / 2 or len(speakers) > both / 2:
        return False
    shared = sum(len(people) > 1 for people in speakers.values())
    mean = sum(map(len, spoken.values())) / len(spoken)
    return shared >= 0.8 * len(speakers) and mean >= max(1.5, 0.3 * len(speakers))


def takes_once(speaker: Column, label: Column) -> bool:
    """Return whether no speaker has two recordings of a label: the part may then count takes."""
    return len(set(zip(speaker.values, label.values, strict=True))) == len(speaker.values)


def counts_takes(counter: Column, label: Column, others: Iterable[Column]) -> bool:
    """Return whether ``counter`` numbers the takes of each value of another part and label.

    Take numbers start at 0 or 1 and end at different numbers; numbers of speakers would not end
    at another number for every sentence.
    """
    if not _numbers(counter.distinct):
        return False
    numbers = [None if value is None else int(value) for value in counter.values]
    starts = numbers.count(min(number for number in numbers if number is not None))
    for other in others:
        if other is counter or other.partition in (counter.partition, label.partition):
            continue
        pairs = Counter(zip(other.values, label.values, strict=True))
        if len(pairs) != starts:
            continue  # some run has no first take, or two
        runs: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
        for who, what, number in zip(other.values, label.values, numbers, strict=True):
            if number is not None:
                runs[who, what].append(number)
        ends = {len(run) for run in runs.values()}
        if len(runs) >= 4 and len(ends) > 1 and all(map(_from_the_start, runs.values())):
            return True
    return False


def _is_date(value: str) -> bool:
    """Return whether a value begins with a date, which is the day of a session."""
    found = _DATE.match(value)
    return found is not None and not value[found.end() : found.end() + 1].isalnum()


def _from_the_start(run: list[int]) -> bool:
    first = min(run)
    return first in (0, 1) and sorted(run) == list(range(first, first + len(run)))


def _sorted_by(column: Column) -> float:
    """Return the bonus of a folder's name, whole or without its session."""
    whole = not column.part.split or column.remains
    return FOLDER if column.part.folder is not None and whole else 0.0


def _share(values: Sequence[str], is_one: Callable[[str], bool]) -> float:
    return sum(map(bool, map(is_one, values))) / len(values)


def _is_emotion(value: str) -> bool:
    # A word with a number is one take of the emotion: the label of annaHappy01 is Happy.
    return plain(value) in EMOTIONS and not any(map(str.isdigit, value))


def _is_name(value: str) -> bool:
    words = [plain(word) for word in re.split(r"[\W_]+", value)]
    return any(word in NAMES for word in words)


def _speaks(column: Column) -> bool:
    """Return whether the values, or the text before them, begin with a word for speakers."""
    if plain(column.before) in SPEAKER_WORDS:
        return True
    return _share(column.distinct, _begins_as_speaker) >= 0.8


def _begins_as_speaker(value: str) -> bool:
    words = re.match(r"[^\W\d_]+", value)
    return words is not None and plain(words[0]) in SPEAKER_WORDS and len(value) > len(words[0])


def _numbers(values: Sequence[str]) -> bool:
    return all(value.isdecimal() for value in values)
