"""A manifest lists the user's own corpus: a CSV or parquet file with ``file, speaker, label``.

Paths are relative to the manifest. Spreadsheets export CSV in several forms: separated by commas,
semicolons or tabs, in UTF-8 or UTF-16, with a first line ``sep=;``. All of them are read. The
optional columns ``start`` and ``end`` (seconds) cut an utterance out of a longer recording, ``id``
names it (by default the file, with its cut), and ``partner`` is the other speaker of its dialogue.
"""

import csv
import io
import math
import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

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
    UnreadableFile,
    WrongCorpusRoot,
)
from ablation.files import at_home, is_file, is_folder

REQUIRED = ("file", "speaker", "label")
_LAYOUT = (
    "a CSV or parquet file with the columns file, speaker, label and optional start, end, id, "
    "partner"
)
_SEPARATORS = ",;\t|"


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
    read = _parquet if manifest.suffix.lower() in (".parquet", ".pq") else _csv
    try:
        rows = read(manifest)
    except UnicodeDecodeError as error:
        raise UnreadableFile(manifest, first_line(error), "encoding") from error
    except (ValueError, OSError) as error:  # pyarrow's own are ValueErrors
        raise UnreadableFile(manifest, first_line(error), "manifest") from error
    return [(number, row) for number, row in rows if not all(map(is_missing, row.values()))]


def _parquet(manifest: Path) -> list[tuple[int, Mapping[Any, Any]]]:
    """Return a parquet file's rows; ValueError for bytes that do not fit the columns' types."""
    import pyarrow.parquet as pq

    table = pq.read_table(manifest, use_threads=False, pre_buffer=False)
    table.validate(full=True)
    # Without pandas' own notes, an index is a column like others: it may hold the files.
    frame = table.to_pandas(use_threads=False, ignore_metadata=True)
    frame.columns = _columns(manifest, map(str, frame.columns))
    return list(enumerate(frame.to_dict("records"), 1))


def _csv(manifest: Path) -> list[tuple[int, Mapping[Any, Any]]]:
    """Return a CSV file's rows as text."""
    rows, faults = [], Faults(f"{manifest}, ")
    lines = _lines(manifest, _text(manifest))
    _, header = next((line for line in lines if line[1]), (1, []))
    while header and not header[-1].strip():
        header.pop()  # a comma at the end of every row is no column
    columns = _columns(manifest, header)
    for number, row in lines:
        fields = max((n for n, field in enumerate(row, 1) if field), default=0)
        if fields > len(columns):
            faults.add(LongRow(f"{manifest}, row {number}", fields, len(columns)))
        # Of two columns of one name the first counts.
        rows.append((number, dict(reversed(list(zip(columns, row, strict=False))))))
    faults.end()
    return rows


def _text(manifest: Path) -> str:
    content = manifest.read_bytes()
    wide = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) and b"\0" in content
    return content.decode("utf-16" if wide else "utf-8-sig")


def _lines(manifest: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each row with the number of its first line."""
    if told := re.match(r'"?sep=(.)"?\s*\n', text, re.IGNORECASE):
        text = "\n" + text[told.end() :]  # a blank line, so that rows keep their numbers
    separator = told[1] if told else _separator(text)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    number = 1
    try:
        for row in reader:
            yield number, row
            number = reader.line_num + 1
    except csv.Error as error:  # quotes that do not enclose a field
        raise UnreadableFile(manifest, f"row {number}: {error}", "manifest") from error


def _separator(text: str) -> str:
    """Return what separates the columns: of a header with all those required, or the commonest."""
    header = next(iter(text.lstrip().splitlines()), "")

    def likelihood(separator: str) -> tuple[bool, int]:
        names = {name.strip('" ').lower() for name in header.split(separator)}
        return names.issuperset(REQUIRED), header.count(separator)

    return max(_SEPARATORS, key=likelihood)


def _columns(manifest: Path, header: Iterable[str]) -> list[str]:
    """Return the names of the columns; raise :class:`MissingColumn` where one is required."""
    columns = [name.strip().lower() for name in header]
    for column in REQUIRED:
        if column not in columns:
            raise MissingColumn(manifest, column, columns)
    return columns


def _row_faults(
    folder: Path, origin: str, row: Mapping[Any, Any], with_hints: bool
) -> Iterator[CorpusError]:
    """Yield all faults of a single row; ``with_hints`` looks for similar file names."""
    wrong = set()
    for column in REQUIRED:
        if is_missing(row.get(column)):
            wrong.add(column)
            yield EmptyField(origin, column)
    for column in (
        *REQUIRED,
        "start",
        "end",
        "id",
        "partner",
    ):  # a parquet column may hold anything
        if isinstance(value := row.get(column), bytes | list | tuple | dict | np.ndarray):
            wrong.add(column)
            yield InvalidValue(origin, column, value, "text or a number")
    if "file" not in wrong:
        yield from _file_faults(folder, _path(row), origin, with_hints)
    if not wrong & {"start", "end"}:
        yield from _time_faults(origin, row)


def _path(row: Mapping[Any, Any]) -> str:
    """Return the path of a row's recording as it is spelt; ``file://`` begins an address."""
    name = str(row["file"]).strip()
    address = re.match("file://(localhost(?=/))?", name)
    return unquote(name[address.end() :]) if address else name


def _file_faults(folder: Path, path: str, origin: str, with_hints: bool) -> Iterator[CorpusError]:
    file = folder / at_home(Path(path))
    if is_folder(file):
        yield InvalidValue(origin, "file", str(file), "a recording, not a folder")
    elif not is_file(file):
        turned = path.replace("\\", "/")
        there = turned if is_file(folder / turned) else ""
        yield MissingRecording(file, origin, there or (_similar_name(file) if with_hints else ""))


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
    path = _path(row)
    start, end = (_seconds(row.get(column)) for column in ("start", "end"))
    spelt = Path(os.path.normpath(path)).as_posix()  # "./a.wav" is "a.wav"
    default = spelt if start is None and end is None else f"{spelt}:{start or 0:g}-{end or 'end'}"
    identity = default if is_missing(row.get("id")) else str(row["id"]).strip()
    speaker, label = (as_text(row[column]) for column in ("speaker", "label"))
    partner = None if is_missing(row.get("partner")) else as_text(row["partner"])
    file = folder / at_home(Path(path))
    return Utterance(identity, file, speaker, label, start, end, origin, partner)


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
