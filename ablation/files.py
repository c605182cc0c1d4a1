"""Files written whole or not at all, locks between processes, and the errors of both."""

import errno
import glob
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from platformdirs import user_cache_path

from ablation.errors.running import FileAccessFailed

_FEW_FILES, _MANY_FILES = 512, 1 << 15
# What the system says of a disk without locks, such as NFS whose lock daemon does not run.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def storage_error(action: str, path: Path, error: OSError) -> FileAccessFailed:
    """Return the expected error for a system call on ``path`` that failed."""
    return FileAccessFailed(action, path, error.errno or 0, error.strerror or str(error))


def at_home(path: Path) -> Path:
    """Return ``path`` with ``~`` resolved, or unchanged where no user of that name has a home."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def is_file(path: Path) -> bool:
    """Return whether a file exists; False also for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, a folder one may not look into
        return False


def is_folder(path: Path) -> bool:
    """Return whether a folder exists; False also for a name that no folder can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def make_folder(path: Path) -> Path:
    """Make ``path`` and its parents, which survive a power cut when this returns.

    Raises :class:`StorageError` when they cannot be made.
    """
    try:
        for folder in reversed([*takewhile(_may_be_unsynced, (path, *path.parents))]):
            folder.mkdir(exist_ok=True)
            with suppress(PermissionError):  # what is above may not be listed, nor then synced
                _sync_folder(folder.parent)
    except OSError as error:
        raise storage_error("make the folder", path, error) from error
    return path


def _may_be_unsynced(folder: Path) -> bool:
    """Return whether a folder is missing, or empty: who made it may have been killed just then."""
    try:
        with os.scandir(folder) as inside:
            return next(inside, None) is None
    except PermissionError:
        return False
    except OSError:
        return True  # making it says what is wrong


def require_writable(folder: Path) -> None:
    """Raise :class:`StorageError` when ``folder`` could not be made or written; make nothing.

    Asked before long work whose results go there.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise storage_error("write to", folder, NotADirectoryError(errno.ENOTDIR, ""))
    if not os.access(place, os.W_OK | os.X_OK):
        read_only = os.statvfs(place).f_flag & os.ST_RDONLY
        code = errno.EROFS if read_only else errno.EACCES
        raise storage_error("write to", folder, OSError(code, ""))


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock file ``path`` for the length of the block.

    The value is False where another process holds it; with ``wait`` it is waited for instead. On a
    disk without locks the block runs as if it held one: what is lost is only that runs at the same
    moment take turns.

    Raises :class:`StorageError` when the lock file cannot be opened.
    """
    from filelock import FileLock, Timeout  # slower to load than all else here

    lock = FileLock(path, timeout=-1 if wait else 0, fallback_to_soft=False)
    held = True
    try:
        lock.acquire()
    except Timeout:
        held = False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise storage_error("lock", path, error) from error
    try:
        yield held
    finally:
        lock.release()  # one that was not acquired stays as it is


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` and rename it to ``path`` when the block succeeds.

    The temporary name begins with a dot, so that readers of a folder of parts ignore it.
    The file is synced to the disk first, so that it is whole after a power cut if it is there.
    ``durable`` syncs the folder too: what was reported as stored is there. A cache that can be made
    again does without.

    Raises :class:`StorageError` for anything the operating system refuses; an old file is then
    still there, unchanged.
    """
    make_folder(path.parent)
    temporary = path.parent / f".{path.name}.{uuid4().hex[:8]}.tmp"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise storage_error("write", path, error) from error
    finally:
        # A failure to clean up must not hide the error that made it necessary.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def forget_half_written(path: Path) -> None:
    """Remove what killed writers of ``path`` left behind; nobody may be writing it now."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically and synced."""
    with atomic_write(path) as file:
        file.write(text.encode())


def _sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut: a file's own sync does not include them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_files() -> int:
    """Return how many files this process may have open at once."""
    if resource is None:
        return _FEW_FILES
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY_FILES if soft == resource.RLIM_INFINITY else min(soft, _MANY_FILES)


def allow_many_files() -> None:
    """Raise the limit of open files (often 1024) as far as the system permits this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def cache_folder() -> Path:
    """Return the folder of what can be made again: ``$ABLATION_CACHE``, or the user's cache."""
    chosen = os.environ.get("ABLATION_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("ablation", appauthor=False)


@cache
def recording_suffixes() -> frozenset[str]:
    """Return the suffixes of formats that libsndfile reads, in small letters.

    Samples without a header (``.raw``) and HTK files, which mostly hold features, do not count.
    """
    import soundfile  # slow to import

    return frozenset(
        {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw", ".htk"}
        | {".aif", ".aifc", ".oga", ".opus", ".snd", ".sph", ".mp1", ".mp2"}
    )


def is_recording(file: Path) -> bool:
    """Return whether a file counts as a recording by its name.

    It does when it ends, in capitals or not, in one of :func:`recording_suffixes`, and is not
    hidden. The file is not opened.
    """
    return file.suffix.lower() in recording_suffixes() and not file.name.startswith(".")
