"""Speaker and label of every recording: by a pattern, a known naming scheme, or a guess."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from ablation.corpora import KINDS, RESERVED, Corpus, Utterance, load_corpus
from ablation.corpora.doubts import corpus_doubts
from ablation.corpora.names.guessing import Reading, read_names
from ablation.corpora.names.parts import Name, Part, columns, folded
from ablation.errors import CorpusError
from ablation.errors.corpora import LabelNotInCorpus, ReservedClass
from ablation.errors.naming import (
    AmbiguousNames,
    LabelsOfOneSpeaker,
    NoLabelInNames,
    NoRecordingLeft,
    OnlyOne,
    ReadingFitsNothing,
    Way,
    quoted,
)
from ablation.init.finding import Found, LeftOut, Recording
from ablation.init.pattern import Pattern
from ablation.init.schemes import Scheme, known_scheme

_SHOWN, _PARTS = 4, 10  # readings that are offered, and parts of the names
_ODD = 0.02  # share of recordings up to which a label of one speaker is a slip


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
    remarks: tuple[str, ...] = ()
    kind: str = ""
    by_parts: bool = False

    @property
    def speakers(self) -> list[str]:
        return sorted({one.speaker for one in self.spoken})

    @property
    def labels(self) -> list[str]:
        return sorted({one.label for one in self.spoken})

    @property
    def corpus(self) -> Corpus:
        """The recordings as a study will have them."""
        utterances = [
            Utterance("/".join(one.recording.path), one.recording.file, one.speaker, one.label)
            for one in self.spoken
        ]
        return Corpus("manifest", None, tuple(utterances), tuple(self.labels))

    def counts(self) -> Counter[tuple[str, str]]:
        """Recordings by speaker and class."""
        return Counter((one.speaker, one.label) for one in self.spoken)


def understand(found: Found, options: ReadingOptions) -> Understood:
    """Return speaker and class of every recording.

    Raises
    ------
    CorpusError
        When the names have no reading, or several that are plausible, or when no study can be made
        of what was read: fewer than two speakers or classes, a class with only one speaker, or a
        class whose column results already have.
    """
    names = [recording.name for recording in found.recordings]
    scheme = None
    if options.pattern is not None:
        how = f"by --pattern {options.pattern.text!r}"
        pairs = [options.pattern.read(recording.path) for recording in found.recordings]
    elif options.speaker is None and options.label is None and (scheme := known_scheme(names)):
        how = f"these are recordings of {scheme.title} ({scheme.example})"
        pairs = [scheme.read(name) for name in names]
        plain = not options.codes and all(pairs) and not found.left_out
        if plain or not scheme.labelled:
            ready = _by_kind(found, scheme, how)
            if ready is not None:
                return ready
        if not scheme.labelled:
            raise NoLabelInNames(how=how)
    else:
        best, *others = read_names(names, options.speaker, options.label, options.codes.keys())
        if not best.sure:
            ways = _ways(found, [best, *others][:_SHOWN])
            raise AmbiguousNames(found.folder, ways, _parts(names))
        how, pairs = str(best), best.pairs
    lacking = "does not fit the pattern" if options.pattern else "lacks the speaker or the label"
    both = list(zip(found.recordings, pairs, strict=True))
    raw = [Spoken(recording, *pair) for recording, pair in both if pair is not None]
    if not raw:
        raise ReadingFitsNothing(how, "/".join(found.recordings[0].path))
    out = [LeftOut("/".join(one.path), lacking) for one, pair in both if pair is None]
    spoken, remarks = _spelt_alike(raw)
    spoken, unwanted = _classes(spoken, options.codes, scheme)
    meant = {one.label: options.codes.get(one.label, one.label) for one in raw}
    spoken, odd = _without_slips(spoken, meant)
    understood = Understood(how, tuple(spoken), (*found.left_out, *out, *unwanted, *odd))
    _check(understood, found_labels=sorted({one.label for one in raw}))
    return replace(
        understood,
        remarks=(*remarks, *corpus_doubts(understood.corpus)),
        by_parts=options.pattern is None and scheme is None,
    )


def _ways(found: Found, readings: Sequence[Reading]) -> list[Way]:
    """Return the readings as a message shows them, each with the same file and with another."""
    every = [reading.pairs for reading in readings]
    shared = [at for at, pairs in enumerate(zip(*every, strict=True)) if all(pairs)]
    ways = []
    for reading, pairs in zip(readings, every, strict=True):
        shown = [("/".join(r.path), *p) for r, p in zip(found.recordings, pairs, strict=True) if p]
        first = shown[0]
        if shared and (pair := pairs[shared[0]]) is not None:
            first = ("/".join(found.recordings[shared[0]].path), *pair)
        other = next((one for one in shown if one[1] != first[1] and one[2] != first[2]), shown[-1])
        ways.append(Way(str(reading.speaker.part), str(reading.label.part), (first, other)))
    return ways


def _parts(names: Sequence[Name]) -> list[str]:
    """Return the parts of the names with their values, each grouping of the files once."""
    seen: dict[bytes, str] = {}
    for one in columns(names):
        if len(one.distinct) <= len(one.values) / 2:
            seen.setdefault(one.partition, f"{one.part} ({quoted(one.distinct)})")
    return list(seen.values())[:_PARTS]


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


def _spelt_alike(spoken: Sequence[Spoken]) -> tuple[list[Spoken], list[str]]:
    """Join names that differ only in capitals, under their most frequent spelling."""
    spelt: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in spoken:
        spelt["speaker", folded(one.speaker)][one.speaker] += 1
        spelt["label", folded(one.label)][one.label] += 1
    best = {key: max(sorted(ways), key=ways.__getitem__) for key, ways in spelt.items()}
    remarks = [
        f"{what} {way!r} is read as {best[what, name]!r}"
        for (what, name), ways in spelt.items()
        for way in sorted(ways)
        if way != best[what, name]
    ]
    joined = [
        replace(
            one,
            speaker=best["speaker", folded(one.speaker)],
            label=best["label", folded(one.label)],
        )
        for one in spoken
    ]
    return joined, remarks


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


def _without_slips(
    spoken: list[Spoken], meant: Mapping[str, str]
) -> tuple[list[Spoken], list[LeftOut]]:
    """Set aside labels that a few recordings of one speaker have: a slip, or no recording of it.

    ``meant`` has the class of each label in the names, of which the slip may be one.
    """
    speakers: dict[str, set[str]] = defaultdict(set)
    times = Counter(one.label for one in spoken)
    for one in spoken:
        speakers[one.label].add(one.speaker)
    most = max(1, int(_ODD * len(spoken)))
    odd = {what for what, n in times.items() if n <= most and len(speakers[what]) == 1}
    usual = [what for what in times if what not in odd]
    if len(usual) < 2:
        return spoken, []
    reasons = {}
    for what in odd:
        known = {label: name for label, name in meant.items() if name in usual} | dict(
            zip(usual, usual, strict=True)
        )
        close = get_close_matches(what, known, 1)
        means = f"; if it means {close[0]}: --labels {what}={known[close[0]]}" if close else ""
        reasons[what] = f"label {what} is that of one speaker only{means}"
    aside = [
        LeftOut("/".join(one.recording.path), reasons[one.label])
        for one in spoken
        if one.label in odd
    ]
    return [one for one in spoken if one.label not in odd], aside


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
        others = [label for label in understood.labels if label not in lone]
        meant = {label: close[0] for label in lone if (close := get_close_matches(label, others))}
        raise LabelsOfOneSpeaker(lone, understood.how, meant)
