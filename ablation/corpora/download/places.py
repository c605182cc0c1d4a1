"""Corpus folders: what a target holds, where in an archive a corpus begins, and its record."""

import json
from datetime import UTC, datetime
from pathlib import Path

from ablation.corpora.base import CorpusKind, parse_options
from ablation.corpora.download.sources import Archive, Source
from ablation.errors import CorpusError
from ablation.errors.fetching import (
    CorpusNotInArchive,
    InvalidTarget,
    TargetIncomplete,
    TargetNotEmpty,
)
from ablation.files import at_home, is_file, storage_error, write_text

RECORD = "fetched.json"


def target_folder(folder: Path) -> Path:
    """Return a corpus folder as an absolute path.

    Raises :class:`InvalidTarget` if it has no name (``/``) or is a file.
    """
    target = Path(at_home(folder)).resolve()
    if not target.name or is_file(target):
        raise InvalidTarget(target)
    return target


def recordings_at(target: Path, kind: CorpusKind) -> int | None:
    """Return the number of recordings of the corpus at ``target``; None if nothing is there.

    Raises :class:`CorpusError` if something else is there, or only part of what was fetched.
    """
    try:
        if not target.exists() or not any(target.iterdir()):
            return None
        there = count_recordings(kind, target)
    except CorpusError as error:
        raise TargetNotEmpty(target, kind.name, error.what) from error
    except OSError as error:
        raise storage_error("read", target, error) from error
    if there == 0:
        raise TargetNotEmpty(target, kind.name)
    whole = _recorded(target / RECORD)
    if whole is not None and there < whole:
        raise TargetIncomplete(target, there, whole)
    return there


def _recorded(record: Path) -> int | None:
    """Return how many recordings were fetched, by their record; None if it cannot be read."""
    try:
        count = json.loads(record.read_text(encoding="utf-8"))["recordings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return count if isinstance(count, int) else None


def count_recordings(kind: CorpusKind, folder: Path) -> int:
    """Return how many recordings the corpus's reader finds in ``folder``."""
    return len(kind.read(folder, parse_options(kind.options, kind.name, {})))


def corpus_root(kind: CorpusKind, staging: Path, address: str) -> Path:
    """Return the folder of the corpus in an unpacked archive: it may lie inside others.

    Raises :class:`CorpusNotInArchive` if the archive at ``address`` does not contain the corpus.
    """
    folder, reason = staging, ""
    while True:
        try:
            if count_recordings(kind, folder):
                return folder
        except CorpusError as error:
            reason = error.what  # perhaps the corpus is in the folder inside
        inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
        if len(inside) != 1 or not inside[0].is_dir():
            raise CorpusNotInArchive(address, kind.name, kind.layout, reason)
        folder = inside[0]


def write_record(
    path: Path, source: Source, archive: Archive, size: int, checksum: str, count: int
) -> None:
    """Record beside the recordings where they come from and under which licence."""
    record = {
        "title": source.title,
        "home": source.home,
        "licence": source.licence,
        "citation": source.citation,
        "address": archive.url,
        "bytes": size,
        "checksum": checksum,
        "published_checksum": archive.checksum,
        "published_by": archive.known_from or None,
        "recordings": count,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_text(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
