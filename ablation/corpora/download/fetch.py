"""Fetching a corpus from its public home: download, check, unpack, and only then put in place.

All work is done in a folder beside the target (``.NAME.fetch``), and the corpus is renamed to the
target once it is complete: a fetch that is killed at any moment leaves nothing that looks finished,
and the same command continues from the bytes that have arrived.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import pooch

from ablation.corpora import corpus_kind
from ablation.corpora.base import CorpusKind
from ablation.corpora.download.places import (
    RECORD,
    corpus_root,
    count_recordings,
    recordings_at,
    target_folder,
    write_record,
)
from ablation.corpora.download.recordings import replace_pointers
from ablation.corpora.download.resuming import Patience, Resuming
from ablation.corpora.download.sources import SOURCES, Archive, Source
from ablation.corpora.download.unpacking import unpack
from ablation.errors import CorpusError, counted
from ablation.errors.fetching import (
    FetchRunning,
    InvalidAddress,
    NotFetchable,
    Unreachable,
    WrongChecksum,
    megabytes,
)
from ablation.files import locked, make_folder, storage_error

_SCHEMES = ("http", "https", "file")

Say = Callable[[str], None]


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
    say: Say,
    patience: Patience,
    address: str | None = None,
) -> Fetched:
    """Fetch a corpus into ``folder``, unless it is already there.

    Parameters
    ----------
    name
        A key of ``SOURCES``.
    accept
        Called with the source before anything is downloaded; raises if its licence is declined.
    say
        Called with lines for the user.
    address
        Another address of the archive (http, https or file); it is checked against the same
        checksum.

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
    archives = _archives(source, address)
    target = target_folder(folder)
    work = target.parent / f".{target.name}.fetch"
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
                count = there or _fetch(kind, source, archives, work, target, patience, say)
            except CorpusError:
                _clear(work)
                raise
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise storage_error("write to", work, error) from error
    return Fetched(target, count, new=there is None)


def _clear(work: Path) -> None:
    """Remove what a failed fetch left, unless there are bytes to continue from."""
    shutil.rmtree(work / "unpacked", ignore_errors=True)
    if {entry.name for entry in work.iterdir()} <= {"lock"}:
        shutil.rmtree(work, ignore_errors=True)


def _archives(source: Source, address: str | None) -> tuple[Archive, ...]:
    """Return the archives to try: those of the source, or the one at ``address``."""
    if address is None:
        return source.archives
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        scheme = ""
    if scheme not in _SCHEMES:
        raise InvalidAddress(address, _SCHEMES)
    known = {archive.url: archive for archive in source.archives}
    return (known.get(address, replace(source.archives[0], url=address)),)


def _fetch(
    kind: CorpusKind,
    source: Source,
    archives: tuple[Archive, ...],
    work: Path,
    target: Path,
    patience: Patience,
    say: Say,
) -> int:
    """Download, unpack, check and put in place; return the number of recordings."""
    archive, file = _download(archives, source.unpacked, work, patience, say)
    staging = work / "unpacked"
    if staging.exists():
        shutil.rmtree(staging)  # of a fetch that was killed
    staging.mkdir()
    try:
        say(f"unpacking {megabytes(file.stat().st_size)}")
        unpack(file, staging, source.keep, source.unpacked)
    except CorpusError:
        file.unlink(missing_ok=True)  # so that the next try does not start from it
        raise
    beside = () if archive in source.archives else (urljoin(archive.url, "AudioWAV/"),)
    replace_pointers(staging, beside or source.recordings_at, work, patience, say)
    try:
        root = corpus_root(kind, staging)
    except CorpusError:
        file.unlink(missing_ok=True)
        raise
    count = count_recordings(kind, root)
    if count != source.recordings:
        say(f"note: {counted(count, 'recording')}; the complete corpus has {source.recordings}")
    checksum = f"sha256:{pooch.file_hash(str(file))}"
    if archive.checksum is None:
        say(f"no published checksum for this archive; {RECORD} records its own: {checksum}")
    write_record(root / RECORD, source, archive, file, checksum, count)
    if target.exists():
        target.rmdir()
    root.rename(target)
    return count


def _download(
    archives: tuple[Archive, ...], limit: int, work: Path, patience: Patience, say: Say
) -> tuple[Archive, Path]:
    """Download the first archive whose address answers; return it and its file."""
    pooch.get_logger().setLevel("WARNING")  # we report progress ourselves
    *others, last = archives
    for archive in others:
        try:
            return archive, _retrieve(archive, limit, work, patience, say)
        except Unreachable as error:
            say(f"{error.what}; trying another address")
    return last, _retrieve(last, limit, work, patience, say)


def _retrieve(archive: Archive, limit: int, work: Path, patience: Patience, say: Say) -> Path:
    """Download an archive and return its file, checked where its checksum is known."""
    # Named after the address: a download is never continued with bytes from another one.
    stem = blake2b(archive.url.encode(), digest_size=6).hexdigest()
    downloader = Resuming(work / f"{stem}.part", archive.size or limit, patience, say)
    say(f"downloading {archive.url}")
    try:
        return Path(
            pooch.retrieve(
                archive.url, archive.checksum, f"{stem}.zip", work, downloader=cast(Any, downloader)
            )
        )
    except ValueError as error:  # how pooch reports a wrong checksum
        raise WrongChecksum(archive.url, str(archive.checksum)) from error
