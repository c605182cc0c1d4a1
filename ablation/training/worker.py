"""What a worker runs: a task in, an outcome out.

A run that hands tasks out need not load torch, which only the worker does.
"""

import time
import traceback
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
    from ablation.training.cell import train

    started, clock = datetime.now(UTC), time.perf_counter()
    try:
        trained = train(task, device)
        return rows.finished(task, trained, device, started, time.perf_counter() - clock)
    except Exception as error:  # a cell that fails must not stop the others
        if _is_shortage(error):
            option = f"{'' if task.cell.kind == CellKind.PROBE else 'network.'}training.batch_size"
            raise CellOutOfMemory(task.cell.name, option) from error
        return rows.failed(task, traceback.format_exc(), device, started)


def _is_shortage(error: Exception) -> bool:
    """Return whether memory ran out; the CPU's allocator has no exception type of its own."""
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )
