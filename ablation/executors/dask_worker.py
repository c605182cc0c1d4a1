"""What runs on a dask worker: a task, in a process of its own beside the worker's."""

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Protocol

from ablation.device import is_cuda
from ablation.errors.execution import TaskAbandoned, WorkerLacksGpu, WorkerVersionsDiffer
from ablation.executors.base import Function, Slot
from ablation.executors.cards import cards
from ablation.executors.devices import thread_environment
from ablation.executors.process import WorkerProcess, crash_of

_PACKAGES = ("ablation", "torch", "numpy", "numba", "scipy")  # those that can change a row
_IDLE_SECONDS = 120  # after which a process without a task ends and frees its memory
_LOOK_EVERY = 1.0  # seconds between two checks whether the task is still wanted
_ENDING = {"closing", "closing_gracefully", "closed", "failed"}  # a paused worker works on

_mine = threading.local()


class Supply(Protocol):
    """Transfers the files that tasks need; picklable, and used on both sides."""

    def lacking(self, task: Any) -> Sequence[str]:
        """On the worker: return the names of files that ``task`` needs and that are missing."""
        ...

    def packs(self, names: Sequence[str], most_bytes: int) -> list[list[str]]:
        """On the driver: return ``names`` in groups to be sent together."""
        ...

    def read(self, name: str) -> bytes:
        """On the driver: return a file's content."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """On the worker: store a file's content."""
        ...


@dataclass(frozen=True)
class Answer:
    """What became of a task; ``value`` depends on the kind.

    ``value``: what the function returned; ``lacking``: (machine, worker's address, names of files);
    ``died``: why the task's process died; ``lost``: nothing is known.
    """

    kind: Literal["value", "lacking", "died", "lost"]
    value: Any = None


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages on which the last bits of a row depend."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def unpack(payload: bytes) -> Any:
    """Call what was pickled, on a worker that may lack our package."""
    import cloudpickle

    return cloudpickle.loads(payload)()


# So that it is pickled by value: by name, it could not be read without our package, and a worker
# that cannot read a message ends.
unpack.__module__ = "__main__"


def attend(
    function: Function,
    task: Any,
    slot: Slot,
    supply: Supply | None,
    expected: Mapping[str, str],
) -> Answer:
    """Run ``function(task, device)`` in a process of this thread's own.

    Parameters
    ----------
    slot
        The threads and the device of the task; a card is the one that the worker sees.
    expected
        The driver's :func:`versions`.

    Raises
    ------
    ClusterError
        If other versions are installed here, a GPU cannot be used, or the task was cancelled.
    """
    from distributed import get_worker

    _check_versions(expected, get_worker().address)
    _check_device(slot.device, get_worker().address)
    if supply is not None and (names := supply.lacking(task)):
        return Answer("lacking", (machine(), get_worker().address, names))
    process = _process(slot)
    future = process.submit(function, task)
    try:
        _wait(future)
        return Answer("value", future.result())
    except BrokenExecutor as death:
        process.discard()
        return Answer("died", crash_of(death))
    except BaseException:
        process.discard()  # it may still be running the task, or short of memory
        raise


def install(supply: Supply, pack: Mapping[str, bytes]) -> None:
    """Store the files of a pack on this machine."""
    for name, content in pack.items():
        supply.write(name, content)


def machine() -> str:
    """Return a name for the workers that share a cache: those of one machine and folder."""
    return f"{socket.gethostname()} ({os.environ.get('ABLATION_CACHE', 'the cache')})"


def _check_versions(expected: Mapping[str, str], address: str) -> None:
    own = versions()
    other = {name: (own[name], number) for name, number in expected.items() if own[name] != number}
    if other:
        raise WorkerVersionsDiffer(address, other)


def _check_device(device: str, address: str) -> None:
    if is_cuda(device) and not cards().usable:
        raise WorkerLacksGpu(address, cards().lacking)


def _process(slot: Slot) -> WorkerProcess:
    """Return this thread's process: the threads of a worker run tasks side by side."""
    known: WorkerProcess | None = getattr(_mine, "process", None)
    if known is None or known.slot != slot:
        if known is not None:
            known.discard()
        known = WorkerProcess(slot, thread_environment(slot.threads), _IDLE_SECONDS)
        _mine.process = known
    return known


def _wait(future: Future) -> None:
    """Wait until a task ends; raise :class:`TaskAbandoned` if it is cancelled meanwhile."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    while not wait_for([future], timeout=_LOOK_EVERY).done:
        known = worker.state.tasks.get(key)
        if known is None or known.state == "cancelled" or worker.status.name in _ENDING:
            raise TaskAbandoned(worker.address)
