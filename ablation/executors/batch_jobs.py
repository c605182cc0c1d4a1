"""The jobs of a batch system that are a cluster's workers, kept at a number while work is left."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ablation.errors import AblationError, counted
from ablation.errors.execution import JobsDied, JobsRefused
from ablation.executors.batch_system import BatchSystem, JobState, log_of

_DEATHS = 3  # jobs in a row that end without a worker, after which the run ends
_REFUSALS = 9  # submissions in a row, while no job is left, after which the run ends
_REFUSED_S = 20.0  # seconds until a refused submission is repeated
_WAKE_S = 0.5  # seconds between two looks at which workers are connected
_ASK_S = (1.0, 20.0)  # seconds between two questions about jobs, at first and at most
_SETTLES_S = 10.0  # seconds in which a submitted job need not be listed yet
_CANCEL_S = 10.0  # seconds in which jobs are cancelled, should the batch system not answer
_LAST_LINES = 5
_NEW, _GONE = JobState("submitted"), JobState("gone")


@dataclass
class _Job:
    """A job that may still run; ``joined`` once a worker of it has connected."""

    name: str
    number: str
    submitted: float
    state: JobState = _NEW
    joined: bool = False


class BatchJobs:
    """Submits jobs as others end, until it is closed; then it cancels all of them.

    A thread of its own talks with the batch system, whose commands may take minutes. It also ends
    when the main thread has, so that no job outlives the program.

    Parameters
    ----------
    system
        The batch system.
    script
        Returns the script of a job whose workers have a given name.
    connected
        Returns the names of the workers that are connected: a job's name, or that and a number.
    most
        The most jobs at a time.
    processes
        Workers of a job.
    logs
        The folder in which jobs write their logs.
    say
        Called with lines for the user, by the thread that calls a method.
    """

    def __init__(
        self,
        system: BatchSystem,
        script: Callable[[str], str],
        connected: Callable[[], Collection[str]],
        most: int,
        processes: int,
        logs: Path,
        say: Callable[[str], None],
    ) -> None:
        self._system, self._script, self._connected = system, script, connected
        self._say = say
        self._most, self._processes, self.logs = most, processes, logs
        self._jobs: list[_Job] = []
        self._died: list[_Job] = []
        self._numbered = self._refusals = 0
        self._wanted, self._not_before, self._accepted = 0, 0.0, False
        self._ask_at, self._ask_every, self._seen = 0.0, _ASK_S[0], frozenset[str]()
        self._submitting: tuple[float, str] | None = None  # since when, and what it has said
        self._silent = False
        self._notes: deque[str] = deque()
        self._fault: AblationError | None = None
        self._leftover = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="jobs")

    def start(self) -> None:
        """Begin; no job is submitted until :meth:`want` says for how many tasks."""
        self._thread.start()

    def want(self, tasks: float) -> None:
        """Keep as many jobs as ``tasks`` tasks can use; say what became of others.

        Raises
        ------
        JobsRefused
            If no job was taken.
        JobsDied
            If three jobs in a row ended before a worker of theirs connected, and no other works.
        """
        self._wanted = int(min(self._most, -(-tasks // self._processes)))
        while self._notes:
            self._say(self._notes.popleft())
        if self._fault is not None:
            raise self._fault
        if not self._thread.is_alive():
            raise RuntimeError("the thread that keeps jobs has ended")

    def rest(self) -> None:
        """Submit no more jobs until some are wanted again."""
        self._wanted = 0

    def describe(self) -> str:
        """Return in what states the jobs are that have no worker yet."""
        states = Counter(str(job.state) for job in list(self._jobs))
        parts = [f"{number} {state}" for state, number in states.items()]
        if (submitting := self._submitting) is not None:
            since, said = submitting
            seconds = time.monotonic() - since
            parts.append(
                f"{self._system.command} at work for {seconds:.0f} s"
                + (f": {said}" if said else "")
            )
        if self._silent:
            parts.append("no answer from the batch system")
        listed = ", ".join(parts) or "none submitted yet"
        return f"jobs of {self._system.system}: {listed}; logs: {self.logs}"

    def close(self) -> None:
        """Cancel all jobs."""
        self._stop.set()
        try:
            self._join()
        except KeyboardInterrupt:
            self._join()
            raise
        if self._leftover:
            self._say(
                f"warning: {self._system.system} did not answer: jobs named {self._system.name} "
                f"may still be queued; cancel them by hand"
            )

    def _join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def _keep(self) -> None:
        try:
            while not self._stopping():
                self._look()
                self._fill()
                self._stop.wait(_WAKE_S)
        except AblationError as fault:  # raised in the main thread
            self._fault = fault
        finally:
            self._cancel()

    def _stopping(self) -> bool:
        return self._stop.is_set() or not threading.main_thread().is_alive()

    def _look(self) -> None:
        """Find out which jobs have workers, and which are over."""
        seen = frozenset(name.split("-")[0] for name in self._connected())
        for job in self._jobs:
            if job.name in seen and not job.joined:
                job.joined = True
                self._died.clear()
        if seen != self._seen:
            self._seen = seen
            self._ask_soon()
        now = time.monotonic()
        lacking = any(job.name not in seen for job in self._jobs)
        if not lacking or now < self._ask_at:
            return
        states = self._system.states([job.number for job in self._jobs])
        self._silent = states is None
        self._ask_at = time.monotonic() + self._ask_every
        self._ask_every = min(1.5 * self._ask_every, _ASK_S[1])
        if states is None:
            return
        for job in list(self._jobs):
            unlisted = _NEW if now - job.submitted < _SETTLES_S else _GONE
            job.state = states.get(job.number, unlisted)
            if job.state.over or job.state == _GONE:
                self._over(job)

    def _ask_soon(self) -> None:
        self._ask_at, self._ask_every = time.monotonic() + _ASK_S[0], _ASK_S[0]

    def _over(self, job: _Job) -> None:
        """Forget a job that has ended; raise :class:`JobsDied` if none has a worker any more."""
        self._jobs.remove(job)
        if job.joined:
            self._notes.append(f"job {job.number} of {self._system.system} ended: {job.state}")
            return
        self._died.append(job)
        if len(self._died) < _DEATHS:
            return
        log = log_of(job.number, self.logs)
        lines = [] if log is None else log.read_text(errors="replace").splitlines()
        kept = [line.strip() for line in lines if line.strip()][-_LAST_LINES:]
        fault = JobsDied(
            self._system.system, len(self._died), job.number, str(job.state), log, self.logs
        ).with_others(kept)
        if not any(one.joined for one in self._jobs):
            raise fault
        self._not_before = time.monotonic() + _REFUSED_S
        if len(self._died) == _DEATHS:
            self._notes.append(f"warning: {fault}")

    def _fill(self) -> None:
        """Submit the jobs that are lacking."""
        while (
            len(self._jobs) < self._wanted
            and not self._stopping()
            and time.monotonic() >= self._not_before
        ):
            name = f"job{self._numbered}"
            self._numbered += 1
            since = time.monotonic()

            def waiting(said: str, since: float = since) -> None:
                self._submitting = since, said

            try:
                number = self._system.submit(self._script(name), waiting, self._stopping)
            except JobsRefused as refusal:
                self._accepted |= self._stopping()  # killed: it may have made a job
                self._refused(refusal)
                return
            finally:
                self._submitting = None
            self._accepted, self._refusals = True, 0
            self._jobs.append(_Job(name, number, time.monotonic()))
            self._ask_soon()

    def _refused(self, refusal: JobsRefused) -> None:
        """Try again later while there are jobs, or were any; else raise ``refusal``."""
        self._refusals += 1
        if not self._jobs and (not self._accepted or self._refusals >= _REFUSALS):
            raise refusal
        if self._refusals == 1:
            left = counted(len(self._jobs), "job")
            self._notes.append(f"warning: {refusal.what}; continuing with {left}")
        self._not_before = time.monotonic() + _REFUSED_S

    def _cancel(self) -> None:
        """Cancel whatever may have been submitted."""
        if not self._accepted:
            return
        deadline = time.monotonic() + _CANCEL_S
        while not self._system.cancel([job.number for job in self._jobs]):
            if time.monotonic() > deadline:
                self._leftover = True
                return
            time.sleep(_WAKE_S)
