"""Tasks for executors, in a module that a worker imports in a blink: without torch."""

import os
import signal
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from ablation.errors.execution import CellOutOfMemory
from ablation.executors import process
from ablation.executors.dask_worker import attend
from ablation.memory import own_memory

HUNGRY = CellOutOfMemory("task 1", "training.batch_size")
_pinned: list[np.ndarray] = []


def initialise_lightly(threads: int, parent: int | None = None) -> None:
    """In place of ``initialise_worker``: of what it does, the tasks here need this alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def attend_lightly(*arguments: Any) -> Any:
    """As ``attend``, on a dask worker whose processes start lightly."""
    with patch.object(process, "initialise_worker", initialise_lightly):
        return attend(*arguments)


def square(task: int, device: str) -> tuple[int, str, int]:
    return task * task, device, os.getpid()


def fail(task: int, device: str) -> int:
    raise ValueError(f"task {task}")


def die_once(task: tuple[int, str], device: str) -> int:
    number, folder = task
    flag = Path(folder) / f"died-{number}"
    if number % 3 == 0 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def poison(task: int, device: str) -> int:
    if task == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def killed_by_b(group: tuple[Any, ...], device: str) -> list[Any]:
    """Train a group of cells in a process that the cell of fold b kills, as a driver might."""
    from ablation.training.worker import train_cells

    if any(task.cell.fold == "b" for task in group):
        os.kill(os.getpid(), signal.SIGKILL)
    return train_cells(group, device)


def threads(task: int, device: str) -> int:
    import torch

    return torch.get_num_threads()


def nap(task: float, device: str) -> int:
    """Sleeps for ``task`` seconds; its process."""
    time.sleep(task)
    return os.getpid()


def note(task: tuple[str, float], device: str) -> None:
    """Writes a line to a file, and sleeps."""
    file, seconds = task
    with Path(file).open("a") as out:
        out.write("begun\n")
    time.sleep(seconds)


def set_status(status: str, dask_worker=None) -> None:
    """On a worker: pauses or resumes it, as dask does when it has little memory."""
    from distributed.core import Status

    dask_worker.status = Status[status]


def hoard(task: int, device: str) -> int:
    """Takes ``task`` MiB in small pieces, frees all but the last, and tells what the process had
    before (bytes)."""
    before, _ = own_memory()
    pieces = [np.ones(1 << 17, np.uint8) for _ in range(8 * task)]
    _pinned.append(pieces[-1])
    return before


def alone(task: tuple[int, str], device: str) -> int:
    """Finds no memory where another task of the device is at work."""
    number, folder = task
    mark = Path(folder) / f"at-work-{os.getpid()}"
    mark.touch()
    time.sleep(0.3)
    beside = len(list(Path(folder).glob("at-work-*")))
    mark.unlink()
    if beside > 1:
        raise CellOutOfMemory(str(number), "training.batch_size")
    return number


def hungry(task: int, device: str) -> int:
    if task == 1:
        raise HUNGRY
    return task
