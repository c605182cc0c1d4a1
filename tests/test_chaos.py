"""Killed at random moments, driver or worker, on this machine and on a cluster; nothing is lost.

One round on this machine with every run of the tests; ``make chaos`` makes thirty of each kind, of
larger grids.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from clusters import Cluster, cluster
from running import ablate, assert_same, command, train

from ablation.results import ResultStore
from ablation.results.schema import TABLES

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
SEED = int(os.environ.get("CHAOS_SEED", str(random.randrange(10**6))))
EXTENTS = range(2, 4 if ROUNDS == 1 else 10)
WHOLE = ["grid", "--axis", "both", "--values", ",".join(map(str, EXTENTS)), "--seeds", "0,1"]
CELLS = (2 * len(EXTENTS) - 1) * 4 * 2
Start = Callable[[Path], subprocess.Popen]


@dataclass
class Watched:
    """A results folder, looked at again and again: whole at any moment, and nothing goes away.

    Attributes
    ----------
    seen
        When each finished cell was started; a cell that was trained twice has another time.
    """

    folder: Path
    seen: dict[tuple, object] = field(default_factory=dict)

    def look(self) -> int:
        """Check every file; the number of finished cells."""
        for name in TABLES:
            content = ResultStore(self.folder).read(name)
            assert content.damaged == []
            if name == "probes":
                key = TABLES[name].key
                now = {
                    tuple(row[column] for column in key): row["started_at"]
                    for row in content.rows.to_pylist()
                }
                assert self.seen.items() <= now.items(), "a finished cell is gone, or came twice"
                self.seen = now
        return len(self.seen)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_study: Path) -> Path:
    """The undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    train(*WHOLE, "--study", tiny_study, cwd=folder)
    return folder / "results" / "tiny"


def worker_processes(driver: subprocess.Popen) -> list[psutil.Process]:
    """The processes of this machine that train for a driver (not loky's bookkeeper)."""
    try:
        below = psutil.Process(driver.pid).children(recursive=True)
        return [p for p in below if "LokyProcess" in " ".join(p.cmdline())]
    except psutil.NoSuchProcess:
        return []


def kill_local(driver: subprocess.Popen, rng: random.Random) -> None:
    """The driver, or one of its workers."""
    workers = worker_processes(driver)
    if workers and rng.random() < 0.5:
        _kill(rng.choice(workers))
    else:
        driver.kill()


def kill_on(running: Cluster) -> Callable[[subprocess.Popen, random.Random], None]:
    def kill(driver: subprocess.Popen, rng: random.Random) -> None:
        """The driver, a worker with all that is its own, or the process of one cell."""
        what = rng.choice(["driver", "worker", "cell"])
        alive = [k for k, worker in enumerate(running.workers) if worker.poll() is None]
        number = rng.choice(alive)
        cells = worker_processes(running.workers[number])
        if what == "driver":
            driver.kill()
        elif what == "cell" and cells:
            _kill(rng.choice(cells))
        else:
            running.kill_worker(number)
            running.add_worker()

    return kill


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)


@contextmanager
def on_this_machine(_folder: Path) -> Iterator[tuple[list[str], Callable]]:
    yield ["--workers", "2"], kill_local


@contextmanager
def on_a_cluster(folder: Path) -> Iterator[tuple[list[str], Callable]]:
    with cluster(folder) as running:
        yield ["--cluster", running.address], kill_on(running)


PLACES: dict[str, Callable[[Path], AbstractContextManager]] = {
    "local": on_this_machine,
    "cluster": on_a_cluster,
}


@pytest.mark.parametrize("place", ["local", pytest.param("cluster", marks=pytest.mark.long)])
def test_whatever_is_killed_and_whenever_the_rows_are_those_of_an_undisturbed_run(
    place: str, whole: Path, tiny_study: Path, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    print(f"CHAOS_SEED={SEED}")
    results = tmp_path / "results" / "tiny"
    watched = Watched(results)
    rounds = 0
    with PLACES[place](tmp_path / "place") as (options, kill):
        arguments = [*WHOLE, "--study", str(tiny_study), *options]
        while rounds < ROUNDS:
            if watched.look() == CELLS:  # all done, kills left: from the beginning
                assert_same(whole, results)
                shutil.rmtree(results)
                watched = Watched(results)
            rounds += _round(arguments, kill, watched, tmp_path, rng)
        before = watched.look()
        last = ablate(*arguments, cwd=tmp_path)
    assert f"{CELLS} cells: {CELLS - before} trained, {before} were stored before" in last.stderr
    watched.look()
    assert_same(whole, results)


def _round(
    arguments: list[str], kill: Callable, watched: Watched, cwd: Path, rng: random.Random
) -> int:
    """Start, let some cells end, kill, see that all is whole; 1 if cells were unfinished then."""
    driver = subprocess.Popen(
        command(arguments), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    enough = min(watched.look() + rng.randint(0, 12), CELLS - 1)
    while driver.poll() is None and watched.look() < enough:
        time.sleep(0.02)
    time.sleep(rng.uniform(0, 0.4))
    unfinished = driver.poll() is None and watched.look() < CELLS
    kill(driver, rng)
    deadline = time.monotonic() + rng.uniform(0, 3)
    while driver.poll() is None and time.monotonic() < deadline:
        watched.look()  # a worker was killed: the driver goes on
    driver.kill()
    _, err = driver.communicate()
    assert "Traceback" not in err, err
    watched.look()
    return int(unfinished)
