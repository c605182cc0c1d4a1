"""What a user's own code may see of a run while it goes on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ablation.runs.collector import Tally
from ablation.runs.plans import Plan
from ablation.training.task import Outcome


class Callback:
    """Methods that a run calls in the process that started it; each does nothing here.

    A cell is told once its row is on the disk, and each cell that is trained exactly once: a run
    that goes on where another was killed tells those that were left. An exception ends the run with
    its own traceback; what has been stored stays.
    """

    def on_run_start(self, plan: Plan) -> None:
        """Called before anything is trained: ``plan.cells`` and ``plan.missing`` are its cells."""

    def on_epoch_end(self, epoch: Mapping[str, Any]) -> None:
        """Called with each row of ``epochs.parquet`` of a cell, in order, once the cell has ended.

        It has the cell's ``digest``, ``name``, ``window_ms``, ``seed`` and ``fold``, and ``epoch``,
        ``lr``, ``train_loss`` and ``train_wa`` (0..1).
        """

    def on_cell_end(self, cell: Mapping[str, Any]) -> None:
        """Called with the row of ``probes.parquet`` of a cell that has ended.

        ``cell["status"]`` is ``ok`` or ``failed``; a failed one has an ``error`` and no scores.
        """

    def on_run_end(self, tally: Tally) -> None:
        """Called after the last cell with the counts of the run."""


class Callbacks(Callback):
    """Several callbacks, called one after the other; an object may lack methods it does not use."""

    def __init__(self, every: Iterable[object] = ()) -> None:
        self.every: Sequence[object] = tuple(every)

    def on_run_start(self, plan: Plan) -> None:
        self._call("on_run_start", plan)

    def on_run_end(self, tally: Tally) -> None:
        self._call("on_run_end", tally)

    def ended(self, outcome: Outcome) -> None:
        """Tell a cell that has ended: its epochs, then itself."""
        for epoch in outcome.epochs:
            self._call("on_epoch_end", epoch)
        self._call("on_cell_end", outcome.row)

    def _call(self, method: str, about: object) -> None:
        for one in self.every:
            if hasattr(one, method):
                getattr(one, method)(about)
