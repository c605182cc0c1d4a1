"""Tasks one after the other in this process: for debugging, or if processes cannot be started."""

from collections.abc import Iterator

from ablation.errors import MemoryShortage
from ablation.executors.base import Executor, Finished, Function, Slot, WorkerPool
from ablation.executors.devices import MemoryTrimmer, initialise_worker


class InProcessExecutor(Executor):
    """Runs tasks on the first slot; a task that kills its worker kills this process."""

    def pool(self, function: Function) -> WorkerPool:
        return _InProcessPool(function, self.slots[0])


class _InProcessPool(WorkerPool):
    def __init__(self, function: Function, slot: Slot) -> None:
        super().__init__()
        self.function, self.slot, self._trimmer = function, slot, MemoryTrimmer()

    def finished(self) -> Iterator[list[Finished]]:
        initialise_worker(self.slot.threads)
        while job := self._next():
            yield [self._end(job.index, job.task)]

    def _end(self, index: int, task: object) -> Finished:
        device = self.slot.device
        try:
            return Finished(index, task, device, self.function(task, device))
        except MemoryShortage as shortage:
            return Finished(index, task, device, crash=str(shortage))
        finally:
            self._trimmer.after_task()

    def close(self) -> None:
        """Do nothing: no worker runs between two tasks."""
