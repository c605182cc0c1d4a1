"""What a run will take, what is left of it, how far it has come, and what the machine has."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from running import invoke, train
from storing import START, Drawn, store_study

from ablation.device import INTERPRETER
from ablation.errors import StudyError
from ablation.estimate import doctor, estimate, machine
from ablation.estimate.estimate import Estimate, estimate_grid
from ablation.estimate.measure import Measured, Trial, device_of
from ablation.executors import Slot
from ablation.progress import Reporter
from ablation.runs.best_so_far import BestSoFar
from ablation.runs.grid import plan_grid
from ablation.runs.status import status_of
from ablation.study import Shape, load_study
from ablation.study.reading import parse_override

MIB = 1 << 20


def test_a_dry_run_measures_steps_and_writes_nothing(tiny_study: Path, tmp_path: Path) -> None:
    grid = ("grid", "--axis", "both", "--values", "2,3", "--study", tiny_study, "--json")
    error = invoke(*grid, cwd=tmp_path, check=1).error
    assert isinstance(error, StudyError)
    assert "--json" in error.what and "--dry-run" in error.what
    said = json.loads(train(*grid, "--dry-run", "--workers", "2", cwd=tmp_path).stdout)
    assert list(tmp_path.iterdir()) == []
    assert (said["cells"], said["to_train"], said["shapes"]) == (12, 12, ["2x2", "3x2", "2x3"])
    assert (said["workers"], said["devices"], said["gpu_bytes"]) == (2, ["cpu"], 0)
    assert said["cells_at_once"] == 1
    assert said["seconds"] == pytest.approx(said["worker_seconds"] / 2, abs=0.001)
    assert said["seconds"] > 0 and said["worker_bytes"] > 50 * MIB


@pytest.mark.long
def test_on_a_card_cells_are_measured_together(tiny_study: Path, tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="Triton is made for Linux alone")
    pytest.importorskip("interpreting")
    grid = ("grid", "--axis", "height", "--values", "2", "--study", tiny_study, "--dry-run",
            "--devices", INTERPRETER, "--set", "features.segment_s=0.24",
            "--set", "features.test_hop_s=0.24", "--set", "training.batch_size=2",
            "--set", "execution.group=3")  # fmt: skip
    said = json.loads(train(*grid, "--json", cwd=tmp_path).stdout)
    assert (said["to_train"], said["cells_at_once"], said["workers"]) == (4, 3, 1)
    assert said["seconds"] == pytest.approx(said["worker_seconds"]) and said["seconds"] > 0


@pytest.mark.parametrize(
    ("fields", "together"),
    [
        ((), 12),  # four folds and three seeds of a shape
        (("execution.group=5",), 5),
        (("execution.workers_per_device=4",), 9),  # 36 cells leave work for all
        (('execution.devices="interpreter,cpu"',), 1),
        (("execution.devices=cpu",), 1),
        (("training.augment.time_mask=0.2",), 1),
        (("cluster.system=slurm", "cluster.jobs=2", "cluster.processes=3", "cluster.cores=3",
          'execution.devices="cuda"'), 6),
    ],
)  # fmt: skip
def test_a_dry_run_says_how_many_cells_are_trained_at_once(
    fields: tuple[str, ...],
    together: int,
    tiny_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = list[int]()

    def measured(trials: list[Trial], slots: list[Slot], _count: object) -> dict:
        asked.extend(trial.copies for trial in trials)
        return {device_of(slot): [Measured(0.01, 0.1, MIB, 0)] * 2 for slot in slots}

    monkeypatch.setattr(estimate, "measure", measured)
    fields = ("execution.devices=interpreter", "grid.seeds=[0,1,2]", *fields)
    study = load_study(tiny_study, [parse_override(text) for text in fields])
    plan = plan_grid(study, [Shape(2, 2), Shape(3, 2), Shape(4, 2)], tmp_path)
    found = estimate_grid(plan, Reporter(quiet=True))
    assert found.cells_at_once == together
    assert asked in ([], [together] * 2)  # nothing is measured where the cluster's device lacks


def test_where_nothing_is_missing_nothing_is_measured(
    done: Path, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "measure", lambda *_: pytest.fail("measured"))
    grid = ("grid", "--axis", "both", "--values", "2,3,5", "--study", tiny_study, "--dry-run")
    said = json.loads(invoke(*grid, "--json", cwd=done).stdout)
    assert (said["cells"], said["to_train"], said["seconds"]) == (20, 0, 0)
    assert "time" not in invoke(*grid, cwd=done).stdout


def test_a_dry_run_of_a_promotion_measures_networks(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").symlink_to(done / "results")
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    promote = ("promote", "--best", "--pooling", "gap,max", "--study", tiny_study, "--dry-run")
    said = json.loads(train(*promote, "--json", cwd=tmp_path).stdout)
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*")} == before
    assert (said["cells"], said["to_train"], said["folds"]) == (8, 8, ["a", "b", "c", "d"])
    assert [line["network"] for line in said["networks"]] == ["CNN_TF_GAP", "CNN_TF_Max"]
    assert said["seconds"] > 0 and said["worker_bytes"] > 50 * MIB


def given(monkeypatch: pytest.MonkeyPatch, *steps: float) -> None:
    """Let a step take so long instead of measuring it, from the smallest model to the largest."""

    def measured(trials: list, slots: list[Slot], _count: object) -> dict[str, list[Measured]]:
        return {"cpu": [Measured(step, 1 / 24, MIB, 0) for _, step in zip(trials, steps)]}  # noqa: B905

    monkeypatch.setattr(estimate, "measure", measured)


def test_an_estimate_grows_with_steps_folds_and_seeds(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, 0.01, 0.03)

    def of(*options: str) -> Estimate:
        chosen = [parse_override(text) for text in ("execution.workers=2", *options)]
        shapes = [Shape(2, 2), Shape(3, 2), Shape(4, 2)]
        plan = plan_grid(load_study(tiny_study, chosen), shapes, tmp_path)
        return estimate_grid(plan, Reporter(quiet=True))

    plain = of()
    steps, rest = 4 * 6 * (0.01 + 0.02 + 0.03), 3 * 4 * 1.0  # four folds of 24 utterances
    assert plain.worker_seconds == pytest.approx(steps + rest)
    assert plain.seconds == pytest.approx((steps + rest) / 2)
    assert of("training.steps=600").worker_seconds == pytest.approx(100 * steps + rest)
    # An epoch is 36 segments, two of each utterance, in batches of 8.
    assert of("training.epochs=6").worker_seconds == pytest.approx(5 * steps + rest)
    assert of("grid.seeds=[0,1,2]").worker_seconds == pytest.approx(3 * (steps + rest))
    groups = of('folds.scheme="speaker-groups"', "folds.count=2")
    assert groups.worker_seconds == pytest.approx((steps + rest) / 2)
    assert of("execution.workers=1").seconds == pytest.approx(steps + rest)


def test_a_promotions_time_is_of_its_folds_and_of_the_best_on_all_speakers(
    done: Path, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, 0.01, 0.01)
    promote = ("promote", "--best", "--pooling", "gap,max", "--study", tiny_study, "--dry-run",
               "--json", "--set", "network.training.steps=100")  # fmt: skip
    folds = json.loads(invoke(*promote, "--no-final", cwd=done).stdout)
    assert folds["worker_seconds"] == pytest.approx(8 * (1.0 + 1.0))
    whole = json.loads(invoke(*promote, cwd=done).stdout)
    # On two workers the folds are shared, the last training is not.
    assert whole["workers"] == 2
    assert whole["seconds"] == pytest.approx(folds["worker_seconds"] / 2 + 2.0)


def probe(height: int, fold: str, correct: int, status: str = "ok", **more: object) -> dict:
    """A probe's row as far as it counts here: ten utterances tested."""
    row = {"height": height, "width": 2, "window_ms": 40.0, "seed": 0, "fold": fold}
    return row | {"status": status, "n_correct": correct, "n_test": 10} | more


def test_a_shape_leads_once_all_its_cells_are_stored() -> None:
    leading = BestSoFar({(2, 2, 40.0): 2, (10, 2, 40.0): 2})
    leading.add(probe(10, "a", 9))
    assert leading.best is None and leading.text == ""
    leading.add(probe(2, "a", 5))
    leading.add(probe(2, "b", 6))
    assert leading.best == ("2x2", 0.55)
    leading.add(probe(10, "b", 0, status="failed", n_correct=None, n_test=None))
    leading.add(probe(30, "a", 10))  # asked for in another run
    assert leading.text == "best so far 2x2 55.0 %"
    leading.add(probe(10, "b", 3))
    assert leading.text == "best so far 10x2 60.0 %"
    leading.add(probe(10, "b", 1))  # trained again
    assert leading.text == "best so far 2x2 55.0 %"
    leading = BestSoFar({(2, 2, 20.0): 1, (2, 2, 40.0): 1})  # named where there are several
    leading.add(probe(2, "a", 5))
    leading.add(probe(2, "a", 7, window_ms=20.0))
    assert leading.text == "best so far 2x2 at 20 ms 70.0 %"


def test_progress_says_the_best_so_far(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter().task("cells", unit="cells") as advance:
        advance(0, 4)
        advance(4, 4, "best so far 10x2 63.4 %")
    with Reporter().task("spectrograms", unit="utterances") as advance:
        advance(2, 2)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "cells: 4 of 4 cells, in 0 s, best so far 10x2 63.4 %"
    assert second == "spectrograms: 2 of 2 utterances, in 0 s"


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on four workers that was stopped: 40x2 was not begun, and two folds of 4x2 lack."""
    folder = tmp_path_factory.mktemp("halted")
    (folder / "drawn.toml").write_text('name = "drawn"\n')
    lacking = [*(("40x2", f"s{k:02d}") for k in range(10)), ("4x2", "s00"), ("4x2", "s01")]
    store_study(
        folder,
        Drawn(
            lambda shape, window: 1.0 if shape in (Shape(10, 2), Shape(4, 2)) else 0.5,
            axis="height",
            missing=lacking,
            options={"execution": {"workers": 4}},
        ),
    )
    return folder


def test_status_tells_the_time_left_by_shape(halted: Path) -> None:
    said = json.loads(invoke("status", "--study", "drawn.toml", "--json", cwd=halted).stdout)
    assert (said["cells"], said["done"], said["failed"], said["left"]) == (50, 38, 0, 12)
    # Every stored cell took 36 s; what was never run is on a line through them.
    assert said["by_shape"]["4x2"] == {"cells": 2, "seconds": pytest.approx(72)}
    assert said["by_shape"]["40x2"] == {"cells": 10, "seconds": pytest.approx(360)}
    assert said["worker_seconds_left"] == pytest.approx(12 * 36)
    assert (said["workers"], said["seconds_left"]) == (4, pytest.approx(3 * 36))
    assert said["best"] == {"shape": "10x2", "wa": 1.0}  # 4x2 is as good, but not complete
    assert said["cells_an_hour"] is None
    text = invoke("status", "--study", "drawn.toml", cwd=halted).stdout
    (left,) = [line for line in text.splitlines() if line.startswith("time left: ")]
    assert all(number in left for number in ("1.8 min", "4 workers", "7.2 min"))
    assert "40x2: 10 cells, about 6.0 min on one worker" in text
    assert "best so far: 10x2, WA 100.0 %" in text


def test_status_tells_the_rate_while_a_run_goes_on(tmp_path: Path) -> None:
    run = store_study(tmp_path, Drawn(lambda *_: 0.5, axis="height", missing=[("2x2", "s00")]))
    began = START + timedelta(minutes=1)  # all cells at once; each took 36 s
    state = status_of(tmp_path / "results", run, now=began + timedelta(seconds=50))
    assert state.cells_an_hour == pytest.approx(49 * 100)
    assert state.quiet_seconds == pytest.approx(14)  # a run may have ended since then
    later = status_of(tmp_path / "results", run, now=began + timedelta(minutes=10))
    assert (later.cells_an_hour, later.quiet_seconds) == (None, None)
    failed = [("2x2", "s00"), ("2x2", "s01")]
    lost = Drawn(lambda *_: 0.5, (2,), axis="height", speakers=2, failed=failed, name="lost")
    state = status_of(tmp_path / "results", store_study(tmp_path, lost))
    assert (state.failed, state.seconds_left, state.best, state.by_shape) == (2, None, None, {})


def test_the_rate_is_that_of_groups_where_cells_are_trained_together(tmp_path: Path) -> None:
    """Ten folds of a shape began together, and each has an equal part of six minutes."""
    lacking = [("4x2", f"s{k:02d}") for k in range(10)]
    drawn = Drawn(lambda *_: 0.5, (2, 4), axis="height", device="cuda:0", missing=lacking)
    run = store_study(tmp_path, drawn)
    ended = START + timedelta(minutes=1, seconds=360)
    state = status_of(tmp_path / "results", run, now=ended + timedelta(seconds=20))
    assert state.cells_an_hour == pytest.approx(10 * 10)
    assert state.quiet_seconds == pytest.approx(20)
    later = status_of(tmp_path / "results", run, now=ended + timedelta(minutes=10))
    assert later.cells_an_hour is not None  # the next group may take as long as this one


def test_doctor_looks_at_everything(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = machine.Part(("no_such_module",), "ablate guess", "[telepathy]")
    monkeypatch.setattr(machine, "PARTS", (*machine.PARTS, absent))
    study = load_study(tiny_study, [("execution.workers", 1)])
    found = doctor.check_up(study, tmp_path / "results", Reporter(quiet=True))
    assert found.problems == () and list(tmp_path.iterdir()) == []
    said = json.loads(json.dumps(doctor.as_json(found)))
    assert said["versions"]["numpy"] == np.__version__
    assert said["cores"] >= 1 and said["memory_bytes"] > 0
    assert said["slots"] == [{"device": "cpu", "threads": 1}]
    assert said["step_seconds"]["cpu"] > 0 and said["cells_at_once"] == 1
    assert said["free_bytes"][str(tmp_path / "results")] > 0
    assert said["not_installed"][-1]["lacks"] == "ablate guess"
    text = "\n".join(doctor.lines(found))
    assert "1 worker of 1 thread on cpu" in text
    assert "ablate guess; to install: pip install -c constraints.txt -e '.[telepathy]'" in text


def test_doctor_ends_with_1_where_no_run_could_go_well(tiny_study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    call = ("doctor", "--study", tiny_study)
    broken = invoke(*call, "--results", "file/results", "--json", cwd=tmp_path, check=1)
    said = json.loads(broken.stdout)
    [problem] = said["problems"]
    assert str(tmp_path / "file") in problem["what"] and problem["remedy"]
    assert said["step_seconds"] == {}
    assert broken.stderr == f"error: {problem['what']}\n  {problem['remedy']}\n"
    lacking = invoke(*call, "--devices", "cuda:99", "--json", cwd=tmp_path, check=1)
    [problem] = json.loads(lacking.stdout)["problems"]
    assert "cuda:99" in problem["what"] and "auto" in problem["remedy"]
    assert json.loads(lacking.stdout)["slots"] == []
