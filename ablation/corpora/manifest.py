"""A manifest lists the user's own corpus: a CSV or parquet file with ``file, speaker, label``.

Paths are relative to the manifest. The optional columns ``start`` and ``end`` (seconds) cut an
utterance out of a longer recording, and ``id`` names it (by default the file, with its cut).
"""

import csv
import math
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ablation.corpora.base import CorpusKind, Options, Utterance
from ablation.corpora.faults import Faults
from ablation.corpora.recordings import is_recording
from ablation.corpora.table_values import as_text, is_missing
from ablation.errors import CorpusError, first_line, nearest
from ablation.errors.corpora import (
    CorpusRootMissing,
    DuplicateRow,
    EmptyField,
    InvalidValue,
    LongRow,
    MissingColumn,
    MissingRecording,
    SemicolonSeparated,
    UnreadableFile,
    WrongCorpusRoot,
)
from ablation.files import is_file, is_folder

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("file", "speaker", "label")
_LAYOUT = "a CSV or parquet file with the columns file, speaker, label and optional start, end, id"
_LONG_ROW = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")  # as pandas says it


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    if root is None:
        raise CorpusRootMissing("manifest", _LAYOUT)
    if is_folder(root):
        raise WrongCorpusRoot("manifest", root, "is a folder, not a file", _LAYOUT)
    if not is_file(root):
        raise WrongCorpusRoot("manifest", root, "does not exist", _LAYOUT)
    utterances = []
    seen: dict[str, str] = {}
    faults = Faults(f"{root}, ")
    for number, row in _rows(root):
        origin = f"{root}, row {number}"
        if wrong := list(_row_faults(root.parent, origin, row, faults.room)):
            for fault in wrong:
                faults.add(fault)
            continue
        utterance = _utterance(root.parent, origin, row)
        if utterance.id in seen:
            faults.add(DuplicateRow(origin, utterance.id, seen[utterance.id]))
        seen.setdefault(utterance.id, origin)
        utterances.append(utterance)
    faults.end()
    return utterances


def _rows(manifest: Path) -> list[tuple[int, Mapping[Any, Any]]]:
    """Return numbered rows, counted as a text editor does: the header of a CSV is line 1."""
    try:
        if manifest.suffix.lower() in (".parquet", ".pq"):
            frame = _parquet(manifest)
            first = 1
        else:
            frame = _csv(manifest)
            first = 2
    except (ValueError, OSError) as error:  # pandas' and pyarrow's parse errors are ValueErrors
        reason = first_line(error).removeprefix("Error tokenizing data. C error: ")
        if isinstance(error, UnicodeDecodeError):
            raise UnreadableFile(manifest, reason, "encoding") from error
        if (long := _LONG_ROW.match(reason)) is not None:
            columns, number, fields = map(int, long.groups())
            if columns >= len(REQUIRED) and (beyond := _lines_beyond(manifest, columns)):
                _refuse_long_rows(manifest, columns, [(number, fields), *beyond[1:]])
        raise UnreadableFile(manifest, reason, "manifest") from error
    _require_commas(manifest, frame)
    frame.columns = [str(column).strip().lower() for column in frame.columns]
    for column in REQUIRED:
        if column not in frame.columns:
            raise MissingColumn(manifest, column, list(frame.columns))
    rows = [(first + index, row) for index, row in enumerate(frame.to_dict("records"))]
    return [(number, row) for number, row in rows if not all(map(is_missing, row.values()))]


def _refuse_long_rows(manifest: Path, columns: int, rows: Iterable[tuple[int, int]]) -> None:
    """Raise :class:`LongRow` for rows, given by number and fields, of more than ``columns``."""
    faults = Faults(f"{manifest}, ")
    for number, fields in rows:
        faults.add(LongRow(f"{manifest}, row {number}", fields, columns))
    faults.end()


def _lines_beyond(manifest: Path, columns: int) -> list[tuple[int, int]]:
    """Return the number of each line with more fields than ``columns``, and how many it has."""
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, skipinitialspace=True)
            return [(reader.line_num, len(row)) for row in reader if len(row) > columns]
    except (ValueError, OSError, csv.Error):  # not even text: the first fault says enough
        return []


def _require_commas(manifest: Path, frame: "pd.DataFrame") -> None:
    if len(frame.columns) == 1 and ";" in (header := str(frame.columns[0])):
        raise SemicolonSeparated(manifest, header)


def _parquet(manifest: Path) -> "pd.DataFrame":
    """Return a parquet file's fields; ValueError for bytes that do not fit the columns' types."""
    import pyarrow.parquet as pq

    table = pq.read_table(manifest, use_threads=False, pre_buffer=False)
    table.validate(full=True)
    return table.to_pandas(use_threads=False)


def _csv(manifest: Path) -> "pd.DataFrame":
    """Return a CSV file's fields as text; ValueError for a file without columns."""
    import pandas as pd

    read = partial(
        pd.read_csv,
        manifest,
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        index_col=False,  # so that a comma at the end of every row shifts no column
        skip_blank_lines=False,  # so that rows are counted as an editor counts lines
    )
    with warnings.catch_warnings(record=True) as longer:
        warnings.simplefilter("always", pd.errors.ParserWarning)
        frame = read()
    if longer:
        columns = len(frame.columns)
        filled = (read(header=None, skiprows=1) != "").to_numpy()
        beyond = [
            (number, int(np.flatnonzero(row)[-1]) + 1)
            for number, row in enumerate(filled, 2)
            if row[columns:].any()
        ]
        if beyond:
            _require_commas(manifest, frame)
        if columns >= len(REQUIRED):
            _refuse_long_rows(manifest, columns, beyond)
    return frame


def _row_faults(
    folder: Path, origin: str, row: Mapping[Any, Any], with_hints: bool
) -> Iterator[CorpusError]:
    """Yield all faults of a single row; ``with_hints`` looks for similar file names."""
    wrong = set()
    for column in REQUIRED:
        if is_missing(row[column]):
            wrong.add(column)
            yield EmptyField(origin, column)
    for column in (*REQUIRED, "start", "end", "id"):  # a parquet column may hold anything
        if isinstance(value := row.get(column), bytes | list | tuple | dict | np.ndarray):
            wrong.add(column)
            yield InvalidValue(origin, column, value, "text or a number")
    if "file" not in wrong:
        yield from _file_faults(folder / str(row["file"]).strip(), origin, with_hints)
    if not wrong & {"start", "end"}:
        yield from _time_faults(origin, row)


def _file_faults(file: Path, origin: str, with_hints: bool) -> Iterator[CorpusError]:
    if is_folder(file):
        yield InvalidValue(origin, "file", str(file), "a recording, not a folder")
    elif not is_file(file):
        yield MissingRecording(file, origin, _similar_name(file) if with_hints else "")


def _similar_name(file: Path) -> str:
    """Return the name beside a missing file that is most like its own, or an empty text."""
    folder = file.parent
    files = folder.glob("*") if is_folder(folder) else ()
    return nearest(file.name, (path.name for path in files if is_recording(path)))


def _time_faults(origin: str, row: Mapping[Any, Any]) -> Iterator[CorpusError]:
    times = []
    for column in ("start", "end"):
        try:
            times.append(_seconds(row.get(column)))
        except ValueError:
            expected = "a time of at least 0 seconds"
            yield InvalidValue(origin, column, row.get(column), expected)
    if len(times) == 2 and times[1] is not None and times[1] <= (times[0] or 0.0):
        yield InvalidValue(origin, "end", times[1], f"after start = {times[0] or 0:g}")


def _utterance(folder: Path, origin: str, row: Mapping[Any, Any]) -> Utterance:
    """Return the utterance of a row without faults."""
    name = str(row["file"]).strip()
    start, end = (_seconds(row.get(column)) for column in ("start", "end"))
    spelt = Path(os.path.normpath(name)).as_posix()  # "./a.wav" is "a.wav"
    default = spelt if start is None and end is None else f"{spelt}:{start or 0:g}-{end or 'end'}"
    identity = default if is_missing(row.get("id")) else str(row["id"]).strip()
    speaker, label = (as_text(row[column]) for column in ("speaker", "label"))
    return Utterance(identity, folder / name, speaker, label, start, end, origin)


def _seconds(value: Any) -> float | None:
    """Return a time, or None for an empty cell; :class:`ValueError` for anything else."""
    if is_missing(value):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(value)
    return seconds


KIND = CorpusKind(
    name="manifest",
    summary="your own recordings, listed in a table",
    layout=_LAYOUT,
    read=_read,
    closed=False,
)
