"""What counts as a recording by its name, and all recordings below a folder."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ablation.files import is_file, is_recording, recording_suffixes

SUFFIXES = recording_suffixes()


@dataclass(frozen=True)
class FolderContents:
    """What lies below a folder, hidden files and folders apart.

    ``copies`` are recordings that are the same file as one of ``recordings``, by a link. ``others``
    are no recordings. ``unusable`` are broken links and folders that cannot be entered, with the
    reason. The order is that of the names, the files of a folder before its folders.
    """

    recordings: tuple[Path, ...]
    copies: tuple[Path, ...]
    others: tuple[Path, ...]
    unusable: tuple[tuple[Path, str], ...]


def find_recordings(folder: Path) -> FolderContents:
    """Return all recordings below ``folder``, and what else is there.

    Hidden files and folders are passed over. Links are followed, but no folder is entered twice,
    so that loops end.
    """
    recordings: list[Path] = []
    copies: list[Path] = []
    others: list[Path] = []
    unusable: list[tuple[Path, str]] = []
    met: set[tuple[int, int]] = set()
    for file in _files(folder, unusable):
        if not is_file(file):
            unusable.append((file, "not a file, or a broken link"))
        elif not is_recording(file):
            others.append(file)
        elif _is_new(file, met):
            recordings.append(file)
        else:
            copies.append(file)
    return FolderContents(tuple(recordings), tuple(copies), tuple(others), tuple(unusable))


def _files(folder: Path, unusable: list[tuple[Path, str]]) -> Iterator[Path]:
    """Yield every visible file; folders that cannot be entered go to ``unusable``."""

    def unreadable(error: OSError) -> None:
        unusable.append((Path(error.filename), error.strerror or "unreadable"))

    entered: set[tuple[int, int]] = set()
    _is_new(folder, entered)  # a link may lead back to it
    for root, folders, files in os.walk(folder, followlinks=True, onerror=unreadable):
        here = Path(root)
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".") and _is_new(here / name, entered)
        ]
        yield from (here / name for name in sorted(files) if not name.startswith("."))


def _is_new(path: Path, met: set[tuple[int, int]]) -> bool:
    """Return whether this file or folder was not met before; True where it cannot be looked at."""
    try:
        state = path.stat()
    except OSError:
        return True
    key = (state.st_dev, state.st_ino)
    if key in met:
        return False
    met.add(key)
    return True
