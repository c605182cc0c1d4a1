"""Jobs of a batch system that are kept at a number, with a stand-in for the batch system."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from distributed import Client, Security

from ablation.errors.execution import CertificateUnusable, JobsDied, JobsRefused
from ablation.executors import batch_jobs
from ablation.executors.batch_jobs import BatchJobs
from ablation.executors.batch_system import BatchSystem, JobState
from ablation.executors.dask_connection import (
    Certificates,
    JobRequest,
    connect_to,
    start_jobs,
)

PENDING, TIMEOUT = JobState("PENDING", "Resources"), JobState("TIMEOUT")


@dataclass
class StandIn:
    """A batch system in memory: ``refuses`` says from how many jobs on it takes no more."""

    refuses: int = 10**6
    known: dict[str, JobState] = field(default_factory=dict)
    workers: dict[str, str] = field(default_factory=dict)  # by job
    cancelled: list[str] = field(default_factory=list)
    system = command = name = "stand-in"

    def submit(self, script: str, _waiting: object, _stopping: object) -> str:
        if sum(not state.over for state in self.known.values()) >= self.refuses:
            raise JobsRefused(self.command, "no more than that")
        number = str(len(self.known))
        self.known[number], self.workers[number] = PENDING, script
        return number

    def states(self, jobs: list[str]) -> dict[str, JobState]:
        return {number: self.known[number] for number in jobs}

    def cancel(self, jobs: list[str]) -> bool:
        self.cancelled += jobs
        return True


@dataclass
class Kept:
    """Jobs that are kept, what they said, and the names of the workers that are connected."""

    jobs: BatchJobs
    said: list[str]
    connected: set[str]


@contextmanager
def kept(system: Any, logs: Path, most: int = 7, processes: int = 1) -> Iterator[Kept]:
    said, connected = [], set()
    jobs = BatchJobs(
        cast(BatchSystem, system),
        lambda worker: worker,
        lambda: list(connected),
        most,
        processes,
        logs,
        said.append,
    )
    jobs.start()
    try:
        yield Kept(jobs, said, connected)
    finally:
        jobs.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_jobs, "_WAKE_S", 0.01)
    monkeypatch.setattr(batch_jobs, "_ASK_S", (0.01, 0.01))
    monkeypatch.setattr(batch_jobs, "_REFUSED_S", 0.05)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_there_are_no_more_jobs_than_tasks_can_use_and_all_are_cancelled(tmp_path: Path) -> None:
    system = StandIn()
    with kept(system, tmp_path, processes=2) as running:
        running.jobs.want(3)
        until(lambda: len(system.known) == 2)
        time.sleep(0.1)
        assert len(system.known) == 2
        assert "2 PENDING (Resources)" in running.jobs.describe()
    assert system.cancelled == ["0", "1"]


def test_a_job_that_ends_is_replaced_and_one_that_is_queued_again_is_waited_for(
    tmp_path: Path,
) -> None:
    system = StandIn()
    with kept(system, tmp_path, most=2) as running:
        running.jobs.want(9)
        until(lambda: len(system.known) == 2)
        running.connected |= {f"{system.workers['0']}-1", system.workers["1"]}
        time.sleep(0.1)
        running.connected.clear()  # the first is requeued, the second at its time limit
        system.known["1"] = TIMEOUT
        until(lambda: len(system.known) == 3)
        time.sleep(0.1)
        running.jobs.want(9)
    assert system.cancelled == ["0", "2"]
    assert running.said == ["job 1 of stand-in ended: TIMEOUT"]


def test_one_refused_job_of_several_is_a_warning(tmp_path: Path) -> None:
    with kept(StandIn(refuses=2), tmp_path) as running:
        until(lambda: running.jobs.want(7) or running.said)
        time.sleep(0.2)
        running.jobs.want(7)
    assert len(running.said) == 1
    assert "no more than that" in running.said[0] and "2 jobs" in running.said[0]


def test_a_first_job_that_is_refused_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    with kept(StandIn(refuses=0), tmp_path) as running, pytest.raises(JobsRefused) as caught:
        until(lambda: running.jobs.want(7))
    assert caught.value.words == "no more than that"


def test_three_jobs_that_die_without_a_worker_end_the_run_with_the_last_ones_log(
    tmp_path: Path,
) -> None:
    system = StandIn()
    for number in range(3):
        (tmp_path / f"{number}.log").write_text(f"no python for {number}\n")
    (tmp_path / ".2.pem").write_text("secret")
    with kept(system, tmp_path, most=1) as running, pytest.raises(JobsDied) as caught:
        while True:
            running.jobs.want(7)
            system.known |= dict.fromkeys(system.known, JobState("FAILED"))
    assert (caught.value.jobs, caught.value.job, caught.value.state) == (3, "2", "FAILED")
    assert caught.value.also == ("no python for 2",)


def test_a_node_on_which_jobs_die_does_not_end_a_run_that_others_work_for(tmp_path: Path) -> None:
    system = StandIn()
    with kept(system, tmp_path, most=2) as running:
        running.jobs.want(9)
        until(lambda: len(system.known) == 2)
        running.connected.add(system.workers["0"])
        time.sleep(0.1)
        while not running.said:
            running.jobs.want(9)
            system.known |= {job: JobState("FAILED") for job in system.known if job != "0"}
            time.sleep(0.01)
        assert "3 jobs" in running.said[0]
        running.connected.clear()
        with pytest.raises(JobsDied):
            while True:
                running.jobs.want(9)
                system.known |= dict.fromkeys(system.known, JobState("FAILED"))
                time.sleep(0.01)


def commands(folder: Path, **scripts: str) -> None:
    """Executables of the names and texts given."""
    folder.mkdir()
    for name, text in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)


def test_a_submission_that_hangs_is_given_up_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablation.executors.batch_system._GRACE", 0.1)
    commands(
        tmp_path / "bin",
        sbatch="echo 'sbatch: error: no room, sleeping and retrying' >&2; exec sleep 600",
        scancel=f'echo "$@" > {tmp_path}/cancelled',
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with kept(BatchSystem("slurm", "mine"), tmp_path) as running:
        running.jobs.want(1)
        until(lambda: "no room, sleeping and retrying" in running.jobs.describe())
    assert (tmp_path / "cancelled").read_text() == "--name mine\n"


def test_only_who_has_the_credentials_reaches_a_scheduler_that_is_started_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands(tmp_path / "bin", qsub="echo 17.server", qstat="", qdel="")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    logs = tmp_path / "some logs"
    options = {"processes": 1, "cores": 1, "memory": "1GB"}
    with ExitStack() as stack:
        started = start_jobs(JobRequest("pbs", 1, logs, "lo", options), stack, print)
        assert started.client.scheduler is not None
        address = str(started.client.scheduler.address)
        assert address.startswith("tls://")
        [credentials] = logs.iterdir()
        assert credentials.stat().st_mode & 0o777 == 0o600
        known = Certificates(credentials, credentials)
        assert connect_to(address, stack, print, known).client.status == "running"
        for given, security in (
            (address.replace("tls", "tcp"), None),
            (address, Security.temporary()),
        ):
            with pytest.raises(OSError):
                Client(given, timeout=2, set_as_default=False, security=security)
    assert list(logs.iterdir()) == []


def test_certificates_that_are_none_are_an_expected_error(tmp_path: Path) -> None:
    file = tmp_path / "none.pem"
    file.write_text("no certificate")
    with ExitStack() as stack, pytest.raises(CertificateUnusable) as caught:
        connect_to("tls://127.0.0.1:9", stack, print, Certificates(file, file))
    assert file in caught.value.files


@pytest.mark.parametrize(
    ("address", "open_"),
    [("tcp://192.0.2.1:9", True), ("tcp://head:9", True), ("tcp://127.0.0.1:9", False),
     ("tcp://[::1]:9", False), ("tcp://localhost:9", False), ("tls://192.0.2.1:9", False)],
)  # fmt: skip
def test_a_scheduler_that_others_can_reach_without_encryption_is_a_warning(
    address: str, open_: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablation.executors.dask_connection._client", lambda *_: None)
    said: list[str] = []
    with ExitStack() as stack:
        connect_to(address, stack, said.append)
    assert bool(said) == open_
    assert all(address in line for line in said)
