"""A database in audformat (https://audeering.github.io/audformat/): ``db.yaml`` and its tables.

A table names recordings, or segments of them by start and end; its columns hold labels.
``[corpus.options]`` selects the table and the columns. Rows without an emotion are left out, since
databases often annotate only some of their files.

Databases may come from anywhere, so no code in them is run: the header is first read as plain YAML,
and tables are only read from CSV or parquet, never from the pickled copies beside them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ablation.corpora.base import CorpusKind, Options, Utterance, require_folder
from ablation.corpora.faults import Faults
from ablation.corpora.table_values import as_text, is_missing
from ablation.errors import CorpusError, first_line
from ablation.errors.common import MissingPackage, UnknownName
from ablation.errors.corpora import (
    EmptyField,
    PartNotChosen,
    TwoSpeakers,
    UnreadableFile,
    WrongCorpusRoot,
)
from ablation.files import is_file

if TYPE_CHECKING:
    import audformat as library
    import pandas as pd

HEADER = "db.yaml"
_LAYOUT = "db.yaml, db.TABLE.csv or db.TABLE.parquet, and the recordings that they name"
# audformat raises these for headers and tables that it cannot interpret.
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
    """These options name the table and its columns.

    ``table`` may be left out if only one table has the column ``emotion``. The column ``speaker``
    is looked up in that table first, then in all other tables of whole files.
    """

    table: str = ""
    emotion: str = "emotion"
    speaker: str = "speaker"


def _read(root: Path | None, options: AudformatOptions) -> list[Utterance]:
    folder = require_folder(root, "audformat", _LAYOUT)
    if not is_file(folder / HEADER):
        raise WrongCorpusRoot("audformat", folder, f"holds no {HEADER}", _LAYOUT)
    with _database(folder) as database:
        name = _table_name(folder, database, options)
        table = _table(folder, database, name)
        _require_emotion(folder, name, table, options.emotion)
        speakers = _speakers(folder, database, name, table, options.speaker)
        emotions = table[options.emotion]
    utterances, faults = [], Faults(f"{folder / HEADER}, ")
    for place, emotion in emotions.items():
        if is_missing(emotion):
            continue
        file, start, end = place if isinstance(place, tuple) else (place, None, None)
        try:
            utterances.append(
                _utterance(
                    folder, name, str(file), start, end, emotion, speakers[place], options.speaker
                )
            )
        except CorpusError as fault:
            faults.add(fault)
    faults.end()
    return utterances


def _utterance(
    folder: Path,
    table: str,
    file: str,
    start: Any,
    end: Any,
    emotion: Any,
    speaker: Any,
    column: str,
) -> Utterance:
    first, last = (None if is_missing(time) else time.total_seconds() for time in (start, end))
    first = first or None  # a segment that starts at 0 is cut only at its end
    identity = file if first is None and last is None else f"{file}:{first or 0:g}-{last or 'end'}"
    origin = f"{folder / HEADER}, table {table}, {identity}"
    if is_missing(speaker):
        raise EmptyField(origin, column)
    return Utterance(
        identity, folder / file, as_text(speaker), as_text(emotion), first, last, origin
    )


@contextmanager
def _database(folder: Path) -> Iterator["library.Database"]:
    """Yield the database, whose tables can be read inside the block.

    Raises :class:`CorpusError` for a folder that is no database.
    """
    try:
        import audformat as library
        import yaml
    except ImportError as error:
        raise MissingPackage("corpus audformat", "audformat", "audformat") from error
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
            raise UnreadableFile(header, first_line(error), "header") from error
        yield database


def _link(file: Path, link: Path) -> None:
    try:
        link.symlink_to(file.resolve())
    except OSError:  # on some systems not every user may create links
        copyfile(file, link)


def _table_name(folder: Path, database: "library.Database", options: AudformatOptions) -> str:
    names = list(database.tables)
    if options.table:
        if options.table not in names:
            raise _unknown(folder / HEADER, "table", options.table, names)
        return options.table
    fitting = [name for name in names if options.emotion in database.tables[name].columns]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise PartNotChosen(folder / HEADER, "table", sorted(fitting), options.emotion)
    raise _unknown(folder / HEADER, "emotion", options.emotion, _all_columns(database))


def _unknown(place: Path | str, option: str, name: str, allowed: list[str]) -> UnknownName:
    kind = "table" if option == "table" else "column"
    return UnknownName(f"{place}, corpus.options.{option}", name, allowed, kind)


def _all_columns(database: "library.Database") -> list[str]:
    return sorted({column for table in database.tables.values() for column in table.columns})


def _table(folder: Path, database: "library.Database", name: str) -> "pd.DataFrame":
    """Return a table, indexed by file or by file, start and end."""
    try:
        return database[name].get()
    except _DAMAGED as error:
        reason = first_line(error)
        if "No file found for table" in reason:
            reason = f"no file db.{name}.csv or db.{name}.parquet (pickled tables are not read)"
        raise UnreadableFile(folder / HEADER, f"table {name}: {reason}", "table") from error


def _require_emotion(folder: Path, name: str, table: "pd.DataFrame", column: str) -> None:
    if column not in table.columns:
        place, columns = f"{folder / HEADER}, table {name}", list(map(str, table.columns))
        raise _unknown(place, "emotion", column, columns)


def _speakers(
    folder: Path, database: "library.Database", name: str, table: "pd.DataFrame", column: str
) -> dict[Any, Any]:
    """Return the speaker of each row, taken from the table itself or from tables of whole files."""
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
        place = f"{folder / HEADER}, table {name} and tables of whole files"
        raise _unknown(place, "speaker", column, _all_columns(database))
    by_file: dict[str, Any] = {}
    for other in others:
        for file, speaker in _table(folder, database, other)[column].items():
            if not is_missing(speaker) and by_file.setdefault(str(file), speaker) != speaker:
                both = [by_file[str(file)], speaker]
                raise TwoSpeakers(folder / HEADER, str(file), both, others)
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
