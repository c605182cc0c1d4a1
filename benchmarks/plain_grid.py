"""``ablate`` whose workers do nothing about the allocator: the plain side of ``study.py``.

It takes the arguments of ``ablate`` and is the real command but for its executor, so that planning,
storing and printing cost both sides the same. Its workers have a fixed number of threads and are
otherwise processes as Python starts them.
"""

from collections.abc import Iterator
from typing import Any

from joblib import Parallel, delayed

from ablation.cli import main
from ablation.executors import EXECUTORS, Executor, Finished, Function, Slot, WorkerPool
from ablation.executors.base import Job


class PlainExecutor(Executor):
    """A process a slot, as joblib keeps them; a worker that dies ends the run."""

    def pool(self, function: Function) -> WorkerPool:
        return _PlainPool(function, self.slots)


class _PlainPool(WorkerPool):
    def __init__(self, function: Function, slots: list[Slot]) -> None:
        super().__init__()
        self.function, self.slots = function, slots
        self.parallel = Parallel(
            max(2, len(slots)),  # of 1, it would be this process
            batch_size=1,
            pre_dispatch=len(slots),
            return_as="generator_unordered",
            initializer=_set_threads,
            initargs=(slots[0].threads,),
        )

    def finished(self) -> Iterator[list[Finished]]:
        device = self.slots[0].device
        jobs = iter(self._next, None)
        for job, value in self.parallel(delayed(_run)(self.function, j, device) for j in jobs):
            yield [Finished(job.index, job.task, device, value)]

    def close(self) -> None:
        """Do nothing: workers end with this process."""


def _run(function: Function, job: Job, device: str) -> tuple[Job, Any]:
    return job, function(job.task, device)


def _set_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


if __name__ == "__main__":
    EXECUTORS["local"] = PlainExecutor
    main()
