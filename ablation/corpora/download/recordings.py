"""Recordings that a repository's archive names but does not contain (Git LFS)."""

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

from ablation.corpora.download.resuming import Patience, Resuming
from ablation.corpora.lfs import Pointer, read_pointer
from ablation.errors import counted
from ablation.errors.fetching import Unreachable, WrongRecording, megabytes

_AT_ONCE = 4  # connections: few, since the servers are other people's
_EVERY = 5.0  # seconds between two lines of progress


def replace_pointers(
    folder: Path,
    addresses: Sequence[str],
    work: Path,
    patience: Patience,
    say: Callable[[str], None],
) -> None:
    """Replace the Git LFS pointers in ``folder`` by the recordings that they stand for.

    Each recording is checked against the SHA-256 of its pointer. Downloads are kept in ``work``,
    so that another call continues from there.

    Raises
    ------
    CorpusError
        If no address has a recording, or one has a different file in its place.
    """
    pointers = dict(_pointers(folder))
    if not pointers:
        return
    # Two files may be the same recording, byte for byte: it is downloaded once.
    wanted = {pointer.sha256: (file.name, pointer) for file, pointer in pointers.items()}
    size = sum(pointer.size for _, pointer in wanted.values())
    say(f"downloading {counted(len(pointers), 'recording')} ({megabytes(size)})")
    fetcher = _Fetcher(addresses, work / "recordings", patience)
    said = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for number, _ in enumerate(pool.map(fetcher, wanted.values()), 1):
                if time.monotonic() - said >= _EVERY:
                    said = time.monotonic()
                    say(f"{number} of {counted(len(wanted), 'recording')}")
        except BaseException:
            fetcher.stop.set()  # nobody waits for the other downloads any more
            pool.shutdown(cancel_futures=True)
            raise
    for file, pointer in pointers.items():
        _put(fetcher.folder / pointer.sha256, file)


def _pointers(folder: Path) -> Iterator[tuple[Path, Pointer]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (pointer := read_pointer(file)) is not None:
            yield file, pointer


def _put(recording: Path, file: Path) -> None:
    file.unlink()
    try:
        os.link(recording, file)
    except OSError:  # a file system without hard links
        shutil.copyfile(recording, file)


class _Fetcher:
    """Downloads one recording after another; an address that fails once is not asked again."""

    def __init__(self, addresses: Sequence[str], folder: Path, patience: Patience) -> None:
        self.addresses = list(addresses)
        self.folder = folder
        self.patience = patience
        self.session = requests.Session()
        self.stop = Event()
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, wanted: tuple[str, Pointer]) -> None:
        name, pointer = wanted
        while True:
            address = self.addresses[0]
            try:
                return self._retrieve(address, name, pointer)
            except Unreachable:
                if self.addresses[0] == address:
                    if len(self.addresses) == 1:
                        raise
                    self.addresses.remove(address)
            except ValueError as error:  # how pooch reports a wrong checksum
                raise WrongRecording(f"{address}{name}", f"sha256:{pointer.sha256}") from error

    def _retrieve(self, address: str, name: str, pointer: Pointer) -> None:
        downloader = Resuming(
            self.folder / f"{pointer.sha256}.part",
            pointer.size,
            self.patience,
            session=self.session,
            stop=self.stop,
        )
        store = pooch.create(
            path=self.folder,
            base_url=address,
            registry={pointer.sha256: f"sha256:{pointer.sha256}"},
            urls={pointer.sha256: f"{address}{name}"},
        )
        store.fetch(pointer.sha256, downloader=cast(Any, downloader))  # pooch's own type is wrong
