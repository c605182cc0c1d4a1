"""The commands of a batch system: a job is submitted, asked after, and cancelled."""

import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablation.errors.common import MissingPackage
from ablation.errors.execution import JobsRefused, SubmitCommandMissing

_CLASSES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster"}  # dask-jobqueue's
_PATIENCE = 20.0  # seconds in which a question is to be answered
_GRACE = 5.0  # seconds that a submission may still take once the run is to end
_OVER = {  # Slurm's states of jobs that will not run again
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT", "C", "F", "E",
}  # fmt: skip


@dataclass(frozen=True)
class JobState:
    """A job's state and the reason for it, as the batch system calls them; ``over`` if it ended."""

    name: str
    reason: str = ""

    @property
    def over(self) -> bool:
        return self.name in _OVER

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})" if self.reason else self.name


class BatchSystem:
    """The commands of Slurm, PBS or SGE for the jobs of one run, which share a name.

    They are run in sessions of their own, so that an interrupt from the terminal reaches none of
    them half-way.

    Parameters
    ----------
    system
        ``slurm``, ``pbs`` or ``sge``.
    name
        Of the jobs, and of no other job.

    Raises
    ------
    MissingPackage
        If dask-jobqueue is not installed.
    SubmitCommandMissing
        If the batch system's command does not exist here.
    """

    def __init__(self, system: str, name: str) -> None:
        self.system, self.name = system, name
        kind = job_class(system)
        self._submit_command = shlex.split(kind.submit_command)
        self._cancel_command = shlex.split(kind.cancel_command)
        self._id_pattern: str = kind.job_id_regexp
        if shutil.which(self._submit_command[0]) is None:
            raise SubmitCommandMissing(system, self._submit_command[0])

    @property
    def command(self) -> str:
        """The name of the command that submits a job."""
        return self._submit_command[0]

    def submit(
        self, script: str, waiting: Callable[[str], None], stopping: Callable[[], bool]
    ) -> str:
        """Submit a job; return its id.

        Parameters
        ----------
        waiting
            Called again and again, while the command is at work, with what it has said so far.
        stopping
            Whether the run is to end; then the command is killed if it does not end either.

        Raises
        ------
        JobsRefused
            With the command's own words, if it fails.
        """
        with tempfile.TemporaryDirectory() as folder:
            job, out, err = (Path(folder, name) for name in ("job.sh", "out", "err"))
            job.write_text(script)
            with out.open("wb") as stdout, err.open("wb") as stderr:
                process = subprocess.Popen(
                    [*self._submit_command, str(job)],
                    stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True,
                )  # fmt: skip
            deadline = None
            while process.poll() is None:
                waiting(_words(err))
                if stopping():
                    deadline = deadline or time.monotonic() + _GRACE
                    if time.monotonic() > deadline:
                        process.kill()
                time.sleep(0.02)
            found = re.search(self._id_pattern, out.read_text(errors="replace"))
            if process.returncode != 0 or found is None:
                words = _words(err) or _words(out) or f"exit code {process.returncode}"
                raise JobsRefused(self.command, words)
        return found["job_id"]

    def states(self, jobs: Sequence[str]) -> dict[str, JobState] | None:
        """Return the states of those of ``jobs`` that are known; None if there is no answer."""
        command = ["qstat"]
        if self.system == "slurm":
            form = ["-h", "-t", "all", "-o", "%i|%T|%r"]
            command = ["squeue", "--name", self.name, *form]
        answer = _answer(command)
        if answer is None:
            return None
        listed = _listed_by_slurm(answer) if self.system == "slurm" else _listed(answer)
        return {job: state for job, state in listed.items() if job in jobs}

    def cancel(self, jobs: Sequence[str]) -> bool:
        """Cancel the run's jobs; return whether the batch system took the request."""
        if self.system == "slurm":  # a submission that was killed may have made a job
            return _answer([*self._cancel_command, "--name", self.name]) is not None
        return not jobs or _answer([*self._cancel_command, *jobs]) is not None


def job_class(system: str) -> Any:
    """Return dask-jobqueue's class of a batch system's jobs."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        import dask_jobqueue
    except ImportError as error:
        raise MissingPackage("[cluster]", "dask-jobqueue", "cluster") from error
    except SystemExit:  # its own handler, which exits with success
        raise KeyboardInterrupt from None
    finally:  # it takes interrupts over when it is imported
        with suppress(ValueError):  # another thread than the main one
            signal.signal(signal.SIGINT, handler)
    return getattr(dask_jobqueue, _CLASSES[system]).job_cls


def log_directives(system: str, folder: Path) -> list[str]:
    """Return the directives with which a job writes both of its streams to ``folder``."""
    if system == "slurm":
        escaped = str(folder).replace("%", "%%")
        return [f'--output="{escaped}/%j.log"', "--open-mode=append"]
    joined = ["-j oe"] if system == "pbs" else []  # dask-jobqueue says it to SGE
    return [*joined, f"-o {shlex.quote(str(folder))}"]


def log_of(job: str, folder: Path) -> Path | None:
    """Return the log of a job, whose name has its number; None if it has not written one."""
    whole = re.compile(rf"(?<!\d){job}(?!\d)")
    return next((path for path in folder.glob("[!.]*") if whole.search(path.name)), None)


def _words(file: Path) -> str:
    """Return what a command has said, in one line without its name."""
    lines = file.read_text(errors="replace").splitlines()
    told = [re.sub(r"^\w+: (error: )?", "", line).strip() for line in lines]
    return "; ".join(filter(None, told))


def _answer(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _listed_by_slurm(answer: str) -> dict[str, JobState]:
    found = {}
    for line in answer.splitlines():
        job, state, reason = [*line.split("|"), "", ""][:3]
        found[job] = JobState(state, "" if reason == "None" else reason)
    return found


def _listed(answer: str) -> dict[str, JobState]:
    """Return the jobs that ``qstat`` of PBS or SGE lists: number first, state as the fifth word."""
    found = {}
    for line in answer.splitlines():
        words = line.split()
        if len(words) > 4 and (number := re.match(r"\d+", words[0])):
            found[number[0]] = JobState(words[4])
    return found
