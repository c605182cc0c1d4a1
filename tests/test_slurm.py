"""The command on a real Slurm, which is started for these tests; `make chaos` does more with it."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import assert_same, command, invoke, train
from slurm import Slurm, slurm

from ablation.errors.execution import JobsRefused

GRID = ["grid", "--axis", "height", "--values", "2", "--study"]
TABLE = [
    "--set", "cluster.system=slurm", "--set", "cluster.memory=500MB",
    "--set", "cluster.walltime=00:10:00",
]  # fmt: skip


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    with slurm(tmp_path_factory.mktemp("batch") / "slurm") as running:
        yield running


@contextmanager
def begun(
    arguments: Sequence[str | Path], cwd: Path, batch: Slurm
) -> Iterator[subprocess.Popen[str]]:
    """A command that has begun; it is killed at the end of the block, should it still run."""
    with subprocess.Popen(
        command(arguments), cwd=cwd, env=batch.environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        try:
            yield run
        finally:
            run.kill()


def test_a_job_that_is_cancelled_is_replaced_and_rows_are_those_of_this_machine(
    batch: Slurm, tiny_study: Path, tmp_path: Path
) -> None:
    """Of two jobs, the first is cancelled as soon as it runs."""
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    train(*GRID, tiny_study, cwd=here)  # which compiles kernels for both
    logs = there / "results" / "tiny" / "logs"
    with begun([*GRID, tiny_study, *TABLE, "--set", "cluster.jobs=2"], there, batch) as run:
        batch.wait_until(lambda: batch.jobs("running"))
        first = batch.jobs("running")[0]
        assert [file.stat().st_mode & 0o777 for file in logs.glob(".*")] == [0o600]
        batch.call("scancel", first)
        _, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    assert "4 cells: 4 trained" in err
    assert batch.jobs() == []
    written = {path.name for path in logs.iterdir()}
    assert f"{first}.log" in written
    assert not [name for name in written if not name.endswith(".log")], "credentials are left"
    assert [path.name for path in there.iterdir()] == ["results"]
    assert_same(here / "results" / "tiny", there / "results" / "tiny")


def test_a_refused_job_is_an_error_with_the_words_of_sbatch(
    batch: Slurm, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", str(batch.configuration))
    table = [*TABLE, "--set", "cluster.queue=nowhere"]
    run = invoke(*GRID, tiny_study, *table, cwd=tmp_path, check=1)
    assert isinstance(run.error, JobsRefused)
    assert "Invalid partition name specified" in run.error.words
    assert "Traceback" not in run.stderr
    assert batch.jobs() == []


def test_an_interrupt_while_jobs_wait_leaves_none_and_says_how_to_resume(
    batch: Slurm, tiny_study: Path, tmp_path: Path
) -> None:
    """Nodes are drained; the line that waits has Slurm's reason."""
    batch.call("scontrol", "update", "NodeName=n[0-1]", "State=DRAIN", "Reason=test")
    with begun([*GRID, tiny_study, *TABLE], tmp_path, batch) as run:
        assert run.stderr is not None
        assert any("PENDING (" in line and "DRAINED" in line for line in run.stderr)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    batch.call("scontrol", "update", "NodeName=n[0-1]", "State=RESUME")
    assert run.returncode == 130
    assert "resume with: ablate grid" in err
    assert "Traceback" not in err
    assert batch.jobs() == []
