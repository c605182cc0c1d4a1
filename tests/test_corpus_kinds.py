"""CREMA-D, TESS, audformat and Hugging Face folders: what each of them makes special."""

import os
import pickle
import struct
import sys
from pathlib import Path

import pytest
from layouts import (
    FOUR,
    audformat_tree,
    crema_d_tree,
    huggingface_dataset,
    huggingface_rows,
    huggingface_tree,
    put,
    save_unembedded,
    segmented_tree,
    sound,
    tess_tree,
)
from running import invoke

from ablation.corpora import load_corpus
from ablation.corpora.fingerprints import content_digests, corpus_fingerprint
from ablation.errors import CorpusError
from ablation.errors import corpora as faults
from ablation.errors.common import MissingPackage, UnknownName
from ablation.features.audio import read_audio

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 72862\n" % (b"0" * 64)

# ---------------------------------------------------------------------------- CREMA-D


def test_crema_d_names_say_actor_and_emotion(tmp_path: Path) -> None:
    """The folder may be the corpus' or that of its recordings; a level may have one letter.

    The recording that holds no sound is left out.
    """
    corpus = load_corpus("crema_d", crema_d_tree(tmp_path))
    assert corpus.classes == FOUR
    assert corpus.counts() == dict.fromkeys(FOUR, 3)
    assert corpus.speakers == ["1001", "1040", "1091"]
    labels = {utterance.id: utterance.label for utterance in corpus}
    assert labels["1001_DFA_ANG_XX"] == "angry"
    assert labels["1040_ITH_SAD_X"] == "sad"
    assert load_corpus("crema_d", tmp_path / "AudioWAV").utterances == corpus.utterances
    everything = load_corpus("crema_d", tmp_path, "all")
    assert everything.counts() == dict.fromkeys((*FOUR, "fearful", "disgusted"), 3)


def test_crema_d_cloned_without_its_recordings_says_how_to_get_them(tmp_path: Path) -> None:
    note = put(crema_d_tree(tmp_path) / "AudioWAV" / "1001_DFA_ANG_XX.wav", POINTER)
    with pytest.raises(faults.PointerFile) as caught:
        load_corpus("crema_d", tmp_path)
    assert caught.value.file == note


# ---------------------------------------------------------------------------- TESS


def test_tess_names_say_speaker_and_emotion(tmp_path: Path) -> None:
    """Both spellings of pleasant surprise; the file whose name lacks a letter is OAF's."""
    corpus = load_corpus("tess", tess_tree(tmp_path), "all")
    assert corpus.speakers == ["OAF", "YAF"]
    assert corpus.classes == (*FOUR, "fearful", "disgusted", "surprised")
    assert corpus.counts() == dict.fromkeys(corpus.classes, 2) | {"neutral": 3}
    bite = next(utterance for utterance in corpus if utterance.id == "OAF_bite_neutral")
    assert (bite.speaker, bite.file.name) == ("OAF", "OA_bite_neutral.wav")
    assert load_corpus("tess", tmp_path).classes == FOUR


def test_tess_may_have_no_folders_or_lie_within_itself_again(tmp_path: Path) -> None:
    """The archive of the corpus' home has none; another one holds the corpus twice."""
    tree = load_corpus("tess", tess_tree(tmp_path / "tree"))
    for file in (tmp_path / "tree").glob("*/*.wav"):
        put(tmp_path / "flat" / file.name, file.read_bytes())
    flat = load_corpus("tess", tmp_path / "flat")
    prints = [corpus_fingerprint(corpus, content_digests(corpus)) for corpus in (tree, flat)]
    assert prints[0] == prints[1]
    tess_tree(tmp_path / "tree" / "TESS Toronto emotional speech set data")
    assert load_corpus("tess", tmp_path / "tree").utterances == tree.utterances


def test_tess_two_recordings_of_one_name_are_refused(tmp_path: Path) -> None:
    tess_tree(tmp_path)
    other = put(tmp_path / "more" / "OAF_angry" / "OAF_back_angry.wav", sound(5))
    with pytest.raises(faults.DuplicateRecording) as caught:
        load_corpus("tess", tmp_path)
    assert caught.value.file == other
    assert caught.value.other == tmp_path / "OAF_angry" / "OAF_back_angry.wav"


# ---------------------------------------------------------------------------- audformat


@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_audformat_speaker_may_stand_in_another_table(tmp_path: Path, storage: str) -> None:
    corpus = load_corpus("audformat", audformat_tree(tmp_path, storage))
    assert corpus.classes == tuple(sorted(FOUR))
    assert corpus.counts() == dict.fromkeys(sorted(FOUR), 3)
    assert {(u.id, u.speaker, u.label) for u in corpus} >= {("audio/c_sad.wav", "c", "sad")}
    assert corpus[0].file == tmp_path / "audio/a_angry.wav"


def test_audformat_segments_are_cuts(tmp_path: Path) -> None:
    """Rows without an emotion are none."""
    options = {"table": "turns", "emotion": "mood", "speaker": "who"}
    corpus = load_corpus("audformat", segmented_tree(tmp_path), options=options)
    cuts = {u.id: (u.start, u.end, u.label) for u in corpus if u.speaker == "a"}
    assert cuts == {
        "a.wav:0-0.25": (None, 0.25, "sad"),
        "a.wav:0.25-0.5": (0.25, 0.5, "angry"),
        "a.wav:0.5-end": (0.5, None, "sad"),
    }


@pytest.mark.parametrize(
    ("options", "part", "option", "name", "allowed"),
    [
        ({"table": "label"}, "table", "table", "label", ["files", "labels"]),
        ({"emotion": "emotions"}, "column", "emotion", "emotions", ["emotion", "speaker"]),
        ({"table": "files"}, "column", "emotion", "emotion", ["speaker"]),
        ({"speaker": "speakers"}, "column", "speaker", "speakers", ["emotion", "speaker"]),
    ],
)
def test_audformat_unknown_table_or_column_names_those_there_are(
    tmp_path: Path,
    options: dict[str, str],
    part: str,
    option: str,
    name: str,
    allowed: list[str],
) -> None:
    with pytest.raises(UnknownName) as caught:
        load_corpus("audformat", audformat_tree(tmp_path), options=options)
    error = caught.value
    assert (error.kind, error.name) == (part, name)
    assert sorted(error.allowed) == allowed
    assert error.where.startswith(str(tmp_path / "db.yaml"))
    assert error.where.endswith(f"corpus.options.{option}")


class Opened:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)


def test_audformat_runs_nothing_that_lies_in_the_folder(tmp_path: Path) -> None:
    """Neither a pickled table, the newest file of all, nor an object in the header."""
    trace = tmp_path / "trace"
    root = audformat_tree(tmp_path / "database")
    before = load_corpus("audformat", root).utterances
    pickled = root / "db.labels.pkl"
    pickled.write_bytes(pickle.dumps(Opened(trace)))
    os.utime(pickled, (4e9, 4e9))
    assert load_corpus("audformat", root).utterances == before
    (root / "db.labels.csv").unlink()
    with pytest.raises(faults.UnreadableFile, match="no file db.labels.csv"):
        load_corpus("audformat", root)
    header = root / "db.yaml"
    header.write_text(f"{header.read_text()}\nx: !!python/object/apply:os.mkdir ['{trace}']\n")
    with pytest.raises(faults.UnreadableFile) as unreadable:
        load_corpus("audformat", root)
    assert unreadable.value.file == header
    assert not trace.exists()


def test_audformat_two_tables_to_choose_from_are_named(tmp_path: Path) -> None:
    root = audformat_tree(tmp_path, speaker="emotion")
    with pytest.raises(faults.PartNotChosen) as caught:
        load_corpus("audformat", root)
    error = caught.value
    assert (error.part, error.column, error.allowed) == ("table", "emotion", ["files", "labels"])


@pytest.mark.parametrize("header", ["", "name: x\n", "[1, 2]\n", "a: [\n", "\x00"])
def test_audformat_header_that_is_none(tmp_path: Path, header: str) -> None:
    pytest.importorskip("audformat")
    (tmp_path / "db.yaml").write_text(header)
    with pytest.raises(CorpusError) as caught:
        load_corpus("audformat", tmp_path)
    assert str(tmp_path / "db.yaml") in caught.value.what


@pytest.mark.parametrize("name", ["audformat", "huggingface"])
def test_missing_package_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    put(tmp_path / "db.yaml", b"name: x\n")
    put(tmp_path / "state.json", b"{}")
    for package in ("audformat", "datasets"):
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(MissingPackage) as caught:
        load_corpus(name, tmp_path)
    assert caught.value.package == {"audformat": "audformat", "huggingface": "datasets"}[name]
    assert caught.value.extra == name


# ---------------------------------------------------------------------------- Hugging Face


def test_huggingface_bytes_become_files_that_can_be_read(tmp_path: Path, own_cache: Path) -> None:
    """Unpacked once, byte for byte, into the cache, by no name of the dataset's choice."""
    rows = huggingface_rows(tmp_path)
    dataset = huggingface_dataset(rows).with_format("pandas")  # a habit of its owner
    dataset.save_to_disk(str(tmp_path / "saved"))
    corpus = load_corpus("huggingface", tmp_path / "saved")
    assert [u.label for u in corpus] == ["calm", "tense", "calm", "tense"]
    assert corpus.speakers == ["7", "8"]
    for utterance, stored in zip(corpus, rows["audio"], strict=True):
        assert utterance.file.read_bytes() == stored["bytes"]
        assert utterance.file.is_relative_to(own_cache / "huggingface")
        assert len(read_audio(utterance.file, 8000)) == 400
    written = corpus[0].file.stat().st_mtime_ns
    corpus[1].file.write_bytes(b"cut off")  # a cache may lose a part
    again = load_corpus("huggingface", tmp_path / "saved")
    assert again.utterances == corpus.utterances
    assert again[0].file.stat().st_mtime_ns == written
    assert again[1].file.read_bytes() == rows["audio"][1]["bytes"]


def test_the_cache_is_cleared_with_what_was_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path / "cache"))
    corpus = load_corpus("huggingface", huggingface_tree(tmp_path))
    invoke("cache", "--clear", cwd=tmp_path)
    assert not any(utterance.file.exists() for utterance in corpus)


def test_huggingface_files_stay_where_they_are_and_are_the_same_corpus(tmp_path: Path) -> None:
    prints = []
    for inside in (True, False):
        folder = tmp_path / f"saved-{inside}"
        rows = huggingface_rows(tmp_path, inside=inside)
        corpus = load_corpus("huggingface", save_unembedded(rows, folder))
        prints.append(corpus_fingerprint(corpus, content_digests(corpus)))
        assert (corpus[0].file == tmp_path / "0.wav") == (not inside)
    assert prints[0] == prints[1]


def test_huggingface_split_and_columns_are_chosen_by_options(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    dataset = huggingface_dataset(huggingface_rows(tmp_path))
    dataset = dataset.rename_columns({"label": "emotion", "speaker": "who"})
    splits = datasets.DatasetDict(train=dataset, test=dataset.select([0, 1]))
    splits.save_to_disk(str(tmp_path / "saved"))
    options = {"label": "emotion", "speaker": "who"}
    columns = ["audio", "emotion", "who"]
    for wrong, error, fields in (
        ({}, faults.PartNotChosen, {"part": "split", "allowed": ["test", "train"]}),
        (
            {"split": "trian"},
            UnknownName,
            {"kind": "split", "name": "trian", "allowed": ["train", "test"]},
        ),
        (
            {"split": "train", "label": "emotions"},
            UnknownName,
            {"kind": "column", "name": "emotions", "allowed": columns},
        ),
        ({"split": "train", "audio": "who"}, faults.NotAnAudioColumn, {"column": "who"}),
    ):
        with pytest.raises(error) as caught:
            load_corpus("huggingface", tmp_path / "saved", options=options | wrong)
        assert vars(caught.value).items() >= fields.items()
    corpus = load_corpus("huggingface", tmp_path / "saved", options=options | {"split": "test"})
    assert len(corpus) == 2


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("label", None, faults.EmptyField),
        ("label", -1, faults.EmptyField),
        ("speaker", None, faults.EmptyField),
        ("audio", None, faults.EmptyField),
        ("audio", {"bytes": None, "path": "https://a.example/x.wav"}, faults.RemoteRecording),
        ("audio", {"bytes": None, "path": "gone.wav"}, faults.MissingRecording),
    ],
)
def test_huggingface_row_that_lacks_something_is_named(
    tmp_path: Path,
    column: str,
    value: object,
    expected: type[faults.EmptyField | faults.RemoteRecording | faults.MissingRecording],
) -> None:
    rows = huggingface_rows(tmp_path)
    rows[column][2] = rows[column][3] = value
    folder = save_unembedded(rows, tmp_path / "saved")
    with pytest.raises(expected) as caught:
        load_corpus("huggingface", folder)
    assert caught.value.origin == f"{folder}, row 2"
    if isinstance(caught.value, faults.EmptyField):
        assert caught.value.column == column
    (also,) = caught.value.also
    assert "row 3" in also


def test_huggingface_table_that_is_damaged_ends_the_reading_not_the_process(
    tmp_path: Path,
) -> None:
    """Its bytes are mapped into memory, and a place it names may lie beyond them."""
    root = huggingface_tree(tmp_path)
    [table] = root.glob("*.arrow")
    size = len(sound())
    places = struct.pack("<iii", 0, size, 2 * size)
    content = table.read_bytes()
    assert content.count(places) == 1
    table.write_bytes(content.replace(places, struct.pack("<iii", 0, 2**30, -5)))
    with pytest.raises(faults.UnreadableFile) as caught:
        load_corpus("huggingface", root)
    assert caught.value.file == root


@pytest.mark.parametrize("file", ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"])
def test_huggingface_folder_that_is_damaged_is_named(tmp_path: Path, file: str) -> None:
    huggingface_dataset(huggingface_rows(tmp_path)).save_to_disk(str(tmp_path / "saved"))
    for spoil in (lambda path: path.write_bytes(b"{"), Path.unlink):
        spoil(tmp_path / "saved" / file)
        with pytest.raises(CorpusError) as caught:
            load_corpus("huggingface", tmp_path / "saved")
        assert str(tmp_path / "saved") in caught.value.what
