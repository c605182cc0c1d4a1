"""What a worker runs: a task in, an outcome out.

A run that hands tasks out need not load torch, which only the worker does.
"""

import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

from ablation.errors.execution import CellOutOfMemory
from ablation.study import CellKind
from ablation.training import rows
from ablation.training.task import CellTask, Outcome


def train_cell(task: CellTask, device: str) -> Outcome:
    """Train and score a cell; an exception becomes a failed row with its traceback.

    Raises
    ------
    CellOutOfMemory
        If the device's memory does not suffice, whatever the probe's tile; it may with fewer
        workers on the device.
    """
    return train_cells((task,), device)[0]


def train_cells(tasks: Sequence[CellTask], device: str) -> list[Outcome]:
    """Train and score cells, together if they are alike and a card trains them.

    A cell that fails does not take the others with it, and if memory does not suffice for all of
    them, they are trained in smaller groups. Raises as :func:`train_cell`.
    """
    from ablation.training.group import train_group

    started, clock = datetime.now(UTC), time.perf_counter()
    try:
        trained = train_group(tasks, device)
    except Exception as error:  # noqa: BLE001 - a cell that fails must not stop the others
        if len(tasks) == 1:
            return [_failed(tasks[0], error, device, started)]
    else:
        seconds = (time.perf_counter() - clock) / len(tasks)
        return [
            _failed(task, result, device, started)
            if isinstance(result, Exception)
            else rows.finished(task, result, device, started, seconds)
            for task, result in zip(tasks, trained, strict=True)
        ]
    half = len(tasks) // 2  # after the failed try has returned its memory
    return [*train_cells(tasks[:half], device), *train_cells(tasks[half:], device)]


def _failed(task: CellTask, error: Exception, device: str, started: datetime) -> Outcome:
    """Return the row of a cell that ended in an error; raise if memory did not suffice for it."""
    if _is_shortage(error):
        option = f"{'' if task.cell.kind == CellKind.PROBE else 'network.'}training.batch_size"
        raise CellOutOfMemory(task.cell.name, option) from error
    return rows.failed(task, "".join(traceback.format_exception(error)), device, started)


def _is_shortage(error: Exception) -> bool:
    """Return whether memory ran out; the CPU's allocator has no exception type of its own."""
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )
