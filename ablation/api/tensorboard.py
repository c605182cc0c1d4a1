"""A run in TensorBoard: the learning curve of every cell, and the scores of every fold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablation.errors.common import MissingPackage
from ablation.runs.callbacks import Callback
from ablation.runs.collector import Tally


class TensorBoard(Callback):
    """Writes a run into a folder that ``tensorboard --logdir FOLDER`` shows.

    Each cell is a run of TensorBoard's, ``DIGEST/10x2/40ms/FOLD/seed0``, with ``train_loss``,
    ``train_wa`` and ``lr`` by epoch, and ``wa`` and ``ua`` of its held-out speakers.

    Parameters
    ----------
    folder
        Where event files are written; those of earlier runs stay.

    Raises
    ------
    MissingPackage
        When TensorBoard is not installed (``pip install 'ablation[tensorboard]'``).
    """

    def __init__(self, folder: Path | str) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            feature = "a callback to TensorBoard"
            raise MissingPackage(feature, "tensorboard", "tensorboard") from error
        self.folder, self._make = Path(folder), SummaryWriter
        self._epochs: list[Mapping[str, Any]] = []

    def on_epoch_end(self, epoch: Mapping[str, Any]) -> None:
        self._epochs.append(epoch)

    def on_cell_end(self, cell: Mapping[str, Any]) -> None:
        shape = f"{cell['height']}x{cell['width']}"
        parts = (cell["digest"], shape, f"{cell['window_ms']:g}ms", cell["fold"])
        epochs, self._epochs = self._epochs, []
        with self._make(str(self.folder.joinpath(*parts, f"seed{cell['seed']}"))) as writer:
            for epoch in epochs:
                for name in ("train_loss", "train_wa", "lr"):
                    if epoch.get(name) is not None:
                        writer.add_scalar(name, epoch[name], epoch["epoch"])
            for name in ("wa", "ua"):
                if cell.get(name) is not None:
                    writer.add_scalar(name, cell[name], cell.get("steps") or 0)

    def on_run_end(self, tally: Tally) -> None:
        """Nothing is left open: each cell's file is closed when the cell is."""
