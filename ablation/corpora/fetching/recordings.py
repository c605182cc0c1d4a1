"""Recordings that an archive of a repository names but does not hold (Git LFS)."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, cast

import pooch
import requests

from ablation.corpora.fetching.resuming import Patience, Resuming, Unreachable, megabytes
from ablation.corpora.pointers import Pointer, read_pointer
from ablation.errors import CorpusError, counted

_AT_ONCE = 4  # connections; the homes are other people's machines
_EVERY = 5.0  # seconds between two lines of progress


def replace_pointers(
    folder: Path,
    addresses: Sequence[str],
    work: Path,
    patience: Patience,
    say: Callable[[str], None],
) -> None:
    """Put the recordings in the place of the notes of Git LFS in ``folder`` that stand for them.

    Each is checked against the SHA-256 of its note. They are kept in ``work``, so that another
    call goes on from there.

    Raises
    ------
    CorpusError
        When no address has a recording, or what it has is another one.
    """
    notes = dict(_notes(folder))
    if not notes:
        return
    # Two files may be one recording, byte for byte: it comes once.
    wanted = {note.sha256: (file.name, note) for file, note in notes.items()}
    size = sum(note.size for _, note in wanted.values())
    say(
        f"the archive names {counted(len(notes), 'recording')} ({megabytes(size)}): downloading "
        f"them"
    )
    fetcher = _Fetcher(addresses, work / "recordings", patience)
    said = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for number, _ in enumerate(pool.map(fetcher, wanted.values()), 1):
                if time.monotonic() - said >= _EVERY:
                    said = time.monotonic()
                    say(f"{number} of {counted(len(wanted), 'recording')}")
        except BaseException:
            fetcher.stop.set()  # nobody waits for what is not wanted any more
            pool.shutdown(cancel_futures=True)
            raise
    for file, note in notes.items():
        _put(fetcher.folder / note.sha256, file)


def _notes(folder: Path) -> Iterator[tuple[Path, Pointer]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (note := read_pointer(file)) is not None:
            yield file, note


def _put(recording: Path, file: Path) -> None:
    file.unlink()
    try:
        os.link(recording, file)
    except OSError:  # a disk that knows no second name for a file
        shutil.copyfile(recording, file)


class _Fetcher:
    """Fetches one recording after another; an address that fails once is not asked again."""

    def __init__(self, addresses: Sequence[str], folder: Path, patience: Patience) -> None:
        self.addresses = list(addresses)
        self.folder = folder
        self.patience = patience
        self.session = requests.Session()
        self.stop = Event()
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, wanted: tuple[str, Pointer]) -> None:
        name, note = wanted
        while True:
            address = self.addresses[0]
            try:
                return self._retrieve(address, name, note)
            except Unreachable:
                if self.addresses[0] == address:
                    if len(self.addresses) == 1:
                        raise
                    self.addresses.remove(address)
            except ValueError as error:  # pooch's word for a wrong checksum
                raise CorpusError(
                    f"{address}{name}: not the recording that the archive names "
                    f"(wrong checksum, not sha256:{note.sha256})",
                    "what came was not kept; run the same command again later",
                ) from error

    def _retrieve(self, address: str, name: str, note: Pointer) -> None:
        downloader = Resuming(
            self.folder / f"{note.sha256}.part",
            note.size,
            self.patience,
            session=self.session,
            stop=self.stop,
        )
        store = pooch.create(
            path=self.folder,
            base_url=address,
            registry={note.sha256: f"sha256:{note.sha256}"},
            urls={note.sha256: f"{address}{name}"},
        )
        store.fetch(note.sha256, downloader=cast(Any, downloader))  # pooch's own type is wrong
