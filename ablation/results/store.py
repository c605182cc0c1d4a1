"""Tables of Parquet parts: appended atomically, read at any moment, compacted when a run ends.

A table ``probes`` is the file ``probes.parquet`` and the folder ``probes.parts`` of parts that are
not in it yet. A reader takes the parts before the file: a compaction between the two may then show
a row twice, which its key reveals, but cannot hide one. During a run, small parts are merged into
larger ones now and then, so that a run of any length leaves few files.
"""

import io
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ablation.errors import named
from ablation.errors.running import NewerFile, ResultsUnstable
from ablation.files import atomic_write, locked, storage_error
from ablation.results.schema import (
    OK,
    SCHEMA_VERSION,
    TABLES,
    VERSION_KEY,
    Table,
    arrow_table,
    schema,
)

_LATEST_FIRST = ("status", "started_at")


@dataclass
class TableContent:
    """A table as read: its rows, without duplicates, and the files that could not be read."""

    rows: pa.Table
    damaged: list[str] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame."""
        return self.rows.to_pandas(use_threads=False)  # as in `_read`


class ResultStore:
    """The tables of one results folder.

    Any number of processes may append and read at once; compaction takes a lock.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own: set[Path] = set()  # parts that were written through this object

    def append(
        self, classes: Sequence[str], rows: Mapping[str, Sequence[Mapping[str, Any]]]
    ) -> None:
        """Store rows of several tables; they are on the disk when this returns.

        Tables are written in the order given, so the one that marks a cell as done goes last.

        Raises
        ------
        StorageError
            When the folder cannot be written; nothing is half-written then.
        """
        # A name that sorts by time, unique over processes and machines.
        stem = f"{time.time_ns():020d}-{uuid4().hex[:12]}"
        for name, table_rows in rows.items():
            if table_rows:
                part = self._parts_folder(name) / f"{stem}.parquet"
                self.own.add(part)
                _write(part, arrow_table(TABLES[name], classes, table_rows))

    def read(self, name: str, columns: Sequence[str] | None = None) -> TableContent:
        """Return all rows of a table, of its parts and its compacted file, in the key's order.

        ``columns`` names those wanted besides the key (None: all); columns that the files lack are
        left out.

        Raises
        ------
        StorageError
            When a file was written by a newer version of ablation.
        """
        table = TABLES[name]
        wanted = None if columns is None else [*table.key, *_LATEST_FIRST, *columns]
        for _ in range(_READ_TRIES):
            damaged: list[str] = []
            try:
                parts = [_read(path, table, wanted, damaged) for path in self.parts(name)]
            except FileNotFoundError:
                continue  # a compaction took this part meanwhile: look again
            main = self.main(name)
            if main.exists():
                parts.append(_read(main, table, wanted, damaged))
            found = [part for part in parts if part is not None]
            rows = _each_once(found, table) if found else arrow_table(table, (), [])
            return TableContent(rows, damaged)
        raise ResultsUnstable(self.folder)

    def compact(self) -> None:
        """Merge the parts of every table into its file and remove them.

        A table with a damaged file is left as it is. No row is lost when this is killed.
        """
        try:
            with locked(self.folder / ".lock"):
                for name in TABLES:
                    self._compact(name)
        except OSError as error:
            raise storage_error("write to", self.folder, error) from error

    def tidy(self) -> None:
        """Merge the small parts of every table, unless another run is doing so.

        Merged parts are not merged again: a row is moved once, however long a run is.
        """
        try:
            with locked(self.folder / ".lock", wait=False) as held:
                for name in TABLES if held else ():
                    self._tidy(name)
        except OSError as error:
            raise storage_error("write to", self.folder, error) from error

    def parts(self, name: str) -> list[Path]:
        """Return the parts of a table; names with a leading dot are still being written."""
        return sorted(self._parts_folder(name).glob("[!.]*.parquet"))

    def main(self, name: str) -> Path:
        """Return the path of a table's compacted file, which need not exist."""
        return self.folder / f"{name}.parquet"

    def _compact(self, name: str) -> None:
        parts = self.parts(name)
        if not parts:
            return
        main = self.main(name)
        damaged: list[str] = []
        earlier = [_read(main, TABLES[name], None, damaged)] if main.exists() else []
        if not damaged:
            self._merge(name, parts, main, earlier)
        with suppress(OSError):  # another run's part may have come meanwhile
            self._parts_folder(name).rmdir()

    def _tidy(self, name: str) -> None:
        small = [part for part in self.parts(name) if not part.stem.endswith(_TIDIED)]
        if len(small) > 1:
            self._merge(name, small, small[-1].with_stem(small[-1].stem + _TIDIED), [])

    def _merge(
        self, name: str, parts: Sequence[Path], target: Path, more: Sequence[pa.Table | None]
    ) -> None:
        """Write ``parts`` and ``more`` as one file and remove the parts; damaged ones stay."""
        damaged: list[str] = []
        tables = [_read(path, TABLES[name], None, damaged) for path in parts]
        found = [table for table in (*tables, *more) if table is not None]
        whole = [path for path in parts if str(path) not in damaged]
        if whole:
            if self.own.issuperset(whole):
                self.own.add(target)
            _write(target, _each_once(found, TABLES[name]))
        for path in whole:
            path.unlink(missing_ok=True)

    def _parts_folder(self, name: str) -> Path:
        return self.folder / f"{name}.parts"


_TIDIED = "-tidied"  # ends the name of a merged part
_READ_TRIES = 100


def _write(path: Path, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def _read(
    path: Path, table: Table, wanted: Sequence[str] | None, damaged: list[str]
) -> pa.Table | None:
    """Return a file's rows; when it cannot be read, add it to ``damaged`` and return None.

    Raises FileNotFoundError for a file that is gone, which is not damage.
    """
    try:
        # The whole file in one read: a compaction may remove it the moment after. No threads of
        # Arrow's: a process that ends right after a read may be aborted while they still run.
        with path.open("rb") as stream:
            file = pq.ParquetFile(
                pa.BufferReader(stream.read()), page_checksum_verification=True, pre_buffer=False
            )
        _refuse_newer(path, file.schema_arrow)
        _refuse_misfit(file.schema_arrow, table)
        names = file.schema_arrow.names
        columns = None if wanted is None else [name for name in wanted if name in names]
        rows = file.read(columns=columns, use_threads=False)
        rows.validate(full=True)
        for name in set(table.later).difference(names):
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.string()))
        return rows
    except FileNotFoundError:
        raise
    except (pa.ArrowException, ValueError, OverflowError):  # a torn footer may raise any of them
        damaged.append(str(path))
        return None
    except OSError as error:
        if error.errno is None:  # pyarrow's own: a torn page or column
            damaged.append(str(path))
            return None
        raise storage_error("read", path, error) from error


def read_part(path: Path, table: Table, wanted: Sequence[str]) -> pa.Table | None:
    """Return columns of one file, or None if it is damaged.

    Raises FileNotFoundError when it is gone.
    """
    return _read(path, table, wanted, [])


def _refuse_misfit(found: pa.Schema, table: Table) -> None:
    """Raise ValueError for columns of another table, as a damaged footer may show them."""
    expected = schema(table, ())
    of_class = {
        field_.name: field_.type for field_ in schema(table, ("",)) if field_.name[-1] == "_"
    }
    needed = {*table.key, *(name for name in _LATEST_FIRST if name in expected.names)}
    needed -= {*table.later}
    if lacking := needed - set(found.names):
        raise ValueError(f"no column {named(sorted(lacking))}")
    if len(set(found.names)) < len(found.names):
        raise ValueError("two columns of one name")
    for field_ in found:
        known = expected.get_field_index(field_.name)
        prefix = field_.name[: field_.name.find("_") + 1]
        kind = expected.types[known] if known >= 0 else of_class.get(prefix)
        if field_.type != kind:
            raise ValueError(f"column {field_.name} is {field_.type}")


def _refuse_newer(path: Path, found: pa.Schema) -> None:
    text = (found.metadata or {}).get(VERSION_KEY, b"0")
    version = int(text) if text.isdigit() else 0
    if version > SCHEMA_VERSION:
        raise NewerFile(path, version, SCHEMA_VERSION)


def _each_once(tables: Iterable[pa.Table], table: Table) -> pa.Table:
    """Return one row per key, in the key's order: finished ones first, then the latest."""
    rows = pa.concat_tables(tables, promote_options="default")
    rows = rows.append_column("_arrival", pa.array(range(rows.num_rows), pa.int64()))
    order: list[tuple[str, str]] = [(column, "ascending") for column in table.key]
    if "status" in rows.column_names:
        finished = pc.cast(pc.equal(rows["status"], OK), pa.int8())  # type: ignore[attr-defined]
        rows = rows.append_column("_finished", finished)
        order += [("_finished", "descending"), ("started_at", "descending")]
    rows = rows.take(pc.sort_indices(rows, sort_keys=[*order, ("_arrival", "ascending")]))  # type: ignore[attr-defined]
    if rows.num_rows:
        rows = rows.filter(_first_of_each(rows, table.key))
    dropped = [name for name in ("_arrival", "_finished") if name in rows.column_names]
    return rows.drop_columns(dropped).replace_schema_metadata(
        {VERSION_KEY: str(SCHEMA_VERSION).encode()}
    )


def _first_of_each(rows: pa.Table, key: Sequence[str]) -> pa.Array:
    """Return a mask of the rows, sorted by ``key``, that begin a new key."""
    differs = np.zeros(rows.num_rows, bool)
    differs[0] = True
    for name in key:
        # Codes instead of values: null is a key value like any other.
        column = rows[name].combine_chunks()
        codes = column.dictionary_encode(null_encoding="encode").indices.to_numpy()
        differs[1:] |= codes[1:] != codes[:-1]
    return pa.array(differs)
