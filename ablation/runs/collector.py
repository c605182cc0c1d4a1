"""Collects what workers have trained and stores it."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ablation.executors import Finished, WorkerPool
from ablation.files import forget_half_written
from ablation.results import ResultStore
from ablation.results.schema import TABLE_OF, reason_of
from ablation.runs.groups import Group, grouped, halves
from ablation.training import rows as cell_rows
from ablation.training.task import CellTask, Outcome

_TIDY_EVERY = 256  # writes after which small parts are merged
_QUICK = 0.1  # seconds between two results, below which nothing waits for the disk

Keep = Callable[[CellTask, Outcome], None]
Ended = tuple[CellTask, Outcome]


@dataclass
class Tally:
    """Counts of a run: ``cells`` were requested, ``stored`` of them before it."""

    cells: int
    stored: int
    trained: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.cells - self.stored - self.trained - len(self.failures)


class ResultCollector:
    """A pool of workers whose outcomes are stored before they are passed on.

    Outcomes that arrive while the disk is busy are stored together: syncing a file takes longer
    than writing it, and no worker waits for it.

    Parameters
    ----------
    say
        Called with a line on every failed cell.
    keep
        Called with each task and finished outcome before its row is stored.
    together
        The most cells that a worker is given at once.
    told
        Called with each outcome that is on the disk, in this process.
    """

    def __init__(
        self,
        pool: WorkerPool,
        store: ResultStore,
        tally: Tally,
        say: Callable[[str], None],
        keep: Keep | None = None,
        together: int = 1,
        told: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.together, self.told = together, told
        self.pool, self.store, self.tally, self.say = pool, store, tally, say
        self.keep = keep
        self._held: list[Ended] = []
        self._writing: Future[list[Ended]] | None = None
        self._times_stored = 0

    def submit(self, tasks: Iterable[CellTask], most: int | None = None) -> None:
        """Submit tasks to the pool, in ``most`` groups or fewer.

        See :meth:`ablation.executors.WorkerPool.submit`.
        """
        self.pool.submit(grouped(tasks, self.together), most)

    def ended(self) -> Generator[list[Ended]]:
        """Yield tasks and their outcomes, failed ones too, once they are on the disk.

        Ends when all submitted tasks have ended; more may be submitted meanwhile. Close it when it
        is left early, so that what has ended is stored.

        Raises
        ------
        StorageError
            When rows cannot be stored; those before them are.
        """
        with ThreadPoolExecutor(1, "store") as writer:
            try:
                while True:
                    for quick in self._landings():
                        if self._writing is not None and (self._writing.done() or not quick):
                            yield self._written()
                        if self._writing is None:
                            self._write(writer)
                        if not quick:
                            yield self._written()
                    if self._writing is not None:
                        yield self._written()
                        continue  # more may have been submitted meanwhile
                    if not self._held:
                        return
                    self._write(writer)
            finally:  # finished cells are stored, however this ends
                while self._held or self._writing is not None:
                    if self._writing is None:
                        self._write(writer)
                    self._written()

    def _landings(self) -> Iterator[bool]:
        """Hold what has ended; yield whether it came too soon to wait for the disk."""
        last = time.monotonic()
        for finished in self.pool.finished():
            for end in finished:
                if end.crash is not None and len(end.task) > 1:
                    self.pool.submit(
                        halves(end.task), 2
                    )  # the others are not to go with one of them
                else:
                    self._held += zip(end.task, _outcomes(end), strict=True)
            quick = time.monotonic() - last < _QUICK
            last = time.monotonic()
            if self._held:
                yield quick

    def _write(self, writer: ThreadPoolExecutor) -> None:
        """Start storing what is held."""
        held, self._held = self._held, []
        self._writing = writer.submit(self._store, held)

    def _written(self) -> list[Ended]:
        """Wait for the write in progress and return what it has stored."""
        writing, self._writing = self._writing, None
        return [] if writing is None else self._counted(writing.result())

    def _store(self, ended: Sequence[Ended]) -> list[Ended]:
        rows: dict[str, list] = {"predictions": [], "epochs": [], "checkpoints": []}
        # A cell's own row last: it marks the cell as done.
        rows |= {table.name: [] for table in TABLE_OF.values()}
        for task, outcome in ended:
            if self.keep is not None and not outcome.failed:
                self.keep(task, outcome)
            if task.cell.kind in TABLE_OF:
                rows["predictions"] += outcome.predictions
                rows["epochs"] += outcome.epochs
                rows["checkpoints"] += outcome.checkpoints
                rows[TABLE_OF[task.cell.kind].name].append(outcome.row)
        self.store.append(ended[0][0].classes, rows)
        for task, _ in ended:
            _forget_checkpoint(task)
        self._times_stored += 1
        if self._times_stored % _TIDY_EVERY == 0:
            self.store.tidy()
        return list(ended)

    def _counted(self, ended: list[Ended]) -> list[Ended]:
        for task, outcome in ended:
            if not outcome.failed:
                self.tally.trained += 1
                continue
            reason = reason_of(outcome.row["error"])
            self.tally.failures.append(f"{task.cell.name} fold {task.cell.fold}: {reason}")
            self.say(f"failed: {self.tally.failures[-1]}")
        if self.told is not None:
            with ExitStack() as every:  # each is told, even if one of the calls raises
                for _, outcome in reversed(ended):
                    every.callback(self.told, outcome)
        return ended


def _outcomes(end: Finished) -> list[Outcome]:
    """Return the outcomes of a group, or of the one cell that took its worker with it."""
    if end.crash is None:
        return end.value
    group: Group = end.task
    return [cell_rows.failed(task, end.crash, end.device, datetime.now(UTC)) for task in group]


def _forget_checkpoint(task: CellTask) -> None:
    """Remove a cell's checkpoint: a finished cell needs none, a failed one starts anew."""
    if task.checkpoint is not None:
        task.checkpoint.unlink(missing_ok=True)
        forget_half_written(task.checkpoint)  # by a killed worker
        with suppress(OSError):  # those of other cells may be there
            task.checkpoint.parent.rmdir()
