"""One task after the other in this process: for debugging, and where processes cannot start."""

from collections.abc import Iterator

from ablation.errors import MemoryShortage
from ablation.execution.base import Crew, Executor, Finished, Function, Slot
from ablation.execution.devices import Thrift, settle


class InProcessExecutor(Executor):
    """Runs tasks on the first slot. A task that kills its worker kills this process."""

    def crew(self, function: Function) -> Crew:
        return _InProcessCrew(function, self.slots[0])


class _InProcessCrew(Crew):
    def __init__(self, function: Function, slot: Slot) -> None:
        super().__init__()
        self.function, self.slot, self._thrift = function, slot, Thrift()

    def finished(self) -> Iterator[list[Finished]]:
        settle(self.slot.threads)
        while job := self._next():
            yield [self._end(job.index, job.task)]

    def _end(self, index: int, task: object) -> Finished:
        device = self.slot.device
        try:
            return Finished(index, task, device, self.function(task, device))
        except MemoryShortage as shortage:
            return Finished(index, task, device, crash=str(shortage))
        finally:
            self._thrift.after_task()

    def close(self) -> None:
        """Nothing runs between two tasks."""
