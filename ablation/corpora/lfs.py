"""Git LFS pointers are small text files that replace large files in a repository's archive."""

import re
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 1024  # bytes; the limit of the specification
_HEAD = b"version https://git-lfs.github.com/spec/"
_FIELDS = re.compile(rb"oid sha256:(?P<sha256>[0-9a-f]{64})\nsize (?P<size>[0-9]{1,15})\n")


@dataclass(frozen=True)
class Pointer:
    """A pointer describes the file it replaces by its digest and its size in bytes."""

    sha256: str
    size: int


def is_pointer(file: Path) -> bool:
    """Return whether a file is a pointer; False also for a file that cannot be read."""
    try:
        if file.stat().st_size > _LONGEST:
            return False
        with file.open("rb") as stream:
            return stream.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def read_pointer(file: Path) -> Pointer | None:
    """Return the content of a pointer file, or None for any other file."""
    if not is_pointer(file):
        return None
    match = _FIELDS.search(file.read_bytes())
    if match is None:
        return None
    return Pointer(match["sha256"].decode(), int(match["size"]))
