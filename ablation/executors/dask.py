"""Tasks on the workers of a dask cluster: those of a running scheduler, or of jobs started here.

Results travel back to this process; workers need not share a disk with it. A task runs in a process
of its own beside its dask worker (:mod:`~ablation.executors.dask_worker`), so that whatever kills
the task does not kill the worker too, and it is known which task it was.
"""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import cloudpickle

from ablation.errors import MemoryShortage, counted
from ablation.errors.execution import ConnectionLost, TaskAbandoned, WorkerLacksPackage
from ablation.executors.base import Executor, Finished, Function, Job, Slot, WorkerPool
from ablation.executors.dask_worker import Answer, Supply, attend, install, unpack, versions
from ablation.executors.process import TRIES

if TYPE_CHECKING:
    from distributed import Future

    from ablation.executors.dask_connection import Connection

Connect = Callable[[ExitStack, Callable[[str], None]], "Connection"]

_LOOK_EVERY = 2.0  # seconds between two checks of which workers there are
_LOOK_SOON = 0.2  # the same while there are none
_WAIT_FOR_WORKERS = 10.0  # seconds without workers before the user is told
_PACK_BYTES = 16 << 20
_PACKS_AT_ONCE = 4  # per machine


class ClusterExecutor(Executor):
    """Runs tasks on the workers of a dask cluster, which may come and go.

    Parameters
    ----------
    slots
        The first says what a task needs: its threads, and whether it needs a card (``cuda``), of
        which dask then counts one per task (workers started with ``--resources GPU=1``).
    connect
        Returns a connection to the cluster, which ends when the stack that it is given is closed.
        One connection serves all pools.
    supply
        Transfers to a worker the files that a task needs there; None: it needs none.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        say: Callable[[str], None] = lambda _text: None,
        *,
        connect: Connect,
        supply: Supply | None = None,
    ) -> None:
        super().__init__(slots, say)
        self.connect, self.supply = connect, supply
        self._connection: Connection | None = None

    def pool(self, function: Function) -> WorkerPool:
        if self._connection is None:
            self.say("connecting to the cluster")
            self._connection = self.connect(self._stack, self.say)
        return _ClusterPool(function, self.slots[0], self.say, self._connection, self.supply)

    def close(self) -> None:
        self._connection = None
        super().close()


@dataclass
class _Place:
    """A machine that lacks files: the packs still to be sent, and the tasks waiting for them."""

    worker: str
    packs: list[list[str]]
    sending: int = 0
    waiting: list[Job] = field(default_factory=list)


class _ClusterPool(WorkerPool):
    def __init__(
        self,
        function: Function,
        slot: Slot,
        say: Callable[[str], None],
        connection: "Connection",
        supply: Supply | None,
    ) -> None:
        super().__init__()
        self.function, self.slot, self.say = function, slot, say
        self.client, self.jobs, self.supply = connection.client, connection.jobs, supply
        self.flying: dict[Future, Job | _Place] = {}
        self.places: dict[str, _Place] = {}
        self.ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self.room, self.looked, self.seen_workers = 0, -_LOOK_EVERY, time.monotonic()
        self.versions = versions()
        scheduler = self.client.scheduler
        self.address = str(scheduler.address) if scheduler else "an unknown address"

    def finished(self) -> Iterator[list[Finished]]:
        while True:
            self._look()
            self._hand_out()
            if not self.flying and not self._waiting():
                return
            ends = self._ends(self._landed())
            if ends:
                self._hand_out()  # before the caller stores them
                yield ends

    def close(self) -> None:
        """Cancel the tasks that are still running."""
        if self.jobs is not None:
            self.jobs.rest()
        flying, self.flying = list(self.flying), {}
        if flying and self.client.status == "running":
            with suppress(OSError, TimeoutError):
                self.client.cancel(flying, force=True)

    def _look(self) -> None:
        """Update how many tasks the workers take at present."""
        now = time.monotonic()
        if now - self.looked < _LOOK_EVERY and self.room:
            return
        self.looked = now
        self._check_connection()
        if self.jobs is not None:
            self.jobs.want(self._most_waiting() + len(self.flying))
        known = self.client.scheduler_info()["workers"].values()
        workers = [worker for worker in known if worker["status"] == "running"]
        if self.slot.device == "cpu":
            room = sum(worker["nthreads"] for worker in workers)
        else:
            room = int(sum(worker["resources"].get("GPU", 0) for worker in workers))
        # A few more wait at the scheduler, so that no worker waits for this process.
        self.room = room + (room + 7) // 8
        if room:
            self.seen_workers = now
        elif now - self.seen_workers > _WAIT_FOR_WORKERS:
            what = "" if self.slot.device == "cpu" else " with --resources GPU=1"
            jobs = f"; {self.jobs.describe()}" if self.jobs is not None else ""
            idle = len(known) - len(workers)
            paused = (
                f"; {counted(idle, 'worker')} paused by dask for lack of memory" if idle else ""
            )
            self.say(f"waiting for workers{what} to join {self.address}{jobs}{paused}")
            self.seen_workers = now + 5 * _WAIT_FOR_WORKERS

    def _hand_out(self) -> None:
        waiting = sum(len(place.waiting) for place in self.places.values())
        while len(self.flying) + waiting < self.room and (job := self._next()):
            call = partial(attend, self.function, job.task, self.slot, self.supply, self.versions)
            needs = None if self.slot.device == "cpu" else {"GPU": 1}
            self._fly(self._submit("cell", call, resources=needs), job)

    def _submit(self, what: str, call: Callable[[], Any], **more: Any) -> "Future":
        # As bytes: scheduler and worker must be able to report that they lack our package.
        payload = cloudpickle.dumps(call)
        return self.client.submit(unpack, payload, key=f"{what}-{uuid4().hex}", pure=False, **more)

    def _fly(self, future: "Future", what: Job | _Place) -> None:
        self.flying[future] = what
        future.add_done_callback(self.ended.put)

    def _landed(self) -> list["Future"]:
        """Return what has ended since the last call; empty if nothing ends for a while."""
        landed = []
        try:
            landed.append(self.ended.get(timeout=_LOOK_EVERY if self.room else _LOOK_SOON))
            while True:
                landed.append(self.ended.get_nowait())
        except queue.Empty:
            return [future for future in landed if future in self.flying]

    def _ends(self, landed: Sequence["Future"]) -> list[Finished]:
        """Return the tasks that have ended; their values are fetched together."""
        good = [future for future in landed if future.status == "finished"]
        values: dict[Future, Any] = dict(zip(good, self._gathered(good), strict=True))
        ends = []
        for future in landed:
            what = self.flying.pop(future)
            if isinstance(what, _Place):
                self._sent(what, failed=future not in values)
                continue
            answer = values[future] if future in values else self._failed(future)
            if (end := self._end(what, answer)) is not None:
                ends.append(end)
        return ends

    def _gathered(self, futures: "list[Future]") -> "list[Any]":
        return cast(list, self.client.gather(futures)) if futures else []

    def _end(self, job: Job, answer: Answer) -> Finished | None:
        """Return how a task ended; None if it will be run again."""
        device = self.slot.device
        if answer.kind == "value":
            return Finished(job.index, job.task, device, answer.value)
        if answer.kind == "lacking":
            self._supply(answer, job)
        elif answer.kind == "lost":  # with its worker, which is not the task's fault
            self._retries.append(job)
        elif job.attempt < TRIES:
            self._retries.append(job.again())
        else:
            return Finished(job.index, job.task, device, crash=str(answer.value))
        return None

    def _failed(self, future: "Future") -> Answer:
        """Return why a task has no value; an exception of its function is raised."""
        from distributed import KilledWorker

        if future.status in ("cancelled", "lost", "pending"):
            self._check_connection()
            return Answer("lost")
        error = cast(BaseException | None, future.exception())
        if isinstance(error, TaskAbandoned):  # its job is being ended
            return Answer("lost")
        if isinstance(error, MemoryShortage):
            return Answer("died", str(error))
        if isinstance(error, KilledWorker):
            return Answer("died", f"its worker died repeatedly: {error}")
        if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("ablation"):
            raise WorkerLacksPackage(self.address, str(error.name)) from error
        raise error if error is not None else RuntimeError(f"a task ended as {future.status}")

    def _check_connection(self) -> None:
        if self.client.status != "running":
            raise ConnectionLost(self.address)

    def _supply(self, answer: Answer, job: Job) -> None:
        """Send a machine the files it lacks, once for all its workers; ``job`` waits for them."""
        if self.supply is None:
            raise RuntimeError("a task lacks files, but no supply was given")
        where, worker, names = answer.value
        place = self.places.get(where)
        if place is None:
            packs = self.supply.packs(names, _PACK_BYTES)
            place = self.places[where] = _Place(worker, packs)
            self.say(f"sending {counted(len(names), 'file')} to {where}")
            for _ in range(_PACKS_AT_ONCE):
                self._send(place)
        place.waiting.append(job)

    def _send(self, place: _Place) -> None:
        if not place.packs or self.supply is None:
            return
        pack = {name: self.supply.read(name) for name in place.packs.pop()}
        place.sending += 1
        call = partial(install, self.supply, pack)
        self._fly(self._submit("files", call, workers=[place.worker], priority=1), place)

    def _sent(self, place: _Place, failed: bool) -> None:
        """Send the next pack; once all are sent, or the worker is gone, run the tasks again."""
        place.sending -= 1
        if failed:
            place.packs.clear()
        self._send(place)
        if not place.sending:
            self._retries.extend(place.waiting)
            self.places = {name: p for name, p in self.places.items() if p is not place}
