"""``ablate`` whose workers do nothing about the allocator: the plain side of ``study.py``.

It takes the arguments of ``ablate`` and is the real command but for its executor, so that planning,
storing and printing cost both sides the same. Its workers have a fixed number of threads and are
otherwise processes as Python starts them.
"""

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from ablation.cli import main
from ablation.execution import EXECUTORS, Executor, Finished


class PlainExecutor(Executor):
    """A process a slot, from the standard library; a worker that dies ends the run."""

    def run(self, function: Callable[[Any, str], Any], tasks: Sequence[Any]) -> Generator[Finished]:
        device, threads = self.slots[0].device, self.slots[0].threads
        pool = ProcessPoolExecutor(
            min(len(self.slots), len(tasks)),
            multiprocessing.get_context("spawn"),
            initializer=_set_threads,
            initargs=(threads,),
        )
        futures = {pool.submit(function, task, device): i for i, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield Finished(futures[future], device, future.result())
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _set_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


if __name__ == "__main__":
    EXECUTORS["local"] = PlainExecutor
    main()
