"""``ablate`` whose workers do nothing about the allocator: the plain side of ``study.py``.

It takes the arguments of ``ablate`` and is the real command but for its executor, so that planning,
storing and printing cost both sides the same. Its workers have a fixed number of threads and are
otherwise processes as Python starts them.
"""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from ablation.cli import main
from ablation.executors import EXECUTORS, Executor, Finished, Function, Slot, WorkerPool
from ablation.executors.base import Job


class PlainExecutor(Executor):
    """A process a slot, from the standard library; a worker that dies ends the run."""

    def pool(self, function: Function) -> WorkerPool:
        return _PlainPool(function, self.slots)


class _PlainPool(WorkerPool):
    def __init__(self, function: Function, slots: list[Slot]) -> None:
        super().__init__()
        self.function, self.slots = function, slots
        self.pool = ProcessPoolExecutor(
            len(slots),
            multiprocessing.get_context("spawn"),
            initializer=_set_threads,
            initargs=(slots[0].threads,),
        )

    def finished(self) -> Iterator[list[Finished]]:
        device = self.slots[0].device
        running: dict[Future, Job] = {}
        while True:
            while len(running) < len(self.slots) and (job := self._next()):
                running[self.pool.submit(self.function, job.task, device)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            jobs = [(future, running.pop(future)) for future in done]
            yield [Finished(job.index, job.task, device, f.result()) for f, job in jobs]

    def close(self) -> None:
        for worker in multiprocessing.active_children():
            worker.terminate()
        self.pool.shutdown(cancel_futures=True)


def _set_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


if __name__ == "__main__":
    EXECUTORS["local"] = PlainExecutor
    main()
