"""Which part of a recording's name is the speaker and which the label: a guess, or an error.

Every part of the names is tried as either: :mod:`~ablation.init.evidence` scores it,
and :mod:`~ablation.init.sessions` finds speakers recorded in several sessions. Where
two readings are about equally good, neither is used: a wrong speaker would silently put one person
on both sides of a fold. No file is opened here.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from ablation.errors.naming import NoSuchPart, UnsurePart, quoted
from ablation.init.evidence import (
    LEAST,
    MARGIN,
    NUMBER,
    Pair,
    counts_takes,
    crosses,
    label_score,
    speaker_score,
    surely_speakers,
    takes_once,
)
from ablation.init.parts import Column, Name, Part, column, columns
from ablation.init.refusals import ambiguous, candidate, nothing
from ablation.init.sessions import Persons, returning


@dataclass(frozen=True)
class Reading:
    """The speaker and label of every name, None where it has none, and the parts they are in.

    ``remark`` tells the user what may be unexpected.
    """

    speaker: Part
    label: Part
    speakers: tuple[str | None, ...]
    labels: tuple[str | None, ...]
    remark: str = ""


def _reading(pair: Pair) -> Reading:
    return Reading(pair.speaker.part, pair.label.part, pair.speaker.values, pair.label.values)


def read_names(
    names: Sequence[Name],
    speaker: Part | None = None,
    label: Part | None = None,
    codes: Set[str] = frozenset(),
) -> Reading:
    """Return the one good reading of ``names``.

    Parameters
    ----------
    names
        The folders and the file name, without suffix, of every recording.
    speaker, label
        Parts that are known; the others are guessed.
    codes
        Labels that are known to occur.

    Raises
    ------
    CorpusError
        When several readings are about equally good, when no part looks like the speaker or like
        the label, or when no name has a part that is given.
    """
    given = {what: _given(names, part, what) for what, part in _known(speaker, label)}
    if len(given) == 2:
        return _reading(Pair(0.0, given["speaker"], given["label"]))
    found = columns(names)
    people = [one for one in (returning(column, names) for column in found) if one is not None]
    pairs = _pairs(found, given, codes, people)
    if not pairs:
        raise nothing(found, given, codes)
    best, *rivals = _contenders(pairs, found, given) or pairs[:1]
    if rivals:
        raise ambiguous(_persons_first([best, *rivals], people), given)
    unsure = _speaking(best) < LEAST or _may_shift(best.speaker, best.label)
    if "speaker" not in given and unsure:
        raise UnsurePart(candidate("speaker", best.speaker))
    if "label" not in given and (label_score(best.label, codes) or 0.0) < LEAST:
        raise UnsurePart(candidate("label", best.label))
    return replace(_reading(best), remark=_remark(best, people))


def _remark(best: Pair, people: list[Persons]) -> str:
    """Return a note that several sessions of a person are one speaker, where they are."""
    for one in people:
        if one.person is best.speaker:
            pairs = zip(one.person.values, one.whole.values, strict=True)
            names = sorted({whole for person, whole in pairs if whole and person == _first(one)})
            return f"{quoted(names)} are read as one speaker, {_first(one)}, in several sessions"
    return ""


def _first(people: Persons) -> str | None:
    """Return the first person who has several sessions."""
    pairs = {p for p in zip(people.person.values, people.whole.values, strict=True) if all(p)}
    times = Counter(person for person, _ in pairs)
    return min(person for person, n in times.items() if person and n > 1)


def _known(speaker: Part | None, label: Part | None) -> list[tuple[str, Part]]:
    return [(what, part) for what, part in (("speaker", speaker), ("label", label)) if part]


def _given(names: Sequence[Name], part: Part, what: str) -> Column:
    found = column(part, names)
    if not found.distinct:
        raise NoSuchPart(f"--{what}", str(part))
    return found


def _pairs(
    found: list[Column], given: dict[str, Column], codes: Set[str], people: list[Persons]
) -> list[Pair]:
    """Return all pairs of parts that cross, best first; of pairs that say the same, the plainest.

    Where ``people`` are plain, the person replaces the folder's name that includes the session. A
    session is never the speaker.
    """
    person = {one.whole.part: one.person for one in people if one.plain}
    sessions = {one.sessions for one in people}
    free = [person.get(one.part, one) for one in found if one.partition not in sessions]
    speakers = [given["speaker"]] if "speaker" in given else free
    labels = [given["label"]] if "label" in given else found
    pairs: dict[object, Pair] = {}
    for label in labels:
        worth = 0.0 if "label" in given else label_score(label, codes)
        if worth is None:
            continue
        for speaker in speakers:
            if "speaker" not in given and not crosses(speaker, label):
                continue
            if not given and _other_ends(speaker.part, label.part):
                continue
            if speaker.partition == label.partition:
                continue
            pair = Pair(worth, speaker, label)
            spoken = 0.0 if "speaker" in given else _speaking(pair)
            pair = Pair(worth + spoken, speaker, label)
            held = pairs.get(_meaning(pair))
            if held is None or pair.score > held.score:
                pairs[_meaning(pair)] = pair
    return sorted(pairs.values(), key=lambda pair: -pair.score)


def _meaning(pair: Pair) -> object:
    return pair.speaker.partition, pair.label.partition


def _other_ends(speaker: Part, label: Part) -> bool:
    """Return whether one folder is counted from outside and the other from inside."""
    return (speaker.folder or label.folder or 1) * (label.folder or speaker.folder or 1) < 0


def _may_shift(speaker: Column, label: Column) -> bool:
    """Return whether the speaker, in names of several lengths, may be a place off in some.

    It cannot be where every value is a person's name, nor where the label, always a word for an
    emotion, comes after it in the direction of counting.
    """
    if not speaker.ragged or surely_speakers(speaker):
        return False
    if not label.ragged or (speaker.part.folder is None) != (label.part.folder is None):
        return True
    first, second = (one.part.folder or one.part.index for one in (speaker, label))
    return not (0 < first < second or 0 > first > second)


def _speaking(pair: Pair) -> float:
    """Return the score of the pair's speaker, given its label."""
    once = takes_once(pair.speaker, pair.label)
    return speaker_score(pair.speaker) - (1.0 if once else 0.0)


def _contenders(pairs: list[Pair], found: list[Column], given: dict[str, Column]) -> list[Pair]:
    """Return the best pair and those about as good, without numbers that clearly count takes."""
    kept: list[Pair] = []
    for pair in pairs:
        if kept and kept[0].score - pair.score >= MARGIN:
            break
        counting = "speaker" not in given and speaker_score(pair.speaker) <= NUMBER
        if not (counting and counts_takes(pair.speaker, pair.label, found)):
            kept.append(pair)
    return kept


def _persons_first(pairs: list[Pair], people: list[Persons]) -> list[Pair]:
    """Return ``pairs`` with the person alone before the folder's name that includes the session.

    That is the safe side: nobody is then on both sides of a fold.
    """
    alone = {one.person.partition: one.person for one in people}
    named = [replace(p, speaker=alone.get(p.speaker.partition, p.speaker)) for p in pairs]
    return sorted(named, key=lambda pair: pair.speaker.partition not in alone)
