"""Execution: any picklable tasks run on any number of workers, and results are yielded as they end.

An executor takes a function and gives a :class:`WorkerPool`: tasks go in, and a :class:`Finished`
comes out for each, in any order. A task that kills its worker is tried again and finally reported;
the others go on. Nothing here knows what a task is about.
"""

from ablation.executors.base import Executor, Finished, Function, Slot, WorkerPool
from ablation.executors.cards import choose
from ablation.executors.devices import make_slots
from ablation.executors.in_process import InProcessExecutor
from ablation.executors.local import LocalExecutor

__all__ = [
    "EXECUTORS",
    "Executor",
    "Finished",
    "Function",
    "InProcessExecutor",
    "LocalExecutor",
    "Slot",
    "WorkerPool",
    "choose",
    "make_slots",
]

EXECUTORS: dict[str, type[Executor]] = {
    "in-process": InProcessExecutor,
    "local": LocalExecutor,
}
