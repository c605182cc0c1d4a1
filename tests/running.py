"""The command as a user runs it, and what two results folders have in common."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ablation import read_results

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
