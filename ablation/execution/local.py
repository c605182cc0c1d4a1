"""Worker processes on this machine, one a slot."""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from typing import Any

from loky import ProcessPoolExecutor
from loky.backend.resource_tracker import ensure_running

from ablation.execution.base import Executor, Finished, Slot
from ablation.execution.devices import settle, worker_environment

TRIES = 3  # of a task whose worker dies


@dataclass
class _Worker:
    """A slot and the single process that serves it.

    One pool a slot: when a process dies it is known which task it died under, and the other
    slots' tasks are not lost with it.
    """

    slot: Slot
    pool: ProcessPoolExecutor | None = None

    def submit(self, function: Callable[[Any, str], Any], task: Any) -> Future:
        if self.pool is not None:
            try:
                return self.pool.submit(function, task, self.slot.visible_device)
            except BrokenExecutor:  # it died idle, between two tasks
                self.discard()
        self.pool = ProcessPoolExecutor(
            max_workers=1,
            initializer=settle,
            initargs=(self.slot.threads, os.getpid()),
            env=worker_environment(self.slot),
        )
        # The process starts here and inherits the mask, so that Ctrl-C reaches the driver alone
        # while the worker starts; from then on `settle` sees to it. Loky's tracker may lift the
        # mask when it starts, so it is first.
        ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self.pool.submit(function, task, self.slot.visible_device)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def discard(self) -> None:
        """End the process; the next task starts a new one."""
        if self.pool is not None:
            self.pool.shutdown(wait=True, kill_workers=True)
            self.pool = None


class LocalExecutor(Executor):
    """Tasks on worker processes; a worker that dies is replaced and its task tried again."""

    def run(self, function: Callable[[Any, str], Any], tasks: Sequence[Any]) -> Generator[Finished]:
        waiting = deque((index, 1) for index in range(len(tasks)))
        workers = [_Worker(slot) for slot in self.slots[: max(1, len(tasks))]]
        idle = list(reversed(workers))
        running: dict[Future, tuple[_Worker, int, int]] = {}
        finished: list[Finished] = []
        try:
            while waiting or running:
                while waiting and idle:
                    worker, (index, attempt) = idle.pop(), waiting.popleft()
                    running[worker.submit(function, tasks[index])] = (worker, index, attempt)
                # Results are handed out after the freed workers have their next tasks, so that
                # none waits for the caller to store them.
                yield from finished
                finished.clear()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    worker, index, attempt = running.pop(future)
                    idle.append(worker)
                    outcome = _outcome(future, worker, index, attempt)
                    if outcome is None:
                        waiting.appendleft((index, attempt + 1))
                    else:
                        finished.append(outcome)
            yield from finished
        finally:
            for worker in workers:
                worker.discard()


def _outcome(future: Future, worker: _Worker, index: int, attempt: int) -> Finished | None:
    """The end of a task; None when its worker died and it is to be tried again."""
    device = worker.slot.device
    try:
        return Finished(index, device, future.result())
    except BrokenExecutor as error:
        worker.discard()
        if attempt < TRIES:
            return None
        reason = (str(error).splitlines() or ["no reason known"])[0]
        return Finished(
            index, device, crash=f"the worker died {TRIES} times under this cell: {reason}"
        )
