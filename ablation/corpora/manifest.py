"""One's own corpus: a CSV or parquet file with ``file, speaker, label`` and optional extras.

Paths are relative to the manifest. ``start`` and ``end`` (seconds) cut an utterance out of a
longer recording; ``id`` names it (by default the file, with the start where there is one).
"""

import csv
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ablation.corpora.base import CorpusKind, Options, Utterance
from ablation.corpora.cells import as_text, is_missing
from ablation.corpora.faults import MOST_TOLD, Faults
from ablation.corpora.recordings import is_recording
from ablation.errors import CorpusError, first_line, suggestion
from ablation.files import is_file, is_folder

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("file", "speaker", "label")
_LAYOUT = "a CSV or parquet file with the columns file, speaker, label and optional start, end, id"
_LONGER = "Expected "  # as pandas begins: "Expected 3 fields in line 5, saw 4"


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    if root is None:
        raise CorpusError(
            f"corpus manifest needs its file ({_LAYOUT})", "give --corpus-root PATH/manifest.csv"
        )
    if not is_file(root):
        what = "is a folder, not a file" if is_folder(root) else "does not exist"
        raise CorpusError(f"manifest {root} {what}", f"--corpus-root takes {_LAYOUT}")
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
            faults.add(
                CorpusError(
                    f"{origin}: {utterance.id} is a duplicate of {seen[utterance.id]}",
                    "remove one of the two rows, or give them different ids",
                )
            )
        seen.setdefault(utterance.id, origin)
        utterances.append(utterance)
    faults.end()
    return utterances


def _rows(manifest: Path) -> list[tuple[int, Mapping[Any, Any]]]:
    """Numbered rows, as a text editor numbers them: the header of a CSV is line 1."""
    try:
        if manifest.suffix.lower() in (".parquet", ".pq"):
            frame = _parquet(manifest)
            first = 1
        else:
            frame = _csv(manifest)
            first = 2
    except (ValueError, OSError) as error:  # pandas' and pyarrow's parse errors are ValueErrors
        reason = first_line(error).removeprefix("Error tokenizing data. C error: ")
        remedy = (
            "save it as UTF-8"
            if isinstance(error, UnicodeDecodeError)
            else (f"a manifest is {_LAYOUT}; a field with a comma in it stands in double quotes")
        )
        also = _longer_lines(manifest) if reason.startswith(_LONGER) else []
        raise CorpusError(f"cannot read the manifest {manifest}: {reason}", remedy, also) from error
    frame.columns = [str(column).strip().lower() for column in frame.columns]
    for column in REQUIRED:
        if column not in frame.columns:
            found = ", ".join(frame.columns)
            parted = len(frame.columns) == 1 and ";" in found
            raise CorpusError(
                f"{manifest} has no column {column!r} (found: {found})",
                "its columns are parted by semicolons: save it with commas"
                if parted
                else f"a manifest is {_LAYOUT}",
            )
    rows = [(first + index, row) for index, row in enumerate(frame.to_dict("records"))]
    return [(number, row) for number, row in rows if not all(map(is_missing, row.values()))]


def _longer_lines(manifest: Path) -> list[str]:
    """The lines with more fields than the header, but for the first, which pandas names."""
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = len(next(reader, []))
            lines = [(reader.line_num, len(row)) for row in reader if len(row) > header]
    except (ValueError, OSError, csv.Error):  # no text at all: the first fault says enough
        return []
    told = [f"also line {number}: {fields} fields" for number, fields in lines[1:MOST_TOLD]]
    return [*told, *([f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else [])]


def _parquet(manifest: Path) -> "pd.DataFrame":
    """The fields of a parquet file; ValueError where its bytes are none of its columns' types."""
    import pyarrow.parquet as pq

    table = pq.read_table(manifest, use_threads=False, pre_buffer=False)
    table.validate(full=True)
    return table.to_pandas(use_threads=False)


def _csv(manifest: Path) -> "pd.DataFrame":
    """The fields of a CSV file as texts; ValueError for one that has no column."""
    import pandas as pd

    read = partial(
        pd.read_csv,
        manifest,
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        index_col=False,  # a comma at the end of every row shifts no column
        skip_blank_lines=False,  # so that rows count as an editor counts lines
    )
    with warnings.catch_warnings(record=True) as longer:
        warnings.simplefilter("always", pd.errors.ParserWarning)
        frame = read()
    if longer:
        beyond = read(header=None, skiprows=1).iloc[:, len(frame.columns) :]
        if (beyond != "").any(axis=None):
            if len(frame.columns) == 1 and ";" in frame.columns[0]:
                raise ValueError("its columns are parted by semicolons: save it with commas")
            raise ValueError("rows have more fields than the header has columns")
    return frame


def _row_faults(
    folder: Path, origin: str, row: Mapping[Any, Any], with_hints: bool
) -> Iterator[CorpusError]:
    """All that is wrong with a row by itself; ``with_hints`` looks for like names of files."""
    wrong = set()
    for column in REQUIRED:
        if is_missing(row[column]):
            wrong.add(column)
            yield CorpusError(f"{origin}: {column} is empty", "fill it in or remove the row")
    for column in (*REQUIRED, "start", "end", "id"):  # a parquet column may hold anything
        if isinstance(value := row.get(column), bytes | list | tuple | dict | np.ndarray):
            wrong.add(column)
            yield CorpusError(f"{origin}: {column} = {value!r} is neither a text nor a number")
    if "file" not in wrong:
        yield from _file_faults(folder / str(row["file"]).strip(), origin, with_hints)
    if not wrong & {"start", "end"}:
        yield from _time_faults(origin, row)


def _file_faults(file: Path, origin: str, with_hints: bool) -> Iterator[CorpusError]:
    if is_folder(file):
        yield CorpusError(f"{origin}: {file} is a folder, not a recording", "name the recording")
    elif not is_file(file):
        yield CorpusError(f"{origin}: no file {file}", _like(file) if with_hints else "")


def _like(file: Path) -> str:
    """What a file that is not there may be meant to be."""
    folder = file.parent
    files = folder.glob("*") if is_folder(folder) else ()
    siblings = [path.name for path in files if is_recording(path)]
    near = suggestion(file.name, siblings) if siblings else ""
    if near.startswith("did"):
        return near.split(" (allowed")[0]
    return "paths are relative to the manifest"


def _time_faults(origin: str, row: Mapping[Any, Any]) -> Iterator[CorpusError]:
    times = []
    for column in ("start", "end"):
        try:
            times.append(_seconds(row.get(column)))
        except ValueError as error:
            yield CorpusError(f"{origin}: {column} = {error}")
    if len(times) == 2 and times[1] is not None and times[1] <= (times[0] or 0.0):
        start, end = times[0] or 0, times[1]
        yield CorpusError(f"{origin}: end = {end:g} does not lie after start = {start:g}")


def _utterance(folder: Path, origin: str, row: Mapping[Any, Any]) -> Utterance:
    """The utterance of a row without faults."""
    name = str(row["file"]).strip()
    start, end = (_seconds(row.get(column)) for column in ("start", "end"))
    spelt = Path(os.path.normpath(name)).as_posix()  # "./a.wav" is "a.wav"
    default = spelt if start is None and end is None else f"{spelt}:{start or 0:g}-{end or 'end'}"
    identity = default if is_missing(row.get("id")) else str(row["id"]).strip()
    speaker, label = (as_text(row[column]) for column in ("speaker", "label"))
    return Utterance(identity, folder / name, speaker, label, start, end, origin)


def _seconds(value: Any) -> float | None:
    """A time; None for an empty cell, :class:`ValueError` for what is none."""
    if is_missing(value):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{value!r} is not a time in seconds from 0")
    return seconds


KIND = CorpusKind(
    name="manifest",
    summary="your own recordings, listed in a table",
    layout=_LAYOUT,
    read=_read,
    closed=False,
)
