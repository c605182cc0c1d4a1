"""What every executor promises."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Slot:
    """A place where one task at a time runs.

    Attributes
    ----------
    device
        As the user names it: ``cpu`` or ``cuda:N``.
    threads
        CPU threads of a task; fixed, since results may depend on it.
    """

    device: str
    threads: int

    @property
    def visible_device(self) -> str:
        """The device as the worker sees it: a worker for ``cuda:3`` sees that card alone."""
        return "cuda:0" if self.device.startswith("cuda") else self.device


@dataclass(frozen=True)
class Finished:
    """A task's end: its position, and its value or why its worker died.

    ``crash`` is set when the worker died under the task, as often as the executor tries it.
    """

    index: int
    device: str
    value: Any = None
    crash: str | None = None


class Executor(ABC):
    """Runs ``function(task, device)`` for many tasks."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.slots = list(slots)

    @abstractmethod
    def run(self, function: Callable[[Any, str], Any], tasks: Sequence[Any]) -> Generator[Finished]:
        """Yield a :class:`Finished` for each task, once, as they end.

        An exception of ``function`` is a bug of the task and is raised here; tasks report their
        expected failures in their value. Closing the iterator (or an exception in its consumer)
        stops the workers.
        """
