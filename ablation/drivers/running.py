"""Cells on executors, their rows into the store as they come."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ablation.drivers.progress import Reporter
from ablation.execution import EXECUTORS, Finished, Slot, make_slots
from ablation.store import ResultStore
from ablation.study import ExecutionSpec
from ablation.training.task import CellTask, Outcome, failed_outcome

TABLES = {"probe": "probes", "network": "networks", "reference": "references"}  # by kind of cell

Keep = Callable[[CellTask, Outcome], None]


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


def slots_of(execution: ExecutionSpec) -> list[Slot]:
    """The slots of a study; :class:`StudyError` for a device that is not there."""
    return make_slots(
        execution.devices, execution.threads, execution.workers, execution.workers_per_device
    )


class InterruptedRun(KeyboardInterrupt):
    """Ctrl-C or a request to end: what was finished is stored."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally


def run_cells(
    tasks: Sequence[CellTask],
    folder: Path,
    execution: ExecutionSpec,
    tally: Tally,
    reporter: Reporter,
    keep: Keep | None = None,
) -> None:
    """Train ``tasks``, store every outcome at once, compact at the end; ``tally`` is kept.

    ``keep`` is called with each task and finished outcome before its row says that it is done.

    Raises
    ------
    InterruptedRun
        On an interrupt, after the workers were stopped and the rows compacted.
    StorageError
        When a row cannot be stored; the rows before it are.
    """
    store = ResultStore(folder)
    try:
        _run(tasks, store, execution, tally, reporter, keep)
    except KeyboardInterrupt as interrupt:
        store.compact()
        raise InterruptedRun(tally) from interrupt
    store.compact()


def _run(
    tasks: Sequence[CellTask],
    store: ResultStore,
    execution: ExecutionSpec,
    tally: Tally,
    reporter: Reporter,
    keep: Keep | None,
) -> None:
    """Train and store; however it ends, the workers are stopped."""
    with _interrupts_held_back():
        # Loads torch, which a run of no cells never needs.
        from ablation.training.cell import run_cell

    with (
        closing(EXECUTORS["local"](slots_of(execution)).run(run_cell, tasks)) as results,
        reporter.task("cells", unit="cells") as advance,
    ):
        advance(0, len(tasks))
        for number, finished in enumerate(results, 1):
            _store(store, tasks[finished.index], finished, tally, reporter, keep)
            advance(number, len(tasks))


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C within this block comes at its end: an import of C++ code that one breaks into aborts
    the process."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _store(
    store: ResultStore,
    task: CellTask,
    finished: Finished,
    tally: Tally,
    reporter: Reporter,
    keep: Keep | None,
) -> None:
    outcome: Outcome = (
        failed_outcome(task, finished.crash, finished.device)
        if finished.crash is not None
        else finished.value
    )
    if keep is not None and not outcome.failed:
        keep(task, outcome)
    if task.cell.kind in TABLES:
        # The cell's own row last: it is what says that the cell is done.
        rows = {"predictions": outcome.predictions, "epochs": outcome.epochs}
        store.append(task.classes, rows | {TABLES[task.cell.kind]: [outcome.row]})
    if task.checkpoint is not None:  # a failed one starts from the beginning when tried again
        task.checkpoint.unlink(missing_ok=True)
        with suppress(OSError):  # others' may still be there
            task.checkpoint.parent.rmdir()
    if outcome.failed:
        reason = outcome.row["error"].splitlines()[-1]
        tally.failures.append(f"{task.cell.name} fold {task.cell.fold}: {reason}")
        reporter.say(f"failed: {tally.failures[-1]}")
    else:
        tally.trained += 1
