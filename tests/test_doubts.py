"""What a corpus lets one doubt is said, with files; sound corpora are not doubted."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import invoke

from ablation.corpora import Corpus, Utterance
from ablation.corpora.doubts import corpus_doubts, session_doubts
from ablation.corpora.spelling import near_spellings

PEOPLE, LABELS = ["anna", "ben", "carl", "dora"], ["angry", "happy", "sad"]


def corpus_of(rows: list[tuple[str, str, str]]) -> Corpus:
    """Utterances of (path, speaker, label); the files need not exist."""
    utterances = tuple(Utterance(path, Path(path), who, what) for path, who, what in rows)
    return Corpus("manifest", None, utterances, tuple(sorted({what for _, _, what in rows})))


def sound(people: list[str] = PEOPLE, labels: list[str] = LABELS) -> list[tuple[str, str, str]]:
    return [
        (f"x/{who}_{what}_{n}.wav", who, what) for who in people for what in labels for n in (1, 2)
    ]


@pytest.mark.parametrize(
    "rows",
    [
        sound(),
        sound(["1", "2", "3"]),
        sound(["01", "02", "03", "10"]),
        sound(["03", "08", "Ses01F", "Ses01M"]),
        sound(["Joy", "Ben", "Carl"]),  # a name may be a word of emotion
        # Unlike numbers of recordings are no doubt of speakers' numbers.
        [(f"{who}_{what}_{n}.wav", str(who), what)
         for who in range(1, 5) for what in LABELS for n in range(who + 1)],
    ],
)  # fmt: skip
def test_a_sound_corpus_is_not_doubted(rows: list[tuple[str, str, str]]) -> None:
    assert corpus_doubts(corpus_of(rows), {Path(path): path for path, _, _ in rows}) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (sound(["1", "01", "2", "3"]), ["speakers '01', '1'", "x/01_angry_1.wav"]),
        (sound(["1", "1.0", "2", "3"]), ["speakers '1', '1.0'"]),
        (sound(["anna", "anna\u200b", "b", "c"]), ["'anna\\u200b'"]),
        (sound(["anna", "anna\u00a0", "b", "c"]), ["'anna\\xa0'"]),
        (sound(["Anna Müller", "anna mueller", "b"]), ["'Anna Müller', 'anna mueller'"]),
        (sound(labels=["Sad", "sad", "happy"]), ["classes 'Sad', 'sad'"]),
        (sound(labels=["nan", "sad", "happy"]), ["class 'nan'", "x/anna_nan_1.wav"]),
        (sound(["N/A", "anna", "ben"]), ["speaker 'N/A'"]),
        (sound(["anna", "ben"]), ["only 2 speakers (anna, ben)"]),
        (sound(["angry", "happy", "sad"], ["anna", "ben"]), ["words of emotion"]),
        (sound(["cheerful", "sad", "bleu", "flet", "grau"], ["s1", "s2"]), ["words of emotion"]),
        ([(f"{who}.wav", who, LABELS[n % 3]) for n, who in enumerate("abcdefghi")],
         ["9 of 9 speakers have a single label"]),
        # Numbers of recordings, taken for speakers: anna_happy_1, anna_happy_2, ...
        ([(f"{who}_{what}_{n}.wav", str(n), what)
          for at, who in enumerate(PEOPLE) for what in LABELS for n in range(1, 4 + at)],
         ["count from the start within each field:1", "anna"]),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_named_with_files(
    rows: list[tuple[str, str, str]], said: list[str]
) -> None:
    doubts = corpus_doubts(corpus_of(rows))
    assert any(all(text in doubt for text in said) for doubt in doubts), doubts


@pytest.mark.parametrize(
    ("second", "what"), [(("ben", "angry"), "speakers"), (("anna", "sad"), "labels")]
)
def test_one_content_under_two_names_is_doubted(second: tuple[str, str], what: str) -> None:
    rows = [*sound(), ("copy.wav", *second)]
    digests = {Path(path): path for path, _, _ in rows}
    digests[Path("copy.wav")] = "x/anna_angry_1.wav"
    (doubt,) = corpus_doubts(corpus_of(rows), digests)
    assert doubt.startswith(f"one recording under two {what}: x/anna_angry_1.wav (")
    assert "copy.wav (" in doubt
    same = [*sound(), ("copy.wav", "anna", "angry")]  # twice the same is no leak
    assert corpus_doubts(corpus_of(same), digests) == []


@pytest.mark.usefixtures("unmeasured")
def test_doubts_are_errors_if_asked_and_are_said_before_a_grid(tmp_path: Path) -> None:
    tone = np.sin(np.arange(12000) / 9).astype(np.float32)
    lines = ["file,speaker,label"]
    for number, who in enumerate(["1", "01", "2", "3"]):
        for label in LABELS[:2]:
            soundfile.write(tmp_path / f"{who}_{label}.wav", 0.1 * (number + 2) * tone, 16000)
            lines.append(f"{who}_{label}.wav,{who},{label}")
    (tmp_path / "m.csv").write_text("\n".join(lines))
    study = ("--corpus", "manifest", "--corpus-root", tmp_path / "m.csv")
    checked = invoke("corpus", "check", *study, cwd=tmp_path)
    assert "doubt: speakers '01', '1' differ only in spelling" in checked.stdout
    assert "doubt: one recording under two labels" in checked.stdout
    invoke("corpus", "check", "--strict", *study, cwd=tmp_path, check=1)
    planned = invoke("grid", "--axis", "height", "--values", "2", *study, "--dry-run", cwd=tmp_path)
    assert "warning: speakers '01', '1' differ only in spelling" in planned.stderr
    unused = ("--set", "features.scale=log", "--set", "network.factory=mynet:build")
    planned = invoke("grid", "--axis", "height", "--values", "2", *study, *unused, "--dry-run",
                     cwd=tmp_path)  # fmt: skip
    assert "features.mu is not used" in planned.stderr
    assert "network.factory (mynet:build) is for promote" in planned.stderr


def test_accents_and_umlauts_spelt_out_are_doubted_and_like_names_are_not() -> None:
    one = [["Doerte", "Dörte"], ["Dorte", "Dörte"], ["JOSE", "José"], ["Mueller, U", "müller,u"],
           ["Soeren", "Søren"], ["anna-lena", "Anna Lena"]]  # fmt: skip
    for names in one:
        assert near_spellings(names) == [tuple(sorted(names))]
        assert near_spellings([unicodedata.normalize("NFD", name) for name in names])
    for others in (
        ["Joe", "Jo"],
        ["Michael", "Michal"],
        ["か", "が"],
        ["राम", "रमा"],
        ["s1", "s2"],
    ):
        assert near_spellings(others) == []
    assert near_spellings(["Ben", "Dörte", "Dorte", "Doerte"]) == [
        tuple(sorted(["Doerte", "Dorte", "Dörte"]))
    ]


def test_persons_in_several_sessions_are_doubted_and_numbered_speakers_are_not() -> None:
    people = ["Anaïs", "Björn", "Chloé"]
    (doubt,) = session_doubts([f"{name}, Sitzung {k}" for name in people for k in (1, 2)])
    assert "'Anaïs, Sitzung 1', 'Anaïs, Sitzung 2', and 2 more like them" in doubt
    for sound in (
        [f"speaker {k}" for k in range(9)],
        [f"{sex}_{k:02d}" for sex in "FM" for k in range(5)],
        [f"{name} {surname}" for name, surname in zip(people, "XYZ", strict=True)],
        ["03", "08", "Ses01F"],
    ):
        assert session_doubts(sound) == []
