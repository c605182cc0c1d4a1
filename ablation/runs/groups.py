"""Groups of cells that a worker is given at once.

On a card, folds and seeds of one shape are trained together (:mod:`~ablation.training.group`); on
the CPU a worker is given one cell at a time. A cell's rows are the same either way.
"""

from collections.abc import Iterable, Iterator, Sequence

from ablation.device import CPU
from ablation.executors import Slot
from ablation.study import CellKind, ExecutionSpec, Study
from ablation.training.task import CellTask

Group = tuple[CellTask, ...]


def group_size(execution: ExecutionSpec, slots: Sequence[Slot], cells: int) -> int:
    """Return the most cells of a group: no more than leave work for every card.

    A run that uses the CPU too hands out single cells, since any worker may get any task.
    """
    if any(slot.device == CPU for slot in slots):
        return 1
    return max(1, min(execution.group, -(-cells // len(slots))))


def cells_at_once(study: Study, slots: Sequence[Slot], cells: int) -> int:
    """Return the most of a study's ``cells`` that a worker is given at once.

    Probes that a card would train one by one are handed out singly, so that each is stored once it
    is finished: those of the plain engine, models of the user's own, and those whose segments
    change in every step.
    """
    probe = study.probe
    ours = probe.factory is None and probe.engine == "single-pass"
    together = ours and not study.training.augment.used
    return group_size(study.execution, slots, cells) if together else 1


def side_by_side(tasks: Sequence[CellTask], most: int) -> Sequence[CellTask]:
    """Return the tasks, those that can be trained together one after the other.

    A grid lists its seeds one by one. Where a worker is given single cells (``most`` is 1) the
    tasks stay as they are.
    """
    if most == 1:
        return tasks
    kinds: dict[object, int] = {}
    ranks = [kinds.setdefault(_kind(task), len(kinds)) for task in tasks]
    order = sorted(range(len(tasks)), key=ranks.__getitem__)
    return [tasks[number] for number in order]


def grouped(tasks: Iterable[CellTask], most: int) -> Iterator[Group]:
    """Yield the tasks in their order, in groups of at most ``most`` that differ in fold and seed.

    Tasks are taken as they are needed, one ahead.
    """
    group: list[CellTask] = []
    for task in tasks:
        if group and (len(group) == most or not _alike(group[0], task)):
            yield tuple(group)
            group = []
        group.append(task)
    if group:
        yield tuple(group)


def _alike(one: CellTask, other: CellTask) -> bool:
    """Return whether two cells are probes of one shape with the same settings."""
    probes = one.cell.kind == other.cell.kind == CellKind.PROBE
    return probes and _kind(one) == _kind(other) and one.study == other.study


def _kind(task: CellTask) -> tuple[object, ...]:
    """Return what a cell's model is, whatever its fold and seed."""
    cell = task.cell
    return cell.kind, cell.shapes, cell.window_ms, cell.pooling, cell.title, task.digest


def halves(group: Group) -> tuple[Group, Group]:
    """Return a group's two halves."""
    middle = len(group) // 2
    return group[:middle], group[middle:]
