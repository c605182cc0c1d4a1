"""Searches: resumed wherever they ended, answered from the store, pruned and told honestly."""

import json
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from conftest import once
from filelock import FileLock
from running import Invoked, assert_same, command, invoke, mounted, train

from ablation import load_study, read_results
from ablation.analysis import Counts, chosen_without, search_front
from ablation.analysis.study_results import StudyResults
from ablation.errors import StudyError
from ablation.errors.common import InvalidOption
from ablation.errors.running import (
    EmptySearchGrid,
    FilterTooLarge,
    NoSearch,
    PortUnavailable,
    SearchFileUnusable,
    SearchRunning,
)
from ablation.results import ResultStore, run_record
from ablation.results.search_file import read_searches
from ablation.results.search_record import (
    COMPLETE,
    FAILED,
    PRUNED,
    SearchConfig,
    Searched,
    Trial,
)
from ablation.runs.prepare import prepare
from ablation.searches.schedule import Key, Schedule, is_worse, least_steps
from ablation.searches.search import plan_search
from ablation.searches.space import space_of
from ablation.searches.trials import Trials
from ablation.study import AXES, Shape, Study
from ablation.study.reading import parse_override

BOUNDS = ["search.heights=[2,12]", "search.widths=[2,12]"]
PRUNED_BY = ["search.prune=true", "search.prune_p=0.3"]
EACH = 20  # utterances of a cell that is stored without training


def options(*fields: str) -> list[str]:
    return [word for field in fields for word in ("--set", field)]


def search(folder: Path, study: Path, *more: str, check: int = 0) -> Invoked:
    """A search that trains nothing, in this process."""
    return invoke("search", "--study", study, *options(*BOUNDS), *more, cwd=folder, check=check)


def searches(folder: Path) -> list[Searched]:
    return read_searches(folder / "results" / "tiny" / "search.db")


def told(searched: Searched) -> list[tuple[Any, ...]]:
    """All that a search has drawn and decided, but for the time of day."""
    fields = ("params", "digest", "state", "values", "scores", "estimate")
    return [tuple(getattr(trial, name) for name in fields) for trial in searched.trials]


# --- A store that has every point's cells, so that no search on it trains any.


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory, tiny_study: Path) -> Path:
    """All heights and widths up to 12, plain and dilated, with scores that are drawn; read only."""
    studies = [tiny_study_of(tiny_study), tiny_study_of(tiny_study, "probe.dilation=[2, 2]")]

    def make(folder: Path) -> None:
        for study in studies:
            stock(folder / "results", study)

    return once(tmp_path_factory, "stocked", make)


def tiny_study_of(path: Path, *fields: str) -> Study:
    return load_study(path, [parse_override(field) for field in (*BOUNDS, *fields)])


def stock(results: Path, study: Study) -> None:
    prepared = prepare(study)
    shapes = [Shape(h, w) for h in range(2, 13) for w in range(2, 13)]
    rows: dict[str, list] = {"predictions": [], "probes": []}
    for shape in shapes:
        for number, fold in enumerate(prepared.folds):
            cell, predictions = drawn_cell(prepared.digest, shape, number, fold.name)
            rows["probes"].append(cell)
            rows["predictions"] += predictions
    ResultStore(results / study.name).append(prepared.corpus.classes, rows)


def drawn_cell(digest: str, shape: Shape, number: int, fold: str) -> tuple[dict, list[dict]]:
    """Tall filters are better, each by its own luck."""
    rng = np.random.default_rng([shape.height, shape.width, number])
    share = 0.45 + 0.15 * np.log2(shape.height) - 0.03 * np.log2(shape.width)
    right = rng.random(EACH) < share + 0.05 * number
    base = {"study": "tiny", "digest": digest, "window_ms": 16.0, "seed": 0, "fold": fold}
    detail = base | {"kind": "probe", "name": str(shape), "speaker": fold, "n_segments": 1}
    other = {"dark": "bright", "bright": "dark"}
    labels = ["bright", "dark"] * (EACH // 2)
    predictions = [
        detail | {"utterance": f"{fold}{k}", "label": a, "predicted": a if ok else other[a]}
        for k, (a, ok) in enumerate(zip(labels, right, strict=True))
    ]
    row = base | {
        "height": shape.height, "width": shape.width, "height_hz": 62.5 * shape.height,
        "width_ms": 10.0 * shape.width, "test_speakers": fold, "n_test": EACH,
        "n_correct": int(right.sum()), "wa": float(right.mean()), "ua": float(right.mean()),
        "status": "ok", "train_seconds": 1.0, "epochs": 1, "steps": 6, "engine": "single-pass",
        "device": "cpu", "threads": 1, "version": "0.1.0",
    }  # fmt: skip
    for k, label in enumerate(other.values()):
        mine = right[k::2]
        row |= {f"n_{label}": len(mine), f"correct_{label}": int(mine.sum())}
        row[f"acc_{label}"] = float(mine.mean())
    return row, predictions


@pytest.fixture
def stock_copy(tmp_path: Path, stocked: Path) -> Path:
    shutil.copytree(stocked / "results", tmp_path / "results")
    return tmp_path


# --- With one worker, the same points and decisions, whatever happens.


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny_study: Path) -> Path:
    """A search that was left alone with one worker; read only."""

    def make(folder: Path) -> None:
        done = train(*trained(tiny_study), cwd=folder)
        assert "pruned after 2 of 4 folds" in done.stderr

    return once(tmp_path_factory, "undisturbed", make)


def trained(study: Path) -> list[str | Path]:
    """A search of which some trials are pruned and some come again."""
    plain = ["probe.engine=reference", "training.steps=25", "training.optimizer=adam"]
    fields = options(*BOUNDS, *PRUNED_BY, *plain)
    return ["search", "--trials", "9", "--workers", "1", "--study", study, *fields]


@pytest.mark.long
def test_a_search_killed_twice_goes_on_as_if_it_had_not_been(
    tmp_path: Path, tiny_study: Path, undisturbed: Path
) -> None:
    started = trained(tiny_study)
    with killed_after(3, started, tmp_path, signal.SIGKILL) as end:
        assert end.returncode == -signal.SIGKILL
        run_record.find_run(tmp_path / "results", "tiny")  # known from the first moment on
    with killed_after(10, started, tmp_path, signal.SIGINT) as end:
        assert end.returncode == 130
        assert "cells are stored" in end.stderr
        assert "resume with: ablate search --trials 9" in end.stderr
    train(*trained(tiny_study), cwd=tmp_path)
    assert told(searches(tmp_path)[0]) == told(searches(undisturbed)[0])
    # The same cells, not one more: what a pruned trial did not need was never trained.
    assert_same(tmp_path / "results" / "tiny", undisturbed / "results" / "tiny")


@contextmanager
def killed_after(
    cells: int, arguments: list[str | Path], folder: Path, number: signal.Signals
) -> Iterator[Invoked]:
    """Run until so many cells are stored, then send a signal."""
    parts = folder / "results" / "tiny" / "probes.parts"
    main = parts.with_name("probes.parquet")
    with (folder / "stderr").open("w+") as stderr:
        process = subprocess.Popen(
            command(arguments), cwd=folder, stdout=subprocess.DEVNULL, stderr=stderr
        )
        while process.poll() is None:
            stored = ResultStore(parts.parent).read("probes", []).rows.num_rows
            if stored >= cells and (parts.exists() or main.exists()):
                process.send_signal(number)
                break
            time.sleep(0.02)
        process.wait()
        stderr.seek(0)
        yield Invoked(process.returncode, "", stderr.read())


def test_a_full_disk_ends_a_search_in_one_line_and_it_goes_on_later(
    tmp_path: Path, tiny_study: Path
) -> None:
    disk = tmp_path / "disk"
    wanted = ("search", "--trials", "6", "--workers", "1", "--study", tiny_study,
              *options(*BOUNDS), "--results", disk)  # fmt: skip
    with mounted(disk, "size=320k"):
        full = train(*wanted, cwd=tmp_path, check=1)
        assert "error: " in full.stderr.splitlines()[-2]
        assert str(disk / "tiny") in full.stderr.splitlines()[-2]
        before = ResultStore(disk / "tiny").read("probes").rows.to_pylist()
        assert before
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        train(*wanted, cwd=tmp_path)
        after = ResultStore(disk / "tiny").read("probes")
        assert after.damaged == []
        rows = after.rows.to_pylist()
        assert all(row in rows for row in before) and len(before) < len(rows)
        there = read_searches(disk / "tiny" / "search.db")[0]
        assert [trial.state for trial in there.trials] == [COMPLETE] * 6


def test_a_search_without_its_file_is_drawn_alike_from_the_store(
    tmp_path: Path, tiny_study: Path, undisturbed: Path
) -> None:
    shutil.copytree(undisturbed / "results", tmp_path / "results")
    (tmp_path / "results" / "tiny" / "search.db").unlink()
    done = invoke(*trained(tiny_study), cwd=tmp_path)
    assert " 0 trained" in done.stderr
    assert told(searches(tmp_path)[0]) == told(searches(undisturbed)[0])


@pytest.mark.parametrize(
    # TPE learns from its tenth trial on, NSGA-II from its seventeenth.
    ("sampler", "first", "then"),
    [("tpe", 11, 12), ("nsga2", 17, 18), ("random", 2, 3)],
)
def test_a_search_that_goes_on_is_the_one_that_asked_for_all_at_once(
    stock_copy: Path, tiny_study: Path, sampler: str, first: int, then: int
) -> None:
    more = ["--sampler", sampler, "--prune", *options(*PRUNED_BY[1:])]
    search(stock_copy, tiny_study, "--trials", str(first), *more)
    search(stock_copy, tiny_study, "--trials", str(then), *more)
    stopped = told(searches(stock_copy)[0])
    (stock_copy / "results" / "tiny" / "search.db").unlink()
    search(stock_copy, tiny_study, "--trials", str(then), *more)
    assert len(stopped) == then
    assert told(searches(stock_copy)[0]) == stopped


def test_other_terms_are_another_search(stock_copy: Path, tiny_study: Path) -> None:
    for more in ([], ["--seed", "1"], ["--objective", "ua"], ["--prune"]):
        search(stock_copy, tiny_study, "--trials", "2", *more)
    found = searches(stock_copy)
    assert [len(one.trials) for one in found] == [2] * 4
    assert len({one.config.name for one in found}) == 4
    points = [[trial.point for trial in one.trials] for one in found]
    assert points[0] != points[1]
    assert points[0][0] == points[2][0] == points[3][0]  # nothing is known at first


def test_a_repeated_point_is_answered_and_counted(stock_copy: Path, tiny_study: Path) -> None:
    fields = options("search.heights=[2,3]", "search.widths=[2,2]")
    done = search(stock_copy, tiny_study, "--trials", "6", *fields)
    (searched,) = searches(stock_copy)
    assert searched.repeated >= 4  # of 6 trials in 2 points
    assert f"{searched.repeated} trials repeated a point" in done.stdout
    assert searched.cells == searched.cells_of_all == 4 * len(searched.complete)


def test_a_trial_that_was_killed_while_it_was_drawn_is_drawn_alike(
    stock_copy: Path, tiny_study: Path
) -> None:
    search(stock_copy, tiny_study, "--trials", "12")
    path = stock_copy / "results" / "tiny" / "search.db"
    wanted = told(searches(stock_copy)[0])
    path.unlink()
    search(stock_copy, tiny_study, "--trials", "11")
    optuna.load_study(study_name=None, storage=f"sqlite:///{path}").ask()  # without parameters
    assert told(searches(stock_copy)[0]) == wanted[:11]
    search(stock_copy, tiny_study, "--trials", "12")
    assert told(searches(stock_copy)[0]) == wanted


# --- Trials, cell by cell.


def schedule(
    path: Path,
    study: Study,
    wanted: int,
    workers: int = 1,
    ended: list[Trial] | None = None,
    together: int = 1,
) -> Schedule:
    plan = plan_search(study, wanted, path.parent)
    return Schedule(
        Trials(path, plan.config, space_of(plan.prepared)),
        wanted,
        workers,
        together,
        study.search.at_once,
        ("bright", "dark"),
        stored=lambda key: None,
        ended=([] if ended is None else ended).append,
    )


def play(playing: Schedule, order: np.random.Generator, bad: Key | None = None) -> list[Key]:
    """Bring a search to its end, its cells ending in any order; the cells that were trained."""
    asked: list[Key] = []
    waiting = [key for _, key in playing.due()]
    while waiting:
        key = waiting.pop(int(order.integers(len(waiting))))
        asked.append(key)
        digest, height, width, _, _, fold = key
        row, _ = drawn_cell(digest, Shape(height, width), "abcd".index(fold), fold)
        playing.take(row | {"status": "failed"} if key == bad else row)
        waiting += [key for _, key in playing.due()]
    return asked


@pytest.mark.parametrize("workers", [1, 5])
def test_pruning_saves_cells_and_keeps_the_best(
    tmp_path: Path, tiny_study: Path, workers: int
) -> None:
    """On a grid, every point is tried, so that what is best is known."""
    grid = ("search.sampler=grid", "grid.heights=[2,3,5,8,12]", "grid.widths=[2,4]")
    full, pruned = tmp_path / "full.db", tmp_path / "pruned.db"
    rng, ended = np.random.default_rng(workers), list[Trial]()
    everything = schedule(full, tiny_study_of(tiny_study, *grid), 10, workers)
    assert len(play(everything, rng)) == 40
    saving = schedule(pruned, tiny_study_of(tiny_study, *grid, *PRUNED_BY), 10, workers, ended)
    asked = play(saving, rng)
    assert len(asked) == len(set(asked)) < 40  # no cell twice
    before, after = everything.trials.searched, saving.trials.searched
    assert after.complete[0].point == before.complete[0].point
    # Beside the first trial, others begin before there is a best one to compare them with.
    assert after.cells == len(asked) if workers == 1 else after.cells <= len(asked)
    best = -1.0
    for trial in ended:
        if trial.state == PRUNED:
            assert 2 <= len(trial.scores) < 4  # two cells, both worse, have p = 0.25
            assert trial.estimate is not None and trial.estimate < best
        else:
            assert len(trial.scores) == 4
            best = max(best, trial.values[0])
    assert {trial.state for trial in ended} == {COMPLETE, PRUNED}


def test_workers_are_given_cells_of_other_trials(tmp_path: Path, tiny_study: Path) -> None:
    study = tiny_study_of(tiny_study, "search.at_once=3", "search.sampler=grid")
    for workers, running in ((1, 1), (4, 1), (5, 2), (100, 3)):
        playing = schedule(tmp_path / f"{workers}.db", study, 10, workers)
        assert len({key[:3] for _, key in playing.due()}) == running


def test_cards_are_given_groups_of_a_trials_cells(tmp_path: Path, tiny_study: Path) -> None:
    """A card trains a trial's four folds at once; on two cards the next trial begins when one of
    them has nothing to do."""
    fields = ("search.at_once=3", "search.sampler=grid", "grid.heights=[12,5,8]")
    study = tiny_study_of(tiny_study, *fields)
    for workers, together, begun in ((1, 4, 1), (2, 2, 1), (4, 2, 2), (4, 1, 1)):
        playing = schedule(tmp_path / f"{workers}-{together}.db", study, 9, workers, None, together)
        due = playing.due()
        assert len(due) == 4 * begun
        if begun == 1 and workers > 1:
            for number, (_, key) in enumerate(due[:together]):
                digest, height, width, _, _, fold = key
                playing.take(drawn_cell(digest, Shape(height, width), number, fold)[0])
            assert len(playing.due()) == 4


def test_on_a_card_a_trial_that_is_not_decided_doubles(tmp_path: Path, tiny_study: Path) -> None:
    fields = ("search.sampler=grid", "grid.heights=[12,11]", "grid.widths=[2]", *PRUNED_BY)
    study = tiny_study_of(tiny_study, *fields)
    for together, more in ((1, 1), (4, 2)):
        playing = schedule(tmp_path / f"{together}.db", study, 2, 1, None, together)
        for expected in (4, 2, more):  # all of the first trial; two can decide
            due = playing.due()
            assert len(due) == expected
            for _, key in due:
                row, _ = drawn_cell(key[0], Shape(12, 2), "abcd".index(key[5]), key[5])
                playing.take(row | {"height": key[1], "width": key[2]})


def test_a_failed_cell_fails_its_trial_alone(tmp_path: Path, tiny_study: Path) -> None:
    study = tiny_study_of(tiny_study, "search.sampler=grid", "grid.heights=[2,5,12]")
    rng = np.random.default_rng(0)
    bad = play(schedule(tmp_path / "sound.db", study, 3), rng)[5]
    again = schedule(tmp_path / "search.db", study, 3)
    play(again, rng, bad)
    states = [trial.state for trial in again.trials.searched.trials]
    assert states == [COMPLETE, FAILED, COMPLETE]


def test_of_points_that_score_the_same_the_smaller_leads() -> None:
    config = SearchConfig(
        digest="", objective=("wa",), sampler="tpe", prune_p=None, seed=0,
        heights=(2, 12), widths=(2, 12), choices={}, grid=(), window_ms=40.0, seeds=(0,),
        folds=("a",),
    )  # fmt: skip
    scores = {8: 0.5, 4: 0.5, 6: 0.5, 2: 0.25}
    trials = tuple(
        Trial(number, {"height": height, "width": 2}, "", COMPLETE, (score,), {0: score})
        for number, (height, score) in enumerate(scores.items())
    )
    assert [t.point for t in Searched(config, trials).complete] == ["4x2", "6x2", "8x2", "2x2"]


def test_pruning_is_wilcoxons_test_of_differences() -> None:
    assert (least_steps(0.1), least_steps(0.3)) == (4, 2)  # of 4 signs alike p = 1/16
    assert not is_worse([-0.1, -0.2, -0.3], 0.1)
    assert is_worse([-0.1, -0.2, -0.3, -0.4], 0.1)
    assert not is_worse([-0.1, 0.2, -0.3, -0.4], 0.1)  # p = 3/16
    assert not is_worse([0.1, 0.2, 0.3, 0.4], 0.1)
    assert is_worse([-0.1, 0.05, -0.3, -0.4, -0.2, -0.2], 0.1)
    assert not is_worse([0.9, *[-0.1] * 8], 0.3)  # better on average
    assert not is_worse([0.0] * 9, 0.3)


# --- Spaces.


@pytest.mark.usefixtures("undrawn")
def test_any_field_of_training_may_be_chosen_too(tiny_study: Path, tmp_path: Path) -> None:
    bounds = options("search.heights=[2,3]", "search.widths=[2,3]")
    given = ("search", "--study", tiny_study, *bounds, "--sampler", "random", "--trials", "4")
    axis = ("--axis", "training.momentum", "--values", "0.8,0.9", "--seed", "1")
    train(*given, *axis, cwd=tmp_path)
    (searched,) = searches(tmp_path)
    chosen = {trial.params["training.momentum"]: trial.digest for trial in searched.trials}
    assert {*chosen} == {0.8, 0.9} and len({*chosen.values()}) == 2
    rows = read_results(tmp_path / "results" / "tiny")
    for momentum, digest in chosen.items():
        assert rows.runs[digest].study.training.momentum == momentum
        assert not rows.probes[rows.probes["digest"] == digest].empty
    # The page names a command that asks for the same search again.
    (request,) = {r.options for run in rows.runs.values() for r in run.requests if r.options}
    repeated = ("search", "--trials", "4", *shlex.split(request), "--study", tiny_study)
    train(*repeated, cwd=tmp_path)
    assert len(read_results(tmp_path / "results" / "tiny").probes) == len(rows.probes)
    assert len(searches(tmp_path)) == 1
    for wrong in (("--axis", "features.mu", "--values", "0,255"), ("--axis", "training.momentum")):
        assert isinstance(invoke(*given, *wrong, cwd=tmp_path, check=1).error, InvalidOption)


def test_dilations_are_variants_with_rows_of_their_own(stock_copy: Path, tiny_study: Path) -> None:
    fields = options("search.dilations=[[1,1],[2,2]]", "search.heights=[7,12]")
    search(stock_copy, tiny_study, "--trials", "12", *fields, "--sampler", "random")
    (searched,) = searches(stock_copy)
    digests = {trial.params["dilation"]: trial.digest for trial in searched.trials}
    assert len(set(digests.values())) == 2
    # 16 bins hold 8 taps two bins apart; what was drawn above is the largest that fits.
    tall = {t.params["height"] for t in searched.trials if t.params["dilation"] == "2x2"}
    assert max(tall) == 8
    assert max(t.params["height"] for t in searched.trials) > 8
    # The study itself is what plots and promotion take, not what its search tried.
    run = run_record.find_run(stock_copy / "results", "tiny")
    assert (run.digest, run.study.probe.dilation) == (digests["1x1"], (1, 1))
    other = run_record.find_run(stock_copy / "results", "tiny", digests["2x2"])
    assert other.variant_of == run.digest
    for taken, dilation in ((run, "1x1"), (other, "2x2")):
        mine = {t.shape for t in searched.complete if t.params["dilation"] == dilation}
        assert {Shape(h, w) for h, w, *_ in taken.cells} == mine
    assert "dilation 2x2" in reported(stock_copy, tiny_study)


def reported(folder: Path, study: Path) -> str:
    invoke("report", "--study", study, cwd=folder)
    return (folder / "results" / "tiny" / "report.md").read_text(encoding="utf-8")


def test_a_grid_ends_when_its_points_do(stock_copy: Path, tiny_study: Path) -> None:
    grid = options("grid.heights=[2,5,12]", "grid.widths=[2,3]")
    done = search(stock_copy, tiny_study, "--trials", "50", "--sampler", "grid", *grid)
    (searched,) = searches(stock_copy)
    tried = sorted(str(trial.shape) for trial in searched.trials)
    assert tried == sorted(f"{h}x{w}" for h in (2, 5, 12) for w in (2, 3))  # none again
    assert "6 trials" in done.stderr


@pytest.mark.parametrize(
    ("more", "kind", "facts"),
    [
        ("--set search.heights=[2,17]", FilterTooLarge,
         {"shape": "17x2", "extent": (17, 2), "segment": (16, 30), "largest": (16, 30)}),
        ("--set search.dilations=[[16,1]]", FilterTooLarge,
         {"shape": "2x2", "extent": (17, 2), "segment": (16, 30), "largest": (1, 30)}),
        ("--objective f1", StudyError, {}),
        ("--objective wa,ua", StudyError, {}),
        ("--objective wa,params --prune", StudyError, {}),
        ("--sampler grid --set search.heights=[3,3]", EmptySearchGrid,
         {"heights": (3, 3), "widths": (2, 12)}),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_said(
    tmp_path: Path, tiny_study: Path, more: str, kind: type, facts: dict[str, Any]
) -> None:
    done = search(tmp_path, tiny_study, "--trials", "4", *more.split(), check=1)
    assert isinstance(done.error, kind)
    assert {name: getattr(done.error, name) for name in facts} == facts
    assert len(done.stderr.strip().splitlines()) <= 2
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("cost", ["params", "multiply-adds"])
def test_two_objectives_give_a_front(stock_copy: Path, tiny_study: Path, cost: str) -> None:
    done = search(stock_copy, tiny_study, "--trials", "12", "--objective", f"wa,{cost}")
    (searched,) = searches(stock_copy)
    assert searched.config.sampler == "nsga2"
    front = search_front(searched)
    assert [t.values[1] for t in front] == sorted(t.values[1] for t in front)
    assert [t.values[0] for t in front] == sorted(t.values[0] for t in front)
    for trial in searched.complete:
        assert any(t.values[0] >= trial.values[0] and t.values[1] <= trial.values[1] for t in front)
    assert f"Pareto front, WA against {cost}" in done.stdout
    assert front[0].point in done.stdout
    assert "Pareto front: " in reported(stock_copy, tiny_study)


# --- What a search leaves behind.


@pytest.mark.usefixtures("undrawn")
def test_pruned_cells_are_not_left_to_do(stock_copy: Path, tiny_study: Path) -> None:
    search(stock_copy, tiny_study, "--trials", "18", "--prune", *options(*PRUNED_BY[1:]))
    (searched,) = searches(stock_copy)
    state = json.loads(invoke("status", "--study", tiny_study, "--json", cwd=stock_copy).stdout)
    assert state["left"] == 0
    assert state["cells"] == 4 * len(searched.complete)
    run = run_record.find_run(stock_copy / "results", "tiny")
    assert [request.axis for request in run.requests] == ["search"]
    report = reported(stock_copy, tiny_study)
    assert "not finished" not in report
    for words in (
        "A search of 18 trials found its highest WA",
        "ablate search --trials 18 --sampler tpe --objective wa --prune --seed 0",
        f"the trials took {searched.cells} cells",
        f"the {searched.cells_of_all} of the same points",
        "biased upwards",
        "fANOVA",
        f"**{searched.complete[0].point}**",  # marked
    ):
        assert words in report
    assert (stock_copy / "figures" / "tiny" / "search.svg").exists()
    assert all((t.estimate or 0) < searched.complete[0].values[0] for t in searched.pruned)


def test_axes_and_tests_rest_on_shapes_named_beforehand(stock_copy: Path, tiny_study: Path) -> None:
    """What a search has completed was chosen by its scores, what it gave up has not all folds."""
    grid = ("grid", "--axis", "height", "--values", "2,5,9", "--study", tiny_study)
    invoke(*grid, *options(*BOUNDS), cwd=stock_copy)
    fields = options(*PRUNED_BY[1:], "search.widths=[2,2]")
    search(stock_copy, tiny_study, "--trials", "12", "--prune", *fields)
    found = {t.shape for t in searches(stock_copy)[0].complete}
    assert {shape.height for shape in found} - {2, 5, 9}
    results = stock_copy / "results"
    stored = StudyResults(results, run_record.find_run(results, "tiny"))
    curve = stored.curve(AXES["height"])
    assert curve["extent"].tolist() == [2, 5, 9]
    assert curve["complete"].all()
    assert found <= set(stored.shapes())
    asked = ("grid", "--shapes", "2x2,5x2", "--study", tiny_study)
    lines = invoke(*asked, *options(*BOUNDS), cwd=stock_copy).stdout.splitlines()
    assert sorted(line.split()[0] for line in lines[1:-1]) == ["2x2", "5x2"]


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    stock_copy: Path, tiny_study: Path
) -> None:
    search(stock_copy, tiny_study, "--trials", "2")
    before = {path: path.read_bytes() for path in stock_copy.rglob("*") if path.is_file()}
    done = search(stock_copy, tiny_study, "--trials", "8", "--dry-run")
    for words in ("heights 2 to 12; widths 2 to 12", "trials: 8, stored: 2", "cells: at most 24"):
        assert words in done.stdout
    assert {path: path.read_bytes() for path in stock_copy.rglob("*") if path.is_file()} == before


def test_two_searches_at_once_on_a_folder_are_refused(stock_copy: Path, tiny_study: Path) -> None:
    with FileLock(stock_copy / "results" / "tiny" / ".search.lock"):
        error = search(stock_copy, tiny_study, "--trials", "4", check=1).error
    assert isinstance(error, SearchRunning) and error.folder == Path("results/tiny")


@pytest.mark.usefixtures("undrawn")
def test_a_file_that_is_no_search_is_said_and_left_as_it_is(
    stock_copy: Path, tiny_study: Path
) -> None:
    search(stock_copy, tiny_study, "--trials", "2")
    path = stock_copy / "results" / "tiny" / "search.db"
    whole = path.read_bytes()
    with sqlite3.connect(path.with_name("songs")) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    foreign = path.with_name("songs").read_bytes()
    for damaged in (b"no database " * 500, foreign, whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        done = search(stock_copy, tiny_study, "--trials", "3", check=1)
        assert isinstance(done.error, SearchFileUnusable)
        assert done.error.path == Path("results/tiny/search.db")
        assert not done.error.transient
        assert path.read_bytes() == damaged
    # Rows are rows: what reads them goes on without it.
    assert "search.db is damaged" in reported(stock_copy, tiny_study)
    path.unlink()
    assert " 0 trained" in search(stock_copy, tiny_study, "--trials", "3").stderr


def test_choosing_for_each_speaker_by_the_others() -> None:
    classes, n = ("x",), np.full((3, 1), 10.0)
    one = Counts(("a", "b", "c"), classes, n, np.array([[9.0], [1.0], [5.0]]))
    two = Counts(("a", "b", "c"), classes, n, np.array([[2.0], [8.0], [4.0]]))
    # Without a the second is better (12 to 6), without b the first (14 to 6), without c neither:
    # the first then.
    held = chosen_without({"one": one, "two": two})
    assert held.correct.tolist() == [[2.0], [1.0], [5.0]]


# --- The dashboard.


def test_the_dashboard_shows_and_changes_nothing(stock_copy: Path, tiny_study: Path) -> None:
    pytest.importorskip("optuna_dashboard")
    search(stock_copy, tiny_study, "--trials", "4")
    path = stock_copy / "results" / "tiny" / "search.db"
    before = path.read_bytes()
    port = free_port()
    arguments = ["dashboard", "--study", tiny_study, "--port", str(port)]
    process = subprocess.Popen(
        command(arguments), cwd=stock_copy, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert f"http://127.0.0.1:{port}" in process.stderr.readline()
        address = f"http://127.0.0.1:{port}/api/studies"
        with urllib.request.urlopen(address) as answer:
            (shown,) = json.load(answer)["study_summaries"]
        assert "wa tpe" in shown["study_name"]
        delete = urllib.request.Request(f"{address}/{shown['study_id']}", method="DELETE")
        with pytest.raises(urllib.error.HTTPError, match="500"):
            urllib.request.urlopen(delete)
        taken = invoke(
            "dashboard", "--study", tiny_study, "--port", str(port), cwd=stock_copy, check=1
        )
        assert isinstance(taken.error, PortUnavailable)
        assert taken.error.port == port
        search(stock_copy, tiny_study, "--trials", "4")  # goes on while it is open
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert path.read_bytes() == before


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_dashboard_of_no_search_says_so(tmp_path: Path, tiny_study: Path) -> None:
    pytest.importorskip("optuna_dashboard")
    done = invoke("dashboard", "--study", tiny_study, cwd=tmp_path, check=1)
    assert isinstance(done.error, NoSearch)
    assert (done.error.study, done.error.results) == ("tiny", tmp_path / "results")
