"""The command as a user runs it, what two results folders have in common, and small disks."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from ablation import read_results
from ablation.cli import app
from ablation.errors import AblationError
from ablation.executors import EXECUTORS, InProcessExecutor

VOLATILE = ["started_at", "train_seconds", "device"]


def ablate(
    *arguments: str | Path, cwd: Path, check: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder; fail with its stderr when it ends otherwise than expected."""
    done = subprocess.run(command(arguments), cwd=cwd, capture_output=True, text=True, check=False)
    if check is not None:
        assert done.returncode == check, done.stderr
    return done


def command(arguments: Sequence[str | Path]) -> list[str]:
    code = "from ablation.cli import main; main()"
    return [sys.executable, "-c", code, *map(str, arguments)]


@dataclass(frozen=True)
class Invoked:
    """How a command ended that ran in this process."""

    returncode: int
    stdout: str
    stderr: str
    error: AblationError | None = None  # that ended it


def invoke(*arguments: str | Path, cwd: Path, check: int = 0) -> Invoked:
    """As :func:`ablate`, in this process: for commands that train nothing, which are most often
    waiting for their imports."""
    with contextlib.chdir(cwd):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == check, result.stderr
    return Invoked(result.exit_code, result.stdout, result.stderr, expected_error(result.exception))


def expected_error(error: BaseException | None) -> AblationError | None:
    """The expected error because of which a command left with an exit code."""
    while error is not None and not isinstance(error, AblationError):
        error = error.__cause__ or error.__context__
    return error


def train(*arguments: str | Path, cwd: Path, check: int = 0) -> Invoked:
    """As :func:`invoke`, cells trained by the executor of this process: for tests that are about
    rows and not about the processes that make them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXECUTORS, "local", InProcessExecutor)
        return invoke(*arguments, cwd=cwd, check=check)


def lasting(folder: Path) -> dict[str, pd.DataFrame]:
    """All rows of a study, without what may differ between two runs."""
    results = read_results(folder)
    tables = {
        name: getattr(results, name) for name in ("probes", "predictions", "epochs", "networks")
    }
    return {
        name: frame.drop(columns=[c for c in VOLATILE if c in frame])
        for name, frame in tables.items()
    }


def assert_same(a: Path, b: Path) -> None:
    first, second = lasting(a), lasting(b)
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, second[name], check_exact=True)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A small disk of its own at ``folder``; skips the test where none may be mounted."""
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root and mount(8)")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leaving: int) -> Path:
    """Fill a disk but for ``leaving`` bytes; removing the file returned frees it again."""
    state = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(state.f_bavail * state.f_frsize - leaving))
    return filler
