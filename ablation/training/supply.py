"""The files that a cell needs where it is trained, for workers without the driver's disk."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ablation.features.cache import located, stored_place
from ablation.files import atomic_write
from ablation.training.task import CellTask


class FeatureSupply:
    """Spectrograms: named by their files in the driver's cache, kept in a worker's own.

    Files are sent as they are, so that a worker trains on the same bytes as the driver would.
    """

    def lacking(self, task: CellTask) -> list[str]:
        """The driver's files that this machine has neither there nor in its own cache."""
        entries = [sample.entry for sample in (*task.fold.train, *task.fold.test)]
        there = {folder: _names(folder) for folder in {entry.path.parent for entry in entries}}
        missing = [entry for entry in entries if entry.path.name not in there[entry.path.parent]]
        return [str(entry.path) for entry in missing if not located(entry.path).exists()]

    def read(self, name: str) -> bytes:
        """A file of the driver's."""
        return Path(name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Put a file of the driver's into this machine's cache."""
        with atomic_write(stored_place(Path(name)), durable=False) as file:
            file.write(content)

    def packs(self, names: Sequence[str], most_bytes: int) -> list[list[str]]:
        """``names`` in groups of about ``most_bytes``, to be sent together."""
        packs: list[list[str]] = [[]]
        size = 0
        for name in names:
            if size > most_bytes:
                packs.append([])
                size = 0
            packs[-1].append(name)
            size += Path(name).stat().st_size
        return packs


def _names(folder: Path) -> set[str]:
    """One listing instead of asking for every file: the disk may be far away."""
    with suppress(OSError):
        return {entry.name for entry in os.scandir(folder)}
    return set()
