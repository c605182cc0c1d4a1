"""A worker process on this machine, which serves one slot."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import process, resource_tracker
from pathlib import Path
from typing import Any

from loky import ProcessPoolExecutor
from loky.backend import resource_tracker as loky_tracker

from ablation.executors.base import Function, Slot
from ablation.executors.devices import MemoryTrimmer, initialise_worker, worker_environment

TRIES = 3  # of a task whose worker dies
_SAFE_PATH = "PYTHONSAFEPATH"  # tells Python to import nothing from the working folder
_starting = threading.Lock()  # the threads of a dask worker start processes side by side

_trimmer = MemoryTrimmer()  # of the worker process that imports this


@dataclass
class WorkerProcess:
    """A slot and the single process that serves it.

    Each slot has its own pool: if a process dies, it is known which task it was running, and the
    tasks of the other slots are not lost with it.

    Attributes
    ----------
    environment
        Variables that must be set before the process imports anything.
    idle_seconds
        Seconds after which a process without a task ends; None: never.
    """

    slot: Slot
    environment: Mapping[str, str] = field(default_factory=dict)
    idle_seconds: int | None = None
    pool: ProcessPoolExecutor | None = None

    @classmethod
    def on_this_machine(cls, slot: Slot) -> "WorkerProcess":
        """Return a process that sees only the slot's device."""
        return cls(slot, worker_environment(slot))

    def submit(self, function: Function, task: Any) -> Future:
        """Run ``function(task, device)`` in the process, which is started if there is none."""
        with _working_folder_kept_off(), _interrupts_kept_off(), _children_allowed():
            if self.pool is not None:
                try:
                    return self.pool.submit(_served, function, task, self.slot.visible_device)
                except BrokenExecutor:  # it died between two tasks
                    self.discard()
            self.pool = ProcessPoolExecutor(
                max_workers=1,
                timeout=self.idle_seconds,
                initializer=initialise_worker,
                initargs=(self.slot.threads, os.getpid()),
                env=dict(self.environment),
            )
            return self.pool.submit(_served, function, task, self.slot.visible_device)

    def discard(self) -> None:
        """End the process; the next task starts a new one."""
        if self.pool is not None:
            self.pool.shutdown(wait=True, kill_workers=True)
            self.pool = None


def _served(function: Function, task: Any, device: str) -> Any:
    """Run a task, in the worker process."""
    try:
        return function(task, device)
    finally:
        _trimmer.after_task()


def crash_of(death: BrokenExecutor) -> str:
    """Return what is reported of a task that killed its process in every try, in one line."""
    reason = (str(death).splitlines() or ["unknown reason"])[0]
    return f"the worker died {TRIES} times while running this cell: {reason}"


@contextmanager
def _working_folder_kept_off() -> Iterator[None]:
    """Keep the working folder off the import path of the processes that start meanwhile.

    A notebook has it on its own path, and a worker gets a copy. Where PYTHONPATH names it, or this
    package lies in it, it stays.
    """
    with _starting:
        before, safe = list(sys.path), os.environ.get(_SAFE_PATH)
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        needed = {os.path.realpath(path) for path in (*given, Path(__file__).parents[2]) if path}
        here = os.path.realpath("")
        if here not in needed:
            sys.path[:] = [path for path in before if os.path.realpath(path) != here]
        os.environ[_SAFE_PATH] = "1"  # for the resource trackers
        try:
            yield
        finally:
            sys.path[:] = before
            if safe is None:
                del os.environ[_SAFE_PATH]
            else:
                os.environ[_SAFE_PATH] = safe


@contextmanager
def _interrupts_kept_off() -> Iterator[None]:
    """Block SIGINT, so that Ctrl-C reaches only the driver while a worker starts.

    The worker inherits the mask; afterwards `initialise_worker` sees to it. Both resource trackers,
    loky's and Python's own, may lift the mask when they start, so they are started first.
    """
    loky_tracker.ensure_running()
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _children_allowed() -> Iterator[None]:
    """Allow this process to have children, even if it is a daemon.

    A dask worker may be a daemon of its nanny, and multiprocessing forbids daemons to have
    children; ours end with their parent by themselves.
    """
    config = getattr(process.current_process(), "_config", {})
    daemon = config.pop("daemon", None)
    try:
        yield
    finally:
        if daemon is not None:
            config["daemon"] = daemon
