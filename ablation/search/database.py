"""The SQLite file of a study's searches: created atomically, and checked before it is used."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ablation.errors import first_line
from ablation.errors.running import SearchFileUnusable

_TABLES = {"studies", "trials", "version_info"}  # in every file of optuna
_PATIENCE = 60.0  # seconds to wait for a reader's lock


def make(path: Path) -> None:
    """Create an empty optuna file, which gets its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    open_storage(new)
    new.replace(path)


def open_storage(path: Path, read_only: bool = False) -> BaseStorage:
    if read_only or path.exists():
        _recover(path)
        _check(path)
    mode = "ro" if read_only else "rwc"

    def connect() -> sqlite3.Connection:
        return _connect(path, mode)

    engine = {"creator": connect, "poolclass": NullPool}
    try:
        return get_storage(RDBStorage("sqlite://", engine_kwargs=engine))
    except RuntimeError as error:  # tables of another version of optuna
        raise SearchFileUnusable(path, str(error)) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE, check_same_thread=False)


def _recover(path: Path) -> None:
    """Let SQLite roll back what a killed search left half-written, which a reader may not do."""
    if path.with_name(f"{path.name}-journal").exists():
        with closing(_connect(path, "rw")) as connection:
            connection.execute("SELECT name FROM sqlite_master").fetchone()


def _check(path: Path) -> None:
    """Raise for a damaged file, or one that is not optuna's: it would get optuna's tables."""
    with closing(_connect(path, "ro")) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        state = connection.execute("PRAGMA quick_check(1)").fetchone()
    if not names >= _TABLES:
        raise sqlite3.DatabaseError("it is not an optuna file")
    if state != ("ok",):
        raise sqlite3.DatabaseError("it is damaged")


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise errors of the file as :class:`SearchFileUnusable`."""
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error, OSError) as error:
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        reason = first_line(root)
        transient = isinstance(root, (sqlite3.OperationalError, OSError))
        raise SearchFileUnusable(path, reason, transient) from error
