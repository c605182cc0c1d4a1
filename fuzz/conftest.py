"""Shares of the time for the targets, and the table of what was tried."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from trials import Trials

CACHE = os.environ["ABLATION_CACHE"] = tempfile.mkdtemp(prefix="ablation-fuzz-")
DONE: list[Trials] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fuzz")
    group.addoption("--seconds", type=float, default=60.0, help="time for all targets together")
    group.addoption("--fuzz-seed", type=int, help="the seed of an earlier run, to run it again")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--fuzz-seed") is None:
        config.option.fuzz_seed = random.SystemRandom().randrange(1 << 40) << 20


def pytest_unconfigure() -> None:
    shutil.rmtree(CACHE, ignore_errors=True)


def pytest_report_header(config: pytest.Config) -> str:
    return f"fuzz seed: {config.getoption('--fuzz-seed')}"


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Iterator[Trials]:
    """The trials of one target, with an even share of the time."""
    option = request.config.getoption
    share = option("--seconds") / len(request.session.items)
    trials = Trials(request.node.name.removeprefix("fuzz_"), share, option("--fuzz-seed"))
    DONE.append(trials)
    yield trials
    print(f"{trials.name}: {trials.tried} examples", flush=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the target's own; the last input lies in it when the process itself dies."""
    print(f"inputs in {tmp_path}", flush=True)
    return tmp_path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    line = "{:<24} {:>9} {:>9} {:>9} {:>8}".format
    terminalreporter.write_line("")
    terminalreporter.write_line(line("target", "examples", "taken", "refused", "seconds"))
    for trials in DONE:
        counts = (trials.tried, trials.taken, trials.refused)
        fault = "  unexpected exception" if trials.failed else ""
        terminalreporter.write_line(line(trials.name, *counts, f"{trials.spent:.0f}") + fault)
    total = sum(trials.tried for trials in DONE)
    terminalreporter.write_line(line("all", total, "", "", f"{sum(t.spent for t in DONE):.0f}"))
