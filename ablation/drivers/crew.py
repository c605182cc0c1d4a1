"""Workers that train cells, and the hand that stores what they bring."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from ablation.execution import Finished, WorkerPool
from ablation.files import forget_half_written
from ablation.store import ResultStore
from ablation.training.task import CellTask, Outcome, failed_outcome

TABLES = {"probe": "probes", "network": "networks", "reference": "references"}  # by kind of cell
_TIDY_EVERY = 256  # times rows were stored, after which small parts are put together
_QUICK = 0.1  # seconds between two ends, below which nobody waits for the disk

Keep = Callable[[CellTask, Outcome], None]
Ended = tuple[CellTask, Outcome]


@dataclass
class Tally:
    """What a run did. ``cells`` were asked for, ``stored`` of them were there before."""

    cells: int
    stored: int
    trained: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.cells - self.stored - self.trained - len(self.failures)


class ResultCollector:
    """Workers that train cells; an outcome is stored before it is handed on.

    What ends together is stored together, and while the disk is busy more may end: syncing a file
    costs more than writing it, and no worker waits for it.

    Parameters
    ----------
    say
        Is told of every cell that failed.
    keep
        Called with each task and finished outcome before its row says that it is done.
    """

    def __init__(
        self,
        pool: WorkerPool,
        store: ResultStore,
        tally: Tally,
        say: Callable[[str], None],
        keep: Keep | None = None,
    ) -> None:
        self.pool, self.store, self.tally, self.say = pool, store, tally, say
        self.keep = keep
        self._held: list[Ended] = []
        self._writing: Future[list[Ended]] | None = None
        self._times_stored = 0

    def submit(self, tasks: Iterable[CellTask]) -> None:
        """As of :class:`~ablation.execution.WorkerPool`."""
        self.pool.submit(tasks)

    def ended(self) -> Generator[list[Ended]]:
        """Tasks and their outcomes, failed ones too, as they come and are on the disk.

        Until nothing is left that was submitted; more may be submitted in between. Close it where
        it is left early: what has ended is then stored.

        Raises
        ------
        StorageError
            When rows cannot be stored; those before are.
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
            finally:  # finished cells are kept, however this ends
                while self._held or self._writing is not None:
                    if self._writing is None:
                        self._write(writer)
                    self._written()

    def _landings(self) -> Iterator[bool]:
        """Hold what has ended, as it ends; whether it came so soon that the disk cannot keep up."""
        last = time.monotonic()
        for finished in self.pool.finished():
            self._held += [(end.task, _outcome(end)) for end in finished]
            quick = time.monotonic() - last < _QUICK
            last = time.monotonic()
            yield quick

    def _write(self, writer: ThreadPoolExecutor) -> None:
        """Begin to store what is held."""
        held, self._held = self._held, []
        self._writing = writer.submit(self._store, held)

    def _written(self) -> list[Ended]:
        """What was begun to be stored, when it is."""
        writing, self._writing = self._writing, None
        return [] if writing is None else self._counted(writing.result())

    def _store(self, ended: Sequence[Ended]) -> list[Ended]:
        rows: dict[str, list] = {"predictions": [], "epochs": []}
        # A cell's own row last: it is what says that the cell is done.
        rows |= {name: [] for name in TABLES.values()}
        for task, outcome in ended:
            if self.keep is not None and not outcome.failed:
                self.keep(task, outcome)
            if task.cell.kind in TABLES:
                rows["predictions"] += outcome.predictions
                rows["epochs"] += outcome.epochs
                rows[TABLES[task.cell.kind]].append(outcome.row)
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
            reason = outcome.row["error"].splitlines()[-1]
            self.tally.failures.append(f"{task.cell.name} fold {task.cell.fold}: {reason}")
            self.say(f"failed: {self.tally.failures[-1]}")
        return ended


def _outcome(end: Finished) -> Outcome:
    if end.crash is not None:
        return failed_outcome(end.task, end.crash, end.device)
    return end.value


def _forget_checkpoint(task: CellTask) -> None:
    """A finished cell needs none; a failed one starts from the beginning when tried again."""
    if task.checkpoint is not None:
        task.checkpoint.unlink(missing_ok=True)
        forget_half_written(task.checkpoint)  # by a worker that was killed
        with suppress(OSError):  # others' may still be there
            task.checkpoint.parent.rmdir()
