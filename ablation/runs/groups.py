"""Groups of cells that a worker is given at once.

On a card, folds and seeds of one shape are trained together (:mod:`~ablation.training.group`); on
the CPU a worker is given one cell at a time. A cell's rows are the same either way.
"""

from collections.abc import Iterable, Iterator, Sequence

from ablation.device import CPU
from ablation.executors import Slot
from ablation.study import CellKind, ExecutionSpec
from ablation.training.task import CellTask

Group = tuple[CellTask, ...]


def group_size(execution: ExecutionSpec, slots: Sequence[Slot], cells: int) -> int:
    """Return the most cells of a group: no more than leave work for every card.

    A run that uses the CPU too hands out single cells, since any worker may get any task.
    """
    if any(slot.device == CPU for slot in slots):
        return 1
    return max(1, min(execution.group, -(-cells // len(slots))))


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
    kind = one.cell.kind == other.cell.kind == CellKind.PROBE
    same = (one.cell.shapes, one.cell.window_ms) == (other.cell.shapes, other.cell.window_ms)
    return kind and same and one.study == other.study


def halves(group: Group) -> tuple[Group, Group]:
    """Return a group's two halves."""
    middle = len(group) // 2
    return group[:middle], group[middle:]
