"""One's own corpus: a CSV or parquet file with ``file, speaker, label`` and optional extras.

Paths are relative to the manifest. ``start`` and ``end`` (seconds) cut an utterance out of a
longer recording; ``id`` names it (by default the file, with the start where there is one).
"""

import math
import os
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ablation.corpora.base import CorpusKind, Options, Utterance
from ablation.corpora.cells import as_text, is_missing
from ablation.errors import CorpusError, first_line, suggestion
from ablation.files import is_file, is_folder

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("file", "speaker", "label")
_LAYOUT = "a CSV or parquet file with the columns file, speaker, label and optional start, end, id"


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
    for number, row in _rows(root):
        utterance = _utterance(root, number, row)
        if utterance.id in seen:
            raise CorpusError(
                f"{utterance.origin}: {utterance.id} is a duplicate of {seen[utterance.id]}",
                "remove one of the two rows, or give them different ids",
            )
        seen[utterance.id] = utterance.origin
        utterances.append(utterance)
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
        raise CorpusError(f"cannot read the manifest {manifest}: {reason}", remedy) from error
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


def _utterance(manifest: Path, number: int, row: Mapping[Any, Any]) -> Utterance:
    origin = f"{manifest}, row {number}"
    for column in REQUIRED:
        if is_missing(row[column]):
            raise CorpusError(f"{origin}: {column} is empty", "fill it in or remove the row")
    for column in (*REQUIRED, "start", "end", "id"):  # a parquet column may hold anything
        if isinstance(value := row.get(column), bytes | list | tuple | dict | np.ndarray):
            raise CorpusError(f"{origin}: {column} = {value!r} is neither a text nor a number")
    name = str(row["file"]).strip()
    file = manifest.parent / name
    if is_folder(file):
        raise CorpusError(f"{origin}: {file} is a folder, not a recording", "name the recording")
    if not is_file(file):
        folder = file.parent
        siblings = [path.name for path in folder.glob("*")] if is_folder(folder) else []
        near = suggestion(file.name, siblings) if siblings else ""
        hint = (
            near.split(" (allowed")[0]
            if near.startswith("did")
            else ("paths are relative to the manifest")
        )
        raise CorpusError(f"{origin}: no file {file}", hint)
    start, end = (_seconds(origin, column, row.get(column)) for column in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        raise CorpusError(f"{origin}: end = {end:g} does not lie after start = {start or 0:g}")
    spelt = Path(os.path.normpath(name)).as_posix()  # "./a.wav" is "a.wav"
    default = spelt if start is None and end is None else f"{spelt}:{start or 0:g}-{end or 'end'}"
    identity = default if is_missing(row.get("id")) else str(row["id"]).strip()
    speaker, label = (as_text(row[column]) for column in ("speaker", "label"))
    return Utterance(identity, file, speaker, label, start, end, origin)


def _seconds(origin: str, column: str, value: Any) -> float | None:
    if is_missing(value):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise CorpusError(f"{origin}: {column} = {value!r} is not a time in seconds from 0")
    return seconds


KIND = CorpusKind(
    name="manifest",
    summary="your own recordings, listed in a table",
    layout=_LAYOUT,
    read=_read,
    closed=False,
)
