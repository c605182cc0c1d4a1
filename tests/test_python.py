"""The package as a library: plans, runs, callbacks, and what results answer."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from running import assert_same, lasting, train
from storing import Drawn, store_study

import ablation
from ablation.errors import AblationError
from ablation.errors.common import UnknownName
from ablation.errors.corpora import MissingColumn
from ablation.errors.reading import NoProbesWith, ReferenceNotComplete, SeveralStored
from ablation.errors.studies import InvalidField, UnknownAxis
from ablation.executors import EXECUTORS, InProcessExecutor

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cells are trained in this process, below a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EXECUTORS, "local", InProcessExecutor)


class Seen(ablation.Callback):
    """Keeps what it is told; raises at the cell of that number."""

    def __init__(self, raises_at: int | None = None) -> None:
        self.calls: list[str] = []
        self.cells: list[tuple[Any, ...]] = []
        self.epochs: list[tuple[str, int]] = []
        self.raises_at = raises_at

    def on_run_start(self, plan: Any) -> None:
        self.calls.append(f"start {len(plan.missing)} of {len(plan.cells)}")

    def on_epoch_end(self, epoch: Any) -> None:
        self.epochs.append((epoch["fold"], epoch["epoch"]))

    def on_cell_end(self, cell: Any) -> None:
        self.cells.append(tuple(cell[k] for k in ("digest", "height", "fold", "seed")))
        if len(self.cells) == self.raises_at:
            raise LookupError("mine")

    def on_run_end(self, tally: Any) -> None:
        self.calls.append(f"end {tally.trained}")


class Partial:
    """A callback without a base class, which has one of the methods."""

    def __init__(self) -> None:
        self.number = 0

    def on_cell_end(self, cell: Any) -> None:
        self.number += cell["status"] == "ok"


def test_a_run_from_python_makes_the_rows_of_the_command(tiny_study: Path, tmp_path: Path) -> None:
    plan = ablation.plan(tiny_study, axes={"height": [2, 3], "probe.filters": [4, 2]})
    results = ablation.run(plan, results="mine", quiet=True)
    axes = ("--axis", "height", "--values", "2,3", "--axis", "probe.filters", "--values", "4,2")
    train("grid", *axes, "--study", tiny_study, cwd=tmp_path)
    assert_same(tmp_path / "mine" / "tiny", tmp_path / "results" / "tiny")
    assert len(results.frame()) == len(results.probes) == 16
    plain = ablation.run(ablation.plan(tiny_study, {"width": [2, 5]}), quiet=True)
    train("grid", "--axis", "width", "--values", "2,5", "--study", tiny_study, cwd=tmp_path)
    assert {(r.height, r.width) for r in plain.probes.itertuples()} >= {(2, 2), (2, 5)}


def test_callbacks_are_told_every_cell_once_also_when_one_raises_and_the_run_goes_on(
    tiny_study: Path,
) -> None:
    plan = ablation.plan(tiny_study, axes={"height": [2, 3]}, seeds=(0, 1))
    first, other = Seen(raises_at=5), Partial()
    with pytest.raises(LookupError, match="mine") as caught:
        ablation.run(plan, callbacks=[other, first], quiet=True)
    assert caught.traceback[-1].frame.code.name == "on_cell_end"
    stored = len(lasting(Path("results/tiny"))["probes"])
    assert 5 <= stored == len(first.cells)
    second = Seen()
    ablation.run(plan, callbacks=[other, second], quiet=True)
    every = first.cells + second.cells
    assert len(every) == len({*every}) == 16 and other.number == 16
    assert first.calls == ["start 16 of 16"]
    assert second.calls == [f"start {16 - stored} of 16", f"end {16 - stored}"]
    epochs = lasting(Path("results/tiny"))["epochs"]
    assert len(first.epochs) + len(second.epochs) == len(epochs)
    third = Seen()
    ablation.run(plan, callbacks=[third], quiet=True)
    assert third.cells == [] and third.calls == ["start 0 of 16", "end 0"]


def test_tensorboard_shows_the_rows_that_are_stored(tiny_study: Path, tmp_path: Path) -> None:
    from ablation.api.tensorboard import TensorBoard

    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    plan = ablation.plan(tiny_study, axes={"height": [2]})
    results = ablation.run(plan, callbacks=[TensorBoard(tmp_path / "board")], quiet=True)
    for cell in results.probes.to_dict("records"):
        folder = tmp_path / "board" / cell["digest"] / "2x2" / "16ms" / cell["fold"] / "seed0"
        events = event_accumulator.EventAccumulator(str(folder))
        events.Reload()
        epochs = results.epochs[results.epochs["fold"] == cell["fold"]]
        assert [e.step for e in events.Scalars("train_loss")] == epochs["epoch"].tolist()
        losses = [e.value for e in events.Scalars("train_loss")]
        assert losses == pytest.approx(epochs["train_loss"].tolist(), rel=1e-6)
        (wa,) = events.Scalars("wa")
        assert (wa.step, wa.value) == (cell["steps"], pytest.approx(cell["wa"], rel=1e-6))


def test_a_table_in_memory_is_a_corpus(tiny_manifest: Path, tiny_study: Path) -> None:
    frame = pd.read_csv(tiny_manifest).assign(mood="ignored")
    corpus = ablation.corpus_from_frame(frame, root=tiny_manifest.parent)
    study = ablation.load_study(tiny_study)
    mine = study.replace("corpus", corpus).replace("name", "table")
    plan = ablation.plan(mine, {"height": [2]})
    table = ablation.run(plan, quiet=True)
    named = ablation.run(ablation.plan(study, {"height": [2]}), quiet=True)
    columns = ["digest", "fold", "train_loss", "n_correct"]
    pd.testing.assert_frame_equal(table.probes[columns], named.probes[columns])
    again = ablation.corpus_from_frame(frame, root=tiny_manifest.parent)
    assert again == corpus
    with pytest.raises(MissingColumn) as caught:
        ablation.corpus_from_frame(frame.drop(columns="speaker"))
    assert caught.value.column == "speaker"
    assert isinstance(caught.value, AblationError)


def test_results_answer_for_an_axis_at_values_of_the_others(tiny_study: Path) -> None:
    axes = {"height": [2, 3], "features.scale": ["log", "power"]}
    results = ablation.run(ablation.plan(tiny_study, axes, seeds=(0, 1)), quiet=True)
    frame = results.frame()
    assert {"features.scale", "height", "fold", "wa"} <= {*frame.columns}
    assert "probe.filters" not in frame.columns  # the same everywhere
    log = frame[frame["features.scale"] == "log"]
    curve = results.curve("height", where={"features.scale": "log"})
    expected = log.groupby("height")[["n_correct", "n_test"]].sum()
    share = expected["n_correct"] / expected["n_test"]
    assert curve["wa"].tolist() == pytest.approx(share.tolist(), abs=1e-12)
    assert (curve["wa_low"] <= curve["wa"]).all() and curve["complete"].all()
    speakers = results.frame("speaker")
    assert speakers["n_test"].sum() == len(results.frame("utterance"))
    assert speakers["n_correct"].sum() == results.frame("utterance")["correct"].sum()
    table = results.compare("features.scale", reference="log", where={"height": 3})
    assert table["first"].tolist() == ["power"] and table["second"].tolist() == ["log"]
    pair = results.compare("height", where={"features.scale": "power"})
    low, high = pair.loc[0, ["low", "high"]]
    assert low <= pair.loc[0, "difference"] <= high
    # The study's own scale, magnitude, was not tried: it must be said which.
    with pytest.raises(SeveralStored) as caught:
        results.curve("height")
    assert caught.value.column == "features.scale"
    with pytest.raises(NoProbesWith):
        results.curve("height", where={"features.scale": "magnitude"})
    with pytest.raises(UnknownAxis):
        results.curve("heigth")
    with pytest.raises(ReferenceNotComplete):
        results.compare("height", reference=7, where={"features.scale": "log"})


def small(spec: ablation.ModelSpec) -> torch.nn.Module:
    """A model whose filters are an option, which only its own study has."""
    conv = torch.nn.Conv2d(1, spec.options["filters"], spec.shapes[0])
    head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    return torch.nn.Sequential(conv, *head, torch.nn.Linear(conv.out_channels, spec.classes))


def test_a_field_that_only_some_cells_have_is_asked_for_without_the_others(
    tiny_study: Path,
) -> None:
    ablation.run(ablation.plan(tiny_study, {"height": [2, 3]}), quiet=True)
    axes = {"height": [2, 3], "probe.options.filters": [2, 4]}
    results = ablation.run(ablation.plan(tiny_study, axes, model=small), quiet=True)
    at = {"height": 3}
    assert results.curve("probe.options.filters", at)["probe.options.filters"].tolist() == [2, 4]
    curve = results.curve("height", {"probe.options.filters": 4})
    assert curve["height"].tolist() == [2, 3] and curve["complete"].all()


def test_results_draw_into_a_diagram_of_the_users_own(tiny_study: Path) -> None:
    results = ablation.run(ablation.plan(tiny_study, {"height": [2, 3]}), quiet=True)
    ax = Figure().subplots()
    assert results.plot("figure2", ax=ax) is ax
    curve = results.curve("height")
    (line,) = [line for line in ax.lines if line.get_label() == "WA"]
    assert line.get_xdata().tolist() == [2, 3]
    assert line.get_ydata().tolist() == pytest.approx((100 * curve["wa"]).tolist())
    assert isinstance(results.plot("figure2"), Figure)
    with pytest.raises(UnknownName):
        results.plot("figure3")


def test_what_a_notebook_shows_is_html(tiny_study: Path) -> None:
    study = ablation.load_study(tiny_study).replace("name", "tiny-2")
    plan = ablation.plan(study, {"height": [2, 3]})
    assert "<td>2, 3</td>" in plan._repr_html_() and "8 of them not" in plan._repr_html_()
    assert "tiny-2" in study._repr_html_()
    results = ablation.run(plan, quiet=True)
    assert "<td>probes</td><td>8</td>" in results._repr_html_()


def test_replacing_a_field_checks_it(tiny_study: Path) -> None:
    study = ablation.load_study(tiny_study)
    assert study.replace("training.epochs", 3).training.steps is None
    assert study.training.steps == 6
    with pytest.raises(InvalidField):
        study.replace("training.steps", 0)
    with pytest.raises(InvalidField):
        ablation.plan(study, {"probe.filters": [0]})


def test_the_other_commands_from_python(
    tiny_study: Path, tiny_manifest: Path, undrawn: None
) -> None:
    study = ablation.load_study(tiny_study)
    ablation.run(ablation.plan(study, {"height": [2, 3]}), quiet=True)
    promoted = ablation.promote(study, best=True, baselines=("majority",), quiet=True)
    assert promoted.network is not None
    page = ablation.report(study)
    assert page == Path("results/tiny/report.html") and page.exists()
    recording = tiny_manifest.parent / "a_dark_0.wav"
    said = ablation.predict(recording, promoted.network)
    assert said["label"].isin(["dark", "bright"]).all() and len(said) == 1
    assert said[["score_bright", "score_dark"]].notna().all(axis=None)
    small = study.replace("search", {"heights": [2, 4], "widths": [2, 4]})
    trials = ablation.search(small, trials=2, quiet=True)
    assert trials["state"].tolist() == ["complete"] * 2 and trials["wa"].between(0, 1).all()


def notebook(study: Path) -> str:
    """The code of docs/notebook.ipynb, on a study that trains in a blink."""
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert sum(len(one.splitlines()) for one in code) <= 12
    code[-1] = f"print({code[-1].partition('#')[0]}.to_csv(index=False))"
    return "\n".join(code).replace('load_study("demo")', f"load_study({str(study)!r})")


def test_the_notebook_of_the_documentation_killed_in_the_middle_makes_the_same_rows(
    tiny_study: Path,
    tiny_manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = notebook(tiny_study)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for home in (killed, whole):
        shutil.copytree(tiny_manifest.parent, home / "speech")
        (home / "speech" / "manifest.csv").rename(home / "speech" / "recordings.csv")
    process = subprocess.Popen(
        [sys.executable, "-"], stdin=subprocess.PIPE, cwd=killed, start_new_session=True
    )
    assert process.stdin is not None
    process.stdin.write(code.encode())
    process.stdin.close()
    parts = killed / "results" / "tiny" / "probes.parts"
    while len([*parts.glob("[!.]*.parquet")]) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < len(lasting(killed / "results" / "tiny")["probes"]) < 48
    said = []
    for home in (killed, whole):
        monkeypatch.chdir(home)
        exec(code, {"__name__": "__main__"})  # as a notebook's cells
        said.append(capsys.readouterr().out)
    assert len(lasting(whole / "results" / "tiny")["probes"]) == 48
    assert_same(whole / "results" / "tiny", killed / "results" / "tiny")
    assert said[0] == said[1] and said[0].startswith("first,second,difference")


def test_ten_thousand_cells_are_a_table_in_a_moment(tmp_path: Path) -> None:
    drawn = Drawn(
        lambda *_: 0.6, heights=tuple(range(2, 52)), axis="height", speakers=20, utterances=4,
        seeds=tuple(range(10)),
    )  # fmt: skip
    run = store_study(tmp_path, drawn)
    results = ablation.read_results(tmp_path / "results" / run.study.name)
    assert len(results.probes) == 10_000
    began = time.process_time()
    frame = results.frame()
    assert len(frame) == 10_000 and np.isfinite(frame["wa"]).all()
    # A join that grows with the square would take minutes.
    assert time.process_time() - began < 10


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import ablation, sys; print([m for m in ('torch', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"
