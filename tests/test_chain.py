"""The chain as a user runs it: grid, kill, resume, plot, promote, status."""

import json
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
from running import ablate, assert_same, command, invoke, train

from ablation import load_study, read_results
from ablation.errors.reading import NoCompleteAxis
from ablation.errors.running import UnreadableSettings


def test_a_grid_stores_a_row_a_cell(done: Path) -> None:
    results = read_results(done / "results" / "tiny")
    assert len(results.probes) == 5 * 4  # five shapes, 2x2 being on both axes; four speakers
    assert len(results.failed_probes) == 0
    assert set(zip(results.probes["height"], results.probes["width"], strict=True)) == {
        (2, 2), (3, 2), (5, 2), (2, 3), (2, 5)
    }  # fmt: skip
    row = results.probes.iloc[0]
    assert row["height_hz"] == 2 * 8000 / 128
    assert row["width_ms"] == 20
    assert (row["n_test"], row["steps"], row["threads"]) == (6, 6, 1)
    assert row["n_bright"] == row["n_dark"] == 3
    assert row["wa"] == row["n_correct"] / 6
    assert row["test_speakers"] == row["fold"] == "a"
    assert len(results.predictions) == 20 * 6
    assert len(results.epochs) == results.probes["epochs"].sum()
    assert not list((done / "results" / "tiny").glob("*.parts"))


def test_predictions_agree_with_the_rows(done: Path) -> None:
    results = read_results(done / "results" / "tiny")
    predictions = results.predictions
    scores = predictions[["score_bright", "score_dark"]].to_numpy()
    assert (predictions["predicted"] == np.array(["bright", "dark"])[scores.argmax(1)]).all()
    right = predictions[predictions["label"] == predictions["predicted"]]
    counted = right.groupby(["name", "fold"]).size()
    for row in results.probes.to_dict("records"):
        name = f"{row['height']}x{row['width']}"
        assert counted.get((name, row["fold"]), 0) == row["n_correct"]


def test_a_second_run_trains_nothing_and_fresh_trains_the_same(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    arguments = ["grid", "--axis", "height", "--study", tiny_study, "--values", "2,3"]
    again = train(*arguments, cwd=tmp_path)
    assert "8 cells: 0 trained, 8 were stored before" in again.stderr
    before = read_results(tmp_path / "results" / "tiny").probes
    fresh = train(*arguments, "--fresh", cwd=tmp_path)
    assert "8 cells: 8 trained, 0 were stored before" in fresh.stderr
    assert_same(done / "results" / "tiny", tmp_path / "results" / "tiny")
    after = read_results(tmp_path / "results" / "tiny").probes
    assert (after["started_at"] > before["started_at"].max()).sum() == 8


def test_two_runs_at_once_on_one_folder_lose_and_double_nothing(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    arguments = ["grid", "--axis", "both", "--study", tiny_study, "--values", "2,3,5"]
    runs = [
        subprocess.Popen(command([*arguments, "--workers", "1"]), cwd=tmp_path,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    for run in runs:
        assert run.communicate(timeout=240)[1].count("Traceback") == 0
        assert run.returncode == 0
    assert_same(done / "results" / "tiny", tmp_path / "results" / "tiny")
    again = train(*arguments, cwd=tmp_path)
    assert "20 cells: 0 trained, 20 were stored before" in again.stderr


@pytest.mark.parametrize("after", [0.5, 6])  # while workers start, and while they train
def test_an_interrupt_ends_cleanly_with_the_line_that_resumes(
    after: float, tiny_study: Path, tmp_path: Path
) -> None:
    arguments = ["grid", "--axis", "height", "--study", str(tiny_study), "--values", "2,3,5"]
    process = subprocess.Popen(
        command([*arguments, "--fresh", "--set", "training.steps=4000"]), cwd=tmp_path,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    settings = tmp_path / "results" / "tiny" / "studies"
    while not list(settings.glob("*.toml")):
        time.sleep(0.02)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: driver and workers alike
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as an impatient user does, or ``timeout``
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    resume = err.strip().splitlines()[-1]
    assert resume.startswith("resume with: ablate grid --axis height")
    assert "--fresh" not in resume
    assert "interrupted" in err or "of 12 cells are stored" in err


def test_an_interrupt_that_comes_while_an_object_is_deleted_is_not_lost() -> None:
    """Python ignores exceptions there."""
    code = (
        "import signal, sys, time\n"
        "from ablation.cli import failures\n"
        "interrupts = failures.Interrupts()\n"
        "signal.signal(signal.SIGINT, interrupts)\n"
        "sys.unraisablehook = interrupts.unraisable\n"
        "class Deleted:\n"
        "    def __del__(self):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "with failures.expected_errors():\n"
        "    Deleted()\n"
        "    time.sleep(60)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50
    )
    assert "interrupted" in done.stderr
    assert "Exception ignored" not in done.stderr


def test_workers_end_when_their_driver_is_killed(tiny_study: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(["grid", "--axis", "height", "--study", tiny_study, "--values", "2",
                 "--set", "training.steps=1000000"]),
        cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    mine = f"/proc/{process.pid}/task/{process.pid}/children"
    if not Path(mine).exists():
        process.kill()
        pytest.skip("this system does not list the children of a process")
    deadline = time.monotonic() + 60
    workers: list[str] = []
    while len(workers) < 3 and time.monotonic() < deadline:  # two workers and their tracker
        workers = Path(mine).read_text().split()
        time.sleep(0.1)
    time.sleep(2)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


def test_a_failed_cell_becomes_a_row_and_the_others_go_on(tiny_study: Path, tmp_path: Path) -> None:
    """A learning rate beyond all reason fails every cell; exit code 3, and status lists them."""
    arguments = ["--study", tiny_study, "--set", "training.learning_rate=1e30",
                 "--set", 'training.schedule="constant"']  # fmt: skip
    run = train("grid", "--axis", "height", "--values", "2,3", *arguments, cwd=tmp_path, check=3)
    assert "8 cells: 0 trained, 0 were stored before, 8 failed" in run.stderr
    results = read_results(tmp_path / "results" / "tiny")
    assert len(results.probes) == 0
    assert len(results.failed_probes) == 8
    assert results.failed_probes["error"].str.contains("lower training.learning_rate").all()
    status = train("status", "--study", tiny_study, cwd=tmp_path)
    assert "0 of 8 cells done, 8 failed, 0 left" in status.stdout
    refused = train("plot", "--study", tiny_study, cwd=tmp_path, check=1)
    assert isinstance(refused.error, NoCompleteAxis)


def test_windows_are_a_coordinate_of_a_cell(tiny_study: Path, done: Path, tmp_path: Path) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    run = train(
        *("grid", "--axis", "height", "--study", tiny_study, "--values", "2"),
        *("--windows", "8,16"),
        cwd=tmp_path,
    )
    assert "8 cells: 4 trained, 4 were stored before" in run.stderr
    probes = read_results(tmp_path / "results" / "tiny").probes
    assert set(probes["window_ms"]) == {8.0, 16.0}
    assert run.stdout.count("window ") == 2
    drawn = invoke("plot", "--study", tiny_study, "--only", "figure2", cwd=tmp_path)
    assert "not drawn: analysis windows of 8 ms" in drawn.stderr
    assert probes["digest"].nunique() == 1


def test_a_dry_run_beside_stored_rows_ends_well(done: Path, tiny_study: Path) -> None:
    """In a process of its own, whose end must not abort a thread that is still reading."""
    arguments = ["grid", "--axis", "both", "--study", tiny_study, "--values", "2,3", "--dry-run"]
    assert "cells: 12, to train: 0" in ablate(*arguments, cwd=done).stdout


def test_a_product_ends_with_its_best_shapes(tiny_study: Path, done: Path, tmp_path: Path) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    run = train(
        *("grid", "--axis", "product", "--study", tiny_study, "--values", "2,3"), cwd=tmp_path
    )
    assert "16 cells: 4 trained, 12 were stored before" in run.stderr
    lines = [line.split() for line in run.stdout.splitlines()[1:-1]]
    shown = {line[0]: float(line[1]) for line in lines}
    assert {"2x2", "2x3", "3x2", "3x3"} <= set(shown)
    assert list(shown.values()) == sorted(shown.values(), reverse=True)


def test_status_and_plot_name_the_other_settings(
    done: Path, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablation.executors.dask_connection._ANSWER_SECONDS", 1)
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    first = json.loads(invoke("status", "--study", tiny_study, "--json", cwd=tmp_path).stdout)
    plot = ("plot", "--study", tiny_study, "--only", "figure2")
    other = ("grid", "--axis", "height", "--values", "2", "--study", tiny_study,
             "--set", "training.steps=2")  # fmt: skip
    # A run whose cluster does not answer has trained nothing and hides nothing.
    invoke(*other, "--cluster", "tcp://127.0.0.1:9", cwd=tmp_path, check=1)
    assert "figure2.png" in invoke(*plot, cwd=tmp_path).stdout
    status = invoke("status", "--study", tiny_study, cwd=tmp_path).stdout
    assert "probes: 0 of " in status and f"other settings: {first['digest']}" in status
    train(*other, cwd=tmp_path)
    refused = invoke(*plot, cwd=tmp_path, check=1)
    assert isinstance(refused.error, NoCompleteAxis)
    (named,) = refused.error.others
    assert named.startswith(first["digest"])
    invoke(*plot, "--digest", first["digest"][:6], cwd=tmp_path)


@pytest.mark.parametrize("damage", ["torn", "unknown field"])
@pytest.mark.usefixtures("unmeasured", "undrawn")
def test_damaged_settings_are_an_error_only_where_they_are_asked_for(
    done: Path, tiny_study: Path, tmp_path: Path, damage: str
) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    studies = tmp_path / "results" / "tiny" / "studies"
    (whole,) = studies.glob("[!.]*.toml")
    own = ("grid", "--shapes", "2x2", "--study", tiny_study, "--set", "training.steps=2")
    train(*own, cwd=tmp_path)
    (torn,) = {*studies.glob("[!.]*.toml")} - {whole}
    text = torn.read_text()
    torn.write_text(
        text[: len(text) // 2] if damage == "torn" else text.replace("steps =", "stpes =")
    )
    asking = (
        ["status"], ["plot", "--only", "figure2"], ["report"], ["promote", "--best", "--dry-run"],
    )  # fmt: skip
    for words in asking:
        run = invoke(*words, "--study", tiny_study, cwd=tmp_path)
        (warning,) = [line for line in run.stderr.splitlines() if torn.name in line]
        assert warning.startswith("warning: ")
    invoke("status", "--study", tiny_study, "--digest", whole.stem, cwd=tmp_path)
    train("grid", "--shapes", "3x3", "--study", tiny_study, cwd=tmp_path)  # of the whole settings
    for words in asking:
        run = invoke(*words, "--study", tiny_study, "--digest", torn.stem, cwd=tmp_path, check=1)
        assert isinstance(run.error, UnreadableSettings)
        assert run.error.path.name == torn.name
    assert isinstance(train(*own, cwd=tmp_path, check=1).error, UnreadableSettings)
    torn.unlink()  # as the remedy says
    assert "0 trained, 4 were stored before" in train(*own, cwd=tmp_path).stderr
    whole.write_text(text[:20])
    torn.write_text(text[:20])
    run = invoke("status", "--study", tiny_study, cwd=tmp_path, check=1)
    assert isinstance(run.error, UnreadableSettings)  # there are no others


@pytest.mark.usefixtures("unmeasured")
def test_dry_run_says_and_writes_nothing(tiny_study: Path, tmp_path: Path) -> None:
    run = train("grid", "--axis", "product", "--study", tiny_study, "--values", "2,3",
                 "--seeds", "0,1", "--folds", "2", "--dry-run", cwd=tmp_path)  # fmt: skip
    assert "cells: 16, to train: 16" in run.stdout
    assert "fold group1: " in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_plot_draws_both_axes_and_needs_no_corpus(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").symlink_to(done / "results")
    moved = tmp_path / "tiny.toml"
    moved.write_text(tiny_study.read_text().replace("manifest.csv", "gone.csv"))
    plot = ("plot", "--study", moved, "--only", "figure2", "--format")
    run = invoke(*plot, "png,pdf,svg", cwd=tmp_path)
    files = [tmp_path / line for line in run.stdout.split()]
    assert [file.name for file in files] == [f"figure2.{e}" for e in ("png", "pdf", "svg", "csv")]
    assert files[0].read_bytes().startswith(b"\x89PNG")
    svg = files[2].read_text()
    curve = pd.read_csv(files[3])
    assert curve["axis"].value_counts().to_dict() == {"height": 3, "width": 3}
    probes = read_results(done / "results" / "tiny").probes
    on = probes[(probes["height"] == 5) & (probes["width"] == 2)]
    drawn = curve[(curve["axis"] == "height") & (curve["extent"] == 5)].iloc[0]
    assert drawn["wa"] == pytest.approx(on["n_correct"].sum() / on["n_test"].sum())
    assert drawn["physical"] == 5 * 62.5
    invoke(*plot, "svg", cwd=tmp_path)
    assert files[2].read_text() == svg  # the same rows give the same bytes


def test_a_matplotlibrc_of_the_users_is_not_even_read(
    done: Path, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a backend that does not exist."""
    (tmp_path / "matplotlibrc").write_text("no.such: setting\nbackend: nonsense", "utf-16")
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    plot = ("plot", "--only", "figure2", "--study", tiny_study, "--results", done / "results")
    run = ablate(*plot, cwd=tmp_path)
    assert "no.such" not in run.stderr
    assert (tmp_path / "figures" / "tiny" / "figure2.png").exists()


def test_status_as_text_and_json(done: Path, tiny_study: Path, tmp_path: Path) -> None:
    """A study goes by its name where its file lies."""
    (tmp_path / "results").symlink_to(done / "results")
    (tmp_path / "mine.toml").write_text(tiny_study.read_text())
    text = invoke("status", "--study", "mine", cwd=tmp_path).stdout
    assert "probes: 20 of 20 cells done, 0 failed, 0 left" in text
    assert "probes.parquet" in text
    data = json.loads(invoke("status", "--study", tiny_study, "--json", cwd=done).stdout)
    assert (data["cells"], data["done"], data["failed"], data["left"]) == (20, 20, 0, 0)


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], "torch pandas numpy matplotlib pyarrow pydantic"),
        (["status", "--study", "tiny"], "torch matplotlib seaborn scipy"),
    ],
)
def test_quick_commands_load_nothing_heavy(
    done: Path, tiny_study: Path, tmp_path: Path, words: list[str], heavy: str
) -> None:
    (tmp_path / "results").symlink_to(done / "results")
    shutil.copy(tiny_study, tmp_path)
    code = (
        f"import sys; sys.argv = ['ablate', *{words}]\n"
        "from ablation.cli import main\n"
        "try:\n    main()\n"
        f"finally: print({{*{heavy.split()}}} & {{*sys.modules}}, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stderr.splitlines()[-1] == "set()"
    assert "probes" in run.stdout


def test_every_shipped_study_is_valid() -> None:
    for study in ("demo", "paper", "paper-literal", "emodb", "emodb-300", "ravdess"):
        assert load_study(study).name == study


def test_real_speech_from_file_to_table(speech: Path, tmp_path: Path) -> None:
    """EmoDB at the paper's resolution, two speaker groups, a handful of steps."""
    train(
        *("grid", "--axis", "height", "--values", "2,10", "--study", "emodb", "--folds", "2"),
        *("--corpus-root", speech / "emodb", "--set", "training.steps=4"),
        cwd=tmp_path,
    )
    results = read_results(tmp_path / "results" / "emodb")
    assert results.probes["n_test"].sum() == 2 * 339
    assert results.probes["height_hz"].tolist() == [20.0, 20.0, 100.0, 100.0]
    invoke("plot", "--study", "emodb", "--only", "figure2", cwd=tmp_path)
    assert (tmp_path / "figures" / "emodb" / "figure2.png").stat().st_size > 10_000
