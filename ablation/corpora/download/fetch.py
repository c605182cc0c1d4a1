"""Fetching a corpus from its public home: download, check, unpack, and only then put in place.

All work is done in a folder beside the target (``.NAME.fetch``), and the corpus is renamed to the
target once it is complete: a fetch that is killed at any moment leaves nothing that looks finished,
and the same command does not ask again for files that have arrived.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import url2pathname

import pooch

from ablation.corpora import corpus_kind
from ablation.corpora.base import CorpusKind
from ablation.corpora.download.downloading import Downloads, require_checksum
from ablation.corpora.download.places import (
    RECORD,
    corpus_root,
    count_recordings,
    recordings_at,
    target_folder,
    write_record,
)
from ablation.corpora.download.recordings import replace_pointers
from ablation.corpora.download.sources import SOURCES, Archive, Source
from ablation.corpora.download.unpacking import unpack
from ablation.errors import CorpusError, counted
from ablation.errors.fetching import (
    CorpusNotInArchive,
    FetchRunning,
    NotFetchable,
    Unreachable,
    megabytes,
)
from ablation.files import at_home, is_file, locked, make_folder, storage_error


@dataclass(frozen=True)
class Fetched:
    """A corpus that is in place; ``new`` says whether this call put it there."""

    folder: Path
    recordings: int
    new: bool


def fetch_corpus(
    name: str,
    folder: Path,
    accept: Callable[[Source], None],
    downloads: Downloads,
    address: str | None = None,
) -> Fetched:
    """Fetch a corpus into ``folder``, unless it is already there.

    Parameters
    ----------
    name
        A key of ``SOURCES``.
    accept
        Called with the source before anything is downloaded; raises if its licence is declined.
    address
        Another address of the archive, or an archive on this machine, which is only read. It is
        checked against the same checksum.

    Raises
    ------
    CorpusError
        For a corpus that cannot be fetched, a target that holds something else, an address that
        does not answer, a wrong checksum, or an archive that is damaged or lacks the corpus.
    StorageError
        If a file cannot be written or read.
    """
    kind = corpus_kind(name)
    if name not in SOURCES:
        raise NotFetchable(name, kind.summary, list(SOURCES))
    source = SOURCES[name]
    target = target_folder(folder)
    work = target.parent / f".{target.name}.fetch"
    if address is not None and work in _local(address).resolve().parents:
        raise Unreachable(address, f"{work} is emptied once it was used; move the archive first")
    there = recordings_at(target, kind)
    if there is None:
        accept(source)
        make_folder(work)
    elif not work.exists():
        return Fetched(target, there, new=False)
    try:
        with locked(work / "lock", wait=False) as alone:
            if not alone:
                raise FetchRunning(target)
            there = recordings_at(target, kind)  # another fetch may have been faster
            try:
                count = there or _fetch(kind, source, address, work, target, downloads)
            except CorpusError as error:
                if isinstance(error, CorpusNotInArchive) or not (work / "recordings").exists():
                    shutil.rmtree(work, ignore_errors=True)  # nothing to continue from
                raise
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise storage_error("write to", work, error) from error
    return Fetched(target, count, new=there is None)


def _fetch(
    kind: CorpusKind,
    source: Source,
    address: str | None,
    work: Path,
    target: Path,
    downloads: Downloads,
) -> int:
    """Download, unpack, check and put in place; return the number of recordings."""
    say, staging, arrived = downloads.reporter.say, work / "unpacked", work / "recordings"
    shutil.rmtree(staging, ignore_errors=True)  # of a fetch that was killed, as are
    for half in work.rglob("tmp*"):  # pooch's temporary files
        half.unlink()
    archives = source.archives
    if address is not None:
        known = {archive.url: archive for archive in archives}
        archives = (known.get(address, replace(archives[0], url=address)),)
    archive, file = downloads.first(archives, lambda each: (each, _file_of(each, work, downloads)))
    say(f"unpacking {megabytes(file.stat().st_size)}")
    unpack(file, staging, source.keep, source.unpacked, archive.url)
    is_mirror = _is_remote(archive.url) and archive not in source.archives
    beside = (urljoin(archive.url, "AudioWAV/"),) if is_mirror else source.recordings_at
    replace_pointers(staging, beside, arrived, downloads)
    root = corpus_root(kind, staging, archive.url)
    count = count_recordings(kind, root)
    if count != source.recordings:
        say(f"note: {counted(count, 'recording')}; the complete corpus has {source.recordings}")
    checksum = f"sha256:{pooch.file_hash(str(file))}"
    if archive.checksum is None:
        say(f"no published checksum for this archive; {RECORD} records its own: {checksum}")
    write_record(root / RECORD, source, archive, file.stat().st_size, checksum, count)
    if target.exists():
        target.rmdir()
    root.rename(target)
    return count


def _is_remote(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _local(address: str) -> Path:
    """Return the file of an address on this machine: a path, or one after ``file://``."""
    path = address.removeprefix("file://")
    return at_home(Path(path if path == address else url2pathname(path)))


def _file_of(archive: Archive, work: Path, downloads: Downloads) -> Path:
    """Return an archive's file, downloaded if it is not on this machine, its checksum right."""
    if _is_remote(archive.url):
        # Named after the address: what one address sent is not taken for what another would send.
        file = work / f"{blake2b(archive.url.encode(), digest_size=6).hexdigest()}.zip"
        downloads.fetch(archive.url, file, archive.checksum)
        return file
    file = _local(archive.url)
    if not is_file(file):
        raise Unreachable(archive.url, "no such file")
    try:
        require_checksum(file, archive.checksum, archive.url)
    except OSError as error:
        raise storage_error("read", file, error) from error
    return file
