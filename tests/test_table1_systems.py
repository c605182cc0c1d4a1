"""All systems of Table 1 on the same folds, by the command: rows, resume, development speakers."""

import csv
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from one_thread import one_thread  # noqa: F401 - used by every test
from running import command, invoke, train

from ablation import read_results
from ablation.corpora import load_corpus
from ablation.corpora.folds import development_speakers, make_folds
from ablation.errors.folds import ClassOnlyInDevelopment, NobodyToDevelopOn, NoPartner
from ablation.study.baselines import TITLES

SMALL = [  # pieces of half a second, of few bins
    "baselines.epochs=1",
    *(
        f"baselines.{name}.{setting}"
        for name in ("cnn-lstm", "cnn-lstm-two-step")
        for setting in ("bin_hz=25", "max_hz=1000", "piece_s=0.5", "cells=8")
    ),
]
SHORT = ("--shapes", "2x2", "--no-final", "--workers", "1")


def sets(*more: str) -> list[str]:
    return [word for setting in (*SMALL, *more) for word in ("--set", setting)]


def baselines_of(folder: Path) -> pd.DataFrame:
    """Rows of baselines in their order, without what may differ between two runs."""
    rows = read_results(folder / "results/tiny").references
    volatile = ["started_at", "train_seconds", "device"]
    return rows.drop(columns=volatile).sort_values(["reference", "seed", "fold"], ignore_index=True)


@pytest.fixture(scope="module")
def all_of_them(tmp_path_factory: pytest.TempPathFactory, tiny_study: Path) -> Path:
    """A folder in which everything was trained in one process; read only."""
    folder = tmp_path_factory.mktemp("systems")
    options = ("--baselines", "all", "--pooling", "all", *SHORT, *sets())
    train("promote", "--study", tiny_study, *options, cwd=folder)
    return folder


def test_nine_systems_in_one_table(all_of_them: Path) -> None:
    text = (all_of_them / "results/tiny/table1.csv").read_text()
    rows = {row["network"]: row for row in csv.DictReader(text.splitlines())}
    ours = ["CNN_TF_GAP", "CNN_TF_Bilinear", "CNN_TF_Att.pooling"]
    assert list(rows) == [*list(TITLES.values())[:4], *ours, *list(TITLES.values())[4:]]
    assert all(float(row["train_seconds"]) >= 0 for row in rows.values())
    assert rows["CNN_TF_Att.pooling"]["gain"] == rows["CNN_TF_Att.pooling"]["p"] == ""
    for name in set(rows) - {"CNN_TF_Att.pooling"}:
        difference = float(rows[name]["wa"]) - float(rows["CNN_TF_Att.pooling"]["wa"])
        assert float(rows[name]["gain"]) == pytest.approx(difference, abs=2e-6)
        assert 0 < float(rows[name]["p"]) <= 1
    for name in list(TITLES.values())[:4]:
        assert int(rows[name]["parameters"]) > 1000
        assert rows[name]["seeds"] == "1"
    written = (all_of_them / "results/tiny/table1.md").read_text()
    assert "(reconstructed)" in written
    assert "bright 12, dark 12, in all 24" in written


def test_what_is_stored_is_not_trained_again_and_what_changed_is(
    all_of_them: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """A field of one baseline trains that baseline again, and no other."""
    shutil.copytree(all_of_them, tmp_path, dirs_exist_ok=True)
    options = ("promote", "--study", tiny_study, "--baselines", "all", *SHORT)
    again = train(*options, *sets(), cwd=tmp_path)
    assert "baselines: 24 cells, 24 stored, 0 to train" in again.stderr
    other = train(*options, *sets("baselines.dnn-elm.theta=0.3"), cwd=tmp_path)
    assert "baselines: 24 cells, 20 stored, 4 to train" in other.stderr
    rows = read_results(tmp_path / "results/tiny").references
    numbers = rows.groupby("reference")["baseline_digest"].nunique().to_dict()
    assert {name for name, number in numbers.items() if number > 1} == {"DNN-ELM"}
    other = train(*options, *sets(), cwd=tmp_path)
    assert "24 stored, 0 to train" in other.stderr


@pytest.mark.long
def test_killed_and_resumed_on_two_workers_the_rows_are_the_same(
    all_of_them: Path, tiny_study: Path, tmp_path: Path
) -> None:
    names = "dnn-elm,rnn-elm,cnn-lstm,cnn-lstm-two-step,majority,log-mel-svm"
    options = ["promote", "--study", str(tiny_study), "--baselines", names, *SHORT[:3], *sets()]
    with subprocess.Popen(
        command([*options, "--workers", "2"]), cwd=tmp_path, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        deadline = time.monotonic() + 240
        while not list(tmp_path.glob("results/tiny/references*/*.parquet")):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGKILL)
    train(*options, "--workers", "1", cwd=tmp_path)
    pd.testing.assert_frame_equal(
        baselines_of(all_of_them), baselines_of(tmp_path), check_exact=True
    )


@pytest.mark.parametrize("word", ["svm", "all,majority", "none,majority"])
def test_a_baseline_that_does_not_exist(word: str, tiny_study: Path, tmp_path: Path) -> None:
    done = invoke(
        "promote", "--study", tiny_study, *SHORT, "--baselines", word, cwd=tmp_path, check=1
    )
    assert done.error is not None and type(done.error).__name__ == "UnknownName"
    assert done.error.name == word.split(",")[0]


def planted(folder: Path, told: bool) -> Path:
    """Six speakers; the labels of the last one contradict its sounds if they are ``told``."""
    rng, lines = np.random.default_rng(0), ["file,speaker,label"]
    for speaker in "abcdef":
        for take in range(4):
            low, label = (200, "dark") if take % 2 else (700, "bright")
            if told and speaker == "f":
                label = {"dark": "bright", "bright": "dark"}[label]
            times = np.arange(4000) / 8000
            tone = np.sin(2 * np.pi * low * times) + 0.3 * rng.standard_normal(4000)
            soundfile.write(folder / f"{speaker}{take}.wav", 0.2 * tone, 8000, subtype="PCM_16")
            lines.append(f"{speaker}{take}.wav,{speaker},{label}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


def test_nothing_learns_a_label_that_only_the_held_out_speaker_reveals(
    tmp_path: Path, tiny_study: Path
) -> None:
    """Its labels change no score of it, whatever is stopped or tuned on development speakers."""
    scores = []
    for name, told in (("true", False), ("false", True)):
        (tmp_path / name).mkdir()
        manifest = planted(tmp_path / name, told)
        options = ("--baselines", "all", *SHORT, *sets('development.speakers="next"'))
        train(
            *("promote", "--study", tiny_study, "--corpus", "manifest", "--corpus-root", manifest),
            *options, cwd=tmp_path / name,
        )  # fmt: skip
        results = read_results(tmp_path / name / "results/tiny")
        tuned = results.networks["fold"] == "f"
        assert results.networks[tuned]["development"].tolist() == ["a"]
        assert results.epochs["development_ua"].between(0, 1).all()
        rows = results.predictions
        mine = rows[(rows["fold"] == "f")].sort_values(["kind", "name", "utterance"])
        assert mine["name"].nunique() == 7
        scores.append(mine[["name", "utterance", "score_bright", "score_dark"]])
    first, second = (frame.reset_index(drop=True) for frame in scores)
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def utterances(folder: Path, lines: list[str], header: str = "file,speaker,label,partner") -> Path:
    rng = np.random.default_rng(0)
    for number in range(len(lines)):
        soundfile.write(folder / f"{number}.wav", 0.1 * rng.standard_normal(800), 8000)
    rows = [f"{number}.wav,{line}" for number, line in enumerate(lines)]
    (folder / "manifest.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "manifest.csv"


PAIRS = [f"{s},{label},{p}" for s, p in ("ab", "ba", "cd", "dc") for label in ("x", "y")]


def test_partners_are_those_of_the_manifest(tmp_path: Path) -> None:
    corpus = load_corpus("manifest", utterances(tmp_path, PAIRS))
    folds = make_folds(corpus)
    assert development_speakers(corpus, folds, "none") == {}
    found = development_speakers(corpus, folds, "partner")
    assert found == {"a": ("b",), "b": ("a",), "c": ("d",), "d": ("c",)}
    following = development_speakers(corpus, folds, "next")
    assert following == {"a": ("b",), "b": ("c",), "c": ("d",), "d": ("a",)}


def test_partners_that_are_tested_too_are_none(tmp_path: Path) -> None:
    lonely = [line.rsplit(",", 1)[0] + "," for line in PAIRS[:2]] + PAIRS[2:]
    corpus = load_corpus("manifest", utterances(tmp_path, lonely))
    with pytest.raises(NoPartner) as error:
        development_speakers(corpus, make_folds(corpus), "partner")
    assert (error.value.fold, error.value.speakers) == ("a", ("a",))


def test_two_speakers_are_too_few(tmp_path: Path) -> None:
    corpus = load_corpus("manifest", utterances(tmp_path, PAIRS[:4]))
    with pytest.raises(NobodyToDevelopOn):
        development_speakers(corpus, make_folds(corpus), "next")


def test_a_class_that_only_the_development_speaker_has(tmp_path: Path) -> None:
    rows = [f"{s},{label}," for s in "abc" for label in ("xyz" if s != "c" else "xy")]
    rows = [row for row in rows if row != "a,z,"]
    corpus = load_corpus("manifest", utterances(tmp_path, [*rows, "c,z,"]))
    with pytest.raises(ClassOnlyInDevelopment) as error:
        development_speakers(corpus, make_folds(corpus), "next")
    assert error.value.missing == ["z"]


def test_the_command_says_that_there_are_no_partners(tiny_study: Path, tmp_path: Path) -> None:
    done = invoke(
        *("promote", "--study", tiny_study, *SHORT, "--set", 'development.speakers="partner"'),
        cwd=tmp_path, check=1,
    )  # fmt: skip
    assert isinstance(done.error, NoPartner)
    assert not (tmp_path / "results").exists()


LETTERS = {"neu": 200, "hap": 500, "exc": 600, "ang": 900, "sad": 350}  # labels and their tones


def iemocap(root: Path) -> Path:
    """Two sessions as IEMOCAP has them: two speakers each, every label twice, a tone for each."""
    rng = np.random.default_rng(0)
    for session in "12":
        name = f"Ses0{session}F_impro01"
        lines, wav = [], root / f"Session{session}/sentences/wav" / name
        wav.mkdir(parents=True)
        for letter in "FM":
            for number, label in enumerate([*LETTERS] * 2):
                turn = f"{name}_{letter}{number:03d}"
                times = np.arange(6400) / 16000
                tone = np.sin(2 * np.pi * LETTERS[label] * times) + 0.1 * rng.standard_normal(6400)
                soundfile.write(wav / f"{turn}.wav", 0.2 * tone, 16000, subtype="PCM_16")
                lines.append(f"[0.0000 - 0.4000]\t{turn}\t{label}\t[2.5, 2.5, 2.5]")
        folder = root / f"Session{session}/dialog/EmoEvaluation"
        folder.mkdir(parents=True)
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root


def test_iemocap_with_every_map_of_happiness(tmp_path: Path, tiny_study: Path) -> None:
    """All systems, tuned on dialogue partners; published rows below ours, with their marks."""
    root = iemocap(tmp_path / "corpus")
    counts = {}
    for labels in ("hap", "hap+exc", "exc"):
        folder = tmp_path / labels
        folder.mkdir()
        every = () if labels == "hap" else ("--baselines", "dnn-elm,majority")
        train(
            *("promote", "--study", tiny_study, "--corpus", "iemocap", "--corpus-root", root),
            *("--baselines", "all", *SHORT, *sets(f'corpus.labels="{labels}"')),
            *("--set", 'development.speakers="partner"', *every), cwd=folder,
        )  # fmt: skip
        rows = read_results(folder / "results/tiny").references
        counts[labels] = int(rows[rows["reference"] == "majority class"]["n_test"].sum())
        tuned = rows[rows["reference"] == "DNN-ELM"]
        partners = dict(zip(tuned["fold"], tuned["development"], strict=True))
        assert partners == {"Ses01F": "Ses01M", "Ses01M": "Ses01F", "Ses02F": "Ses02M",
                            "Ses02M": "Ses02F"}  # fmt: skip
        text = (folder / "results/tiny/table1.md").read_text()
        assert "RNN-ELM (Lee and Tashev 2015; Li et al. 2018) (a)" in text
        assert "the dialogue partners of the test speakers" in text
    assert counts == {"hap": 32, "hap+exc": 40, "exc": 32}
