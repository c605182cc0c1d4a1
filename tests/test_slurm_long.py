"""The command on a real Slurm, in all that may happen to jobs there: by ``make chaos`` alone."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import CODE
from running import assert_same, command, train
from slurm import Slurm, slurm
from test_slurm import GRID, TABLE, begun

from ablation.results import ResultStore

ROUNDS = 20
THIRTY_SIX = ["grid", "--axis", "product", "--values", "2,3,4", "--study"]  # cells
SLEEPY = """
import importlib.util, sys, time
class Sleepy:
    def find_spec(self, name, path=None, target=None):
        if name != "ablation.training.group":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        def exec_module(module):
            execute(module)
            train = module.train_group
            module.train_group = lambda *given: (time.sleep(4), train(*given))[1]
        spec.loader.exec_module = exec_module
        return spec
sys.meta_path.insert(0, Sleepy())
"""  # as sitecustomize.py, it lets each cell take four seconds without taking a processor's
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A Slurm in whose jobs a cell takes some seconds."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "sitecustomize.py").write_text(SLEEPY)
    with slurm(folder / "slurm") as running:
        running.environment["PYTHONPATH"] = os.pathsep.join([str(folder), CODE])
        yield running


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory, tiny_study: Path) -> Path:
    """The undisturbed run on this machine."""
    folder = tmp_path_factory.mktemp("thirty")
    train(*THIRTY_SIX, tiny_study, cwd=folder)
    return folder / "results" / "tiny"


def rows(folder: Path) -> int:
    return ResultStore(folder / "results" / "tiny").read("probes").rows.num_rows


def logs(folder: Path) -> int:
    return len(list((folder / "results" / "tiny" / "logs").glob("*.log")))


def fields(**values: object) -> list[str]:
    """Options for fields of [cluster]."""
    return [word for name, value in values.items() for word in ("--set", f"cluster.{name}={value}")]


def finish(run: subprocess.Popen[str]) -> str:
    _, err = run.communicate(timeout=900)
    assert run.returncode == 0, err
    assert "Traceback" not in err
    return err


def test_a_study_is_longer_than_the_time_limit_of_its_jobs(
    batch: Slurm, thirty: Path, tiny_study: Path, tmp_path: Path
) -> None:
    table = [*TABLE, *fields(jobs=2, walltime="00:01:00")]
    with begun([*THIRTY_SIX, tiny_study, *table], tmp_path, batch) as run:
        err = finish(run)
    print(f"{err.count('TIMEOUT')} jobs reached their limit, {logs(tmp_path)} jobs in all")
    assert "ended: TIMEOUT" in err
    assert batch.jobs() == []
    assert_same(thirty, tmp_path / "results" / "tiny")


def test_every_job_is_cancelled_once(
    batch: Slurm, thirty: Path, tiny_study: Path, tmp_path: Path
) -> None:
    with begun([*THIRTY_SIX, tiny_study, *TABLE, *fields(jobs=2)], tmp_path, batch) as run:
        for number in (1, 2):
            batch.wait_until(lambda n=number: rows(tmp_path) >= 5 * n)
            for job in batch.jobs("running"):
                batch.call("scancel", job)
        err = finish(run)
    print(f"{err.count('CANCELLED')} jobs were cancelled, {logs(tmp_path)} jobs in all")
    assert err.count("ended: CANCELLED") >= 2
    assert batch.jobs() == []
    assert_same(thirty, tmp_path / "results" / "tiny")


def test_a_job_that_is_requeued_is_waited_for(
    batch: Slurm, thirty: Path, tiny_study: Path, tmp_path: Path
) -> None:
    with begun([*THIRTY_SIX, tiny_study, *TABLE], tmp_path, batch) as run:
        batch.wait_until(lambda: rows(tmp_path) >= 3)
        [job] = batch.jobs("running")
        batch.call("scontrol", "requeue", job)
        batch.wait_until(lambda: batch.jobs("pending") == [job])
        time.sleep(40)  # longer than a lost worker is waited for
        assert batch.jobs("pending") == [job]
        batch.call("scontrol", "update", f"JobId={job}", "StartTime=now")
        finish(run)
    assert logs(tmp_path) == 1
    assert_same(thirty, tmp_path / "results" / "tiny")


def test_nodes_are_drained_and_the_controller_is_gone_for_a_while(
    batch: Slurm, thirty: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """From the beginning; then the controller in the middle, while a job is to be replaced."""
    batch.call("scontrol", "update", "NodeName=n[0-1]", "State=DRAIN", "Reason=test")
    with begun([*THIRTY_SIX, tiny_study, *TABLE, *fields(jobs=2)], tmp_path, batch) as run:
        time.sleep(60)
        batch.call("scontrol", "update", "NodeName=n[0-1]", "State=RESUME")
        batch.wait_until(lambda: rows(tmp_path) >= 3)
        batch.call("scancel", batch.jobs("running")[0])
        batch.stop_controller()
        time.sleep(30)
        batch.start_controller()
        err = finish(run)
    assert "PENDING (" in err and "DRAINED" in err
    assert_same(thirty, tmp_path / "results" / "tiny")


def test_an_array_of_four_is_the_whole(
    batch: Slurm, thirty: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shown = " ".join([*THIRTY_SIX, str(tiny_study), "--shard", "$SLURM_ARRAY_TASK_ID/4"])
    script = tmp_path / "array.sh"
    script.write_text(
        "#!/bin/bash\n#SBATCH --array=0-3\n#SBATCH --cpus-per-task=1\n#SBATCH --mem=500MB\n"
        f'{sys.executable} -c "from ablation.cli import main; main()" {shown}\n'
    )
    subprocess.run(
        ["sbatch", "--wait", script], cwd=tmp_path, env=batch.environment, check=True, timeout=900
    )
    said = "".join(path.read_text() for path in tmp_path.glob("slurm-*.out"))
    assert said.count("9 cells: 9 trained") == 4
    assert_same(thirty, tmp_path / "results" / "tiny")


def test_a_promotion_and_its_baselines_share_their_jobs(
    batch: Slurm, done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    there = tmp_path
    here = tmp_path.with_name(f"{tmp_path.name}-local")  # as deep, for the paths in its settings
    for folder in (there, here):
        shutil.copytree(done, folder, dirs_exist_ok=True)
    promote = ["promote", "--best", "--study", str(tiny_study)]
    with begun([*promote, *TABLE, *fields(jobs=2)], there, batch) as run:
        err = finish(run)
    assert "training the baselines first" in err
    assert err.count("connecting to the cluster") == 1
    assert logs(there) <= 2
    train(*promote, cwd=here)
    assert_same(here / "results" / "tiny", there / "results" / "tiny")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"queue": "nowhere"}, "Invalid partition name specified"),
        ({"memory": "900GB"}, "Requested node configuration is not available"),
        ({"python": "/no/python"}, "/no/python: No such file or directory"),
        (None, "Unable to contact slurm controller"),
    ],
)
def test_what_is_wrong_is_one_error_with_the_reason(
    batch: Slurm, tiny_study: Path, tmp_path: Path, table: dict[str, str] | None, words: str
) -> None:
    if table is None:
        batch.stop_controller()
    try:
        with begun([*GRID, tiny_study, *TABLE, *fields(**table or {})], tmp_path, batch) as run:
            _, err = run.communicate(timeout=200)
    finally:
        if table is None:
            batch.start_controller()
            batch.wait_until(lambda: batch.jobs() == [])
    print(err)
    assert run.returncode == 1
    assert err.count("error: ") == 1
    assert words in err
    assert "Traceback" not in err
    assert batch.jobs() == []


def test_an_interrupt_at_any_moment_leaves_no_job(
    batch: Slurm, tiny_study: Path, tmp_path: Path
) -> None:
    """At moments spread over a whole run, of which one is timed first."""
    arguments = [*GRID, tiny_study, *TABLE, *fields(jobs=2), "--fresh"]
    whole = 0.0
    for _ in range(2):  # the first compiles kernels
        began = time.monotonic()
        with begun(arguments, tmp_path, batch) as run:
            finish(run)
        whole = time.monotonic() - began
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import ablation.cli"], check=True)
    first = 2 * (time.monotonic() - began)  # until then, Python has not begun with the command
    ends = []
    for number in range(ROUNDS):
        moment = first + (whole - first) * (number + random.random()) / ROUNDS
        with subprocess.Popen(
            command(arguments), cwd=tmp_path, env=batch.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        ) as run:  # fmt: skip
            began = time.monotonic()
            while run.poll() is None and time.monotonic() < began + moment:
                time.sleep(0.01)
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGINT)  # as a terminal does
            else:  # on a machine that is less busy by now
                whole = time.monotonic() - began
            began = time.monotonic()
            _, err = run.communicate(timeout=60)
        batch.wait_until(lambda: batch.jobs() == [], 15)
        took, last = time.monotonic() - began, err.strip().splitlines()[-1]
        print(f"{moment:.1f} s: exit {run.returncode} after {took:.1f} s: {last}", flush=True)
        assert "Traceback" not in err
        ends.append((run.returncode, "resume with: ablate grid" in err))
    print(f"{ends.count((130, True))} of {ROUNDS} were interrupted, the others were over before")
    assert set(ends) <= {(130, True), (0, False)}
    assert ends.count((130, True)) >= ROUNDS // 2
    assert list((tmp_path / "results" / "tiny" / "logs").glob(".*")) == []
