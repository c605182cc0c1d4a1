"""A real Slurm of the tests' own: two nodes on this machine, daemons in a folder."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

_NEEDED = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "scontrol")
_CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName=n[0-1] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}] CPUs=2 RealMemory=4000
PartitionName=main Nodes=n[0-1] Default=YES MaxTime=INFINITE State=UP
"""  # noqa: E501


def skip_without_slurm() -> None:
    """Skip a test where no Slurm can be started, and say why."""
    os.environ["PATH"] += f"{os.pathsep}/usr/sbin"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no Slurm here: {', '.join(missing)} missing (slurm-wlm and munge of Debian)")
    if os.geteuid() != 0:
        pytest.skip("a Slurm of the tests' own needs root")
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        pytest.skip("a Slurm of the tests' own needs a host name that resolves")


class Slurm:
    """A controller and two nodes of two cores.

    Attributes
    ----------
    environment
        What a command needs to find them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration)}

    def start(self) -> None:
        self.folder.mkdir(mode=0o700)
        munge = self.folder / "munge"
        for name in (munge, self.folder / "state", self.folder / "spool"):
            name.mkdir(mode=0o700)
        key = munge / "key"
        key.write_bytes(secrets.token_bytes(64))
        key.chmod(0o400)
        self.configuration.write_text(
            _CONFIGURATION.format(host=socket.gethostname(), folder=self.folder, ports=_ports())
        )
        self.call(
            "munged", "--force", f"--key-file={key}", f"--socket={munge}/socket",
            f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log",
            f"--seed-file={munge}/seed",
        )  # fmt: skip
        self.start_controller()
        for node in ("n0", "n1"):
            self.call("slurmd", "-N", node)
        self.wait_until(lambda: self.call("sinfo", "-h", "-t", "idle", "-o", "%D").strip() == "2")

    def start_controller(self) -> None:
        self.call("slurmctld", "-c" if not (self.folder / "state" / "job_state").exists() else "-R")

    def stop_controller(self) -> None:
        _end(self.folder / "slurmctld.pid")

    def stop(self) -> None:
        with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            for job in self.jobs():
                self.call("scancel", job)
        for name in ("slurmd-n0", "slurmd-n1", "slurmctld", "munged"):
            _end(self.folder / f"{name}.pid")

    def call(self, *command: str) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def jobs(self, *states: str) -> list[str]:
        """The numbers of the jobs that wait or run, or of those in some states."""
        chosen = ["-t", ",".join(states)] if states else []
        return self.call("squeue", "-h", "-o", "%i", *chosen).split()

    def wait_until(self, true, seconds: float = 90) -> None:
        """Return once ``true()`` is, which may fail at first; give up after a while."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(subprocess.CalledProcessError):
                if true():
                    return
            if time.monotonic() > deadline:
                pytest.fail("Slurm is not where the test waits for it")
            time.sleep(0.05)


def _ports() -> list[int]:
    """Three free ports, of which the last two are neighbours."""
    while True:
        with socket.socket() as controller, socket.socket() as one, socket.socket() as other:
            controller.bind(("", 0))
            one.bind(("", 0))
            port = one.getsockname()[1]
            with suppress(OSError, OverflowError):
                other.bind(("", port + 1))
                return [controller.getsockname()[1], port, port + 1]


def _end(known: Path) -> None:
    """End the daemon that has written its number to a file."""
    with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        daemon = psutil.Process(int(known.read_text()))
        daemon.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        # Where nobody takes its exit code, it stays as a zombie.
        while daemon.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.02)


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """A Slurm for the length of a block; the test is skipped where there can be none."""
    skip_without_slurm()
    running = Slurm(folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()
