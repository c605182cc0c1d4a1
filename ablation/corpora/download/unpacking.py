"""Unpacking an untrusted archive: every name is checked and every byte counted."""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from ablation.errors.fetching import (
    ArchiveTooLarge,
    ConflictingNames,
    DamagedArchive,
    Fault,
    UnsafeMember,
)
from ablation.files import storage_error

_MOST = 100_000  # members; the largest of the corpora has 17,000
_BLOCK = 1 << 20  # bytes


def unpack(archive: Path, folder: Path, keep: str, limit: int) -> None:
    """Unpack the members of a ZIP file whose names match ``keep`` into ``folder``.

    All members are checked before the first is written: no absolute path, no step upwards, no
    link or device, no name twice, nothing encrypted, at most ``limit`` bytes in all. An archive
    with one bad member is not unpacked at all.

    Raises
    ------
    CorpusError
        If the archive is damaged or too large, or a member is not safe to unpack.
    StorageError
        If a file cannot be written or read.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check(archive, members, limit)
            for member in members:
                if not member.is_dir() and re.fullmatch(keep, member.filename):
                    _write(opened, member, folder / member.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DamagedArchive(archive.name, str(error)) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ConflictingNames(archive.name) from error
    except OSError as error:
        raise storage_error("unpack into", folder, error) from error


def _check(archive: Path, members: Iterable[zipfile.ZipInfo], limit: int) -> None:
    seen: set[str] = set()
    size = 0
    for member in members:
        name = member.filename
        fault = _fault(member)
        if fault is None and name.casefold() in seen:
            fault = "duplicate"
        seen.add(name.casefold())
        size += member.file_size
        if fault is not None:
            raise UnsafeMember(archive.name, name, fault)
        if size > limit or len(seen) > _MOST:
            raise ArchiveTooLarge(archive.name, limit, _MOST)


def _fault(member: zipfile.ZipInfo) -> Fault | None:
    name = member.filename
    parts = re.split(r"[/\\]", name)
    if not parts[0] or re.match(r"[A-Za-z]:", name):
        return "absolute"
    if ".." in parts:
        return "outside"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "link"
    if "\\" in name or not name.isprintable():
        return "name"
    return "encrypted" if member.flag_bits & 1 else None


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> None:
    """Write one member; zipfile stops at the size that was checked."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as packed, file.open("xb") as stream:
        while block := packed.read(_BLOCK):
            stream.write(block)
