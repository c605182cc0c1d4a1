"""Writing files so that no reader ever sees half of one, and naming the fault when one fails."""

import errno
import glob
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from platformdirs import user_cache_path

from ablation.errors import StorageError

_FEW_FILES, _MANY_FILES = 512, 1 << 15
_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space and run the same command again"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run the same command again"),
    errno.EFBIG: ("the file would be too large for this system", "raise the file-size limit"),
    errno.EACCES: ("permission denied", "choose a folder you may write to"),
    errno.EPERM: ("permission denied", "choose a folder you may write to"),
    errno.EROFS: ("the file system is read-only", "choose a folder you may write to"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "choose another folder"),
    errno.EEXIST: ("a file stands where a folder is needed", "choose another folder"),
    errno.EISDIR: ("a folder stands where a file is needed", "move it out of the way"),
}


def storage_error(action: str, path: Path, error: OSError) -> StorageError:
    """The expected error for a failed read or write of ``path``."""
    reason, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))
    kept = "; what was finished is kept" if remedy.endswith("again") else ""
    return StorageError(f"cannot {action} {path}: {reason}", remedy + kept)


def at_home(path: Path) -> Path:
    """``path`` with ``~`` resolved, or as it is where nobody of that name has a home."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def is_file(path: Path) -> bool:
    """Whether a file is there; False also for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, a folder one may not look into
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False also for a name that no folder can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def make_folder(path: Path) -> Path:
    """Make ``path`` and its parents; raise :class:`StorageError` when that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error("make the folder", path, error) from error
    return path


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
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` and rename it to ``path`` when the block succeeds.

    The temporary name begins with a dot, so that readers of a folder of parts pass it over.
    ``durable`` syncs file and folder to the disk first: what was reported as stored survives a
    power cut. A cache that can be made again does without.

    Raises :class:`StorageError` for anything the operating system refuses; the old file, if
    there was one, is then still there, whole.
    """
    make_folder(path.parent)
    temporary = path.parent / f".{path.name}.{uuid4().hex[:8]}.tmp"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise storage_error("write", path, error) from error
    finally:
        # Clearing away is a courtesy: a refusal here must not hide the error that brought us here.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def forget_half_written(path: Path) -> None:
    """Remove what writers of ``path`` that were killed have left; nobody may be writing it now."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically and synced."""
    with atomic_write(path) as file:
        file.write(text.encode())


def _sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut (a folder has its own sync)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_files() -> int:
    """How many files this process may have open at once."""
    if resource is None:
        return _FEW_FILES
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY_FILES if soft == resource.RLIM_INFINITY else min(soft, _MANY_FILES)


def allow_many_files() -> None:
    """Let this process open as many files as the system permits (often 1024 until asked)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def cache_folder() -> Path:
    """Where things live that can be made again: ``$ABLATION_CACHE``, or the user's cache folder."""
    chosen = os.environ.get("ABLATION_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("ablation", appauthor=False)
