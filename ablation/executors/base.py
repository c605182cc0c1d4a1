"""The interface of every executor, and what it promises."""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

Function = Callable[[Any, str], Any]  # (task, device as its worker sees it) -> value


@dataclass(frozen=True)
class Slot:
    """A place where one task at a time runs.

    Attributes
    ----------
    device
        As the user names it: ``cpu`` or ``cuda:N`` (or ``interpreter``, in tests).
    threads
        CPU threads of a task; fixed, since results may depend on their number.
    """

    device: str
    threads: int

    @property
    def visible_device(self) -> str:
        """The device as the worker sees it: a worker for ``cuda:3`` sees that card alone."""
        return "cuda:0" if self.device.startswith("cuda") else self.device


@dataclass(frozen=True)
class Finished:
    """How a task ended: its value, or why there is none.

    ``index`` is its position among the tasks submitted. ``crash`` is set if its worker died in
    every try, or if the memory did not suffice even for this task alone.
    """

    index: int
    task: Any
    device: str
    value: Any = None
    crash: str | None = None


@dataclass(frozen=True)
class Job:
    """A task that was handed out: its number, and which try this is (from 1)."""

    index: int
    task: Any
    attempt: int = 1

    def again(self) -> "Job":
        """Return the next try of this task."""
        return Job(self.index, self.task, self.attempt + 1)


class WorkerPool(ABC):
    """Workers that live while tasks are submitted and their results taken.

    A context manager: leaving it, even by an exception, stops the workers.
    """

    def __init__(self) -> None:
        self._feeds: deque[Iterator[Any]] = deque()
        self._retries: deque[Job] = deque()
        self._numbered = 0
        self._announced: float = 0

    def submit(self, tasks: Iterable[Any], most: int | None = None) -> None:
        """Queue ``tasks`` behind those submitted before.

        They are taken one by one as workers become free, so an iterator may decide late. They are
        no more than ``most``, if that is known: workers that are asked for are no more either.
        """
        self._announced += math.inf if most is None else most
        self._feeds.append(iter(tasks))

    @abstractmethod
    def finished(self) -> Iterator[list[Finished]]:
        """Yield the tasks that have ended since the last list, until none submitted is left.

        Each task is yielded once, in any order; tasks that ended together are yielded together, so
        that they can be stored together. More may be submitted between two lists, and after the
        last.

        An exception of the function is a bug of the task and is raised here; tasks report their
        expected failures in their value.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop the workers; tasks that are running are lost."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> Job | None:
        """Return the next task to run, those to be tried again first; None if there is none."""
        if self._retries:
            return self._retries.popleft()
        while self._feeds:
            for task in self._feeds[0]:
                self._numbered += 1
                return Job(self._numbered - 1, task)
            self._feeds.popleft()
        return None

    def _waiting(self) -> bool:
        """Return whether a task is left to run."""
        job = self._next()
        if job is not None:
            self._retries.appendleft(job)
        return job is not None

    def _most_waiting(self) -> float:
        """Return how many tasks are left to run at most."""
        return len(self._retries) + (self._announced - self._numbered if self._feeds else 0)


class Executor(ABC):
    """Runs ``function(task, device)`` for many tasks; a context manager, which closes it.

    Parameters
    ----------
    slots
        Where tasks run; at least one.
    say
        Called with lines for the user: a worker that was given up, workers that are waited for.
    """

    def __init__(
        self, slots: Sequence[Slot], say: Callable[[str], None] = lambda _text: None
    ) -> None:
        self.slots = list(slots)
        self.say = say
        self._stack = ExitStack()

    @abstractmethod
    def pool(self, function: Function) -> WorkerPool:
        """Return workers for ``function``; one pool at a time."""

    def close(self) -> None:
        """Give back what outlives a pool."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, function: Function, tasks: Iterable[Any]) -> Generator[Finished]:
        """Yield each of ``tasks`` as it ends; closing the iterator stops the workers."""
        with self, self.pool(function) as pool:
            pool.submit(tasks)
            for ended in pool.finished():
                yield from ended
