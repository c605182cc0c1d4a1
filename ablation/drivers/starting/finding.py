"""All recordings below a folder, by their headers, and what was left out with the reason."""

import os
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import soundfile

from ablation.corpora.guessing.parts import Name
from ablation.drivers.progress import Reporter
from ablation.errors import AudioError, CorpusError, counted
from ablation.features.audio import audio_header
from ablation.files import is_file, is_folder

SUFFIXES = frozenset(
    {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"}
    | {".aif", ".aifc", ".oga", ".opus", ".snd", ".mp1", ".mp2"}
)


@dataclass(frozen=True)
class Recording:
    """A file below the folder: its path in it, sampling rate (Hz) and length (seconds)."""

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


def find_recordings(folder: Path, reporter: Reporter) -> Found:
    """Walk ``folder``, hidden files apart, and read every header.

    Links are followed, but no folder and no recording is read twice, so that loops end.

    Raises
    ------
    CorpusError
        When the folder is not there or holds no recording that can be read.
    """
    if not is_folder(folder):
        what = "is a file, not a folder" if is_file(folder) else "does not exist"
        raise CorpusError(f"{folder} {what}", "give the folder that holds the recordings")
    left_out: list[LeftOut] = []
    audio, others = [], []
    for path in _files(folder, left_out):
        (audio if Path(path[-1]).suffix.lower() in SUFFIXES else others).append(path)
    recordings = []
    with ThreadPoolExecutor() as pool, reporter.task("reading headers", "files") as advance:
        read = pool.map(lambda path: _recording(folder, path), audio)
        for number, one in enumerate(read, 1):
            (recordings if isinstance(one, Recording) else left_out).append(one)  # type: ignore[arg-type]
            advance(number, len(audio))
    if not recordings:
        raise _empty(folder, left_out, others)
    return Found(folder, tuple(recordings), tuple(left_out), tuple("/".join(p) for p in others))


def _files(folder: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, ...]]:
    """Paths below ``folder``, sorted, each file once however many links lead to it."""

    def unreadable(error: OSError) -> None:
        left_out.append(LeftOut(_below(folder, error.filename), error.strerror or "unreadable"))

    seen: set[tuple[int, int]] = set()
    _new(folder, seen)  # a link may lead back to it
    for root, folders, files in os.walk(folder, followlinks=True, onerror=unreadable):
        here = Path(root)
        folders[:] = [
            name for name in sorted(folders) if not name.startswith(".") and _new(here / name, seen)
        ]
        for name in sorted(files):
            if name.startswith("."):
                continue
            path = (*here.relative_to(folder).parts, name)
            if not is_file(here / name):
                left_out.append(LeftOut("/".join(path), "no file, or a link that leads nowhere"))
            elif not _new(here / name, seen):
                left_out.append(LeftOut("/".join(path), "the same file as another"))
            else:
                yield path


def _new(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether this file or folder was not met before; true of what cannot be looked at."""
    try:
        state = path.stat()
    except OSError:
        return True
    key = (state.st_dev, state.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _below(folder: Path, path: str) -> str:
    return os.path.relpath(path, folder)


def _recording(folder: Path, path: tuple[str, ...]) -> Recording | LeftOut:
    shown = "/".join(path)
    file = folder.joinpath(*path)
    try:
        shown.encode()
    except UnicodeEncodeError:
        return LeftOut(shown, "its name is not UTF-8, so no manifest can hold it")
    try:
        return Recording(file, path, *audio_header(file))
    except AudioError as error:
        return LeftOut(shown, error.what.removeprefix(f"{file}: "))


def _empty(folder: Path, left_out: list[LeftOut], others: list[tuple[str, ...]]) -> CorpusError:
    if left_out:
        first = left_out[0]
        return CorpusError(
            f"{folder}: none of {counted(len(left_out), 'recording')} can be read, as "
            f"{first.path}: {first.reason}",
            "give a folder of recordings that libsndfile reads (WAV, FLAC, Ogg, Opus, MP3, AIFF)",
        )
    found = f" ({counted(len(others), 'other file')}, as {'/'.join(others[0])})" if others else ""
    return CorpusError(
        f"{folder} holds no recording{found}",
        "recordings end in .wav, .flac, .ogg, .opus, .mp3, .aiff or what else libsndfile reads; "
        "hidden files are passed over",
    )
