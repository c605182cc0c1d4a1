"""One worker process of this machine, which serves one slot."""

import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import process, resource_tracker
from typing import Any

from loky import ProcessPoolExecutor
from loky.backend import resource_tracker as loky_tracker

from ablation.execution.base import Function, Slot
from ablation.execution.devices import MemoryTrimmer, initialise_worker, worker_environment

TRIES = 3  # of a task whose worker dies

_trimmer = MemoryTrimmer()  # of the worker process that imports this


@dataclass
class WorkerProcess:
    """A slot and the single process that serves it.

    One pool a slot: when a process dies it is known which task it died under, and the other
    slots' tasks are not lost with it.

    Attributes
    ----------
    environment
        Variables that must stand before the process imports anything.
    idle_seconds
        After which a process without a task ends; None: never.
    """

    slot: Slot
    environment: Mapping[str, str] = field(default_factory=dict)
    idle_seconds: int | None = None
    pool: ProcessPoolExecutor | None = None

    @classmethod
    def on_this_machine(cls, slot: Slot) -> "WorkerProcess":
        """A process that sees the slot's device alone."""
        return cls(slot, worker_environment(slot))

    def submit(self, function: Function, task: Any) -> Future:
        """Have the process run ``function(task, device)``; it is started where there is none."""
        with _interrupts_kept_off(), _children_allowed():
            if self.pool is not None:
                try:
                    return self.pool.submit(_served, function, task, self.slot.visible_device)
                except BrokenExecutor:  # it died idle, between two tasks
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
    """What the worker process runs."""
    try:
        return function(task, device)
    finally:
        _trimmer.after_task()


def reason_of(death: BrokenExecutor) -> str:
    """Why a process died, in one line."""
    return (str(death).splitlines() or ["no reason known"])[0]


@contextmanager
def _interrupts_kept_off() -> Iterator[None]:
    """A process started in this block inherits the mask, so that Ctrl-C reaches the driver alone
    while the worker starts; from then on `initialise_worker` sees to it. Either tracker, loky's
    and Python's own, may lift the mask when it starts, so they are first."""
    loky_tracker.ensure_running()
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _children_allowed() -> Iterator[None]:
    """A worker of a cluster may itself be a daemon of its nanny, which multiprocessing forbids to
    have children; ours end with their parent by themselves."""
    config = getattr(process.current_process(), "_config", {})
    daemon = config.pop("daemon", None)
    try:
        yield
    finally:
        if daemon is not None:
            config["daemon"] = daemon
