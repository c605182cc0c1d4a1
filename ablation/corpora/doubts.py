"""What a corpus lets one doubt: two names for one thing, one recording under two, no speakers.

Nothing here is an error of itself; each may mean that one person is in training and test sets, or
that the speakers are none.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ablation.corpora.base import Corpus, Utterance
from ablation.corpora.names.guessing import counts_recordings, has_emotions, is_emotion
from ablation.corpora.names.parts import Column, Part, columns
from ablation.corpora.spelling import near_spellings
from ablation.errors import counted, named

_FEWEST = 3  # speakers
_END = re.compile(r"^(?P<person>.*\w)[\s_\-.,;]+(?P<session>\w+)$")  # "Anna, session 2"
_PERSONS = 3  # so many people must have several sessions before they count as a pattern
_MISSING = frozenset(
    ("?", "-", "--", ".", "n/a", "#n/a", "<na>", "nan", "nat", "nil", "none", "null")
)
_MISSING |= {"na", "missing", "unknown", "undefined", "unbekannt", "xxx"}


def corpus_doubts(corpus: Corpus, digests: Mapping[Path, str] | None = None) -> list[str]:
    """Return a sentence for each doubt, with examples and what to do.

    ``digests`` has the digest of each file's content
    (:func:`~ablation.corpora.fingerprints.content_digests`); without it none are compared.
    """
    return [
        *_spellings(corpus),
        *session_doubts(corpus.speakers),
        *([] if digests is None else _copies(corpus, digests)),
        *_missing_labels(corpus),
        *_no_speakers(corpus),
    ]


def _spellings(corpus: Corpus) -> Iterator[str]:
    """One speaker in two spellings is in training and test sets; a class would be one too many."""
    for what, of, names, why in (
        ("speakers", _speaker, corpus.speakers, ", or one person is in training and test sets"),
        ("classes", _label, corpus.classes, " or merge them in [corpus.labels]"),
    ):
        for group in near_spellings(names):
            files = ", ".join(_first(corpus, of, name) for name in group)
            yield (
                f"{what} {', '.join(map(_visible, group))} differ only in spelling (such as "
                f"{files}); if they are the same, spell them alike{why}"
            )


def _visible(name: str) -> str:
    """Return a name in quotes, with what cannot be seen as Python writes it."""
    return repr(name) if name.isprintable() else ascii(name)


def _speaker(utterance: Utterance) -> str:
    return utterance.speaker


def _label(utterance: Utterance) -> str:
    return utterance.label


def _first(corpus: Corpus, of: Callable[[Utterance], str], value: str) -> str:
    return next((utterance.id for utterance in corpus if of(utterance) == value), "no utterance")


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


def _copies(corpus: Corpus, digests: Mapping[Path, str]) -> Iterator[str]:
    """Return doubts of recordings with the same content under two speakers, or two labels."""
    same: dict[object, list[Utterance]] = defaultdict(list)
    for one in corpus:
        same[digests[one.file], one.start, one.end].append(one)
    for what, of in (("speakers", _speaker), ("labels", _label)):
        pairs = [group for group in same.values() if len(set(map(of, group))) > 1]
        if pairs:
            files = named(f"{one.id} ({of(one)})" for one in pairs[0])
            more = f", and {counted(len(pairs) - 1, 'more such recording')}" if pairs[1:] else ""
            yield f"one recording under two {what}: {files}{more}; remove the copies that are wrong"


def _missing_labels(corpus: Corpus) -> Iterator[str]:
    for what, of, names in (
        ("class", _label, corpus.classes),
        ("speaker", _speaker, corpus.speakers),
    ):
        for name in names:
            if name.strip().casefold() in _MISSING:
                n = sum(of(one) == name for one in corpus)
                yield (
                    f"{what} {name!r} looks like a missing value: {counted(n, 'utterance')}, such "
                    f"as {_first(corpus, of, name)}; if it is, remove them"
                )


def _no_speakers(corpus: Corpus) -> Iterator[str]:
    """Return doubts whether the speakers are people at all."""
    speakers = corpus.speakers
    if len(speakers) < _FEWEST:
        yield (
            f"only {counted(len(speakers), 'speaker')} ({named(speakers)}): what differs between "
            "people cannot be estimated; add speakers if there are more"
        )
    emotions = [speaker for speaker in speakers if is_emotion(speaker)]
    if has_emotions(speakers):
        yield (
            f"speakers {named(map(repr, emotions))} are words of emotion; if they are the labels, "
            "exchange the columns"
        )
    labels: dict[str, set[str]] = defaultdict(set)
    for one in corpus:
        labels[one.speaker].add(one.label)
    lone = [speaker for speaker, mine in labels.items() if len(mine) == 1]
    if len(lone) > 0.8 * len(speakers) and len(lone) > 1:
        yield (
            f"{len(lone)} of {counted(len(speakers), 'speaker')} have a single label each, such as "
            f"{lone[0]!r} ({_first(corpus, _speaker, lone[0])}); are they people?"
        )
    if counts := _counted_within(corpus):
        yield counts


def _counted_within(corpus: Corpus) -> str:
    """Return a doubt where the speakers number the recordings of another part of their names."""
    times = Counter(one.speaker for one in corpus).values()
    numbered = all(any(map(str.isdigit, speaker)) for speaker in corpus.speakers)
    if not numbered or max(times) == min(times):  # counters do not all get as far
        return ""
    names = [(*one.file.parts[-4:-1], one.file.stem) for one in corpus]
    speaker = Column(Part(), tuple(one.speaker for one in corpus))
    label = Column(Part(), tuple(one.label for one in corpus))
    for other in columns(names):
        distinct = other.partition not in (speaker.partition, label.partition)
        if distinct and counts_recordings(speaker, label, [other]):
            times = Counter(other.values)
            value = next(value for value, _ in times.most_common() if value)
            some = [one for one, at in zip(corpus, other.values, strict=True) if at == value]
            return (
                f"speakers {named(map(repr, corpus.speakers))} count from the start within each "
                f"{other.part} of the files' names ({named(other.distinct)}), such as "
                f"{named(one.id for one in some)}; if {other.part} is the speaker, use that"
            )
    return ""
