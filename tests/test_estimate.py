"""What a run will take, what is left of it, how far it has come, and what the machine has."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import ablate, invoke, train
from storing import START, Drawn, store_study

from ablation import read_results
from ablation.analysis.interpolation import over_shapes
from ablation.errors import StudyError
from ablation.estimate import doctor, machine, measuring
from ablation.estimate.estimate import Estimate, makespan
from ablation.estimate.measuring import Pace, spread_out
from ablation.estimate.probes import estimate_grid
from ablation.estimate.workload import fold_work, frames_of
from ablation.progress import Reporter
from ablation.runs.best_so_far import BestSoFar
from ablation.runs.grid import plan_grid
from ablation.runs.prepare import prepare
from ablation.runs.status import status_of
from ablation.study import CellKind, Shape, load_study
from ablation.study.reading import parse_override
from ablation.training.measure import Measured
from ablation.training.task import Cell, CellTask

MIB = 1 << 20


def test_a_dry_run_measures_steps_and_writes_nothing(tiny_study: Path, tmp_path: Path) -> None:
    grid = ("grid", "--axis", "both", "--values", "2,3", "--study", tiny_study, "--workers", "2")
    said = json.loads(ablate(*grid, "--dry-run", "--json", cwd=tmp_path).stdout)
    assert list(tmp_path.iterdir()) == []
    assert (said["cells"], said["to_train"], said["stored"]) == (12, 12, 0)
    assert (said["workers"], said["devices"], said["threads"]) == (2, ["cpu"], 1)
    assert said["shapes"] == list(said["by_shape"]) == ["2x2", "3x2", "2x3"]
    for shape in said["by_shape"].values():
        assert shape["measured"] and (shape["cells"], shape["steps"]) == (4, 4 * 6)
        assert shape["cell_seconds"] > 6 * shape["step_seconds"] > 0
    alone = sum(shape["cells"] * shape["cell_seconds"] for shape in said["by_shape"].values())
    assert said["worker_seconds"] == pytest.approx(alone, abs=0.01)
    assert said["seconds"] >= said["startup_seconds"] + said["worker_seconds"] / 2 - 0.01
    memory = said["memory_bytes"]
    assert memory["total"] == memory["driver"] + memory["shared"] + 2 * memory["worker"]
    assert memory["worker"] > 50 * MIB and memory["devices"] == 0


def test_where_nothing_is_missing_nothing_is_measured(
    done: Path, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "measure_shapes", lambda *_: pytest.fail("measured"))
    grid = ("grid", "--axis", "both", "--values", "2,3,5", "--study", tiny_study, "--dry-run")
    said = json.loads(invoke(*grid, "--json", cwd=done).stdout)
    assert (said["to_train"], said["stored"], said["seconds"]) == (0, 20, 0)
    assert said["memory_bytes"] is None and said["by_shape"] == {}
    assert "time" not in invoke(*grid, cwd=done).stdout


def test_a_dry_run_of_a_promotion_measures_a_network_of_each_pooling(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    promote = ("promote", "--best", "--pooling", "gap,max", "--study", tiny_study, "--dry-run")
    said = json.loads(train(*promote, "--json", cwd=tmp_path).stdout)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert (said["cells"], said["to_train"], said["folds"]) == (8, 8, ["a", "b", "c", "d"])
    assert [line["network"] for line in said["networks"]] == ["CNN_TF_GAP", "CNN_TF_Max"]
    assert said["seconds"] > said["startup_seconds"] > 0
    assert said["memory_bytes"]["total"] > said["memory_bytes"]["worker"] > 50 * MIB


def test_a_promotions_time_is_of_its_folds_and_of_the_best_on_all_speakers(
    done: Path, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alike(tasks: list[CellTask], *_: object) -> dict[str, Pace]:
        """A step of 0.01 s whatever the network."""
        return {"cpu": Pace("cpu", 2, tuple(measured_as(t.cell, 0.01) for t in tasks), 4.0)}

    monkeypatch.setattr(measuring, "measure_cells", alike)
    promote = ("promote", "--best", "--pooling", "gap,max", "--study", tiny_study, "--dry-run",
               "--json", "--set", "network.training.steps=100")  # fmt: skip
    folds = json.loads(invoke(*promote, "--no-final", cwd=done).stdout)
    segments = 4 * 6 * 3  # speakers, utterances of each, segments to test
    assert folds["worker_seconds"] == pytest.approx(2 * (4 * 2.0 + segments * 1e-4), abs=0.01)
    whole = json.loads(invoke(*promote, cwd=done).stdout)
    assert whole["worker_seconds"] == pytest.approx(folds["worker_seconds"] + 2.0, abs=0.01)
    # On two workers the folds are shared, the last training is not.
    assert whole["workers"] == 2
    rest = whole["seconds"] - whole["startup_seconds"]
    assert rest == pytest.approx(folds["worker_seconds"] / 2 + 2.0, rel=0.01)


def test_json_requires_a_dry_run(tiny_study: Path, tmp_path: Path) -> None:
    grid = ("grid", "--axis", "both", "--study", tiny_study, "--json")
    error = invoke(*grid, cwd=tmp_path, check=1).error
    assert isinstance(error, StudyError)
    assert "--json" in error.what and "--dry-run" in error.what


def test_steps_and_segments_are_those_of_the_run(done: Path, tiny_study: Path) -> None:
    """Counted from the recordings' headers, without decoding one."""
    study = load_study(tiny_study, [("training.epochs", 2)])
    prepared = prepare(study)
    work = fold_work(prepared, frames_of(prepared), study.training)
    assert {fold.steps for fold in work.values()} == {2 * -(-18 * 2 // 8)}  # 2 segments each
    rows = read_results(done / "results" / "tiny").predictions
    rows = rows[(rows["kind"] == "probe") & (rows["name"] == "2x2")]
    stored = rows.groupby("fold")["n_segments"].sum().to_dict()
    assert {name: fold.scored for name, fold in work.items()} == stored


def measured_as(cell: Cell, step: float) -> Measured:
    return Measured(
        cell, step, step / 100, 1.0, 0.0, 0.0, 1, 300 * MIB, 100 * MIB, 0, 50 * MIB, False, 1.0
    )


def pace(kind: str, seconds: dict[Shape, float]) -> Pace:
    """As if each shape's step took so long, a segment a hundredth of it, and the rest 1 s."""
    measured = (
        measured_as(Cell(CellKind.PROBE, (shape,), 40.0, 0, ""), s) for shape, s in seconds.items()
    )
    return Pace(kind, 2, tuple(measured), 4.0)


def estimated(
    study: Path, results: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> Estimate:
    """The estimate of shapes whose pace is given instead of measured."""
    found = pace("cpu", {Shape(2, 2): 0.01, Shape(3, 2): 0.02})
    monkeypatch.setattr(measuring, "measure_shapes", lambda *_: {"cpu": found})
    given = load_study(study, [parse_override(text) for text in ("execution.workers=2", *options)])
    plan = plan_grid(given, [Shape(2, 2), Shape(3, 2)], results)
    return estimate_grid(plan, Reporter(quiet=True))


def test_an_estimate_grows_with_steps_folds_and_seeds(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(*options: str) -> Estimate:
        return estimated(tiny_study, tmp_path, monkeypatch, *options)

    plain = of()
    segments = 4 * 6 * 3  # speakers, utterances of each, segments to test
    steps = 4 * 6 * (0.01 + 0.02)
    rest = segments * (0.01 + 0.02) / 100 + 8 * 1.0
    assert plain.worker_seconds == pytest.approx(steps + rest)
    assert of("training.steps=600").worker_seconds == pytest.approx(100 * steps + rest)
    assert of("grid.seeds=[0,1,2]").worker_seconds == pytest.approx(3 * (steps + rest))
    groups = of('folds.scheme="speaker-groups"', "folds.count=2")
    assert groups.worker_seconds == pytest.approx(steps / 2 + rest - 4 * 1.0)
    assert plain.seconds == pytest.approx(plain.startup_seconds + (steps + rest) / 2, rel=0.05)
    assert plain.startup_seconds >= 4.0
    alone = of("execution.workers=1")
    assert alone.workers == 1 and alone.worker_seconds == plain.worker_seconds
    assert alone.seconds - alone.startup_seconds == pytest.approx(alone.worker_seconds)


times = st.lists(st.floats(0.01, 100), min_size=1, max_size=40)


@given(times, st.integers(1, 9))
def test_no_slot_waits_while_cells_are_left(seconds: list[float], slots: int) -> None:
    ends = makespan({"cpu": seconds}, ["cpu"] * slots)
    least = max(max(seconds), sum(seconds) / slots)
    assert least - 1e-6 <= ends <= sum(seconds) / slots + max(seconds) + 1e-6


def test_a_faster_device_takes_more_cells() -> None:
    seconds = {"cpu": [10.0] * 11, "cuda": [1.0] * 11}
    assert makespan(seconds, ["cpu", "cuda"]) == 10.0


extents = st.tuples(st.integers(1, 200), st.integers(1, 200))


@given(
    st.sets(extents, min_size=2, max_size=12),
    st.sets(extents, max_size=5),
    st.floats(0, 1.5),
)
def test_what_grows_as_a_power_of_the_size_is_carried_over(
    known: set[tuple[int, int]], wanted: set[tuple[int, int]], power: float
) -> None:
    values = {(h, w): 0.01 * (h * w) ** power for h, w in known}
    if len({h * w for h, w in known}) > 1:
        found = over_shapes(values, wanted)
        assert found == pytest.approx({(h, w): 0.01 * (h * w) ** power for h, w in wanted})
    assert over_shapes(values, known) == values


@given(st.lists(extents, min_size=1, max_size=60), st.integers(2, 24))
def test_shapes_to_measure_are_spread_over_all(sizes: list[tuple[int, int]], most: int) -> None:
    shapes = [Shape(*size) for size in sizes]
    picked = spread_out(shapes, most)
    assert len(picked) == len(set(picked)) == min(most, len(set(shapes)))
    areas = [shape.height * shape.width for shape in shapes]
    assert picked[0].height * picked[0].width == min(areas)
    assert max(areas) in {shape.height * shape.width for shape in picked}


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


def test_the_leading_window_is_named_where_there_are_several() -> None:
    leading = BestSoFar({(2, 2, 20.0): 1, (2, 2, 40.0): 1})
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
    # Every stored cell took 36 s; what was never run takes as long as the shapes around it.
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


def test_status_of_a_study_without_a_finished_cell(tmp_path: Path) -> None:
    run = store_study(
        tmp_path,
        Drawn(lambda *_: 0.5, heights=(2,), axis="height", speakers=2,
              failed=[("2x2", "s00"), ("2x2", "s01")]),
    )  # fmt: skip
    state = status_of(tmp_path / "results", run)
    assert (state.failed, state.seconds_left, state.best, state.by_shape) == (2, None, None, {})


def test_status_loads_no_torch(halted: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ablation.runs import settings;"
        "from ablation.report.sections import status;"
        "run = settings.find_run(Path('results'), 'drawn');"
        "print(status.status_of(Path('results'), run).left, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=halted, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["12", "False"]


def test_doctor_looks_at_everything(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = machine.Part("telepathy", ("no_such_module",), "ablate guess", "[telepathy]")
    monkeypatch.setattr(machine, "PARTS", (*machine.PARTS, absent))
    study = load_study(tiny_study, [("execution.workers", 1)])
    found = doctor.check_up(study, tmp_path / "results", Reporter(quiet=True))
    assert found.problems == () and list(tmp_path.iterdir()) == []
    said = doctor.as_json(found)
    assert said["versions"]["numpy"] == np.__version__
    assert said["processor"]["cores"] >= 1 and said["memory_bytes"] > 0
    assert said["slots"] == [{"device": "cpu", "threads": 1}]
    # A segment of the tiny study is 16 bins high: the tall filter is cut to that.
    assert [(step["shape"], step["device"]) for step in said["steps"]] == [
        ("10x2", "cpu"),
        ("16x2", "cpu"),
    ]
    assert all(step["seconds"] > 0 for step in said["steps"])
    assert said["places"]["results"]["free_bytes"] > 0
    assert said["not_installed"][-1]["part"] == "telepathy"
    text = "\n".join(doctor.lines(found))
    assert "study tiny: 1 worker of 1 thread on cpu" in text
    assert "ablate guess; to install: pip install -c constraints.txt -e '.[telepathy]'" in text
    json.dumps(said)


def test_doctor_ends_with_1_where_no_run_could_go_well(tiny_study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    call = ("doctor", "--study", tiny_study)
    broken = invoke(*call, "--results", "file/results", "--json", cwd=tmp_path, check=1)
    said = json.loads(broken.stdout)
    assert str(tmp_path / "file") in said["places"]["results"]["fault"] and said["steps"] == []
    [problem] = said["problems"]
    assert problem["remedy"]
    assert broken.stderr == f"error: {problem['what']}\n  {problem['remedy']}\n"
    lacking = invoke(*call, "--devices", "cuda:99", "--json", cwd=tmp_path, check=1)
    [problem] = json.loads(lacking.stdout)["problems"]
    assert "cuda:99" in problem["what"] and "auto" in problem["remedy"]
    assert json.loads(lacking.stdout)["slots"] == []
