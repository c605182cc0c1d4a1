"""Speakers and labels read from names: rightly, or not at all."""

from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ablation.corpora.names.guessing import Reading, read_names
from ablation.corpora.names.parts import Name, Part
from ablation.corpora.names.words import EMOTIONS, OTHER_WORDS, RECORDING_WORDS, plain
from ablation.errors import CorpusError
from ablation.errors import naming as faults
from ablation.init.pattern import Pattern
from ablation.init.schemes import SCHEMES, known_scheme


def names_of(layout: str, **values: list[str]) -> list[Name]:
    """Every combination of values in a layout such as "{speaker}/{label}_{take}"."""
    keys = list(values)
    return [
        tuple(layout.format(**dict(zip(keys, row, strict=True))).split("/"))
        for row in product(*values.values())
    ]


PEOPLE, MOODS, TAKES = ["anna", "ben", "Jörg"], ["happy", "sad"], ["01", "02", "03"]
ENDS = {("AKW", "happy"): 3, ("AKW", "sad"): 2, ("BOB", "happy"): 4, ("BOB", "sad"): 3}


def sure(names: list[Name]) -> Reading:
    """The reading that is taken without a question."""
    best = read_names(names)[0]
    assert best.sure, f"{best} is not sure"
    return best


@pytest.mark.parametrize(
    ("names", "speaker", "label"),
    [
        (names_of("{s}/{l}/{t}", s=PEOPLE, l=MOODS, t=TAKES), "folder:1", "folder:2"),
        (names_of("{l}/{s}/{t}", s=PEOPLE, l=MOODS, t=TAKES), "folder:2", "folder:1"),
        (names_of("day{d}/{s}/{l}_{t}", d="12", s=PEOPLE, l=MOODS, t="12"), "folder:2", "field:1"),
        (names_of("{s}/{l}_{t}", s=["Anna", "Ben"], l=MOODS, t=TAKES), "folder:1", "field:1"),
        (names_of("speaker {s}/{l}/{t}", s="12", l=MOODS, t=TAKES), "folder:1", "folder:2"),
        (names_of("{s}_{l}_{t}", s=["F01", "M01", "F02"], l=MOODS, t=TAKES), "field:1", "field:2"),
        # Of men and women the number alone would merge two people.
        (names_of("{s}_{l}_{t}", s=["F_01", "M_01", "F_02"], l=MOODS, t=TAKES),
         "field:1-2", "field:3"),
        (names_of("{s}/{l}/{t}", s=["F/01", "M/01", "F/02"], l=MOODS, t=TAKES),
         "folder:1-2", "folder:3"),
        (names_of("{s}/{l}-{s}-{t}", s=["f1", "f2", "m1"], l=["dis", "gio", "rab"], t=["b1", "b2"]),
         "folder:1", "field:1"),
        (names_of("{l}/{s}-take{t}", s=["Ada", "Bo", "Cy"], l=["rage", "joy", "calm"], t="0123"),
         "field:1", "folder:1"),
        (names_of("{s}/{l}/level_{i}/{t}", s=["M003", "W009", "M011"], l=MOODS, i="123", t=TAKES),
         "folder:1", "folder:2"),
        # Takes that end anywhere are no speakers.
        ([(f"{s}_{m}_{t}",) for (s, m), end in ENDS.items() for t in range(1, end + 1)],
         "field:1", "field:2"),
        # Nor is the number of a file that its name holds twice.
        ([(m, f"SM{s}_F{n}_{m[0]}{n}") for s in range(4) for m in MOODS for n in range(2 + s)],
         "field:1", "folder:1"),
        # Nor is a number of the whole corpus, of which each has one label.
        ([(s, m, f"{s}_{350 * place + n:06}") for s in ("0011", "0012")
          for place, m in enumerate(MOODS) for n in range(4)], "folder:1", "folder:2"),
    ],
)  # fmt: skip
def test_the_only_plausible_reading_is_taken(names: list[Name], speaker: str, label: str) -> None:
    reading = sure(names)
    assert (str(reading.speaker.part), str(reading.label.part)) == (speaker, label)


def test_what_lies_apart_or_has_another_form_gets_no_value() -> None:
    usual = names_of("{s}/{l}_{t}", s=PEOPLE, l=[*MOODS, "angry"], t="12")
    reading = sure([*usual, ("calibration",), ("anna", "sad"), ("ben", "day", "happy_01")])
    assert reading.pairs[-3:] == [None, None, None]
    assert set(reading.pairs[:-3]) == {(s, m) for s in PEOPLE for m in [*MOODS, "angry"]}


def test_capitals_make_no_other_label() -> None:
    names = names_of("{s}/{l}_{t}", s=PEOPLE, l=["Happy", "happy", "HAPPY", "sad"], t="12")
    assert sure(names).label.distinct == ["HAPPY", "sad"]


@pytest.mark.parametrize(
    ("names", "best"),
    [
        # A sentence and a person may look alike.
        (names_of("{s}_{l}_{w}", s=["qa", "rb"], l=MOODS, w=["ug", "vo"]), "field:1"),
        (names_of("{s}_{l}_{t}", s=PEOPLE, l=MOODS, t=TAKES), "field:1"),
        (names_of("{w}_{l}_{s}", w=["door", "tree", "car"], l=MOODS, s=["1", "2", "3"]), "field:1"),
        (names_of("{w}/{l}_{s}", w=["door", "tree", "car"], l=MOODS, s="123"), "folder:1"),
        (names_of("{l}/{w}_{t}", w=["door", "tree", "car"], l=MOODS, t="1234"), "field:1"),
        (names_of("{s}_{w}_{l}", s=["1001", "1002"], w=["DFA", "IEO"], l=MOODS), "field:1"),
        (names_of("{s}_{l}_{i}_{t}", s=["S01", "S02"], l=MOODS, i=["low", "peak"], t=TAKES),
         "field:1"),
        # Of some words for emotions and some that are unknown, the person is the other part.
        (names_of("{l}-{s}-sa{w}-{t}", l=["cheerful", "flet", "bleu", "sad", "iratated"],
                  s=["Mara", "Ole", "Pia"], w=["01", "02"], t="12"), "field:2"),
        # Words of emotion in two places: what was meant, and what was heard.
        (names_of("{s}/{l}_{m}_{t}", s=["Ada", "Bo", "Cy"], l=["angry", "sad"],
                  m=["happy", "calm", "sad"], t="12"), "folder:1"),
        # Of unknown words that recordings are counted by, the person is written as names are.
        ([(f"int{'AB'[n % 2]}-{s}.{m}.q{n * n % 5}.{n:02}",) for s in ("Lena", "Omar", "Priya")
          for m in ("ARG", "HPY", "NTR") for n in range(1, 4 + (m == "ARG"))], "field:2"),
        # With initials or unknown words for labels, nothing is sure.
        (names_of("{s}_{l}{t}", s=["QX", "RY", "ZB"], l=["a", "h", "sa"], t=TAKES), "field:1"),
        # Somebody may be another person in the next session: the person first.
        (names_of("{s}, session {n}/{l}/{t}", s=["P1", "P2"], n="12", l=MOODS, t=TAKES),
         "folder:1/field:1"),
        # Files at different depths, or with words more or less.
        (names_of("{s}/{l}/{t}", s=["carl", "dora"], l=MOODS, t=TAKES)
         + names_of("group/{s}/{l}/{t}", s=["anna", "ben"], l=MOODS, t=TAKES), "folder:-2"),
    ],
)  # fmt: skip
def test_of_several_plausible_readings_none_is_taken_and_the_likeliest_comes_first(
    names: list[Name], best: str
) -> None:
    readings = read_names(names)
    assert not any(reading.sure for reading in readings)
    assert str(readings[0].speaker.part) == best


@pytest.mark.parametrize("takes", [TAKES, ["dogs", "kids"], ["t0", "t1", "t2"]])
def test_what_may_be_takes_or_sentences_is_not_taken_for_people(takes: list[str]) -> None:
    assert not read_names(names_of("{l}/{t}", l=MOODS, t=takes))[0].sure


def test_names_without_a_speaker_are_refused_with_the_label_that_they_tell() -> None:
    with pytest.raises(faults.NoSpeakerInNames) as caught:
        read_names([(f"{mood}{n}",) for n, mood in enumerate(MOODS * 3)])
    assert caught.value.values == MOODS


def test_names_without_a_label_are_refused() -> None:
    with pytest.raises(faults.NoLabelInNames) as nothing:
        read_names([("train", f"dia{d}_utt{u}") for d in range(9) for u in range(2 + d % 4)])
    for flag in ("--speaker", "--label", "--pattern"):
        assert flag in nothing.value.remedy
    speaker = Part.parse("folder:1", "--speaker")
    with pytest.raises(faults.NoLabelInNames) as lacking:
        read_names([("anna", "1"), ("ben", "2")], speaker=speaker)
    assert (lacking.value.speaker, lacking.value.values) == ("folder:1", ["anna", "ben"])


@pytest.mark.parametrize("day", ["2021-03-{}", "202103{}", "{}.03.2021", "2021-03-{}_studio"])
def test_a_day_is_no_speaker(day: str) -> None:
    days = [day.format(number) for number in ("04", "05", "11")]
    names = names_of("{d}/{l} - satz{t}", d=days, l=["wütend", "traurig"], t=["1", "2", "3"])
    with pytest.raises(faults.NoSpeakerInNames):
        read_names(names)
    people = names_of("{s}/{d}/{l} - satz1", s=["P07", "P12", "P31"], d=days,
                      l=["wütend", "traurig"])  # fmt: skip
    assert set(read_names(people)[0].speaker.distinct) == {"P07", "P12", "P31"}


def test_a_session_is_no_part_of_the_speaker() -> None:
    folders = {"s": ["Anna", "Ben", "Jörg"], "n": ["1", "2"]}
    names = names_of("{s}, Sitzung {n}/{l}/{t}", l=MOODS, t=TAKES, **folders)
    assert read_names(names)[0].speaker.distinct == ["Anna", "Ben", "Jörg"]


def test_a_part_that_is_given_decides() -> None:
    names = names_of("{s}_{l}_{t}", s=["qa", "rb"], l=MOODS, t=TAKES)
    reading = read_names(names, speaker=Part.parse("field:1", "--speaker"))[0]
    assert reading.sure
    assert (str(reading.speaker.part), str(reading.label.part)) == ("field:1", "field:2")
    with pytest.raises(faults.NoSuchPart) as caught:
        read_names(names, speaker=Part.parse("folder:3", "--speaker"))
    assert (caught.value.option, caught.value.part) == ("--speaker", "folder:3")


@pytest.mark.parametrize(
    "text", ["folder:1", "field:2", "run:1-2", "folder:1-2", "folder:-1/field:1:_"]
)
def test_a_part_is_read_as_it_is_written(text: str) -> None:
    assert str(Part.parse(text, "--label")) == text


@pytest.mark.parametrize(
    "text",
    ["", "folder", "folder:0", "field:x", "word:1:_", "folder:1field:2", "run:3-2", "folder:2-1"],
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
    return plain(word) not in EMOTIONS | OTHER_WORDS | RECORDING_WORDS


words = st.text("bcdfgklmnoprstuvz", min_size=3, max_size=6).filter(_unknown)
people = st.one_of(
    st.lists(words, min_size=2, max_size=4, unique=True),
    st.lists(st.sampled_from(["anna", "ben", "Zoe", "JK", "OAF"]), min_size=2, unique=True),
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
        reading = read_names(made.names)[0]
    except CorpusError as error:
        event("refused")
        assert error.remedy
        return
    if not reading.sure:
        event("asked")
        return
    event("read")
    there = [pair is not None for pair in reading.pairs]
    assert sum(there) >= 0.8 * len(there)
    sides = (reading.speaker.values, made.speakers), (reading.label.values, made.labels)
    for read, meant in sides:
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
        ("EmoDB", names_of("wav/{s}a01{l}a", s=["03", "08"], l=list("WLN"))),
        ("RAVDESS", names_of("A/03-01-{l}-01-02-01-{s}", s=["01", "02"], l=["01", "05"])),
        ("CREMA-D", names_of("{s}_DFA_{l}_XX", s=["1001", "1002"], l=["ANG", "NEU"])),
        ("TESS", names_of("{s}F_back_{l}", s=["OA", "YA"], l=["angry", "ps"])),
        ("SAVEE", names_of("{s}/{l}01", s=["DC", "JK"], l=["a", "sa"])),
        ("EMOVO", names_of("{l}-{s}-b1", s=["f1", "m1"], l=["dis", "gio"])),
        ("ShEMO", names_of("male/{s}{l}02", s=["M01", "M02"], l=["A", "W"])),
        ("JL corpus", names_of("{s}_{l}_10a_1", s=["female1", "male1"], l=["angry", "sad"])),
        ("nEMO", names_of("samples/{s}_{l}_1", s=["AKW", "BOB"], l=["anger", "fear"])),
        ("CaFE", names_of("x/Fort/{s}-{l}-2-1", s=["01", "02"], l=["C", "J"])),
        ("MESD", names_of("{l}_{s}_A_abajo", s=["C", "F", "M"], l=["Anger", "Fear"])),
        ("URDU", names_of("x/{s}_F3_{l}03", s=["SM1", "SF2"], l=["A", "H"])),
        ("AESDD", names_of("x/{l}01 ({s})", s=["1", "2"], l=["a", "s"])),
        ("SUBESCO", names_of("{s}_OISHI_S_1_{l}_1", s=["F_01", "M_01"], l=["ANGRY", "SAD"])),
    ],
)
def test_known_corpora_are_recognised_by_their_names(title: str, names: list[Name]) -> None:
    scheme = known_scheme(names)
    assert scheme is not None
    assert scheme.title == title
    assert len({scheme.read(name) for name in names}) == len(names)
    stray = [("my recording",), ("another",)]
    assert known_scheme([*names, *stray]) is None


def test_every_scheme_reads_its_own_example() -> None:
    for scheme in SCHEMES:
        assert scheme.read((scheme.example.partition(":")[0],)) is not None, scheme.title
