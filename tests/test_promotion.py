"""From stored probes to Table 1 and networks that are kept: the command as a user runs it."""

import csv
import errno
import importlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from running import VOLATILE, Invoked, command, fill, invoke, mounted, train

import ablation
from ablation import read_results
from ablation.analysis import Counts, choose_best, speaker_counts, tally
from ablation.errors import StudyError
from ablation.errors.common import OptionsExclude
from ablation.errors.networks import NoFinalNetwork
from ablation.errors.reading import NoCompleteAxis
from ablation.errors.running import CorpusChanged, FileAccessFailed
from ablation.progress import Reporter
from ablation.reports import table1_csv, table1_latex, table1_markdown
from ablation.results import Results
from ablation.runs.promote import PromoteOptions, promote
from ablation.saved.record import read
from ablation.study import Shape

NESTED = ("promote", "--best", "--nested", "--pooling", "all", "--seeds", "0,1")  # of conftest


def table(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "results" / "tiny" / "table1.csv").open(encoding="utf-8") as file:
        return {row["network"]: row for row in csv.DictReader(file)}


def choice(results: Results, without: str | None = None) -> str:
    """The best height and width by WA, from the scores of all speakers but one."""
    probes = results.predictions[results.predictions["kind"] == "probe"]
    names = []
    for axis in ("{}x2", "2x{}"):
        shapes: dict[int, Counts] = {}
        for extent in (2, 3, 5):
            mine = probes[(probes["name"] == axis.format(extent)) & (probes["speaker"] != without)]
            shapes[extent] = speaker_counts(tally(mine), ("bright", "dark"))
        names.append(axis.format(choose_best(shapes, "wa").extent))
    return ",".join(dict.fromkeys(names))


def test_table_1_has_both_scores_what_they_must_beat_and_the_optimism(promoted: Path) -> None:
    rows = table(promoted)
    networks = ["CNN_TF_GAP", "CNN_TF_Bilinear", "CNN_TF_Att.pooling"]
    assert list(rows) == [
        *(name + manner for name in networks for manner in ("", ", nested")),
        "majority class",
        "log-mel SVM",
    ]
    results = read_results(promoted / "results" / "tiny")
    plain = results.networks[results.networks["shapes"] == choice(results)]
    for name in networks:
        mine = plain[plain["network"] == name]
        wa = mine["n_correct"].sum() / mine["n_test"].sum()
        assert float(rows[name]["wa"]) == pytest.approx(wa, abs=1e-6)
        assert int(rows[name]["parameters"]) > 100
        assert rows[name]["seeds"] == "2"
        low, high = float(rows[name]["wa_low"]), float(rows[name]["wa_high"])
        assert low <= wa <= high
        difference = wa - float(rows["log-mel SVM"]["wa"])
        assert float(rows[name]["against"]) == pytest.approx(difference, abs=1e-5)
    assert float(rows["majority class"]["wa"]) == 0.5
    assert rows["log-mel SVM"]["against"] == ""
    text = (promoted / "results" / "tiny" / "table1.md").read_text()
    assert text.count("Selection optimism of") == 3
    assert "Li et al. 2018" not in text  # the paper's rows are of IEMOCAP
    latex = (promoted / "results" / "tiny" / "table1.tex").read_text()
    lines = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert [line.count(" & ") for line in lines] == [7] * (1 + 8)


def test_a_network_that_learned_nothing_is_named(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    still = ("--set", "network.training.steps=1", "--set", "network.training.learning_rate=1e-9")
    promote = ("promote", "--best", "--pooling", "gap", "--study", tiny_study, "--no-final")
    run = train(*promote, *still, cwd=tmp_path)
    (warning,) = [line for line in run.stderr.splitlines() if line.startswith("warning: ")]
    assert "CNN_TF_GAP" in warning and "majority class" in warning
    learned = train(*promote, "--set", "network.training.steps=60", cwd=tmp_path)
    assert float(table(tmp_path)["CNN_TF_GAP"]["wa"]) > 0.9
    assert "warning" not in learned.stderr


@pytest.mark.usefixtures("undrawn")
def test_a_report_has_table_1_of_its_own_settings(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shutil.copytree(promoted, tmp_path, dirs_exist_ok=True)
    studies = tmp_path / "results" / "tiny" / "studies"
    (first,) = (path.stem for path in studies.glob("[!.]*.toml"))
    three = table(tmp_path)
    other = ("--set", "training.steps=2")
    train("grid", "--shapes", "2x2", *other, "--study", tiny_study, cwd=tmp_path)
    (second,) = {path.stem for path in studies.glob("[!.]*.toml")} - {first}
    train("promote", "--shapes", "5x2", "--pooling", "max", "--no-final", "--digest", second,
          "--study", tiny_study, cwd=tmp_path)  # fmt: skip
    one = table(tmp_path)
    assert list(one) == ["CNN_TF_Max", "majority class", "log-mel SVM"]
    for digest, rows in ((first, three), (second, one)):
        shown = reported(tmp_path, tiny_study, digest)
        assert list(shown) == list(rows)
        for name, row in rows.items():
            assert shown[name].startswith(f"{100 * float(row['wa']):.1f}")
    for file in studies.glob("*.json"):  # written by no version before 0.2
        file.unlink()
    plain = [name for name in three if "nested" not in name]
    assert list(reported(tmp_path, tiny_study, first)) == plain


def reported(folder: Path, study: Path, digest: str) -> dict[str, str]:
    """WA of every row of the report's Table 1."""
    invoke("report", "--study", study, "--digest", digest, cwd=folder)
    text = (folder / "results" / "tiny" / "report.md").read_text(encoding="utf-8")
    after = text.replace("\\_", "_").partition("**Table 1**\n")[2]
    lines = itertools.takewhile(lambda line: line.startswith("|"), after.splitlines()[1:])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[4] for row in rows[2:]}


def test_a_nested_fold_is_chosen_without_its_own_speaker(promoted: Path) -> None:
    """From the predictions, by a rule written here again; equal trainings ran once."""
    results = read_results(promoted / "results" / "tiny")
    networks = results.networks
    wa, n = 0.0, 0
    for fold in "abcd":
        mine = networks[(networks["fold"] == fold) & (networks["pooling"] == "gap")]
        own = choice(results, without=fold)
        assert set(mine["shapes"]) == {choice(results), own}
        assert len(mine) == 2 * mine["shapes"].nunique()  # two seeds, nothing twice
        wa += mine.loc[mine["shapes"] == own, "n_correct"].sum()
        n += mine.loc[mine["shapes"] == own, "n_test"].sum()
    shown = table(promoted)["CNN_TF_GAP, nested"]["wa"]
    assert float(shown) == pytest.approx(wa / n, abs=1e-6)
    for name, kind in (("networks", "network"), ("references", "reference")):
        cells = getattr(results, name)
        rows = results.predictions[results.predictions["kind"] == kind]
        assert (rows["label"] == rows["predicted"]).sum() == cells["n_correct"].sum()
        assert len(rows) == cells["n_test"].sum()
    assert np.isfinite(results.predictions["score_dark"]).all()
    assert float(table(promoted)["log-mel SVM"]["wa"]) > 0.9  # noise is plain to tell


def test_the_papers_rows_stand_beside_iemocap() -> None:
    text = table1_markdown([], paper=True, notes=[])
    assert "| CNN_TF_Att.pooling (Li et al. 2018) | iemocap | 10x2 + 2x8 |" in text
    assert "71.75 & 68.06" in table1_latex([], True, [], "caption")
    rows = list(csv.DictReader(table1_csv([], paper=True).splitlines()))
    assert [float(row["wa"]) for row in rows][-3:] == [0.7135, 0.6917, 0.7175]
    assert [float(row["ua"]) for row in rows][-3:] == [0.6754, 0.6416, 0.6806]


def test_a_fresh_promotion_gives_the_same(promoted: Path, tiny_study: Path, tmp_path: Path) -> None:
    shutil.copytree(promoted, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "results" / "tiny"
    before = read_results(folder)
    train("promote", "--best", "--study", tiny_study, "--fresh", "--workers", "1", "--no-final",
           cwd=tmp_path)  # fmt: skip
    after = read_results(folder)
    for name in ("networks", "predictions", "epochs", "references"):
        first, second = (
            getattr(r, name).drop(columns=VOLATILE, errors="ignore") for r in (before, after)
        )
        pd.testing.assert_frame_equal(first, second, check_exact=True)


def _weights(folder: Path) -> dict[str, bytes]:
    return {
        path.parent.name: path.read_bytes()
        for path in (folder / "results" / "tiny" / "networks").glob("*/network.safetensors")
    }


def test_a_fold_killed_in_the_middle_goes_on_from_its_last_epoch(
    done: Path, tiny_study: Path, tiny_manifest: Path, tmp_path: Path
) -> None:
    """kill -9 of driver and workers once checkpoints stand; the weights end up the same."""
    folders = [tmp_path / name for name in ("calm", "killed")]
    promote = (
        *("promote", "--shapes", "3x2,2x5:3", "--study", tiny_study, "--workers", "2"),
        *("--corpus-root", tiny_manifest),
        *("--set", "network.training.epochs=8", "--set", "network.training.optimizer=adamw"),
        *("--set", "network.training.averaging=0.9", "--no-final"),
        *("--set", "network.training.augment.time_mask=0.2"),
    )
    for folder in folders:
        shutil.copytree(done, folder)
    train(*promote, cwd=folders[0])
    run = subprocess.Popen(
        command(promote), cwd=folders[1], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    checkpoints = folders[1] / "results" / "tiny" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("[!.]*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    there = list(checkpoints.glob("[!.]*.safetensors"))
    assert there  # it was in the middle of a fold
    (checkpoints / f".{there[0].name}.0123abcd.tmp").write_bytes(b"half")  # and of writing
    train(*promote, cwd=folders[1])
    calm, killed = map(_weights, folders)
    assert len(calm) == 4
    assert calm == killed
    assert not checkpoints.exists()


@pytest.mark.usefixtures("unmeasured")
def test_options_that_cannot_be_used_are_named(done: Path, tiny_study: Path) -> None:
    for options, facts in (
        ("--rule bset", ("bset", "'best'")),
        ("--metric drak", ("drak", "'dark'")),
        ("--pooling attenton", ("attenton", "'attention'")),
        ("--shapes 3x2", ("--shapes", "--best")),
        ("--seeds -1", ("--seeds", "-1")),
        ("--network mynet", ("--network", "mynet")),
        ("--network mynet:build --pooling gap", ("--network", "--pooling")),
        ("--set training.steps=7", ("training", "network")),
        # Options of the grid are copied to the next line: what was run may be said again.
        ("--set training.steps=6 --rule none", ("--rule", "none")),
    ):
        words = ("promote", "--best", *options.split(), "--study", tiny_study)
        error = invoke(*words, cwd=done, check=1).error
        assert isinstance(error, StudyError)
        assert [fact for fact in facts if fact not in str(error)] == []
    for rule in ("best", "one-se", "plateau"):
        run = invoke("promote", "--best", "--rule", rule, "--metric", "dark", "--pooling",
                     "max,statistics", "--study", tiny_study, "--dry-run", cwd=done)  # fmt: skip
        assert "networks: CNN_TF_Max, CNN_TF_Statistics" in run.stdout
        assert "cells: 8, to train: 8" in run.stdout


def test_python_promotes_as_the_command_does(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """What is stored is not trained again; what a Python user gets is what the command prints."""
    shutil.copytree(promoted, tmp_path, dirs_exist_ok=True)
    results, quiet = tmp_path / "results", Reporter(quiet=True)
    options = PromoteOptions(best=True, nested=True, poolings=("all",), seeds=(0, 1))
    found = promote(tiny_study, results, options, quiet)
    assert (found.tally.trained, found.tally.stored) == (0, len(found.plan.cells))
    assert found.table is not None and found.network is not None
    again = train(*NESTED, "--study", tiny_study, cwd=tmp_path)
    assert " 0 trained" in again.stderr
    assert "cells: 1 of 1" not in again.stderr  # nor is the network of all speakers
    files = [str(file.relative_to(tmp_path)) for file in (*found.table.files, found.network)]
    assert again.stdout == "\n".join([found.table.text, *files, ""])
    assert promote(tiny_study, results, options, quiet, final=False).network is None
    with pytest.raises(OptionsExclude):
        promote(tiny_study, results, PromoteOptions(best=True, shapes=(Shape(3, 2),)), quiet)


@pytest.mark.usefixtures("unmeasured")
def test_nested_full_says_its_cost_and_chooses_from_probes_that_never_heard_the_fold(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    promote = ("promote", "--nested-full", "--study", tiny_study, "--no-final")
    dry = invoke(*promote, "--dry-run", cwd=tmp_path)
    assert "30 probes (5 shapes without each of 6 pairs of folds), 0 stored" in dry.stderr
    assert len(read_results(tmp_path / "results" / "tiny").probes) == 20
    run = train(*promote, cwd=tmp_path)
    assert run.stderr.index("nested-full: 30 probes") < run.stderr.index("of 30 cells")
    probes = read_results(tmp_path / "results" / "tiny").probes
    pairs = probes[probes["fold"].str.contains("+", regex=False)]
    assert len(pairs) == 30
    assert (pairs["test_speakers"].str.split(",").str.len() == 2).all()
    assert "CNN_TF_Att.pooling, nested-full" in table(tmp_path)
    # The study's own settings are still those of its grid.
    assert "20 of 20 cells done" in invoke("status", "--study", tiny_study, cwd=tmp_path).stdout


@pytest.mark.usefixtures("unmeasured")
def test_shapes_of_ones_own_need_no_grid(tiny_study: Path, tmp_path: Path) -> None:
    promote = ("promote", "--shapes", "3x2,2x5", "--study", tiny_study, "--seeds", "3",
               "--no-final", "--set", "features.scope=corpus",
               "--set", "network.training.steps=2")  # fmt: skip
    invoke(*promote, "--dry-run", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
    run = train(*promote, cwd=tmp_path)
    results = read_results(tmp_path / "results" / "tiny")
    for column, value in (("shapes", "3x2,2x5"), ("seed", 3), ("steps", 2)):
        assert set(results.networks[column]) == {value}
    assert results.probes.empty
    assert "log-mel SVM" in run.stdout
    assert "note:" not in run.stderr  # there is no run that the study could differ from
    studies = tmp_path / "results" / "tiny" / "studies"
    (settings,) = studies.glob("*.toml")
    assert "steps = 3" in settings.read_text()  # --set is of one promotion
    (as_run,) = (studies / "networks").glob("*.toml")
    assert "steps = 2" in as_run.read_text()
    rule = ("promote", "--shapes", "3x2", "--rule", "best", "--study", tiny_study)
    error = invoke(*rule, cwd=tmp_path, check=1).error
    assert isinstance(error, StudyError)
    assert "--rule" in str(error) and "--best" in str(error)
    run = invoke("promote", "--best", "--study", tiny_study, cwd=tmp_path, check=1)
    assert isinstance(run.error, NoCompleteAxis)


@pytest.mark.usefixtures("unmeasured")
def test_a_network_of_ones_own_is_promoted_kept_and_heard(
    done: Path, tiny_study: Path, tiny_manifest: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "path", [*sys.path])
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    docs = Path(__file__).parents[1] / "docs"
    page = (docs / "how-to" / "own-network.md").read_text(encoding="utf-8")
    source = page[page.index("# mynet.py") : page.index("build = Net")] + "build = Net\n"

    def anew(*words: str | Path, check: int = 0) -> Invoked:
        """A command that finds the module as it now is."""
        sys.modules.pop("mynet", None)
        importlib.invalidate_caches()
        return train(*words, "--study", tiny_study, cwd=tmp_path, check=check)

    (tmp_path / "mynet.py").write_text(source)
    promote = ("promote", "--best", "--network", "mynet:build")
    anew(*promote)
    networks = read_results(tmp_path / "results" / "tiny").networks
    assert set(networks["network"]) == {"mynet:build"} and len(networks) == 4
    predict = ("predict", next(tiny_manifest.parent.glob("*.wav")))
    assert anew(*predict).stdout.splitlines()[1].split()[0] in ("bright", "dark")
    changed = source.replace("relu", "tanh") + "# another length\n"
    (tmp_path / "mynet.py").write_text(changed)  # other code, other rows
    assert "to train: 4" in anew(*promote, "--dry-run").stdout
    other = anew(*predict, check=1)
    (tmp_path / "mynet.py").unlink()
    gone = anew(*predict, check=1)
    assert "mynet" in str(other.error) and "mynet" in str(gone.error)
    assert gone.stderr != other.stderr


def test_every_fold_and_the_best_network_are_kept(
    promoted: Path, tiny_study: Path, tiny_manifest: Path
) -> None:
    folder = promoted / "results" / "tiny"
    networks = read_results(folder).networks
    kept = {path.parent: read(path.parent) for path in folder.glob("networks/*/network.json")}
    final = [record for record in kept.values() if not record.fold]
    assert len(kept) - len(final) == len(networks)
    (best,) = final
    rows = table(promoted)
    assert best.scores is not None
    assert best.scores.wa == pytest.approx(
        max(float(row["wa"]) for name, row in rows.items() if name.startswith("CNN")
            and "nested" not in name), abs=1e-6
    )  # fmt: skip
    assert best.corpus.train_speakers == ["a", "b", "c", "d"]
    place = next(place for place, record in kept.items() if record is best)
    card = (place / "README.md").read_text()
    for fact in (best.title, "nobody was held out", best.corpus.fingerprint, "bright, dark"):
        assert fact in card
    recording = next(tiny_manifest.parent.glob("*.wav"))
    predict = ("predict", recording, "--study", tiny_study, "--digest")
    run = invoke(*predict, best.digest[:6], cwd=promoted)
    assert f"settings {best.digest}" in run.stderr
    run = invoke(*predict, "0" * 6, cwd=promoted, check=1)
    assert isinstance(run.error, NoFinalNetwork) and run.error.digest == "000000"


@pytest.mark.usefixtures("unmeasured")
def test_promote_on_another_corpus_is_refused(
    done: Path, tiny_study: Path, tiny_manifest: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_manifest.parent, other)
    lines = (other / "manifest.csv").read_text().splitlines()
    (other / "manifest.csv").write_text("\n".join(lines[:-1]) + "\n")
    run = invoke("promote", "--best", "--study", tiny_study, "--corpus-root",
                 other / "manifest.csv", cwd=done, check=1)  # fmt: skip
    assert isinstance(run.error, CorpusChanged)
    assert run.error.root == other / "manifest.csv"
    assert run.error.study == "tiny"
    same = invoke("promote", "--best", "--study", tiny_study, "--corpus-root", tiny_manifest,
                  "--dry-run", cwd=done)  # fmt: skip
    assert "cells: 4, to train: 4" in same.stdout


def test_networks_that_diverge_are_failed_rows_and_exit_code_3(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """Rows of other networks, and Table 1 as it was, are left alone."""
    shutil.copytree(promoted, tmp_path, dirs_exist_ok=True)
    before = table(tmp_path)
    run = train("promote", "--best", "--study", tiny_study, "--set",
                 "network.training.learning_rate=1e30", cwd=tmp_path, check=3)  # fmt: skip
    assert run.stderr.count("the loss is not finite") >= 4
    assert "Traceback" not in run.stderr
    results = read_results(tmp_path / "results" / "tiny")
    assert len(results.failed_networks) == 4
    assert len(results.networks) == len(read_results(promoted / "results" / "tiny").networks)
    assert table(tmp_path) == before


def test_a_full_disk_ends_a_promotion_cleanly_and_it_goes_on_later(
    done: Path, tiny_study: Path, tiny_manifest: Path, tmp_path: Path
) -> None:
    """Neither a checkpoint nor a network is half-written; what was finished is kept."""
    promote = ("promote", "--shapes", "3x2", "--study", tiny_study, "--workers", "1",
               "--corpus-root", tiny_manifest)  # fmt: skip
    with mounted(tmp_path / "disk", "size=2m") as disk:
        shutil.copytree(done / "results", disk / "results")
        filler = fill(disk, leaving=64 * 1024)
        run = train(*promote, "--results", disk / "results", cwd=tmp_path, check=1)
        assert isinstance(run.error, FileAccessFailed)
        assert run.error.code == errno.ENOSPC
        assert run.error.path.is_relative_to(disk)
        assert "Traceback" not in run.stderr
        stored = len(read_results(disk / "results" / "tiny").networks)
        assert stored < 4
        for path in (disk / "results" / "tiny" / "networks").glob("*/network.json"):
            ablation.load_network(path.parent)
        filler.unlink()
        again = train(*promote, "--results", disk / "results", cwd=tmp_path)
        assert f"{4 - stored} trained, {stored} were stored before" in again.stderr
