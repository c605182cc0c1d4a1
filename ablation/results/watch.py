"""Watching what other runs store meanwhile."""

import time
from pathlib import Path
from typing import Any

from ablation.files import storage_error
from ablation.results.schema import OK, TABLES
from ablation.results.store import ResultStore, read_part

_MOMENT = 0.2  # seconds


class Watch:
    """The finished cells of a table that others than ``store`` itself have stored, kept up to date.

    A look costs the listing of a folder and is skipped within 0.2 s of the one before.

    Parameters
    ----------
    store, name
        The results folder and the table's name.
    """

    def __init__(self, store: ResultStore, name: str) -> None:
        self.store, self.table = store, TABLES[name]
        self._keys: set[tuple[Any, ...]] = set()
        self._read: set[Path] = set()
        self._compacted: tuple[int, int] | None = None
        self._looked = -_MOMENT

    def finished(self) -> set[tuple[Any, ...]]:
        """Return the keys (the table's ``key`` columns) of the rows that are finished by now."""
        if time.monotonic() - self._looked < _MOMENT:
            return self._keys
        self._looked = time.monotonic()
        # The file after the parts, like every reader: a compaction moves rows in that direction.
        for path in self.store.parts(self.table.name):
            if path not in self._read and path not in self.store.own:
                self._take(path)
                self._read.add(path)
        main = self.store.main(self.table.name)
        state = _state(main)
        if state is not None and state != self._compacted:
            self._take(main)
            self._compacted = state
        return self._keys

    def _take(self, path: Path) -> None:
        """Note a file's finished rows; a file that is gone was merged, a damaged one has none."""
        try:
            rows = read_part(path, self.table, [*self.table.key, "status"])
        except FileNotFoundError:
            return
        if rows is None:
            return
        columns = [rows[name].to_pylist() for name in (*self.table.key, "status")]
        self._keys |= {tuple(key) for *key, status in zip(*columns, strict=True) if status == OK}


def _state(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error("read", path, error) from error
    return state.st_ino, state.st_mtime_ns
