"""The recordings below a folder, read by their headers, and what was left out and why."""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ablation.corpora.names.parts import Name
from ablation.corpora.recordings import find_recordings
from ablation.errors import AudioError
from ablation.errors.naming import NoReadableRecording, NoRecordings, NoSuchFolder
from ablation.features.audio import audio_header
from ablation.files import is_file, is_folder
from ablation.progress import Reporter
from ablation.threads import in_threads


@dataclass(frozen=True)
class Recording:
    """A recording: its file, path below the folder, sampling rate (Hz) and length (seconds)."""

    file: Path
    path: tuple[str, ...]
    rate: int
    seconds: float

    @property
    def name(self) -> Name:
        """Folders and file name without suffix; equal for names that look equal."""
        *folders, file = self.path
        parts = (*folders, Path(file).stem)
        return tuple(unicodedata.normalize("NFC", part) for part in parts)


@dataclass(frozen=True)
class LeftOut:
    """Something that cannot be used, and why, in a few words."""

    path: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What lies below ``folder``: recordings by path, what cannot be used, and other files."""

    folder: Path
    recordings: tuple[Recording, ...]
    left_out: tuple[LeftOut, ...]
    others: tuple[str, ...]


def read_headers(folder: Path, reporter: Reporter) -> Found:
    """Return the recordings below ``folder`` by their headers, each file once.

    They are found as :func:`~ablation.corpora.recordings.find_recordings` does.

    Raises
    ------
    CorpusError
        When the folder does not exist or holds no recording that can be read.
    """
    if not is_folder(folder):
        raise NoSuchFolder(folder, is_file(folder))
    contents = find_recordings(folder)
    left_out = [
        *(LeftOut(_below(folder, path), reason) for path, reason in contents.unusable),
        *(LeftOut(_below(folder, path), "the same file as another") for path in contents.copies),
    ]
    with reporter.task("reading headers", "files") as advance:
        read = in_threads(lambda file: _recording(folder, file), contents.recordings, advance)
    recordings = [one for one in read if isinstance(one, Recording)]
    left_out += [one for one in read if isinstance(one, LeftOut)]
    others = tuple(_below(folder, path) for path in contents.others)
    if not recordings and left_out:
        first = left_out[0]
        raise NoReadableRecording(folder, len(left_out), first.path, first.reason)
    if not recordings:
        raise NoRecordings(folder, others)
    return Found(folder, tuple(recordings), tuple(left_out), others)


def _below(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _recording(folder: Path, file: Path) -> Recording | LeftOut:
    path = file.relative_to(folder)
    shown = path.as_posix()
    try:
        shown.encode()
    except UnicodeEncodeError:
        return LeftOut(shown, "its name is not UTF-8, so no manifest can name it")
    try:
        return Recording(file, path.parts, *audio_header(file))
    except AudioError as error:
        return LeftOut(shown, error.what.removeprefix(f"{file}: "))
