"""The slots of a run, and how a worker process is set up for one."""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ablation.device import AUTO, CPU, CUDA, INTERPRETER, is_cuda
from ablation.executors.base import Slot
from ablation.executors.cards import choose, has_driver
from ablation.files import allow_many_files
from ablation.memory import own_memory

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's mallopt
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_LISTED = Path("/proc/driver/nvidia/gpus")
_GROWN = 1.25  # times its memory after the first task: then a worker returns what is free


def core_count() -> int:
    """Return how many cores this process may use.

    The least of its affinity, its container's quota, and what a task of Slurm asked for: not every
    Slurm binds a task to its cores.
    """
    from loky import cpu_count

    asked = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(cpu_count(), int(asked)) if asked.isdigit() and int(asked) else cpu_count()


def make_slots(
    devices: Sequence[str], threads: int, workers: int | None = None, per_device: int = 1
) -> list[Slot]:
    """Return slots for ``devices``.

    Parameters
    ----------
    devices
        As ``execution.devices`` names them.
    threads
        CPU threads of a task.
    workers
        The number of slots on the CPU, and the most in all; None: as many as the cores allow,
        beside the threads that the slots on cards keep busy.
    per_device
        Slots on each card.

    Raises
    ------
    StudyError
        For a device that is unknown, does not exist or cannot be used.
    """
    return _slots(choose(devices).devices, threads, workers, per_device)


def planned_slots(
    devices: Sequence[str], threads: int, workers: int | None = None, per_device: int = 1
) -> list[Slot]:
    """Return the slots of :func:`make_slots` without checking that the devices can be used."""
    likely: list[str] = []
    for device in devices:
        cards = _likely_cards() if device in (AUTO, CUDA) else []
        likely += cards or [CPU if device == AUTO else device]
    return _slots(likely, threads, workers, per_device)


def _likely_cards() -> list[str]:
    """Return the cards that the NVIDIA driver lists, or as many as a batch system has given us."""
    listed = len(list(_LISTED.glob("*"))) if has_driver() else 0
    given = os.environ.get(_VISIBLE)
    number = listed if given is None else min(listed, len(_words(given)))
    return [f"{CUDA}:{number}" for number in range(number)]


def _words(visible: str) -> list[str]:
    return [word.strip() for word in visible.split(",") if word.strip()]


def _slots(
    devices: Sequence[str], threads: int, workers: int | None, per_device: int
) -> list[Slot]:
    named = list(dict.fromkeys(devices))
    on_cards = [
        Slot(device, threads) for device in named if device != CPU for _ in range(per_device)
    ]
    if CPU not in named:
        return on_cards[:workers]
    free = core_count() // threads - len(on_cards)
    on_cpu = [Slot(CPU, threads)] * (workers or max(1, free))
    slots = on_cpu + on_cards if named[0] == CPU else on_cards + on_cpu
    return slots[:workers]


def thread_environment(threads: int) -> dict[str, str]:
    """Return variables that fix a worker's threads; to be set before it imports anything.

    With them, the worker imports nothing from its working folder.
    """
    environment = {
        name: str(threads)
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    }
    # A file of the working folder may be called as a module is (random.py).
    environment["PYTHONSAFEPATH"] = "1"
    # Workers keep freed memory on purpose; loky would take that for a leak and restart them.
    return environment | {
        "LOKY_MAX_MEMORY_LEAK_SIZE": "1e15",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # deterministic sums on a card
        # A network is compiled in the worker itself: a pool of its own would outlive it.
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }


def worker_environment(slot: Slot) -> dict[str, str]:
    """Return the variables of a worker that sees only its slot's card."""
    environment = thread_environment(slot.threads)
    if is_cuda(slot.device):
        number = slot.device.partition(":")[2]
        # A batch system may have given us some of the machine's cards: we count those from 0.
        given = _words(os.environ.get(_VISIBLE, ""))
        environment[_VISIBLE] = given[int(number)] if given else number
    if slot.device == INTERPRETER:
        environment["TRITON_INTERPRET"] = "1"
    return environment


def initialise_worker(threads: int, parent: int | None = None) -> None:
    """Make this process a worker: fix its threads, and let its allocator keep freed memory.

    With ``parent`` (a process id) it leaves interrupts to that process, and ends once it is gone.
    """
    if parent is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _keep_memory()
    allow_many_files()  # features are memory-mapped files
    import torch

    torch.set_num_threads(threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32


def _keep_memory() -> None:
    """Tell glibc to keep freed memory for the next operator.

    By default large buffers are returned to the system after every operator, and touching fresh
    pages costs more than the arithmetic: a step of the probe takes three to five times as long.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


class MemoryTrimmer:
    """Returns freed memory to the system once a worker has kept much of it.

    Memory that is kept for the next operator (:func:`initialise_worker`) becomes fragmented: a
    worker would grow with every network it trains. Returning it after every task would make the
    next one touch all its pages anew.
    """

    def __init__(self) -> None:
        self._first: int | None = None

    def after_task(self) -> None:
        """Return free memory if the worker has grown; to be called between two tasks."""
        own, _ = own_memory()
        if self._first is None:
            self._first = own
        elif own > _GROWN * self._first and sys.platform == "linux":
            libc = ctypes.CDLL(None)
            if hasattr(libc, "malloc_trim"):
                libc.malloc_trim(0)


def _end_with(parent: int) -> None:
    """End this process once its parent is gone: nobody would take the result."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
