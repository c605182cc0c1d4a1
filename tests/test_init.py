"""The newcomer's start: a folder of audio becomes a study that runs as it is."""

import csv
import os
import shlex
import shutil
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from running import invoke, train
from test_corpora import iemocap_tree

from ablation.cli import init as init_command
from ablation.corpora import load_corpus
from ablation.corpora.recordings import SUFFIXES
from ablation.errors import AblationError, StorageError
from ablation.errors import naming as faults
from ablation.errors.common import InvalidOption, OptionsExclude
from ablation.errors.corpora import LabelNotInCorpus, ReservedClass
from ablation.init.finding import read_headers
from ablation.progress import Reporter
from ablation.saved.predict import expand_recordings
from ablation.study import load_study

SPEAKERS = ("Jörg Ä", "Anna=b,c", "Zoe\u0308 {x}")  # the last with a combining sign
LABELS = ("Wut", "Fröhlich")
TAKES = ('0 "q".WAV', "1 🙂.flac", "2\n, =.ogg", "3.aiff")


def tone(
    folder: Path, name: str, hz: float = 300.0, seconds: float = 0.6, rate: int = 8000
) -> None:
    """A recording of a tone in noise."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(len(name)).standard_normal(time.size)
    soundfile.write(folder / name, 0.3 * np.sin(2 * np.pi * hz * time) + 0.05 * noise, rate)


@pytest.fixture(scope="module")
def unusual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings with the names that people give, among files that are none; not written to."""
    folder = tmp_path_factory.mktemp("Aufnahmen 2")
    for speaker in SPEAKERS:
        for place, label in enumerate(LABELS):
            for name in TAKES:
                tone(folder / speaker / label, name, 300.0 + 300 * place)
    tone(folder, "lies apart.wav")
    # Looks like the folder above, spelt with other bytes: the same speaker.
    tone(
        folder / "Zo\u00eb {x}" / "Wut",
        "4.mp3" if "MP3" in soundfile.available_formats() else "4.wav",
    )
    (folder / SPEAKERS[0] / "broken.wav").write_text("no audio")
    (folder / SPEAKERS[0] / "Wut" / "cut.wav").write_bytes(
        (folder / SPEAKERS[0] / "Wut" / TAKES[0]).read_bytes()[:600]
    )
    (folder / "notes.txt").write_text("of the sessions")
    (folder / ".hidden.wav").write_text("")
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere.wav").symlink_to(folder / "gone.wav")
    return folder


def simple(folder: Path, layout: str = "{speaker}/{label}_{take}.wav", **values: list[str]) -> Path:
    """A corpus of plain names."""
    for speaker in values.get("speakers", ["anna", "ben"]):
        for label in values.get("labels", ["angry", "neutral"]):
            for take in "12":
                path = Path(layout.format(speaker=speaker, label=label, take=take))
                tone(folder / path.parent, path.name)
    return folder


def rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_with_unusual_names_becomes_a_figure(unusual: Path, tmp_path: Path) -> None:
    """What cannot be used is named and left out."""
    made = invoke("init", unusual, "--yes", "--name", "mine", "--to", "here", cwd=tmp_path)
    assert "25 recordings, 3 speakers, 2 labels" in made.stdout
    for named in ("broken.wav", "truncated", "cut.wav", "nowhere.wav", "lies apart.wav",
                  "1 other file (notes.txt)"):  # fmt: skip
        assert named in made.stderr
    assert "hidden" not in made.stderr
    study = load_study(tmp_path / "here" / "mine.toml")
    corpus = load_corpus("manifest", study.corpus.root)
    assert corpus.counts() == {"Fröhlich": 12, "Wut": 13}
    assert len(corpus.speakers) == 3
    assert not any(u.id.endswith(("hidden.wav", "broken.wav")) or "loop" in u.id for u in corpus)
    grid = ("grid", "--axis", "height", "--values", "2,3", "--set", "training.steps=2")
    plain = ("--set", "probe.engine=reference")  # no kernels to compile
    train(*grid, *plain, "--study", "here/mine.toml", cwd=tmp_path)
    invoke("plot", "--only", "figure2", "--study", "here/mine.toml", cwd=tmp_path)
    assert (tmp_path / "figures" / "mine" / "figure2.png").stat().st_size > 5000


def test_the_study_says_what_fits_the_recordings(tmp_path: Path) -> None:
    folder = simple(tmp_path / "short")
    invoke("init", folder, "--yes", cwd=tmp_path)
    study = load_study(tmp_path / "short.toml")
    assert study.features.sample_rate == 8000
    assert study.features.bin_hz == 10
    assert study.features.segment_s == 0.6
    assert max(study.grid.widths) <= 0.4 * study.features.width
    assert study.folds.scheme == "speaker"
    assert study.training.steps == 600
    simple(folder, speakers=[*"cdefghijklm"])
    invoke("init", folder, "--yes", "--force", cwd=tmp_path)
    folds = load_study(tmp_path / "short.toml").folds
    assert (folds.scheme, folds.count) == ("speaker-groups", 6)


def test_every_field_of_the_study_has_a_comment_and_the_rest_can_be_taken_in(
    tmp_path: Path,
) -> None:
    invoke("init", simple(tmp_path / "all"), "--yes", cwd=tmp_path)
    text = (tmp_path / "all.toml").read_text()
    before = ""
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            assert "  # " in line or before.startswith("# "), line
        before = line
    opened = "\n".join(
        line[2:] if line.startswith(("# [", '# "')) or " = " in line.split("  #")[0] else line
        for line in text.splitlines()
        if not (line.startswith("# ") and "`" in line.split("  #")[0])
    )
    assert "window_ms" in tomllib.loads(opened)["features"]


def test_nothing_is_overwritten_unless_forced(tmp_path: Path) -> None:
    folder = simple(tmp_path / "mine")
    (tmp_path / "mine.csv").write_text("precious")
    refused = invoke("init", folder, "--yes", cwd=tmp_path, check=1)
    assert isinstance(refused.error, faults.TargetExists)
    assert refused.error.file.name == "mine.csv"
    assert "--force" in refused.stderr
    assert (tmp_path / "mine.csv").read_text() == "precious"
    assert not (tmp_path / "mine.toml").exists()
    invoke("init", folder, "--yes", "--force", cwd=tmp_path)
    assert len(rows(tmp_path / "mine.csv")) == 8


def test_a_pattern_and_a_map_of_labels_say_all(tmp_path: Path) -> None:
    folder = simple(tmp_path / "mine", "{speaker}{label}{take}.wav", speakers=["01", "02"],
                    labels=["W", "N", "L"])  # fmt: skip
    pattern = ("--pattern", "{speaker:2}{label:1}{}.wav", "--labels", "W=angry, N=neutral,L=")
    made = invoke("init", folder, "--yes", *pattern, cwd=tmp_path)
    assert Counter((r["speaker"], r["label"]) for r in rows(tmp_path / "mine.csv")) == {
        (speaker, label): 2 for speaker in ("01", "02") for label in ("angry", "neutral")
    }
    assert "4 label L is left out by --labels" in made.stderr


def test_names_that_can_be_read_in_two_ways_end_with_the_commands_that_settle_it(
    tmp_path: Path,
) -> None:
    folder = simple(tmp_path / "my own", "{label}_{speaker}_{take}.wav", speakers=["qa", "rb"])
    refused = invoke("init", "my own", "--yes", cwd=tmp_path, check=1)
    assert isinstance(refused.error, faults.AmbiguousNames)
    assert refused.error.commands == [
        "ablate init 'my own' --speaker field:2 --label field:1",
        "ablate init 'my own' --speaker field:3 --label field:1",
    ]
    assert refused.stderr.splitlines()[-2:] == [f"  {line}" for line in refused.error.commands]
    assert list(tmp_path.iterdir()) == [folder]
    invoke(*shlex.split(refused.error.commands[0])[1:], "--yes", cwd=tmp_path)
    assert {row["speaker"] for row in rows(tmp_path / "my-own.csv")} == {"qa", "rb"}


def test_a_stray_file_and_a_misspelt_label_are_set_aside_and_named(tmp_path: Path) -> None:
    folder = simple(tmp_path / "mine", speakers=["anna", "ben", "carl"])
    tone(folder, "calibration_1k.wav")
    tone(folder / "anna", "angy_3.wav")
    made = invoke("init", folder, "--yes", cwd=tmp_path)
    assert {row["label"] for row in rows(tmp_path / "mine.csv")} == {"angry", "neutral"}
    assert len(rows(tmp_path / "mine.csv")) == 12
    assert "calibration_1k.wav" in made.stderr
    assert "--labels angy=angry" in made.stderr


@pytest.mark.parametrize(
    ("layout", "values", "flags", "kind", "fields", "remedy"),
    [
        ("{label}/{take}.wav", {}, [], faults.AmbiguousNames, {}, ""),
        ("{label}.wav", {}, [], faults.NoSpeakerInNames, {}, "manifest"),
        ("{take}.wav", {}, [], faults.NoLabelInNames, {"speaker": ""}, "manifest"),
        ("x/{label}/{take}.wav", {}, ["--speaker", "folder:1"],
         faults.OnlyOne, {"role": "speaker", "value": "x"},
         "--speaker"),
        ("{speaker}/x/{take}.wav", {}, ["--label", "folder:2", "--speaker", "folder:1"],
         faults.OnlyOne, {"value": "x", "reading": "speaker folder:1, label folder:2"},
         "--label"),
        ("{speaker}/{label}/{take}.wav", {"labels": ["sad", "test"]}, ["--label", "folder:2"],
         ReservedClass, {"label": "test"}, "--labels test=tested"),
        ("{speaker}/{label}/{take}.wav", {}, ["--labels", "anger=angry"],
         LabelNotInCorpus, {"label": "anger", "allowed": ["angry", "neutral"]}, "'angry'?"),
        ("{speaker}/{label}/{take}.wav", {}, ["--labels", "angry=,neutral="],
         faults.NoRecordingLeft, {"labels": ["angry", "neutral"]}, ""),
        ("{speaker}/{label}/{take}.wav", {}, ["--labels", "angry"], InvalidOption,
         {"option": "--labels", "value": "angry"}, "--labels 'W=angry,"),
        ("{speaker}/{label}/{take}.wav", {}, ["--labels", "a=b,a=c"], InvalidOption,
         {"value": "a=c", "expected": "one class for a"}, ""),
        ("{speaker}/{label}/{take}.wav", {}, ["--pattern", "{speaker}-{label}.wav"],
         faults.ReadingFitsNothing, {"path": "anna/angry/1.wav"}, "{}"),
        ("{speaker}/{label}/{take}.wav", {}, ["--pattern", "{speaker}", "--label", "field:1"],
         OptionsExclude, {"options": ["--pattern", "--label"]}, ""),
        ("{speaker}/{label}/{take}.wav", {}, ["--name", "a/b"], InvalidOption,
         {"option": "--name", "value": "a/b"}, "--name"),
        ("{speaker}/{label}/{take}.txt.wav", {}, ["--to", "mine/ben/angry/1.txt.wav"],
         StorageError, {}, ""),
    ],
)  # fmt: skip
def test_what_no_study_can_be_made_of_is_refused_with_the_remedy(
    layout: str,
    values: dict[str, list[str]],
    flags: list[str],
    kind: type[AblationError],
    fields: dict[str, object],
    remedy: str,
    tmp_path: Path,
) -> None:
    folder = simple(tmp_path / "mine", layout, **values)
    before = sorted(tmp_path.rglob("*"))
    refused = invoke("init", folder, "--yes", *flags, cwd=tmp_path, check=1)
    assert isinstance(refused.error, kind)
    assert vars(refused.error) | fields == vars(refused.error)
    assert remedy in refused.error.remedy
    assert str(refused.error) in refused.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_label_of_one_speaker_is_refused_or_left_out(tmp_path: Path) -> None:
    folder = simple(tmp_path / "mine", "{speaker}/{label}/{take}.wav", labels=["angry", "sad"])
    for take in "12":
        tone(folder / "anna" / "bored", f"{take}.wav")
    parts = ("--speaker", "folder:1", "--label", "folder:2")
    refused = invoke("init", folder, "--yes", *parts, cwd=tmp_path, check=1)
    assert isinstance(refused.error, faults.LabelsOfOneSpeaker)
    assert refused.error.speakers == {"bored": "anna"}
    assert refused.error.flag == "--labels bored="
    assert refused.error.flag in refused.stderr
    invoke("init", folder, "--yes", *parts, "--labels", "bored=", cwd=tmp_path)
    assert {row["label"] for row in rows(tmp_path / "mine.csv")} == {"angry", "sad"}


def test_sessions_are_one_speaker_and_one_person_spelt_in_two_ways_is_doubted(
    tmp_path: Path,
) -> None:
    layout, people = "{speaker}, Sitzung {take}/{label}.wav", ["Doerte", "Dörte", "Ben"]
    folder = simple(tmp_path / "mine", layout, speakers=people, labels=["Ärger", "Ueberraschung"])
    made = invoke("init", folder, "--yes", cwd=tmp_path)
    assert {row["speaker"] for row in rows(tmp_path / "mine.csv")} == set(people)
    assert {row["label"] for row in rows(tmp_path / "mine.csv")} == {"Ärger", "Ueberraschung"}
    assert "note: speakers 'Doerte', 'Dörte' differ only in spelling" in made.stderr
    checked = invoke("corpus", "check", "--study", "mine.toml", cwd=tmp_path)
    assert "'Doerte', 'Dörte'" in checked.stdout


@pytest.mark.parametrize("suffix", ["wav", "AIFF"])
def test_a_known_corpus_is_said_to_be_one(tmp_path: Path, suffix: str) -> None:
    layout = "wav/{speaker}a0{take}{label}a." + suffix
    folder = simple(tmp_path / "emo", layout, speakers=["03", "08"],
                    labels=["W", "N", "F", "T", "A"])  # fmt: skip
    made = invoke("init", folder, "--yes", cwd=tmp_path)
    assert "these are recordings of EmoDB" in made.stdout
    study = load_study(tmp_path / "emo.toml")
    assert (study.corpus.name, study.corpus.root) == ("emodb", folder)
    assert study.corpus.labels == "four"
    assert len(load_corpus("emodb", folder)) == 16
    assert not (tmp_path / "emo.csv").exists()
    tone(folder, "my own.wav")  # the corpus' reader knows no such file: a manifest does
    made = invoke("init", folder, "--yes", "--force", cwd=tmp_path)
    assert "my own.wav" in made.stderr
    assert {row["label"] for row in rows(tmp_path / "emo.csv")} == {
        "angry", "neutral", "happy", "sad", "afraid",
    }  # fmt: skip


def test_iemocap_is_known_and_its_recordings_alone_tell_no_label(tmp_path: Path) -> None:
    root = iemocap_tree(tmp_path / "full")
    for file in root.rglob("*.wav"):
        tone(file.parent, file.name)
    invoke("init", root, "--yes", cwd=tmp_path)
    study = load_study(tmp_path / "full.toml")
    assert (study.corpus.name, study.corpus.root) == ("iemocap", root)
    for session in root.glob("Session*/dialog"):
        shutil.rmtree(session)
    refused = invoke("init", root, "--yes", "--force", cwd=tmp_path, check=1)
    assert isinstance(refused.error, faults.NoLabelInNames)
    assert "IEMOCAP" in refused.error.how


def test_questions_are_asked_where_somebody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = simple(tmp_path / "mine", "{label}_{speaker}_{take}.wav", speakers=["qa", "rb"])
    answers = iter(["9", "1", "angry", "1", "angry=rage", "y"])
    monkeypatch.setattr(init_command, "answers", lambda: True)
    monkeypatch.setattr(init_command, "read_line", lambda: f"{next(answers)}\n")
    made = invoke("init", folder, cwd=tmp_path)
    assert "angry_qa_1.wav: speaker qa, label angry" in made.stderr
    assert "angry_qa_1.wav: speaker 1, label angry" in made.stderr
    assert InvalidOption("--labels", "angry", "CODE=CLASS").what in made.stderr
    assert {(r["speaker"], r["label"]) for r in rows(tmp_path / "mine.csv")} == {
        ("qa", "rage"), ("qa", "neutral"), ("rb", "rage"), ("rb", "neutral"),
    }  # fmt: skip


def test_what_was_understood_can_be_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = simple(tmp_path / "mine", "{speaker}/{label}-{speaker}_{take}.wav")
    answers = iter(["n", "{label}-{speaker}_{}", "", ""])
    monkeypatch.setattr(init_command, "answers", lambda: True)
    monkeypatch.setattr(init_command, "read_line", lambda: f"{next(answers)}\n")
    made = invoke("init", folder, cwd=tmp_path)
    assert "speaker folder:1, label" in made.stdout
    assert "by --pattern '{label}-{speaker}_{}'" in made.stdout
    assert {row["speaker"] for row in rows(tmp_path / "mine.csv")} == {"anna", "ben"}
    monkeypatch.undo()
    monkeypatch.setattr(init_command, "answers", lambda: True)
    refused = invoke("init", folder, "--force", cwd=tmp_path, check=1)  # at the end of input
    assert isinstance(refused.error, faults.GaveUp)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_one_may_not_look_into_is_named(tmp_path: Path) -> None:
    folder = simple(tmp_path / "mine")
    (folder / "shut").mkdir(mode=0)
    assert "shut" in invoke("init", folder, "--yes", cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        ("none", faults.NoSuchFolder, {"is_file": False}),
        ("empty", faults.NoRecordings, {"others": ("notes.txt",)}),
        ("empty/notes.txt", faults.NoSuchFolder, {"is_file": True}),
        ("broken", faults.NoReadableRecording, {"unreadable": 1, "path": "broken.wav"}),
    ],
)
def test_a_folder_without_recordings_is_named(
    name: str, kind: type[AblationError], fields: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "broken.wav").write_text("no audio")
    refused = invoke("init", tmp_path / name, "--yes", cwd=tmp_path, check=1)
    assert isinstance(refused.error, kind)
    assert vars(refused.error).items() >= ({"folder": tmp_path / name} | fields).items()
    assert str(tmp_path / name) in refused.stderr


LINKED = ["a link", ".hidden link"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "a", "b/c", ".hidden"]),
            st.sampled_from(["take", ".take"]),
            st.sampled_from(sorted(SUFFIXES)),
            st.booleans(),
        ),
        max_size=8,
    )
)
@settings(max_examples=30)
def test_init_and_predict_find_the_same_recordings(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, str, str, bool]]
) -> None:
    """Of every suffix that counts as a recording, in any case and folder; none that is hidden."""
    folder = tmp_path_factory.mktemp("kinds")
    tone(folder, "first.wav")
    sound = (folder / "first.wav").read_bytes()
    visible = {folder / "first.wav"}
    for number, (below, stem, suffix, upper) in enumerate(files):
        file = folder / below / f"{stem}{number}{suffix.upper() if upper else suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(sound)  # which libsndfile knows by its content
        if not (below.startswith(".") or stem.startswith(".")):
            visible.add(file)
    for name in LINKED:
        (folder / name).symlink_to(folder)
    (folder / "notes.txt").write_bytes(sound)
    read = [recording.file for recording in read_headers(folder, Reporter(quiet=True)).recordings]
    assert sorted(read) == sorted(visible)
    assert expand_recordings([str(folder)]) == sorted(visible)


def test_a_second_name_of_a_file_is_predicted_but_counts_once(tmp_path: Path) -> None:
    folder = simple(tmp_path / "mine")
    (folder / "again.wav").symlink_to(folder / "anna" / "angry_1.wav")
    assert len(expand_recordings([str(folder)])) == 9
    found = read_headers(folder, Reporter(quiet=True))
    assert (len(found.recordings), len(found.left_out)) == (8, 1)


def test_a_folder_without_audio_and_a_pattern_without_match_cannot_be_predicted(
    tmp_path: Path,
) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(faults.NoRecordings) as nothing:
        expand_recordings([str(tmp_path)])
    assert nothing.value.folder == tmp_path
    with pytest.raises(faults.NothingMatches) as unmatched:
        expand_recordings([str(tmp_path / "*.wav")])
    assert unmatched.value.pattern == str(tmp_path / "*.wav")
