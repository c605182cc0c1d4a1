"""A dask cluster of this machine's own: a scheduler and workers as processes, to be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TESTS = Path(__file__).parent
CODE = os.pathsep.join([str(TESTS), str(TESTS.parent)])  # workers run what the driver does
_PATIENCE = 60


class Cluster:
    """A scheduler on loopback and its workers, each with its nanny.

    Parameters
    ----------
    folder
        For logs and what workers leave behind.
    host
        Address that the scheduler listens on.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen] = []
        self.workers: list[subprocess.Popen] = []
        known = folder / "scheduler.json"
        self._start(
            "scheduler", "--host", host, "--port", "0",
            "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(known),
        )  # fmt: skip
        self.address = _address(known)

    def add_worker(
        self,
        *options: str,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> subprocess.Popen:
        """One more worker of one thread; ``before`` is put in front of its command."""
        number = len(self.workers)
        worker = self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard",
            "--local-directory", str(self.folder / f"worker{number}"), *options,
            environment=environment, before=before,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def kill_worker(self, number: int) -> None:
        """SIGKILL to a worker with its nanny and the process of its cell."""
        kill_tree(self.workers[number])

    def stop(self) -> None:
        for process in self.processes:
            kill_tree(process)

    def _start(
        self,
        what: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> subprocess.Popen:
        log = (self.folder / f"{what}{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [*before, sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments],
            stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "PYTHONPATH": CODE, **(environment or {})},
        )  # fmt: skip
        self.processes.append(process)
        return process


def _address(known: Path) -> str:
    """The scheduler's address from its file, which is there before its text is."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return json.loads(known.read_text())["address"]
        except (FileNotFoundError, json.JSONDecodeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def kill_tree(process: subprocess.Popen) -> None:
    """SIGKILL to a process that leads a session of its own, and to all in it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def cluster(folder: Path, workers: int = 2, **more: str) -> Iterator[Cluster]:
    """A cluster of ``workers`` workers, stopped at the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    running = Cluster(folder, **more)
    try:
        for _ in range(workers):
            running.add_worker()
        yield running
    finally:
        running.stop()
