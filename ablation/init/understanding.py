"""Speaker and label of every recording: by a pattern, a known naming scheme, or a guess."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ablation.corpora import KINDS, RESERVED, load_corpus
from ablation.corpora.base import session_doubts
from ablation.corpora.spelling import near_spellings
from ablation.errors import CorpusError
from ablation.errors.corpora import LabelNotInCorpus, ReservedClass
from ablation.errors.naming import (
    LabelsOfOneSpeaker,
    NoRecordingLeft,
    OnlyOne,
    ReadingFitsNothing,
)
from ablation.init.finding import Found, LeftOut, Recording
from ablation.init.naming import Reading, read_names
from ablation.init.parts import Part
from ablation.init.pattern import Pattern
from ablation.init.schemes import Scheme, known_scheme

NO_PART = "its name lacks the speaker or the label"


@dataclass(frozen=True)
class ReadingOptions:
    """What the user says about the names; nothing by default. ``codes`` maps labels to classes."""

    speaker: Part | None = None
    label: Part | None = None
    pattern: Pattern | None = None
    codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Spoken:
    """A recording with its speaker and its class."""

    recording: Recording
    speaker: str
    label: str


@dataclass(frozen=True)
class Understood:
    """How the recordings of a folder were understood.

    ``how`` describes the reading; ``by_parts`` says whether it names parts such as ``folder:1``.
    ``kind`` is the corpus that ``ablate`` reads itself, "" for a manifest.
    """

    how: str
    spoken: tuple[Spoken, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...]
    kind: str = ""
    by_parts: bool = False

    @property
    def speakers(self) -> list[str]:
        return sorted({one.speaker for one in self.spoken})

    @property
    def labels(self) -> list[str]:
        return sorted({one.label for one in self.spoken})

    def counts(self) -> Counter[tuple[str, str]]:
        """Recordings by speaker and class."""
        return Counter((one.speaker, one.label) for one in self.spoken)


def understand(found: Found, options: ReadingOptions) -> Understood:
    """Return speaker and class of every recording.

    Raises
    ------
    CorpusError
        When the names have no reading, or several that are about equally good, or when no study
        can be made of what was read: fewer than two speakers or classes, a class with only one
        speaker, or a class whose column results already have.
    """
    names = [recording.name for recording in found.recordings]
    remarks: list[str] = []
    scheme = None
    if options.pattern is not None:
        how = f"by --pattern {options.pattern.text!r}"
        pairs = [options.pattern.read(recording.path) for recording in found.recordings]
    elif options.speaker is None and options.label is None and (scheme := known_scheme(names)):
        how = f"these are recordings of {scheme.title} ({scheme.example})"
        pairs = [scheme.read(name) for name in names]
    else:
        reading = read_names(names, options.speaker, options.label, frozenset(options.codes))
        how = f"speaker {reading.speaker}, label {reading.label}"
        pairs = _pairs(reading)
        remarks += [reading.remark] * bool(reading.remark)
    if not any(pairs):
        raise ReadingFitsNothing(how, "/".join(found.recordings[0].path))
    lacking = NO_PART if options.pattern is None else "does not fit the pattern"
    left_out = [
        LeftOut("/".join(recording.path), lacking)
        for recording, pair in zip(found.recordings, pairs, strict=True)
        if pair is None
    ]
    raw = [
        Spoken(recording, *pair)
        for recording, pair in zip(found.recordings, pairs, strict=True)
        if pair is not None
    ]
    left_out = [*found.left_out, *left_out]
    if scheme is not None and not options.codes and not left_out:
        ready = _by_kind(found, scheme, how)
        if ready is not None:
            return ready
    spoken = _spelt_alike(raw, remarks)
    spoken, unwanted = _classes(spoken, options.codes, scheme)
    understood = Understood(
        how,
        tuple(spoken),
        (*left_out, *unwanted),
        (*remarks, *_doubts(spoken)),
        by_parts=options.pattern is None and scheme is None,
    )
    _check(understood, found_labels=sorted({one.label for one in raw}))
    return understood


def _pairs(reading: Reading) -> list[tuple[str, str] | None]:
    return [
        None if speaker is None or label is None else (speaker, label)
        for speaker, label in zip(reading.speakers, reading.labels, strict=True)
    ]


def _by_kind(found: Found, scheme: Scheme, how: str) -> Understood | None:
    """Return what ``ablate`` reads itself as a known corpus, or None where it cannot."""
    kind = KINDS.get(scheme.kind)
    if kind is None:
        return None
    try:
        corpus = load_corpus(kind.name, found.folder)
    except CorpusError:
        return None  # not the original's layout: write a manifest
    by_file = {recording.file: recording for recording in found.recordings}
    spoken = [Spoken(by_file[u.file], u.speaker, u.label) for u in corpus if u.file in by_file]
    if len(spoken) != len(corpus):
        return None
    remarks = []
    if len(corpus) < len(found.recordings):
        remarks.append(
            f"{len(found.recordings) - len(corpus)} recordings have none of the study's labels "
            f"({', '.join(corpus.classes)}); its label maps: {', '.join(kind.label_maps)}"
        )
    return Understood(how, tuple(spoken), (), tuple(remarks), kind.name)


def _spelt_alike(spoken: list[Spoken], remarks: list[str]) -> list[Spoken]:
    """Join names that differ only in capitals, under their most frequent spelling."""
    joined: list[dict[str, str]] = []
    for what in ("speaker", "label"):
        times = Counter(getattr(one, what) for one in spoken)
        best: dict[str, str] = {}
        for value, _ in sorted(times.items(), key=lambda item: (-item[1], item[0])):
            best.setdefault(_folded(value), value)
        joined.append({value: best[_folded(value)] for value in times})
        remarks += [
            f"{what} {value!r} is read as {spelt!r}"
            for value, spelt in joined[-1].items()
            if value != spelt
        ]
    speakers, labels = joined
    return [Spoken(one.recording, speakers[one.speaker], labels[one.label]) for one in spoken]


def _folded(value: str) -> str:
    if len(value) == 1:  # a code: a and A may be two
        return value
    return unicodedata.normalize("NFC", value).casefold()


def _classes(
    spoken: list[Spoken], codes: Mapping[str, str], scheme: Scheme | None
) -> tuple[list[Spoken], list[LeftOut]]:
    """Map labels to classes by ``--labels``, else by the codes of a known corpus."""
    meant = scheme.codes if scheme is not None else {}
    present = {one.label for one in spoken}
    known = present | {meant[label.casefold()] for label in present if label.casefold() in meant}
    for code in codes:
        if code not in known:
            raise LabelNotInCorpus("--labels", code, sorted(known))
    kept, unwanted = [], []
    for one in spoken:
        plain = meant.get(one.label.casefold(), one.label)
        label = codes.get(one.label, codes.get(plain, plain))
        if label:
            kept.append(Spoken(one.recording, one.speaker, label))
        else:
            path = "/".join(one.recording.path)
            unwanted.append(LeftOut(path, f"label {one.label} is left out by --labels"))
    return kept, unwanted


def _doubts(spoken: Iterable[Spoken]) -> list[str]:
    spoken = list(spoken)
    return [
        f"{what} {', '.join(map(repr, group))} differ only in spelling; if they are one, {remedy}"
        for what, values, remedy in (
            ("speakers", {one.speaker for one in spoken}, "name their files alike"),
            ("labels", {one.label for one in spoken}, "join them with --labels"),
        )
        for group in near_spellings(values)
    ] + session_doubts(sorted({one.speaker for one in spoken}))


def _check(understood: Understood, found_labels: list[str]) -> None:
    """Raise :class:`CorpusError` where no study can be made of the recordings."""
    if not understood.spoken:
        raise NoRecordingLeft(found_labels)
    for role, values in (("speaker", understood.speakers), ("label", understood.labels)):
        if len(values) < 2:
            raise OnlyOne(role, values[0], understood.how)
    for label in understood.labels:
        if label in RESERVED:
            raise ReservedClass(label, f"--labels {label}={label}ed")
    lone = {
        label: people.pop()
        for label in understood.labels
        if len(people := {who for who, what in understood.counts() if what == label}) == 1
    }
    if lone:
        raise LabelsOfOneSpeaker(lone, understood.how)
