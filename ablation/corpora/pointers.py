"""Notes of Git LFS: small texts that stand for large files in an archive of a repository."""

import re
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 1024  # bytes; the notation's own bound
_HEAD = b"version https://git-lfs.github.com/spec/"
_FIELDS = re.compile(rb"oid sha256:(?P<sha256>[0-9a-f]{64})\nsize (?P<size>[0-9]{1,15})\n")


@dataclass(frozen=True)
class Pointer:
    """The content that a note stands for: its digest, and its size in bytes."""

    sha256: str
    size: int


def is_pointer(file: Path) -> bool:
    """Whether a file is such a note; False also for one that cannot be read."""
    try:
        if file.stat().st_size > _LONGEST:
            return False
        with file.open("rb") as stream:
            return stream.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def read_pointer(file: Path) -> Pointer | None:
    """What a note says; None for a file that is none."""
    if not is_pointer(file):
        return None
    match = _FIELDS.search(file.read_bytes())
    if match is None:
        return None
    return Pointer(match["sha256"].decode(), int(match["size"]))
