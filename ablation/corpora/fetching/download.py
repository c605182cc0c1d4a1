"""Fetching a corpus from its public home: download, check, unpack, and only then put in place.

All work is done in a folder beside the target (``.NAME.fetch``), and the corpus is renamed to the
target when it is whole: a fetch that is killed at any moment leaves nothing that looks finished,
and the same command goes on from the bytes there are.
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
from ablation.corpora.fetching.places import (
    RECORD,
    corpus_root,
    count_recordings,
    recordings_at,
    target_folder,
    write_record,
)
from ablation.corpora.fetching.recordings import replace_pointers
from ablation.corpora.fetching.resuming import Patience, Resuming, Unreachable, megabytes
from ablation.corpora.fetching.sources import SOURCES, Archive, Source
from ablation.corpora.fetching.unpacking import unpack
from ablation.errors import CorpusError, counted
from ablation.files import locked, make_folder, storage_error

_SCHEMES = ("http", "https", "file")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fetched:
    """A corpus that is in place; ``new`` says whether this call has put it there."""

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
    """Fetch a corpus into ``folder``, unless it is there.

    Parameters
    ----------
    name
        A key of ``SOURCES``.
    accept
        Called with the source before anything is downloaded; raises when its licence is refused.
    say
        Called with lines for the user.
    address
        Of another place where the archive lies (http, https or file); the checksum holds for it,
        too.

    Raises
    ------
    CorpusError
        For a corpus that cannot be fetched, a target that holds something else, an address that
        does not answer, a wrong checksum, an archive that is damaged or does not hold the corpus.
    StorageError
        When the disk refuses.
    """
    kind = corpus_kind(name)
    if name not in SOURCES:
        raise CorpusError(
            f"corpus {name}: there is nothing to fetch ({kind.summary})",
            f"corpora that can be fetched: {', '.join(SOURCES)}",
        )
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
                raise CorpusError(
                    f"another fetch is at work on {target}", "wait for it, or choose another folder"
                )
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
    """Remove what a fetch that failed leaves, unless there are bytes to go on from."""
    shutil.rmtree(work / "unpacked", ignore_errors=True)
    if {entry.name for entry in work.iterdir()} <= {"lock"}:
        shutil.rmtree(work, ignore_errors=True)


def _archives(source: Source, address: str | None) -> tuple[Archive, ...]:
    """The archives to try: those of the source, or the one at ``address``."""
    if address is None:
        return source.archives
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        scheme = ""
    if scheme not in _SCHEMES:
        raise CorpusError(
            f"--from {address}: not an address of {', '.join(_SCHEMES)}",
            "as in --from https://example.org/corpus.zip, or --from file:///data/corpus.zip",
        )
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
    """Download, unpack, check and put in place; the number of recordings."""
    archive, file = _download(archives, source.unpacked, work, patience, say)
    staging = work / "unpacked"
    if staging.exists():
        shutil.rmtree(staging)  # of a fetch that was killed
    staging.mkdir()
    try:
        say(f"unpacking {megabytes(file.stat().st_size)}")
        unpack(file, staging, source.keep, source.unpacked)
    except CorpusError:
        file.unlink(missing_ok=True)  # so that the next try does not meet it again
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
        say(f"note: {counted(count, 'recording')}; the whole corpus has {source.recordings}")
    checksum = f"sha256:{pooch.file_hash(str(file))}"
    if archive.checksum is None:
        say(f"no checksum of this archive is known; {RECORD} keeps its own: {checksum}")
    write_record(root / RECORD, source, archive, file, checksum, count)
    if target.exists():
        target.rmdir()
    root.rename(target)
    return count


def _download(
    archives: tuple[Archive, ...], limit: int, work: Path, patience: Patience, say: Say
) -> tuple[Archive, Path]:
    """The first archive whose address answers, and the file it has become."""
    pooch.get_logger().setLevel("WARNING")  # we say ourselves what is done
    *others, last = archives
    for archive in others:
        try:
            return archive, _retrieve(archive, limit, work, patience, say)
        except Unreachable as error:
            say(f"{error.what}; trying another address")
    return last, _retrieve(last, limit, work, patience, say)


def _retrieve(archive: Archive, limit: int, work: Path, patience: Patience, say: Say) -> Path:
    """The archive as a file, checked where its checksum is known."""
    # Named by the address: what came from one place does not go on with what another sends.
    stem = blake2b(archive.url.encode(), digest_size=6).hexdigest()
    downloader = Resuming(work / f"{stem}.part", archive.size or limit, patience, say)
    say(f"downloading {archive.url}")
    try:
        return Path(
            pooch.retrieve(
                archive.url, archive.checksum, f"{stem}.zip", work, downloader=cast(Any, downloader)
            )
        )
    except ValueError as error:  # pooch's word for a checksum that is not the known one
        raise CorpusError(
            f"{archive.url}: wrong checksum, not {archive.checksum}",
            "what came was not kept; run the same command again, or give another address by --from",
        ) from error
