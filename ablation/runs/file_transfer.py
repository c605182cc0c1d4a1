"""Transfer of the files that a cell needs to workers that do not share the driver's disk."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ablation.features.cache import located, stored_place
from ablation.files import atomic_write
from ablation.runs.groups import Group


class FeatureSupply:
    """Transfers spectrograms from the driver's cache to a worker's own.

    They are named by their files in the driver's cache. Files are sent as they are, so that a
    worker trains on the same bytes as the driver would.
    """

    def lacking(self, task: Group) -> list[str]:
        """Return the driver's files that this machine has neither there nor in its own cache."""
        folds = [one.fold for one in task]
        samples = (
            sample for fold in folds for sample in (*fold.train, *fold.test, *fold.development)
        )
        entries = list(dict.fromkeys(sample.entry for sample in samples))
        there = {folder: _names(folder) for folder in {entry.path.parent for entry in entries}}
        missing = [entry for entry in entries if entry.path.name not in there[entry.path.parent]]
        return [str(entry.path) for entry in missing if not located(entry.path).exists()]

    def read(self, name: str) -> bytes:
        """Return the content of a file of the driver's cache."""
        return Path(name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Store a file of the driver's cache in this machine's cache."""
        with atomic_write(stored_place(Path(name)), durable=False) as file:
            file.write(content)

    def packs(self, names: Sequence[str], most_bytes: int) -> list[list[str]]:
        """Return ``names`` in groups of about ``most_bytes``, to be sent together."""
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
    """Return the names in a folder by one listing: on a network disk, asking for each is slow."""
    with suppress(OSError):
        return {entry.name for entry in os.scandir(folder)}
    return set()
