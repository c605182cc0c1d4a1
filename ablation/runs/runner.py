"""Runs cells on executors and stores their rows as they come."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from ablation.executors import EXECUTORS, Executor, Slot, choose, make_slots
from ablation.files import locked
from ablation.progress import Reporter
from ablation.results import ResultStore, Watch
from ablation.results.schema import TABLE_OF
from ablation.runs.best_so_far import BestSoFar
from ablation.runs.callbacks import Callbacks
from ablation.runs.collector import Keep, ResultCollector, Tally
from ablation.runs.groups import cells_at_once, grouped, side_by_side
from ablation.study import ExecutionSpec, Study
from ablation.training.rows import cell_columns
from ablation.training.task import CellTask
from ablation.training.worker import train_cells


class InterruptedRun(KeyboardInterrupt):
    """Ctrl-C or a request to stop; finished cells are stored."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally


def slots_of(execution: ExecutionSpec) -> list[Slot]:
    """Return a study's slots on this machine; :class:`StudyError` for a device it lacks."""
    return make_slots(
        execution.devices, execution.threads, execution.workers, execution.workers_per_device
    )


def places_of(study: Study) -> list[Slot]:
    """Return where the study's cells run: slots of its cluster, else those of this machine.

    Raises :class:`StudyError` for a device that this machine lacks.
    """
    if not study.cluster.used:
        return slots_of(study.execution)
    from ablation.runs.cluster import cluster_slots

    return cluster_slots(study)


def check_devices(study: Study) -> None:
    """Check that the study's cells can run: its devices exist, or its cluster address is valid.

    Whether the cluster answers shows only when cells are sent.

    Raises
    ------
    StudyError, ClusterError
        For a device that this machine lacks, or an address that is not valid.
    """
    if not study.cluster.used:
        slots_of(study.execution)
    elif study.cluster.address is not None:
        from ablation.executors.dask_connection import check_address

        check_address(study.cluster.address)


def executor_of(study: Study, folder: Path, say: Callable[[str], None]) -> Executor:
    """Return the executor of the study's cells: a cluster, or worker processes on this machine.

    ``folder`` is that of the study's results. Close the executor: a cluster's jobs run till then.
    """
    if study.cluster.used:
        from ablation.runs.cluster import cluster_executor

        return cluster_executor(study, folder, say)
    say(choose(study.execution.devices).line)
    return EXECUTORS["local"](slots_of(study.execution), say)


@contextmanager
def shared_cluster(
    study: Study, folder: Path, say: Callable[[str], None]
) -> Iterator[Executor | None]:
    """Yield the executor of the study's cluster, for several calls to share its jobs.

    None where the cells run on this machine, which need not be asked for.
    """
    if not study.cluster.used:
        yield None
        return
    with executor_of(study, folder, say) as executor:
        yield executor


@contextmanager
def result_collector(
    study: Study,
    folder: Path,
    tally: Tally,
    reporter: Reporter,
    keep: Keep | None = None,
    *,
    together: int = 1,
    executor: Executor | None = None,
    callbacks: Callbacks | None = None,
) -> Iterator[ResultCollector]:
    """Start workers for the cells of ``study``, whose rows are stored in ``folder``.

    A worker is given at most ``together`` cells at once. ``executor`` is left open; None: one of
    its own. ``callbacks`` are told each cell once it is stored.

    The workers are stopped however the block ends, and the rows compacted unless an error ended it.

    Raises
    ------
    InterruptedRun
        For an interrupt within the block, after the rows were compacted.
    """
    store = ResultStore(folder)
    try:
        with ExitStack() as stack:
            if executor is None:
                executor = stack.enter_context(executor_of(study, folder, reporter.say))
            pool = stack.enter_context(executor.pool(train_cells))
            if together > 1:
                reporter.say(f"a GPU trains up to {together} cells at once")
            told = None if callbacks is None else callbacks.ended
            yield ResultCollector(pool, store, tally, reporter.say, keep, together, told)
    except KeyboardInterrupt as interrupt:
        store.compact()
        raise InterruptedRun(tally) from interrupt
    store.compact()


def run_cells(
    tasks: Sequence[CellTask],
    folder: Path,
    study: Study,
    tally: Tally,
    reporter: Reporter,
    keep: Keep | None = None,
    again: bool = False,
    leading: BestSoFar | None = None,
    executor: Executor | None = None,
    callbacks: Callbacks | None = None,
) -> None:
    """Train ``tasks``, store each outcome as it comes, compact at the end, and update ``tally``.

    Another run may use the same folder: a cell that it has finished by the time it is due here is
    not trained again, except with ``again``. ``leading`` gets every probe, and its text is shown
    with the progress. ``executor`` is the study's, shared with other calls; None: one of its own.
    ``callbacks`` are told each cell once it is stored.

    Raises
    ------
    InterruptedRun
        On an interrupt, after the workers were stopped and the rows compacted.
    StorageError
        When a row cannot be stored; the rows before it are.
    """
    places, settings = places_of(study), {task.digest: task.study for task in tasks}
    # Settings that vary along an axis may differ in whether a card can train several at once.
    most = min(cells_at_once(one, places, len(tasks)) for one in (study, *settings.values()))
    tasks = side_by_side(tasks, most)
    sizes = [len(group) for group in grouped(tasks, most)]
    together = max(sizes, default=1)
    with (
        _order(folder, tasks) as ordered,
        result_collector(
            study,
            folder,
            tally,
            reporter,
            keep,
            together=together,
            executor=executor,
            callbacks=callbacks,
        ) as collector,
        reporter.task("cells", unit="cells") as advance,
    ):
        left = _unless_stored(ordered, collector.store, tally)
        collector.submit(tasks if again else left, most=len(sizes))
        before = tally.left
        advance(0, len(tasks))
        with closing(collector.ended()) as every:  # stores what has ended, even on an error
            for ended in every:
                note = "" if leading is None else leading.after(outcome.row for _, outcome in ended)
                advance(before - tally.left, len(tasks), note)


@contextmanager
def _order(folder: Path, tasks: Sequence[CellTask]) -> Iterator[Sequence[CellTask]]:
    """Yield the tasks, in reverse where another run uses this folder, to meet it halfway."""
    with locked(folder / ".running", wait=False) as alone:
        yield tasks if alone else tasks[::-1]


def _unless_stored(
    tasks: Iterable[CellTask], store: ResultStore, tally: Tally
) -> Iterator[CellTask]:
    """Yield the tasks that no other run has finished by the time they are due."""
    watches: dict[str, Watch] = {}
    for task in tasks:
        table = TABLE_OF.get(task.cell.kind)
        if table is not None:
            watch = watches.setdefault(table.name, Watch(store, table.name))
            if table.key_of(cell_columns(task)) in watch.finished():
                tally.stored += 1
                continue
        yield task
