"""Folders of corpora: what is at a place, where in an archive a corpus begins, and its record."""

import json
from datetime import UTC, datetime
from pathlib import Path

from ablation.corpora.base import CorpusKind, parse_options
from ablation.corpora.fetching.sources import Archive, Source
from ablation.errors import CorpusError
from ablation.files import at_home, is_file, storage_error, write_text

RECORD = "fetched.json"


def target_folder(folder: Path) -> Path:
    target = Path(at_home(folder)).resolve()
    if not target.name:
        raise CorpusError(f"--to {folder} is no folder of a corpus", "as in --to corpora/emodb")
    return target


def recordings_at(target: Path, kind: CorpusKind) -> int | None:
    """Recordings of the corpus that is at ``target``; None where there is nothing.

    Raises :class:`CorpusError` where there is something else, or a part only of what was fetched.
    """
    if is_file(target):
        raise CorpusError(f"--to {target}: that is a file", "give a folder")
    try:
        if not target.exists() or not any(target.iterdir()):
            return None
        there = count_recordings(kind, target)
    except CorpusError as error:
        raise CorpusError(
            f"{target} is not empty, and does not read as {kind.name}: {error.what}",
            "choose another folder",
        ) from error
    except OSError as error:
        raise storage_error("read", target, error) from error
    if there == 0:
        raise CorpusError(
            f"{target} is not empty, and holds no corpus {kind.name}", "choose another folder"
        )
    whole = _recorded(target / RECORD)
    if whole is not None and there < whole:
        raise CorpusError(
            f"{target} holds {there} of the {whole} recordings that were fetched",
            "remove the folder and run the same command again",
        )
    return there


def _recorded(record: Path) -> int | None:
    """How many recordings a fetch has put beside its record; None without one that can be read."""
    try:
        count = json.loads(record.read_text(encoding="utf-8"))["recordings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return count if isinstance(count, int) else None


def count_recordings(kind: CorpusKind, folder: Path) -> int:
    return len(kind.read(folder, parse_options(kind.options, kind.name, {})))


def corpus_root(kind: CorpusKind, staging: Path) -> Path:
    """The folder in an unpacked archive at which the corpus begins: it may lie in another one.

    Raises :class:`CorpusError` where the archive holds no such corpus.
    """
    folder, reason = staging, ""
    while True:
        try:
            if count_recordings(kind, folder):
                return folder
        except CorpusError as error:
            reason = f": {error.what}"  # not from here; perhaps from the folder inside
        inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
        if len(inside) != 1 or not inside[0].is_dir():
            raise CorpusError(
                f"the archive holds no corpus {kind.name}{reason}",
                f"expected: {kind.layout}; the archive was removed",
            )
        folder = inside[0]


def write_record(
    path: Path, source: Source, archive: Archive, file: Path, checksum: str, count: int
) -> None:
    """Write down beside the recordings where they come from and under which licence."""
    told = {
        "title": source.title,
        "home": source.home,
        "licence": source.licence,
        "citation": source.citation,
        "address": archive.url,
        "bytes": file.stat().st_size,
        "checksum": checksum,
        "published_checksum": archive.checksum,
        "published_by": archive.known_from or None,
        "recordings": count,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_text(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
