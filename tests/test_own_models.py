"""A model of the user's own in place of the probe: its rows, what they depend on, and its name."""

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from running import Invoked, ablate, assert_same, train

from ablation import read_results
from ablation.errors.networks import (
    FactoryFailed,
    ModelChanged,
    NotOfOwnModel,
    UnusableNetwork,
)
from ablation.errors.running import FilterTooLarge
from ablation.study import Study, override_study

NET = """\
import os
import signal
from pathlib import Path

import numpy as np
from torch import nn


class Net(nn.Module):
    def __init__(self, spec):
        super().__init__()
        filters = spec.options.get("filters", 3)
        self.conv = nn.Conv2d(1, filters, spec.shapes[0], stride=2)
        self.linear = nn.Linear(filters, spec.classes)
        self.gain = np.random.uniform(1, 2)

    def forward(self, segments):
        if self.training and Path("die").exists():  # once
            Path("die").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        noise = np.random.uniform(0.5, 1.5) if self.training else 1.0
        maps = self.conv(segments * self.gain * noise).relu()
        return self.linear(maps.mean(dim=(2, 3)))
"""
GRID = ("grid", "--axis", "height", "--values", "2,3,5", "--network")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the module ``net``."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "net.py").write_text(NET)
    return tmp_path


def anew(home: Path, *words: str | Path, check: int = 0) -> Invoked:
    """A command that finds the module as it now is."""
    for name in ("net", "twin"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return train(*words, cwd=home, check=check)


def digests(home: Path) -> set[str]:
    return set(read_results(home / "results" / "tiny").probes["digest"])


def test_rows_are_the_same_whatever_trains_them(home: Path, tiny_study: Path) -> None:
    """Two processes of which one is killed, against shards of one; also of a net that draws."""
    grid = (*GRID, "net:Net", "--study", tiny_study)
    (home / "die").touch()
    said = ablate(*grid, "--workers", "2", "--results", "many", cwd=home)
    assert "model in place of the probe: net:Net" in said.stderr
    assert not (home / "die").exists()
    for shard in ("1/2", "0/2"):
        anew(home, *grid, "--shard", shard)
    again = anew(home, *grid)
    assert "0 trained, 12 were stored" in again.stdout + again.stderr
    assert_same(home / "many" / "tiny", home / "results" / "tiny")
    rows = read_results(home / "results" / "tiny").probes
    assert set(rows["engine"]) == {"net:Net"} and (rows["status"] == "ok").all()
    assert rows.groupby("fold")["train_loss"].nunique().tolist() == [3] * 4  # each shape its own


def test_a_card_trains_ones_own_model_cell_by_cell(home: Path, tiny_study: Path) -> None:
    """In the interpreter of a card's kernels, which the probe alone needs."""
    grid = (*GRID, "net:Net", "--study", tiny_study, "--devices", "interpreter")
    anew(home, *grid)
    rows = read_results(home / "results" / "tiny").probes
    assert len(rows) == 12 and set(rows["engine"]) == {"net:Net"}
    assert rows["started_at"].nunique() == 12


def test_a_model_that_is_the_probe_has_the_probes_scores(home: Path, tiny_study: Path) -> None:
    (home / "twin.py").write_text(
        "from ablation.models.probe import ReferenceProbe\n"
        "def build(spec):\n"
        "    return ReferenceProbe(*spec.shapes[0], spec.options['filters'], spec.classes)\n"
    )
    grid = (*GRID[:-1], "--study", tiny_study)
    anew(home, *grid, "--network", "twin:build", "--set", "probe.options.filters=4")
    anew(home, *grid, "--set", "probe.engine=reference", "--results", "theirs")
    ours, theirs = (
        read_results(home / name / "tiny").predictions for name in ("results", "theirs")
    )
    key = ["name", "fold", "utterance"]
    scores = [rows.set_index(key).sort_index().filter(like="score_") for rows in (ours, theirs)]
    assert len(scores[0]) == 72 and scores[0].equals(scores[1])


def test_other_code_and_other_options_are_other_rows(home: Path, tiny_study: Path) -> None:
    grid = (*GRID, "net:Net", "--study", tiny_study)
    anew(home, *grid)
    first = digests(home)
    anew(home, *grid, "--set", "probe.options.filters=2")
    assert len(digests(home)) == 2
    (home / "net.py").write_text(NET.replace("relu", "tanh"))
    assert "12 trained" in anew(home, *grid).stderr
    assert len(digests(home)) == 3
    # Shapes are chosen from rows that are stored, whatever has become of the code; new probes
    # must not be mixed with them.
    promote = ("promote", "--study", tiny_study, "--digest", *first, "--dry-run")
    anew(home, *promote, "--best")
    refused = anew(home, *promote, "--nested-full", check=1).error
    assert isinstance(refused, ModelChanged) and refused.factory == "net:Net"


def test_report_and_figures_name_the_model(home: Path, tiny_study: Path, undrawn: None) -> None:
    anew(home, *GRID, "net:Net", "--study", tiny_study, "--set", "probe.options.filters=2")
    (home / "net.py").unlink()  # only training needs it
    anew(home, "report", "--study", tiny_study)
    page = (home / "results" / "tiny" / "report.md").read_text()
    assert page.startswith("# tiny, model net:Net: which receptive field?")
    assert 'every "probe" below is a model of your own, net:Net' in page
    assert "- **model in place of the probe**: net:Net, filters = 2 (source " in page
    assert "multiply-adds" not in page  # those of a probe
    assert "12 of 12 cells done" in anew(home, "status", "--study", tiny_study).stdout


def test_fields_of_the_probe_have_no_effect_and_that_is_said(home: Path, tiny_study: Path) -> None:
    grid = (*GRID, "net:Net", "--study", tiny_study)
    said = anew(home, *grid, "--set", "probe.dilation=[2,1]")
    assert "note: probe.filters, probe.dilation have no effect on net:Net" in said.stderr
    rows = read_results(home / "results" / "tiny").probes
    assert set(rows["height_hz"]) == {125.0, 187.5, 312.5}  # undilated
    grid = ("grid", "--axis", "height", "--study", tiny_study, "--values", "2")
    said = anew(home, *grid, "--set", "probe.options.a=1")
    assert "note: probe.options has no effect without probe.factory" in said.stderr
    own = ("grid", "--axis", "height", "--values", "17", "--network", "net:Net")
    refused = anew(home, *own, "--study", tiny_study, check=1).error
    assert isinstance(refused, FilterTooLarge)


def test_what_has_no_effect_is_not_in_the_digest() -> None:
    plain = Study()
    options = override_study(plain, [("probe.options.a", 1)])
    own = override_study(plain, [("probe.factory", "net:Net")])
    filters = override_study(own, [("probe.filters", 3)])
    both = override_study(own, [("probe.options.a", 1)])
    assert plain.digest("corpus") == options.digest("corpus") == "e8c88bdf6e17"
    assert own.digest("corpus", "c") == filters.digest("corpus", "c")
    assert len({s.digest("corpus", c) for s, c in ((own, "c"), (own, "d"), (both, "c"))}) == 3


def test_a_search_tries_shapes_of_ones_own_model(home: Path, tiny_study: Path) -> None:
    search = ("search", "--study", tiny_study, "--set", "probe.factory=net:Net", "--trials", "2")
    small = ("--set", "search.heights=[2,4]", "--set", "search.widths=[2,3]")
    anew(home, *search, *small)
    assert set(read_results(home / "results" / "tiny").probes["engine"]) == {"net:Net"}
    for extra in ("search.filters=[2,4]", "search.objective=[wa,params]"):
        extra = extra.replace("[wa,params]", '["wa","params"]')
        refused = anew(home, *search, *small, "--set", extra, check=1).error
        assert isinstance(refused, NotOfOwnModel)


@pytest.mark.parametrize(
    ("net", "kind", "said"),
    [
        (NET.replace("spec.classes", "7"), UnusableNetwork, "with 2x2: two segments of shape"),
        (NET.replace("stride=2", "stride=2, padding=-1"), FactoryFailed, "net.py, line "),
        (NET.replace("self.gain = np", "self.gain = 1 / 0 + np"), FactoryFailed, "line 15)"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_anything_is_trained(
    home: Path, tiny_study: Path, net: str, kind: type[Exception], said: str
) -> None:
    (home / "net.py").write_text(net)
    error = anew(home, *GRID, "net:Net", "--study", tiny_study, check=1).error
    assert isinstance(error, kind) and said in str(error)
    assert not (home / "results").exists()


def test_a_network_of_the_older_form_is_promoted_and_heard(
    home: Path, tiny_study: Path, tiny_manifest: Path
) -> None:
    (home / "net.py").write_text(
        "from torch import nn\n"
        "def build(shapes, classes):\n"
        "    return nn.Sequential(nn.Conv2d(1, 2, shapes[1]), nn.AdaptiveAvgPool2d(1), "
        "nn.Flatten(), nn.Linear(2, classes))\n"
    )
    promote = ("promote", "--shapes", "2x2,3x4", "--network", "net:build", "--study", tiny_study)
    anew(home, *promote, "--baselines", "none")
    (place,) = (home / "results" / "tiny" / "networks").glob("*-all-*")
    recording = next(tiny_manifest.parent.glob("*.wav"))
    assert "bright" in anew(home, "predict", recording, "--network", place).stdout


IN_MAIN = """\
import sys
from pathlib import Path

from helper import pooled
from torch import nn

from ablation.models.given import give
from ablation.progress import Reporter
from ablation.runs.grid import plan_grid, run_grid
from ablation.study import Shape, load_study, override_study

FILTERS = {filters}


class Base(nn.Module):
    pass


class Net(Base):
    def __init__(self, spec):  # {comment}
        super().__init__()
        self.conv = nn.Conv2d(1, FILTERS, spec.shapes[0])
        self.linear = nn.Linear(FILTERS, spec.classes)

    def forward(self, segments):
        return self.linear(pooled(self.conv(segments).relu()))


if __name__ == "__main__":
    study = override_study(
        load_study(sys.argv[1]), [("probe.factory", give(Net)), ("execution.workers", 1)]
    )
    plan = plan_grid(study, [Shape(2, 2)], Path("results"))
    tally = run_grid(plan, Path("results"), Reporter())
    print(study.probe.factory, plan.prepared.code, tally.trained, *tally.failures)
"""


def _piped(home: Path, study: Path, filters: int = 2, comment: str = "") -> Sequence[str]:
    """Run the script as ``python - <<EOF`` does; the name, the digest and how many were trained."""
    script = IN_MAIN.format(filters=filters, comment=comment)
    done = subprocess.run(
        [sys.executable, "-", str(study)],
        input=script, cwd=home, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONHASHSEED": "random"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_class_of_a_notebook_is_trained_in_worker_processes(home: Path, tiny_study: Path) -> None:
    (home / "helper.py").write_text("def pooled(maps):\n    return maps.mean(dim=(2, 3))\n")
    name, code, trained, *failures = _piped(home, tiny_study)
    assert (name, trained, failures) == ("__main__:Net", "4", [])
    assert _piped(home, tiny_study, comment="not code") == [name, code, "0"]
    other = _piped(home, tiny_study, filters=3)  # that the class refers to
    assert other[1] != code and other[2] == "4"
    stored = [path.suffix for path in (home / "results").rglob("*") if path.is_file()]
    assert set(stored) <= {".toml", ".parquet", ".lock", ""}
    gone = anew(home, "grid", "--study", home / "results" / "tiny", "--shapes", "3x2", check=1)
    assert "defined in a notebook or script" in gone.stderr
