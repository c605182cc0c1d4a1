"""A database in audformat (https://audeering.github.io/audformat/): ``db.yaml`` and its tables.

A table names recordings, or segments of them by start and end; its columns hold labels. Which
table and columns are meant is said in ``[corpus.options]``. Rows without an emotion are no
utterances: databases often annotate some of their files only.

Databases come from anywhere, so nothing in them is run: the header is read as plain YAML first, and
tables are read from CSV or parquet alone, never from the pickled copy that may lie beside them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ablation.corpora.base import CorpusKind, Options, Utterance, require_folder
from ablation.corpora.cells import as_text, is_missing
from ablation.corpora.faults import Faults
from ablation.errors import CorpusError, first_line, suggestion
from ablation.files import is_file

if TYPE_CHECKING:
    import audformat as library
    import pandas as pd

HEADER = "db.yaml"
_LAYOUT = "db.yaml, db.TABLE.csv or db.TABLE.parquet, and the recordings that they name"
_INSTALL = "pip install -c constraints.txt -e '.[audformat]'"
# What audformat raises for headers and tables that are not as it expects.
_DAMAGED = (
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
    OSError,
)


class AudformatOptions(Options):
    """Where the labels stand.

    ``table`` may be left out where one table alone has the column ``emotion``. ``speaker`` is
    looked for in the same table, then in every other one of whole files.
    """

    table: str = ""
    emotion: str = "emotion"
    speaker: str = "speaker"


def _read(root: Path | None, options: AudformatOptions) -> list[Utterance]:
    folder = require_folder(root, "audformat", _LAYOUT)
    if not is_file(folder / HEADER):
        raise CorpusError(
            f"corpus audformat: {folder} holds no {HEADER}", f"--corpus-root takes {_LAYOUT}"
        )
    with _database(folder) as database:
        name = _table_name(folder, database, options)
        table = _table(folder, database, name)
        _require_column(folder, name, table, options.emotion, "emotion")
        speakers = _speakers(folder, database, name, table, options.speaker)
        emotions = table[options.emotion]
    utterances, faults = [], Faults(f"{folder / HEADER}, ")
    for place, emotion in emotions.items():
        if is_missing(emotion):
            continue
        file, start, end = place if isinstance(place, tuple) else (place, None, None)
        try:
            utterances.append(
                _utterance(folder, name, str(file), start, end, emotion, speakers[place])
            )
        except CorpusError as fault:
            faults.add(fault)
    faults.end()
    return utterances


def _utterance(
    folder: Path, table: str, file: str, start: Any, end: Any, emotion: Any, speaker: Any
) -> Utterance:
    first, last = (None if is_missing(time) else time.total_seconds() for time in (start, end))
    first = first or None  # a segment from 0 on is cut by its end alone
    identity = file if first is None and last is None else f"{file}:{first or 0:g}-{last or 'end'}"
    origin = f"{folder / HEADER}, table {table}, {identity}"
    if is_missing(speaker):
        raise CorpusError(f"{origin}: the speaker is empty", "fill it in or remove the row")
    return Utterance(
        identity, folder / file, as_text(speaker), as_text(emotion), first, last, origin
    )


@contextmanager
def _database(folder: Path) -> Iterator["library.Database"]:
    """The database, its tables readable inside the block; CorpusError for one that is none."""
    try:
        import audformat as library
        import yaml
    except ImportError as error:
        raise CorpusError(
            "corpus audformat needs the package audformat, which is not installed", _INSTALL
        ) from error
    header = folder / HEADER
    with TemporaryDirectory(prefix="ablation-") as name:
        try:
            with header.open(encoding="utf-8") as stream:
                yaml.safe_load(stream)  # audformat's own loader would make any Python object
            copyfile(header, Path(name) / HEADER)
            for file in folder.glob("db.*"):
                if file.suffix in (".csv", ".parquet"):
                    _link(file, Path(name) / file.name)
            database = library.Database.load(name)
        except (yaml.YAMLError, *_DAMAGED) as error:
            raise CorpusError(
                f"cannot read {header}: {first_line(error)}", "is it the header of audformat?"
            ) from error
        yield database


def _link(file: Path, link: Path) -> None:
    try:
        link.symlink_to(file.resolve())
    except OSError:  # a system on which not everybody may make links
        copyfile(file, link)


def _table_name(folder: Path, database: "library.Database", options: AudformatOptions) -> str:
    names = list(database.tables)
    if options.table:
        if options.table not in names:
            raise CorpusError(
                f"{folder / HEADER} has no table {options.table!r} (corpus.options.table)",
                suggestion(options.table, names),
            )
        return options.table
    fitting = [name for name in names if options.emotion in database.tables[name].columns]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise CorpusError(
            f"{folder / HEADER} has {len(fitting)} tables with a column {options.emotion!r}",
            f"say which by corpus.options.table (allowed: {', '.join(sorted(fitting))})",
        )
    columns = {column for name in names for column in database.tables[name].columns}
    raise CorpusError(
        f"{folder / HEADER} has no table with a column {options.emotion!r} "
        f"(corpus.options.emotion)",
        suggestion(options.emotion, columns),
    )


def _table(folder: Path, database: "library.Database", name: str) -> "pd.DataFrame":
    """A table by its file, or by its file, start and end."""
    try:
        return database[name].get()
    except _DAMAGED as error:
        reason = first_line(error)
        if "No file found for table" in reason:
            reason = f"there is no db.{name}.csv or db.{name}.parquet (pickled tables are not read)"
        raise CorpusError(
            f"{folder / HEADER}: cannot read the table {name}: {reason}", "complete the database"
        ) from error


def _require_column(
    folder: Path, name: str, table: "pd.DataFrame", column: str, option: str
) -> None:
    if column not in table.columns:
        raise CorpusError(
            f"{folder / HEADER}: table {name} has no column {column!r} (corpus.options.{option})",
            suggestion(column, [str(known) for known in table.columns]),
        )


def _speakers(
    folder: Path, database: "library.Database", name: str, table: "pd.DataFrame", column: str
) -> dict[Any, Any]:
    """The speaker of every row, from the table itself or from one that tells it of whole files."""
    if column in table.columns:
        return table[column].to_dict()
    others = [
        other
        for other in database.tables
        if other != name
        and database.tables[other].is_filewise
        and column in database.tables[other].columns
    ]
    if not others:
        columns = {known for other in database.tables for known in database.tables[other].columns}
        raise CorpusError(
            f"{folder / HEADER}: neither table {name} nor one of whole files has a column "
            f"{column!r} (corpus.options.speaker)",
            suggestion(column, columns),
        )
    by_file: dict[str, Any] = {}
    for other in others:
        for file, speaker in _table(folder, database, other)[column].items():
            if not is_missing(speaker) and by_file.setdefault(str(file), speaker) != speaker:
                raise CorpusError(
                    f"{folder / HEADER}: {file} has two speakers, {by_file[str(file)]} and "
                    f"{speaker} (tables {', '.join(others)})",
                    "correct one of the tables",
                )
    files = table.index.get_level_values("file")
    return dict(zip(table.index, (by_file.get(str(file)) for file in files), strict=True))


KIND = CorpusKind(
    name="audformat",
    summary="a database in audformat (needs the extra audformat)",
    layout=_LAYOUT,
    read=_read,
    options=AudformatOptions,
    closed=False,
)
