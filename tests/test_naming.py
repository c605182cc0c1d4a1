"""Speakers and labels read from names: rightly, or not at all."""

import shlex
import unicodedata
from dataclasses import dataclass
from itertools import product
from typing import Literal

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ablation.errors import CorpusError
from ablation.errors import naming as faults
from ablation.init.naming import read_names
from ablation.init.parts import Name, Part
from ablation.init.pattern import Pattern
from ablation.init.schemes import known_scheme
from ablation.init.words import EMOTIONS, NAMES, NO_SPEAKERS, plain


def names_of(layout: str, **values: list[str]) -> list[Name]:
    """Every combination of values in a layout such as "{speaker}/{label}_{take}"."""
    keys = list(values)
    return [
        tuple(layout.format(**dict(zip(keys, row, strict=True))).split("/"))
        for row in product(*values.values())
    ]


PEOPLE, MOODS, TAKES = ["anna", "ben", "Jörg"], ["happy", "sad"], ["01", "02", "03"]


@pytest.mark.parametrize(
    ("layout", "speaker", "label"),
    [
        ("{speaker}/{label}/{take}", "folder:1", "folder:2"),
        ("{label}/{speaker}/{take}", "folder:2", "folder:1"),
        ("{label}/{speaker}-{take}", "field:1", "folder:1"),
        ("{speaker}_{label}_{take}", "field:1", "field:2"),
        ("{take}.{label} {speaker}", "field:3", "field:2"),
        ("corpus/{speaker}_{label}/{take}", "folder:2/field:1", "folder:2/field:2"),
        ("x{take}{label}{speaker}", None, None),  # where one word ends, nobody can tell
    ],
)
def test_speaker_and_label_are_found_where_they_stand(
    layout: str, speaker: str | None, label: str | None
) -> None:
    names = names_of(layout, speaker=PEOPLE, label=MOODS, take=TAKES)
    if speaker is None or label is None:
        with pytest.raises(CorpusError):
            read_names(names)
        return
    reading = read_names(names)
    assert (str(reading.speaker), str(reading.label)) == (speaker, label)
    assert set(reading.speakers) == set(PEOPLE)
    assert set(reading.labels) == set(MOODS)


ENDS = {("qa", "happy"): 3, ("qa", "sad"): 2, ("rb", "happy"): 4, ("rb", "sad"): 3}


@pytest.mark.parametrize(
    ("names", "speakers"),
    [
        (names_of("{s}{l}{t}", s=["anna", "ben"], l=["Happy", "Sad"], t=TAKES), {"anna", "ben"}),
        # Two words stay one where another separator parts fields.
        (names_of("{s}_{l}_{t}", s=["Anna Maria", "Anna", "Ben"], l=MOODS, t=TAKES),
         {"Anna Maria", "Anna", "Ben"}),
        # Numbers alone would merge two people.
        (names_of("{s}_{l}_{t}", s=["F01", "M01", "F02"], l=MOODS, t=TAKES),
         {"F01", "M01", "F02"}),
        (names_of("{s}_{l}-{t}", s=["P1", "P2", "P3"], l=MOODS, t=["t0", "t1"]),
         {"P1", "P2", "P3"}),
        (names_of("day{d}/{s}/{l}/{t}", d=["1", "2"], s=PEOPLE, l=MOODS, t=TAKES), {*PEOPLE}),
        (names_of("speaker {n}/{l}/{t}", n=["1", "2"], l=MOODS, t=TAKES),
         {"speaker 1", "speaker 2"}),
        # Takes that end anywhere are no speakers.
        ([(f"{s}_{m}_{t}",) for (s, m), end in ENDS.items() for t in range(1, end + 1)],
         {"qa", "rb"}),
    ],
)  # fmt: skip
def test_who_speaks(names: list[Name], speakers: set[str]) -> None:
    assert set(read_names(names).speakers) == speakers


def test_files_at_different_depths() -> None:
    near = names_of("{s}/{l}/{t}", s=["carl", "dora"], l=MOODS, t=TAKES)
    far = names_of("group/{s}/{l}/{t}", s=["anna", "ben"], l=MOODS, t=TAKES)
    reading = read_names([*near, *far])
    assert set(reading.speakers) == {"anna", "ben", "carl", "dora"}
    assert set(reading.labels) == set(MOODS)


@pytest.mark.parametrize(
    ("names", "flags"),
    [
        (
            names_of("{a}/{b}/{t}", a=["qa", "rb"], b=["ja", "ne"], t=TAKES),
            ["--speaker folder:1 --label folder:2", "--speaker folder:2 --label folder:1"],
        ),
        (
            names_of("{s}_{l}_{t}", s=["qa", "rb"], l=MOODS, t=TAKES),
            ["--speaker field:1", "--speaker field:3"],
        ),
    ],
)
def test_names_with_two_readings_are_refused_with_the_flags_of_each(
    names: list[Name], flags: list[str]
) -> None:
    with pytest.raises(faults.AmbiguousNames) as caught:
        read_names(names)
    assert caught.value.ways == 2
    assert sorted(caught.value.flags) == flags
    for flag in flags:
        assert flag in caught.value.remedy
    for part in (part for reading in caught.value.readings for part in reading):
        assert f"{part.role} {part.part} ({', '.join(part.values)})" in caught.value.what


@pytest.mark.parametrize(
    ("takes", "part"),
    [(TAKES, "field:1"), (["dogs", "kids"], "field:1"), (["t0", "t1", "t2"], "field:1")],
)
def test_what_may_be_takes_or_sentences_is_refused_with_its_flag(
    takes: list[str], part: str
) -> None:
    with pytest.raises(faults.UnsurePart) as caught:
        read_names(names_of("{l}/{t}", l=MOODS, t=takes))
    assert caught.value.candidate == faults.Candidate("speaker", part, tuple(takes))
    assert f"--speaker {part}" in caught.value.remedy


def test_names_without_a_speaker_are_refused_with_the_label_that_they_tell() -> None:
    with pytest.raises(faults.NoSpeakerInNames) as caught:
        read_names([(f"{mood}{n}",) for n, mood in enumerate(MOODS * 3)])
    assert caught.value.label.values == tuple(MOODS)
    with pytest.raises(faults.NoSpeakerInNames) as caught:
        read_names([("one",), ("two",)])
    assert caught.value.label == faults.Candidate("label", "field:1", ("one", "two"))
    with pytest.raises(faults.NoLabelInNames) as nothing:
        read_names([("one",)])
    for flag in ("--speaker", "--label", "--pattern"):
        assert flag in nothing.value.remedy


def test_a_label_beside_a_known_speaker_may_be_missing_or_unsure() -> None:
    speaker = Part.parse("folder:1", "--speaker")
    with pytest.raises(faults.NoLabelInNames) as lacking:
        read_names([("anna", "one"), ("ben", "two")], speaker=speaker)
    assert lacking.value.speaker == faults.Candidate("speaker", "folder:1", ("anna", "ben"))
    with pytest.raises(faults.UnsurePart) as unsure:
        read_names(names_of("{s}/{t}", s=["anna", "ben"], t=TAKES), speaker=speaker)
    assert unsure.value.candidate == faults.Candidate("label", "field:1", tuple(TAKES))


def test_a_word_before_the_label_in_some_names_becomes_no_label() -> None:
    values = {"m": ["angry", "happy", "Wut", "Freude"], "s": ["adam", "adrian"]}
    usual = names_of("{m}_{t}_{s}", t=["1"], **values)
    with pytest.raises(CorpusError):
        read_names([*usual, *names_of("again_{m}_{t}_{s}", t=["2"], **values)])


def test_a_word_before_the_speaker_in_some_names_becomes_no_speaker() -> None:
    people = ["qa", "rb"]
    names = [(f"{m}_{s}_x{n}y",) for n, (m, s) in enumerate(product(MOODS * 3, people))]
    assert set(read_names(names).speakers) == set(people)
    longer = [(f"{m}_zus_{s}_x{n}z",) for n, (m, s) in enumerate(product(MOODS * 3, people))]
    with pytest.raises(faults.UnsurePart):
        read_names([*names, *longer])


STRANGERS = ["Ewelina", "Nikodem", "Xaveria"]


@pytest.mark.parametrize(
    ("folder", "people", "part"),
    [
        ("{s}, Sitzung {n}", ["Anna", "Ben"], "folder:1/field:1"),
        ("{s}_session{n}", STRANGERS, "folder:1/field:1"),
        ("{s} ({n}. Sitzung)", STRANGERS, "folder:1/field:1"),
        ("Tag {n}, {s}", STRANGERS, "folder:1/field:-1"),
        ("{s}, Sitzung {n}", ["Anna Lea", "Ben", "Jörg"], "folder:1/field:1:,"),
        ("{s} Take{n}", ["Anna-Lea", "Anna-Mia", "Jörg"], "folder:1/field:1: "),
    ],
)
@pytest.mark.parametrize("rest", ["{l}/{t}", "{l}_{t}"])
def test_a_person_who_comes_back_in_another_session_is_one_speaker(
    folder: str, people: list[str], part: str, rest: str
) -> None:
    names = names_of(f"{folder}/{rest}", s=people, n=["1", "2"], l=MOODS, t=TAKES)
    reading = read_names(names)
    assert set(reading.speakers) == set(people)
    assert str(reading.speaker) == part
    assert Part.parse(part, "--speaker") == reading.speaker
    assert f"are read as one speaker, {min(people)}, in several sessions" in reading.remark


@pytest.mark.parametrize(
    ("folder", "people"),
    [
        ("{s}, Sitzung {n}", ["Mutter", "Vater", "Kind"]),  # of another family in the next
        ("{s}, session {n}", ["P1", "P2", "P3"]),
        ("{s}, session {n}", ["A", "B", "C"]),
        ("{s}, session {n}", STRANGERS[:2]),  # two may be those who talk to each other
        ("{s}, {n}", STRANGERS),
    ],
)
def test_who_may_be_another_in_the_next_session_is_asked_for_the_person_first(
    folder: str, people: list[str]
) -> None:
    names = names_of(f"{folder}/{{l}}/{{t}}", s=people, n=["1", "2"], l=MOODS, t=TAKES)
    with pytest.raises(faults.AmbiguousNames) as caught:
        read_names(names)
    assert caught.value.flags == ["--speaker folder:1/field:1", "--speaker folder:1"]


def test_who_is_asked_for_is_named_whole() -> None:
    people = ["Frau Maier", "Herr Kunz", "Frau K."]
    folders = {"s": people, "n": ["1", "2", "3", "4"]}
    with pytest.raises(faults.AmbiguousNames) as caught:
        read_names(names_of("{s}, {n}. Sitzung/{l}/{t}", l=MOODS, t=TAKES, **folders))
    first = caught.value.readings[0][0]
    assert first == faults.Candidate("speaker", "folder:1/field:1:,", tuple(sorted(people)))


@pytest.mark.parametrize("day", ["2021-03-{}", "202103{}", "{}.03.2021", "2021-03-{}_studio"])
def test_a_day_is_no_speaker(day: str) -> None:
    days = [day.format(number) for number in ("04", "05", "11")]
    names = names_of("{d}/{l} - satz{t}", d=days, l=["wütend", "traurig"], t=["1", "2", "3"])
    with pytest.raises(CorpusError):
        read_names(names)
    people = names_of("{s}/{d}/{l} - satz1", s=["P07", "P12", "P31"], d=days,
                      l=["wütend", "traurig"])  # fmt: skip
    assert set(read_names(people).speakers) == {"P07", "P12", "P31"}


def test_what_is_suggested_is_quoted_for_a_shell() -> None:
    people = ["Ada-Li", "Ada-Wu", "Mo"]
    names = names_of("{s} {n}/{l}/{t}", s=people, n=["1", "2"], l=MOODS, t=TAKES)
    with pytest.raises(faults.AmbiguousNames) as caught:
        read_names(names)
    flag = caught.value.flags[0]
    assert flag in caught.value.remedy
    _, part = shlex.split(flag)
    assert part == "folder:1/field:1: "
    assert set(read_names(names, speaker=Part.parse(part, "--speaker")).speakers) == set(people)


def test_a_part_that_is_given_decides() -> None:
    names = names_of("{s}_{l}_{t}", s=["qa", "rb"], l=MOODS, t=TAKES)
    reading = read_names(names, speaker=Part.parse("field:1", "--speaker"))
    assert (str(reading.speaker), str(reading.label)) == ("field:1", "field:2")
    with pytest.raises(faults.NoSuchPart) as caught:
        read_names(names, speaker=Part.parse("folder:3", "--speaker"))
    assert (caught.value.option, caught.value.part) == ("--speaker", "folder:3")


@pytest.mark.parametrize(
    "text", ["", "folder", "folder:0", "field:x", "word:1:_", "folder:1field:2"]
)
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(faults.InvalidPart) as caught:
        Part.parse(text, "--label")
    assert (caught.value.option, caught.value.text) == ("--label", text)


# ----------------------------------------------------------------- any corpus, in any order


@dataclass(frozen=True)
class Made:
    names: list[Name]
    speakers: list[str]
    labels: list[str]


def _unknown(word: str) -> bool:
    return plain(word) not in EMOTIONS | NAMES | NO_SPEAKERS


words = st.text("bcdfgklmnoprstuvz", min_size=3, max_size=6).filter(_unknown)
people = st.one_of(
    st.lists(words, min_size=2, max_size=4, unique=True),
    st.lists(st.sampled_from(sorted(NAMES)), min_size=2, max_size=4, unique=True),
    st.integers(2, 5).map(lambda n: [f"{i:02d}" for i in range(1, n + 1)]),
    st.integers(2, 5).map(lambda n: [f"spk{i}" for i in range(n)]),
    st.integers(2, 5).map(lambda n: [f"s{i:02d}" for i in range(n)]),
    st.lists(st.sampled_from(["Ünal", "Çağrı", "🙂", "Ann Lee", "x=y"]), min_size=2, unique=True),
)
feelings = st.one_of(
    st.lists(
        st.sampled_from(["angry", "happy", "Wut", "Freude", "colère", "neu", "tristezza", "ira"]),
        min_size=2,
        max_size=4,
        unique=True,
    ),
    st.lists(words, min_size=2, max_size=3, unique=True),
)


@st.composite
def corpora(draw: st.DrawFn) -> Made:
    """Recordings of some people, labels, sentences and takes, in any order in folders and names."""
    who, what = draw(people), draw(feelings)
    sentences = draw(st.one_of(st.just([""]), st.lists(words, min_size=2, max_size=3, unique=True)))
    most = draw(st.integers(2, 4))
    separator = draw(st.sampled_from("_-. "))
    order = draw(st.permutations(["speaker", "label", "take", "sentence"]))
    folders = draw(st.sets(st.sampled_from(["speaker", "label"])))
    varied = draw(st.booleans())
    longer, every = draw(st.sampled_from(["", "front", "back"])), draw(st.integers(2, 9))
    made = Made([], [], [])
    for speaker, label, sentence in product(who, what, sentences):
        for take in range(1, (draw(st.integers(1, most)) if varied else most) + 1):
            values = {"speaker": speaker, "label": label, "sentence": sentence, "take": str(take)}
            path = [values[part] for part in order if part in folders]
            fields = [values[part] for part in order if part not in folders and values[part]]
            if longer and len(made.names) % every == 0:  # some have a word more
                fields.insert(0 if longer == "front" else len(fields), "zus")
            made.names.append((*path, separator.join(fields)))
            made.speakers.append(speaker)
            made.labels.append(label)
    return made


def partition(values: list[str] | tuple[str | None, ...]) -> list[int]:
    seen: dict[str | None, int] = {}
    return [seen.setdefault(value, len(seen)) for value in values]


@settings(max_examples=100)
@given(corpora())
def test_what_is_read_is_right_or_refused(made: Made) -> None:
    try:
        reading = read_names(made.names)
    except CorpusError as error:
        event("refused")
        assert error.remedy
        return
    event("read")
    both = zip(reading.speakers, reading.labels, strict=True)
    there = [speaker is not None and label is not None for speaker, label in both]
    assert sum(there) >= 0.8 * len(there)
    for read, meant in ((reading.speakers, made.speakers), (reading.labels, made.labels)):
        pairs = [(r, m) for r, m, is_there in zip(read, meant, there, strict=True) if is_there]
        assert partition(tuple(r for r, _ in pairs)) == partition([m for _, m in pairs])


# ----------------------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("pattern", "path", "read"),
    [
        ("{speaker}/{label}_{}.wav", "anna/happy_01.wav", ("anna", "happy")),
        ("{speaker}/{label}_{}.wav", "deep/anna/happy_01_b.WAV", ("anna", "happy")),
        ("{speaker}/{label}_{}.wav", "anna/happy_01.flac", None),
        ("{speaker}/{label}_{}", "anna/happy_01.flac", ("anna", "happy")),
        ("{speaker:2}{:3}{label:1}{}", "wav/03a01Fa.wav", ("03", "F")),
        ("{}_{speaker}_{label}", "a_b_anna_sad.wav", ("anna", "sad")),
        ("{speaker}/{speaker}_{label}", "anna/anna_sad.wav", ("anna", "sad")),
        ("{speaker}/{speaker}_{label}", "anna/ben_sad.wav", None),
        ("{{{speaker}}}={label}.ogg", "{Jo\u0308}=x,y.ogg", ("Jö", "x,y")),
        ("{speaker}.{label}", "a.b.wav", ("a", "b")),
        ("{speaker}\n{label}", "a\nb.wav", ("a", "b")),
    ],
)
def test_a_pattern_reads_a_path(pattern: str, path: str, read: tuple[str, str] | None) -> None:
    assert Pattern(pattern).read(path.split("/")) == read


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("{speaker}/{}.wav", "no {label}"),
        ("{speker}/{label}", "unknown placeholder {speker}"),
        ("{speaker}{label}", "side by side"),
        ("{speaker/{label}", "unmatched {"),
    ],
)
def test_a_pattern_without_sense_is_refused(pattern: str, fault: str) -> None:
    with pytest.raises(faults.InvalidPattern) as caught:
        Pattern(pattern)
    assert caught.value.pattern == pattern
    assert fault in caught.value.fault


def test_a_path_that_fits_in_two_ways_is_refused() -> None:
    with pytest.raises(faults.AmbiguousPattern) as caught:
        Pattern("{}_{speaker}_{label}_{}").read(["x", "a_b_c_d_e.wav"])
    assert caught.value.path == "x/a_b_c_d_e.wav"
    assert len(set(caught.value.ways)) == 2


# ------------------------------------------------------------------------- known corpora


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("EmoDB", names_of("wav/{s}a01{e}a", s=["03", "08"], e=list("WLN"))),
        ("RAVDESS", names_of("A/03-01-{e}-01-02-01-{s}", s=["01", "02"], e=["01", "05"])),
        ("CREMA-D", names_of("{s}_DFA_{e}_XX", s=["1001", "1002"], e=["ANG", "NEU"])),
        ("TESS", names_of("{s}_back_{e}", s=["OAF", "YAF"], e=["angry", "ps"])),
        ("SAVEE", names_of("{s}/{e}01", s=["DC", "JK"], e=["a", "sa"])),
    ],
)
def test_known_corpora_are_recognised_by_their_names(title: str, names: list[Name]) -> None:
    scheme = known_scheme(names)
    assert scheme is not None
    assert scheme.title == title
    assert len({scheme.read(name) for name in names}) == len(names)
    stray = [("my recording",), ("another",)]
    assert known_scheme([*names, *stray]) is None


@pytest.mark.parametrize(
    "words",
    [
        "Ärger Freude Trauer neutral Angst Ekel Langeweile Überraschung",
        "Aerger FREUDE traurig Neutral aengstlich angeekelt gelangweilt ueberrascht",
        "wütend fröhlich",
        "Wuetend Froehlich",
        "colère joie tristesse peur dégoût",
        "enojado alegría miedo aburrimiento",
        "Rabbia felicità PAURA noia",
        "złość radość",
        "verdrietig boos",
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_emotions_are_known_as_labels_in_several_languages(
    words: str, form: Literal["NFC", "NFD"]
) -> None:
    moods = [unicodedata.normalize(form, word) for word in words.split()]
    names = names_of("{s}_{l}_{t}", s=["qa", "rb"], l=moods, t=["x", "y", "z"])
    reading = read_names(names, speaker=Part.parse("field:1", "--speaker"))
    assert (str(reading.label), set(reading.labels)) == ("field:2", set(moods))
