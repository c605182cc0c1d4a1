"""Recordings that a repository's archive names but does not contain (Git LFS)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ablation.corpora.download.downloading import Downloads
from ablation.corpora.lfs import read_pointer
from ablation.errors import counted
from ablation.files import make_folder
from ablation.progress import Reporter

_AT_ONCE = 4  # connections: few, since the servers are other people's


def replace_pointers(
    folder: Path, addresses: Sequence[str], arrived: Path, downloads: Downloads
) -> None:
    """Replace the Git LFS pointers in ``folder`` by the recordings that they stand for.

    Each recording is checked against the SHA-256 of its pointer. They are kept in the folder
    ``arrived`` until all are there, so that another call continues from there.

    Raises :class:`CorpusError` if no address has a recording, or one has another file in its place.
    """
    read = {file: read_pointer(file) for file in sorted(folder.rglob("*")) if file.is_file()}
    pointers = {file: pointer for file, pointer in read.items() if pointer is not None}
    if not pointers:
        return
    downloads.reporter.say(f"downloading {counted(len(pointers), 'recording')}")
    make_folder(arrived)  # before several threads do
    quiet = replace(downloads, reporter=Reporter(quiet=True))

    def fetch_all(address: str) -> None:
        def fetch(file: Path) -> None:
            checksum = f"sha256:{pointers[file].sha256}"
            quiet.fetch(address + file.name, arrived / file.name, checksum)

        with downloads.reporter.task("recordings", "recordings") as advance:
            pool = ThreadPoolExecutor(_AT_ONCE)
            try:
                for done, _ in enumerate(pool.map(fetch, pointers), 1):
                    advance(done, len(pointers))
            finally:
                pool.shutdown(cancel_futures=True)

    downloads.first(addresses, fetch_all)
    for file in pointers:
        (arrived / file.name).replace(file)
