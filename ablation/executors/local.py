"""Worker processes on this machine, one per slot."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait

from ablation.errors import MemoryShortage, counted
from ablation.executors.base import Executor, Finished, Function, Job, Slot, WorkerPool
from ablation.executors.process import TRIES, WorkerProcess, crash_of


class LocalExecutor(Executor):
    """Runs tasks on worker processes; a worker that dies is replaced and its task tried again.

    If a task runs out of memory, its device continues with one worker fewer, until one is left; a
    task that does not fit even then is given up, and the others go on.
    """

    def pool(self, function: Function) -> WorkerPool:
        return _LocalPool(function, self.slots, self.say)


class _LocalPool(WorkerPool):
    def __init__(
        self, function: Function, slots: Sequence[Slot], say: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.function, self.say = function, say
        self.workers = [WorkerProcess.on_this_machine(slot) for slot in slots]
        self.idle = list(reversed(self.workers))
        self.running: dict[Future, tuple[WorkerProcess, Job]] = {}

    def finished(self) -> Iterator[list[Finished]]:
        ended: list[Finished] = []
        while True:
            self._hand_out()
            # Results are handed over once the free workers have their next tasks, so that none
            # waits while the caller stores them.
            if ended:
                yield ended
                ended = []
                continue
            if not self.running:
                return
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                worker, job = self.running.pop(future)
                end = self._end(future, worker, job)
                if end is not None:
                    ended.append(end)

    def close(self) -> None:
        for worker in self.workers:
            worker.discard()

    def _hand_out(self) -> None:
        while self.idle and (job := self._next()):
            worker = self.idle.pop()
            self.running[worker.submit(self.function, job.task)] = worker, job

    def _end(self, future: Future, worker: WorkerProcess, job: Job) -> Finished | None:
        """Return how a task ended; None if it will be tried again."""
        device = worker.slot.device
        try:
            value = future.result()
        except BrokenExecutor as death:
            worker.discard()
            self.idle.append(worker)
            if job.attempt < TRIES:
                self._retries.append(job.again())
                return None
            return Finished(job.index, job.task, device, crash=crash_of(death))
        except MemoryShortage as shortage:
            return self._short_of_memory(worker, job, shortage)
        self.idle.append(worker)
        return Finished(job.index, job.task, device, value)

    def _short_of_memory(
        self, worker: WorkerProcess, job: Job, shortage: MemoryShortage
    ) -> Finished | None:
        """Give up the worker, or the task if it was alone on its device."""
        device = worker.slot.device
        worker.discard()  # and its memory
        beside = [other for other in self.workers if other.slot.device == device]
        if len(beside) == 1:
            self.idle.append(worker)
            return Finished(job.index, job.task, device, crash=str(shortage))
        self.workers.remove(worker)
        left = len(beside) - 1
        self.say(f"{device}: out of memory; {counted(left, 'worker')} on it from now on")
        self._retries.append(job)
        return None
