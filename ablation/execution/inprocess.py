"""One task after the other in this process: for debugging, and where processes cannot start."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from ablation.execution.base import Executor, Finished
from ablation.execution.devices import settle


class InProcessExecutor(Executor):
    """Runs tasks on the first slot. A task that kills its worker kills this process."""

    def run(self, function: Callable[[Any, str], Any], tasks: Sequence[Any]) -> Generator[Finished]:
        slot = self.slots[0]
        settle(slot.threads)
        for index, task in enumerate(tasks):
            yield Finished(index, slot.device, function(task, slot.device))
