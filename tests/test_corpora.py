"""Corpora: every loader on a tree of its own layout, real recordings where there are, folds."""

import pickle
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import FOUR, audformat_tree, crema_d_tree, huggingface_tree, tess_tree

from ablation.corpora import KINDS, Corpus, Utterance, load_corpus
from ablation.corpora.fingerprints import content_digests, corpus_fingerprint
from ablation.corpora.folds import Fold, check_folds, make_folds
from ablation.errors import FoldError, nearest
from ablation.errors import corpora as faults
from ablation.errors.common import UnknownName
from ablation.errors.folds import (
    ClassNotInTraining,
    NobodyToTrainOn,
    OneSpeaker,
    SpeakerOnBothSides,
    TooManyFolds,
)
from ablation.errors.studies import InvalidField, UnknownField

TWO = ("tense", "calm")
SECONDS = "a time of at least 0 seconds"

# ---------------------------------------------------------------------------- trees, made up

Turn = tuple[str, str]  # turn, label

HEADING = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
VOTES = (
    "C-E2:\tNeutral;\t()",
    "C-E4:\tFrustration; Anger;\t()",
    "C-F1:\tNeutral;\t(amusement)",
    "A-E3:\tval 3; act 2; dom  2;\t()",
    "A-F1:\tval 3; act 2; dom  1;\t()",
)


def touch(path: Path, content: bytes = b"recording") -> Path:
    """A file that stands for a recording; no loader decodes audio."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def evaluation(root: Path, dialogue: str) -> Path:
    return root / f"Session{int(dialogue[3:5])}/dialog/EmoEvaluation/{dialogue}.txt"


def add_dialogue(root: Path, dialogue: str, turns: list[Turn]) -> None:
    """A dialogue as IEMOCAP has it: its evaluation file and a recording a turn."""
    lines = [HEADING, ""]
    for second, (turn, label) in enumerate(turns):
        lines += [f"[{second}.2901 - {second}.9357]\t{turn}\t{label}\t[2.5000, 2.5000, 2.5000]"]
        lines += [*VOTES, ""]
        session = f"Session{int(dialogue[3:5])}"
        touch(root / session / "sentences/wav" / dialogue / f"{turn}.wav", turn.encode())
    file = evaluation(root, dialogue)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def iemocap_tree(root: Path) -> Path:
    """Two sessions: markers worn by F and by M, improvised and scripted, five labels and xxx."""
    for session in (1, 2):
        for markers in "FM":
            dialogue = f"Ses{session:02d}{markers}_impro01"
            labels = ("neu", "hap", "ang", "sad", "exc", "xxx")
            turns = [
                (f"{dialogue}_{letter}{number:03d}", label)
                for letter in "FM"
                for number, label in enumerate(labels)
            ]
            add_dialogue(root, dialogue, turns)
        dialogue = f"Ses{session:02d}M_script02_1"
        turns = [
            (f"{dialogue}_{letter}{number:03d}", label)
            for letter in ("F", "M")
            for number, label in enumerate(("neu", "hap", "ang", "sad"))
        ]
        add_dialogue(root, dialogue, [*turns, (f"{dialogue}_MXX0", "neu")])
    return root


def emodb_tree(root: Path) -> Path:
    """Three speakers, each emotion once, every other recording FLAC."""
    for speaker in ("03", "08", "16"):
        for number, emotion in enumerate("WLEAFTN"):
            suffix = (".wav", ".flac")[number % 2]
            touch(root / "wav" / f"{speaker}a0{number + 1}{emotion}a{suffix}")
    return root


def ravdess_tree(root: Path) -> Path:
    """Three actors, each emotion once, every other recording FLAC, and a song."""
    for actor in ("01", "02", "24"):
        for emotion in range(1, 9):
            suffix = (".wav", ".flac")[emotion % 2]
            touch(root / f"Actor_{actor}" / f"03-01-{emotion:02d}-01-02-01-{actor}{suffix}")
        touch(root / f"Actor_{actor}" / f"03-02-05-01-02-01-{actor}.wav")
    return root


def manifest_rows(folder: Path) -> list[dict[str, object]]:
    """Three speakers, two labels, with recordings below a folder of their own."""
    rows: list[dict[str, object]] = []
    for speaker in "abc":
        for label in TWO:
            name = f"sounds/{speaker}_{label}.wav"
            touch(folder / name, name.encode())
            rows.append({"file": name, "speaker": speaker, "label": label})
    return rows


def manifest_csv(folder: Path, rows: list[dict[str, object]] | None = None) -> Path:
    path = folder / "manifest.csv"
    pd.DataFrame(manifest_rows(folder) if rows is None else rows).to_csv(path, index=False)
    return path


def synthetic_tree(folder: Path) -> Path:
    """A folder as ``ablate corpus synthesize`` leaves it: recordings and a manifest."""
    rows: list[dict[str, object]] = []
    for speaker in ("f01", "m01"):
        for label in FOUR:
            name = f"{speaker}/{speaker}_{label}_00.wav"
            touch(folder / name)
            rows.append({"file": name, "speaker": speaker, "label": label, "id": name[4:-4]})
    manifest_csv(folder, rows)
    return folder


TREES: Mapping[str, Callable[[Path], Path]] = {
    "synthetic": synthetic_tree,
    "emodb": emodb_tree,
    "ravdess": ravdess_tree,
    "crema_d": crema_d_tree,
    "tess": tess_tree,
    "iemocap": iemocap_tree,
    "manifest": manifest_csv,
    "audformat": audformat_tree,
    "huggingface": huggingface_tree,
}

# ---------------------------------------------------------------------------- every kind alike


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_reads_its_own_layout(name: str, tmp_path: Path) -> None:
    """Ids are unique and sorted, recordings are there, every class has utterances."""
    corpus = load_corpus(name, TREES[name](tmp_path))
    ids = [utterance.id for utterance in corpus]
    assert ids == sorted(set(ids))
    assert all(utterance.file.is_file() for utterance in corpus)
    assert all(utterance.speaker for utterance in corpus)
    assert tuple(corpus.counts()) == corpus.classes
    assert all(corpus.counts().values())
    assert len(corpus.classes) >= 2
    assert len(make_folds(corpus)) == len(corpus.speakers)


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_folder_is_named_with_what_is_expected(name: str, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(faults.WrongCorpusRoot) as caught:
        load_corpus(name, missing)
    error = caught.value
    assert (error.corpus, error.root, error.layout) == (name, missing, KINDS[name].layout)
    assert error.fault == "does not exist"


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_without_recordings_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises((faults.WrongCorpusRoot, faults.EmptyCorpus)) as caught:
        load_corpus(name, tmp_path)
    assert caught.value.root == tmp_path
    assert caught.value.layout == KINDS[name].layout
    assert caught.value.remedy


@pytest.mark.parametrize("name", [kind.name for kind in KINDS.values() if kind.needs_root])
def test_no_folder_at_all_says_which_option_gives_it(name: str) -> None:
    with pytest.raises(faults.CorpusRootMissing) as caught:
        load_corpus(name)
    assert (caught.value.corpus, caught.value.layout) == (name, KINDS[name].layout)


@pytest.mark.parametrize("name", KINDS)
def test_an_option_that_cannot_be_is_named(name: str, tmp_path: Path) -> None:
    known = list(KINDS[name].options.model_fields)
    wrong = f"{known[0]}s" if known else "anything"
    root = TREES[name](tmp_path)
    with pytest.raises(UnknownField) as caught:
        load_corpus(name, root, options={wrong: 1})
    error = caught.value
    assert (error.field, error.allowed) == (f"corpus.options.{wrong}", known)
    if known:
        with pytest.raises(InvalidField) as invalid:
            load_corpus(name, root, options={known[0]: [[]]})
        assert (invalid.value.field, invalid.value.value) == (f"corpus.options.{known[0]}", "[[]]")


@pytest.mark.parametrize("name", KINDS)
def test_an_unknown_ready_map_is_refused_with_those_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownName) as caught:
        load_corpus(name, TREES[name](tmp_path), labels="every")
    assert caught.value.name == "every"
    assert caught.value.allowed == list(KINDS[name].label_maps)


# ---------------------------------------------------------------------------- IEMOCAP


def test_iemocap_speakers_go_by_the_turn_not_by_the_markers(tmp_path: Path) -> None:
    """``Ses01F_impro01_M000`` is spoken by the man of session 1, whoever wore the markers."""
    corpus = load_corpus("iemocap", iemocap_tree(tmp_path))
    assert corpus.speakers == ["Ses01F", "Ses01M", "Ses02F", "Ses02M"]
    for utterance in corpus:
        session, letter = utterance.id[:5], utterance.id.rsplit("_", 1)[1][0]
        assert utterance.speaker == session + letter
    folds = {fold.name: fold for fold in make_folds(corpus)}
    tested = {corpus[index].id for index in folds["Ses01M"].test}
    assert {"Ses01F_impro01_M000", "Ses01M_impro01_M000"} <= tested
    assert all(turn.rsplit("_", 1)[1].startswith("M") for turn in tested)


@pytest.mark.parametrize(
    ("dialogues", "count", "kinds"),
    [
        (None, 32, {"impro01"}),
        ("improvised", 32, {"impro01"}),
        ("scripted", 18, {"script02"}),
        ("all", 50, {"impro01", "script02"}),
    ],
)
def test_iemocap_dialogues(
    tmp_path: Path, dialogues: str | None, count: int, kinds: set[str]
) -> None:
    """Improvised unless asked otherwise; a scripted turn may be numbered ``MXX0``."""
    options = {} if dialogues is None else {"dialogues": dialogues}
    corpus = load_corpus("iemocap", iemocap_tree(tmp_path), options=options)
    assert len(corpus) == count
    assert {utterance.id.split("_")[1] for utterance in corpus} == kinds
    assert ("Ses01M_script02_1_MXX0" in {u.id for u in corpus}) == ("script02" in kinds)


@pytest.mark.parametrize(
    ("labels", "happy"),
    [
        (None, {"Ses01F_impro01_F001"}),
        ("hap", {"Ses01F_impro01_F001"}),
        ("hap+exc", {"Ses01F_impro01_F001", "Ses01F_impro01_F004"}),
        ("exc", {"Ses01F_impro01_F004"}),
    ],
)
def test_iemocap_label_maps(tmp_path: Path, labels: str | None, happy: set[str]) -> None:
    """Excited is left out, merged into happy, or stands in its place; xxx is always left out."""
    corpus = load_corpus("iemocap", iemocap_tree(tmp_path), labels=labels)
    assert corpus.classes == FOUR
    found = {u.id for u in corpus if u.label == "happy" and u.id.startswith("Ses01F_impro01_F")}
    assert found == happy
    assert corpus.counts()["happy"] == 8 * len(happy)
    assert not any(utterance.id.endswith("005") for utterance in corpus)


def test_iemocap_own_label_map_may_use_any_label(tmp_path: Path) -> None:
    """Labels that a map leaves unmentioned are left out, and their recordings need not exist."""
    root = iemocap_tree(tmp_path)
    for number in (0, 1, 2, 5):
        for wav in root.glob(f"Session*/sentences/wav/*/*00{number}.wav"):
            wav.unlink()
    corpus = load_corpus("iemocap", root, labels={"exc": "up", "sad": "down"})
    assert corpus.classes == ("up", "down")
    assert corpus.counts() == {"up": 8, "down": 8}


def test_iemocap_missing_recording_names_file_and_line(tmp_path: Path) -> None:
    root = iemocap_tree(tmp_path)
    wav = root / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F001.wav"
    wav.unlink()
    with pytest.raises(faults.MissingRecording) as caught:
        load_corpus("iemocap", root)
    text = evaluation(root, "Ses01F_impro01").read_text().splitlines()
    line = 1 + next(n for n, line in enumerate(text) if "\tSes01F_impro01_F001\t" in line)
    assert caught.value.file == wav
    assert caught.value.origin.endswith(f"Ses01F_impro01.txt, line {line}")


@pytest.mark.parametrize(
    "broken",
    [
        "[6.2901 - 8.2357]\tSes01F_impro01_F009\tjoy\t[2.5, 2.5, 2.5]",
        "[6.2901 - 8.2357] Ses01F_impro01_F009 neu [2.5, 2.5, 2.5]",
        "[6.2901 - 8.2357]\tSes01F_impro01\tneu\t[2.5, 2.5, 2.5]",
        "[6.2901 - 8.23",
    ],
)
def test_iemocap_broken_turn_names_file_and_line(tmp_path: Path, broken: str) -> None:
    """A turn that cannot be read is no turn to skip."""
    root = iemocap_tree(tmp_path)
    file = evaluation(root, "Ses01F_impro01")
    line = len(file.read_text().splitlines()) + 1
    with file.open("a") as stream:
        stream.write(broken + "\n")
    with pytest.raises(faults.InvalidTurn) as caught:
        load_corpus("iemocap", root)
    assert (caught.value.origin, caught.value.line) == (f"{file}, line {line}", broken)
    assert "neu" in caught.value.labels


# ---------------------------------------------------------------------------- EmoDB, RAVDESS


@pytest.mark.parametrize(
    ("name", "speakers", "labels", "every"),
    [
        (
            "emodb",
            ["03", "08", "16"],
            {"03a01Wa": "angry", "08a05Fa": "happy", "16a06Ta": "sad", "16a07Na": "neutral"},
            [*FOUR, "afraid", "bored", "disgusted"],
        ),
        (
            "ravdess",
            ["01", "02", "24"],
            {
                "03-01-05-01-02-01-24": "angry",
                "03-01-03-01-02-01-02": "happy",
                "03-01-04-01-02-01-02": "sad",
                "03-01-01-01-02-01-01": "neutral",
            },
            ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised"],
        ),
    ],
)
def test_names_say_speaker_and_emotion(
    tmp_path: Path, name: str, speakers: list[str], labels: dict[str, str], every: list[str]
) -> None:
    """In WAV and in FLAC; songs are left out, and emotions beyond the four unless asked for."""
    corpus = load_corpus(name, TREES[name](tmp_path))
    assert corpus.classes == FOUR
    assert corpus.counts() == dict.fromkeys(FOUR, 3)
    assert corpus.speakers == speakers
    assert {u.id: u.label for u in corpus}.items() >= labels.items()
    assert {utterance.file.suffix for utterance in corpus} == {".wav", ".flac"}
    everything = load_corpus(name, tmp_path, labels="all")
    assert everything.classes == tuple(every)
    assert everything.classes[:4] == FOUR or name == "ravdess"
    assert everything.counts() == dict.fromkeys(everything.classes, 3)


@pytest.mark.parametrize(
    ("name", "stray", "example"),
    [
        ("emodb", "wav/03a01Xa.wav", "03a01Fa.wav"),
        ("emodb", "wav/happy.wav", "03a01Fa.wav"),
        ("emodb", "wav/3a01Fa.wav", "03a01Fa.wav"),
        ("ravdess", "Actor_02/03-01-09-01-02-01-02.wav", "03-01-05-01-02-01-07.wav"),
        ("crema_d", "AudioWAV/1001_DFA_JOY_XX.wav", "1001_DFA_ANG_XX.wav"),
        ("crema_d", "AudioWAV/1001_DFA_ANG.wav", "1001_DFA_ANG_XX.wav"),
        ("tess", "YAF_sad/YAF_dog_joy.wav", "OAF_back_angry.wav"),
        ("tess", "YAF_sad/BAF_dog_sad.wav", "OAF_back_angry.wav"),
    ],
)
def test_a_stray_recording_is_named(tmp_path: Path, name: str, stray: str, example: str) -> None:
    file = touch(TREES[name](tmp_path) / stray)
    with pytest.raises(faults.MisnamedRecording) as caught:
        load_corpus(name, tmp_path)
    assert caught.value.file == file
    assert caught.value.expected.startswith(example)


@pytest.mark.parametrize(
    ("name", "stray"),
    [
        ("ravdess", "Actor_02/03-01-05-01-02-02-01.wav"),
        ("tess", "OAF_Pleasant_surprise/OAF_dog_happy.wav"),
        ("tess", "YAF_sad/OAF_dog_sad.wav"),
    ],
)
def test_a_recording_in_the_folder_of_others_is_named(
    tmp_path: Path, name: str, stray: str
) -> None:
    file = touch(TREES[name](tmp_path) / stray)
    with pytest.raises(faults.MisplacedRecording) as caught:
        load_corpus(name, tmp_path)
    assert caught.value.file == file


def test_a_recording_in_both_formats_is_refused(tmp_path: Path) -> None:
    twin = touch(emodb_tree(tmp_path) / "wav" / "03a01Wa.flac")
    with pytest.raises(faults.DuplicateRecording) as caught:
        load_corpus("emodb", tmp_path)
    assert {caught.value.file, caught.value.other} == {twin, twin.with_suffix(".wav")}


def test_files_that_are_no_recordings_are_passed_over(tmp_path: Path) -> None:
    """The folder may also be that of the recordings themselves."""
    root = emodb_tree(tmp_path)
    before = load_corpus("emodb", root).utterances
    touch(root / "wav" / "._03a01Wa.wav")
    touch(root / "wav" / "readme.txt")
    assert load_corpus("emodb", root).utterances == before
    assert load_corpus("emodb", root / "wav").utterances == before


def test_a_class_without_utterances_is_named(tmp_path: Path) -> None:
    for file in emodb_tree(tmp_path).glob("wav/*T?.*"):
        file.unlink()
    with pytest.raises(faults.ClassWithoutUtterances) as caught:
        load_corpus("emodb", tmp_path)
    assert (caught.value.root, caught.value.label) == (tmp_path, "sad")


@pytest.mark.parametrize(
    ("name", "counts", "speakers"),
    [("emodb", (79, 71, 127, 62), 10), ("ravdess", (96, 192, 192, 192), 24)],
)
def test_a_real_corpus(speech: Path, name: str, counts: tuple[int, ...], speakers: int) -> None:
    if not (speech / name).is_dir():
        pytest.skip(f"no real corpus here (no folder {speech / name})")
    corpus = load_corpus(name, speech / name)
    assert corpus.counts() == dict(zip(("neutral", "happy", "angry", "sad"), counts, strict=True))
    assert len(corpus.speakers) == speakers
    assert len(make_folds(corpus)) == speakers


# ---------------------------------------------------------------------------- manifest


def test_manifest_paths_are_relative_to_it_wherever_it_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_csv(tmp_path)
    monkeypatch.chdir("/")
    corpus = load_corpus("manifest", manifest)
    assert [u.id for u in corpus] == sorted(f"sounds/{s}_{x}.wav" for s in "abc" for x in TWO)
    assert all(u.file == tmp_path / u.id for u in corpus)
    assert corpus.speakers == ["a", "b", "c"]
    assert corpus.classes == ("calm", "tense")  # the labels, sorted
    assert corpus.counts() == {"calm": 3, "tense": 3}


def test_manifest_as_parquet_is_the_same_corpus(tmp_path: Path) -> None:
    """Numbers as speakers and labels, and empty cells, read alike in both formats."""
    rows = manifest_rows(tmp_path)
    for row in rows:
        row["speaker"] = ord(str(row["speaker"])) - ord("a")
        row["label"] = TWO.index(str(row["label"]))
        row["start"] = 0.25 if row["label"] else None
        row["end"] = 1.5 if row["label"] else None
    csv = load_corpus("manifest", manifest_csv(tmp_path, rows))
    pd.DataFrame(rows).to_parquet(tmp_path / "manifest.parquet")
    parquet = load_corpus("manifest", tmp_path / "manifest.parquet")
    assert parquet.utterances == csv.utterances
    assert parquet.classes == csv.classes == ("0", "1")
    assert parquet.speakers == ["0", "1", "2"]


def test_manifest_in_every_form_that_spreadsheets_export(tmp_path: Path) -> None:
    manifest = manifest_csv(tmp_path)
    expected, text = load_corpus("manifest", manifest), manifest.read_text()
    quoted = "\r\n".join(
        ";".join(f'"{field}"' for field in line.split(",")) for line in text.splitlines()
    )
    forms: list[str | bytes] = [
        text.replace(",", ";"), text.replace(",", "\t"), quoted, f"sep=,\r\n{text}",
        '"sep=;"\n' + text.replace(",", ";"), text.replace(",", "\t").encode("utf-16"),
        b"\xfe\xff" + text.encode("utf-16-be"), ("sep=,\n" + text).encode("utf-8-sig"),
    ]  # fmt: skip
    for form in forms:
        manifest.write_bytes(form if isinstance(form, bytes) else form.encode())
        assert load_corpus("manifest", manifest) == expected
    manifest.write_text("sep=;\n" + text.replace(",", ";").replace("b_calm", "b_clam"))
    with pytest.raises(faults.MissingRecording) as caught:
        load_corpus("manifest", manifest)
    number = text.splitlines().index(next(x for x in text.splitlines() if "b_calm" in x)) + 1
    assert caught.value.origin == f"{manifest}, row {number + 1}"  # as an editor numbers lines


def test_manifest_as_parquet_may_have_any_column_as_its_index(tmp_path: Path) -> None:
    rows = manifest_rows(tmp_path)
    expected = load_corpus("manifest", manifest_csv(tmp_path, rows)).utterances
    for index in ("file", ["speaker", "file"]):
        pd.DataFrame(rows).set_index(index).to_parquet(tmp_path / "manifest.parquet")
        assert load_corpus("manifest", tmp_path / "manifest.parquet").utterances == expected


def test_manifest_paths_of_other_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of files and ``~`` are read; a backslash is named with what it should be."""
    manifest = manifest_csv(tmp_path)
    text, expected = manifest.read_text(), load_corpus("manifest", manifest)
    monkeypatch.setenv("HOME", str(tmp_path))
    for beginning in (f"file://{tmp_path}/", f"file://localhost{tmp_path}/", "~/", "file://./"):
        manifest.write_text(text.replace("sounds/", f"{beginning}sounds/"))
        assert [u.file.resolve() for u in load_corpus("manifest", manifest)] == [
            u.file for u in expected
        ]
    manifest.write_text(text.replace("sounds/", "sounds\\"))
    with pytest.raises(faults.MissingRecording) as caught:
        load_corpus("manifest", manifest)
    assert caught.value.nearest in {u.id for u in expected} and r"'\'" in caught.value.remedy


def test_manifest_cuts_of_one_recording_are_utterances(tmp_path: Path) -> None:
    """A start names the utterance beside its file; an id of one's own goes before."""
    rows = manifest_rows(tmp_path)
    rows += [
        {"file": "sounds/a_calm.wav", "speaker": "a", "label": "calm", "start": 1.5, "end": 2},
        {"file": "sounds/a_calm.wav", "speaker": "a", "label": "calm", "start": 2},
        {"file": "sounds/a_calm.wav", "speaker": "a", "label": "calm", "end": 3, "id": "first"},
    ]
    corpus = load_corpus("manifest", manifest_csv(tmp_path, rows))
    cuts = {u.id: (u.start, u.end) for u in corpus if u.file.name == "a_calm.wav"}
    assert cuts == {
        "sounds/a_calm.wav": (None, None),
        "sounds/a_calm.wav:1.5-2.0": (1.5, 2.0),
        "sounds/a_calm.wav:2-end": (2.0, None),
        "first": (None, 3.0),
    }


def test_manifest_label_map(tmp_path: Path) -> None:
    """Classes come in the map's order; labels are merged, or left out if mapped to nothing."""
    rows = manifest_rows(tmp_path)
    for label in ("noise", "angry"):
        touch(tmp_path / f"{label}.wav")
        rows.append({"file": f"{label}.wav", "speaker": "a", "label": label})
    manifest = manifest_csv(tmp_path, rows)
    merged = {"tense": "up", "angry": "up", "noise": "", "calm": "down"}
    corpus = load_corpus("manifest", manifest, merged)
    assert corpus.classes == ("up", "down")
    assert corpus.counts() == {"up": 4, "down": 3}
    assert {u.id: u.label for u in corpus}["angry.wav"] == "up"
    with pytest.raises(faults.LabelNotInCorpus) as caught:
        load_corpus("manifest", manifest, {"clam": "down", **merged})
    assert (caught.value.label, caught.value.allowed) == (
        "clam", ["angry", "calm", "noise", "tense"],
    )  # fmt: skip


def test_manifest_faults_of_all_rows_are_told_at_once(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [dict(row) for row in manifest_rows(tmp_path)]
    folder = tmp_path / "sounds"
    rows[0]["label"] = " "
    rows[1] |= {"speaker": "", "file": "sounds/b_clam.wav"}
    rows[2] |= {"file": "sounds/x.ogg"}
    rows[3] |= {"start": "-1", "end": "soon"}
    rows[4] |= {"start": 1, "end": 1}
    rows.append(rows[5])
    manifest = manifest_csv(tmp_path, rows)
    with pytest.raises(faults.EmptyField) as caught:
        load_corpus("manifest", manifest)
    assert (caught.value.origin, caught.value.column) == (f"{manifest}, row 2", "label")
    expected = [
        faults.EmptyField("row 3", "speaker"),  # its remedy is that of the first fault
        faults.MissingRecording(folder / "b_clam.wav", "row 3", "b_calm.wav"),
        faults.MissingRecording(folder / "x.ogg", "row 4"),
        faults.InvalidValue("row 5", "start", "-1", SECONDS),
        faults.InvalidValue("row 5", "end", "soon", SECONDS),
        faults.InvalidValue("row 6", "end", 1.0, "after start = 1"),
        faults.DuplicateRow("row 8", str(rows[5]["file"]), f"{manifest}, row 7"),
    ]
    remedies = [f" ({error.remedy})" if error.remedy else "" for error in expected]
    assert caught.value.also == tuple(
        f"also {error.what}{remedy}"
        for error, remedy in zip(expected, ["", *remedies[1:]], strict=True)
    )


def test_manifest_many_faults_are_counted(tmp_path: Path) -> None:
    gone: list[dict[str, object]] = [
        {"file": f"gone{n}.wav", "speaker": "a", "label": "calm"} for n in range(30)
    ]
    manifest = manifest_csv(tmp_path, gone)
    with pytest.raises(faults.MissingRecording) as caught:
        load_corpus("manifest", manifest)
    error = caught.value
    assert (error.origin, error.file) == (f"{manifest}, row 2", tmp_path / "gone0.wav")
    *others, more = error.also
    for number, other in enumerate(others, 1):
        assert f" row {number + 2}:" in other
        assert str(tmp_path / f"gone{number}.wav") in other
    assert len(others) == 9
    assert "20" in more
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - as it comes from another process
    assert str(copy) == str(caught.value)


def test_manifest_quotes_that_enclose_no_field_name_the_row(tmp_path: Path) -> None:
    """Else all rows up to the next quote would be taken for one label."""
    manifest = manifest_csv(tmp_path)
    lines = manifest.read_text().splitlines()
    lines[2] = lines[2].replace("calm", '"calm')
    manifest.write_text("\n".join(lines))
    with pytest.raises(faults.UnreadableFile) as caught:
        load_corpus("manifest", manifest)
    assert caught.value.reason.startswith("row 3:")


@pytest.mark.parametrize("text", ["", "file\na.wav,anna,sad\n", "Read me\nfirst\na, b\n"])
def test_a_file_that_is_no_manifest_is_not_blamed_on_a_row(tmp_path: Path, text: str) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text(text)
    with pytest.raises((faults.MissingColumn, faults.UnreadableFile)) as caught:
        load_corpus("manifest", file)
    assert caught.value.file == file
    assert KINDS["manifest"].layout in caught.value.remedy


def test_unknown_labels_are_told_at_once(tmp_path: Path) -> None:
    rows = manifest_rows(tmp_path)
    rows[1]["label"] = rows[4]["label"] = "clam"
    rows[2]["label"] = "tens"
    manifest = manifest_csv(tmp_path, rows)
    known = ["calm", "tense"]
    with pytest.raises(faults.UnknownLabel) as caught:
        load_corpus("manifest", manifest, {label: label for label in known})
    error = caught.value
    assert (error.origin, error.label, error.more) == (f"{manifest}, row 3", "clam", 1)
    assert nearest("clam", error.allowed) == "calm"
    other = faults.UnknownLabel(f"{manifest}, row 4", "tens", known)
    assert error.also == (f"also {other.what} ({other.remedy})",)


def test_manifest_one_recording_spelt_in_two_ways_is_a_duplicate(tmp_path: Path) -> None:
    """Else it could be trained on under one speaker and tested under another."""
    rows = manifest_rows(tmp_path)
    rows.append({"file": f"./{rows[0]['file']}", "speaker": "b", "label": "tense"})
    manifest = manifest_csv(tmp_path, rows)
    with pytest.raises(faults.DuplicateRow) as caught:
        load_corpus("manifest", manifest)
    assert (caught.value.origin, caught.value.id) == (f"{manifest}, row 8", rows[0]["file"])
    assert caught.value.other == f"{manifest}, row 2"


def test_manifest_row_numbers_count_blank_lines(tmp_path: Path) -> None:
    """Rows are numbered as an editor numbers lines."""
    manifest = manifest_csv(tmp_path)
    lines = manifest.read_text().splitlines()
    lines[3:3] = ["", ""]
    lines[6] = lines[6].replace("b_calm", "b_clam")
    manifest.write_text("\n".join(lines) + "\n")
    with pytest.raises(faults.MissingRecording) as caught:
        load_corpus("manifest", manifest)
    assert (caught.value.origin, caught.value.nearest) == (f"{manifest}, row 7", "b_calm.wav")


@pytest.mark.parametrize("label", ["test", "correct"])
def test_a_class_that_would_share_a_column_is_refused(tmp_path: Path, label: str) -> None:
    """``n_CLASS`` stands beside ``n_test`` and ``n_correct`` in the table of probes."""
    rows = manifest_rows(tmp_path)
    for row in rows:
        row["label"] = label if row["label"] == "calm" else "tense"
    manifest = manifest_csv(tmp_path, rows)
    with pytest.raises(faults.ReservedClass) as caught:
        load_corpus("manifest", manifest)
    assert caught.value.label == label
    assert load_corpus("manifest", manifest, {label: "calm", "tense": "tense"})


# ---------------------------------------------------------------------------- folds

LABELS = ("x", "y", "z")

Spoken = list[tuple[str, str]]  # speaker, label

anything: st.SearchStrategy[Spoken] = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(LABELS)), min_size=1, max_size=60
)


def corpus_of(spoken: Spoken) -> Corpus:
    """A corpus of utterances by their speaker and label."""
    utterances = tuple(
        Utterance(f"u{number:03d}", Path(f"u{number}.wav"), speaker, label)
        for number, (speaker, label) in enumerate(spoken)
    )
    present = {label for _, label in spoken}
    return Corpus("made-up", None, utterances, tuple(x for x in LABELS if x in present))


def check_parted(corpus: Corpus, folds: list[Fold]) -> None:
    """No speaker on both sides, every utterance tested once, every class trained on."""
    for fold in folds:
        train = {corpus[index].speaker for index in fold.train}
        test = {corpus[index].speaker for index in fold.test}
        assert not train & test
        assert test == set(fold.test_speakers)
        assert sorted(fold.train + fold.test) == list(range(len(corpus)))
        assert {corpus[index].label for index in fold.train} == set(corpus.classes)
    tested = Counter(index for fold in folds for index in fold.test)
    assert tested == Counter(range(len(corpus)))
    assert len({fold.name for fold in folds}) == len(folds)


def lacks_a_class(corpus: Corpus, group: tuple[str, ...]) -> bool:
    return {u.label for u in corpus if u.speaker not in group} != set(corpus.classes)


@given(anything)
def test_leave_one_speaker_out(spoken: Spoken) -> None:
    """Every speaker is tested once, or there is a reason for refusing."""
    corpus = corpus_of(spoken)
    try:
        folds = make_folds(corpus)
    except FoldError:
        only = len(corpus.speakers) == 1
        assert only or any(lacks_a_class(corpus, (speaker,)) for speaker in corpus.speakers)
        return
    assert [fold.name for fold in folds] == corpus.speakers
    check_parted(corpus, folds)


@given(anything, st.integers(2, 9), st.integers(0, 5))
def test_speaker_groups(spoken: Spoken, count: int, seed: int) -> None:
    """Groups part the speakers, differ by one speaker at most, and come again from the seed."""
    # Every speaker says everything, so that no group can lack a class.
    everything = [(speaker, label) for speaker, _ in spoken for label in LABELS]
    corpus = corpus_of(everything)
    if len(corpus.speakers) < max(count, 2):
        with pytest.raises(FoldError):
            make_folds(corpus, "speaker-groups", count, seed)
        return
    folds = make_folds(corpus, "speaker-groups", count, seed)
    assert len(folds) == count
    check_parted(corpus, folds)
    sizes = [len(fold.test_speakers) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    assert folds == make_folds(corpus, "speaker-groups", count, seed)


def test_the_seed_draws_the_groups() -> None:
    corpus = corpus_of([(speaker, label) for speaker in "abcdefgh" for label in LABELS])
    one, *others = (make_folds(corpus, "speaker-groups", 4, seed) for seed in range(5))
    assert any(folds != one for folds in others)


def test_a_training_set_lacking_a_class_names_the_fold() -> None:
    corpus = corpus_of([*((s, x) for s in "abc" for x in "xy"), ("b", "z")])
    with pytest.raises(ClassNotInTraining) as caught:
        make_folds(corpus)
    error = caught.value
    assert (error.fold, error.missing, error.test_speakers) == ("b", ["z"], ("b",))
    assert error.classes == corpus.classes


@pytest.mark.parametrize(
    ("speakers", "options", "kind", "facts"),
    [
        ("a", {}, OneSpeaker, {"speaker": "a"}),
        ("ab", {"pairs": True}, NobodyToTrainOn, {"folds": 2}),
        (
            "abc",
            {"scheme": "speaker-groups", "count": 4},
            TooManyFolds,
            {"count": 4, "speakers": 3},
        ),
    ],
)
def test_folds_that_too_few_speakers_cannot_make(
    speakers: str, options: dict[str, Any], kind: type[FoldError], facts: dict[str, object]
) -> None:
    with pytest.raises(kind) as caught:
        make_folds(
            corpus_of([(speaker, label) for speaker in speakers for label in "xy"]), **options
        )
    assert vars(caught.value).items() >= facts.items()


def test_a_speaker_on_both_sides_is_refused() -> None:
    corpus = corpus_of([(speaker, label) for speaker in "ab" for label in "xy"])
    leaky = Fold("a", ("a",), train=(1, 2, 3), test=(0,))
    with pytest.raises(SpeakerOnBothSides) as caught:
        check_folds(corpus, [leaky])
    assert (caught.value.fold, caught.value.speakers) == ("a", ["a"])


# ---------------------------------------------------------------------------- fingerprint


def fingerprint(
    folder: Path,
    labels: Mapping[str, str] | None = None,
    *,
    content: bytes = b"first",
    order: int = 1,
    **first: object,
) -> str:
    """Of the same corpus made anew in ``folder``, its first row and recording changed."""
    rows = manifest_rows(folder)
    rows[0] |= {"id": "first"} | first  # an id of its own, which a cut does not change as well
    touch(folder / str(rows[0]["file"]), content)
    corpus = load_corpus("manifest", manifest_csv(folder, rows[::order]), labels)
    return corpus_fingerprint(corpus, content_digests(corpus))


def test_a_fingerprint_changes_with_the_corpus_alone(tmp_path: Path) -> None:
    """Neither with its place nor with the order of its rows."""
    same = {"calm": "calm", "tense": "tense"}
    before = fingerprint(tmp_path / "here")
    assert fingerprint(tmp_path / "elsewhere" / "deep", order=-1) == before
    changes: list[dict[str, Any]] = [
        {"label": "calm"}, {"start": 0.1}, {"end": 1.0}, {"speaker": "b"}, {"id": "new"},
        {"content": b"firsu"},
        {"labels": same | {"calm": "low"}},
        {"labels": {"tense": "tense", "calm": "calm"}},  # scores stand in the order of the classes
    ]  # fmt: skip
    prints = {fingerprint(tmp_path / str(k), **change) for k, change in enumerate(changes)}
    assert len(prints | {before}) == 1 + len(changes)


def test_a_recording_that_goes_missing_is_named(tmp_path: Path) -> None:
    corpus = load_corpus("manifest", manifest_csv(tmp_path))
    corpus[0].file.unlink()
    with pytest.raises(faults.UnreadableFile) as caught:
        content_digests(corpus)
    assert caught.value.file == corpus[0].file
