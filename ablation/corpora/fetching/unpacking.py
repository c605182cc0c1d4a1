"""Unpacking an archive that nobody has looked into: every name is checked, every byte counted."""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from ablation.errors import CorpusError
from ablation.files import storage_error

_MOST = 100_000  # members; the largest of the corpora has 17,000
_BLOCK = 1 << 20  # bytes
_REMEDY = "nothing was unpacked; look at where the archive comes from"


def unpack(archive: Path, folder: Path, keep: str, limit: int) -> None:
    """Unpack the members of a ZIP file whose names match ``keep`` into ``folder``.

    All members are checked before the first is written: no absolute path, no step upwards, no
    link or device, no name twice, nothing encrypted, ``limit`` bytes together at most. An archive
    with one bad member is not unpacked at all.

    Raises
    ------
    CorpusError
        Naming the archive and the member, or saying that the archive is damaged.
    StorageError
        When the disk refuses.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check(archive, members, limit)
            for member in members:
                if not member.is_dir() and re.fullmatch(keep, member.filename):
                    _write(opened, member, folder / member.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise CorpusError(
            f"{archive.name} is not a whole ZIP archive ({error})",
            "it was removed; run the same command again",
        ) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise CorpusError(f"{archive.name} holds two things of one name", _REMEDY) from error
    except OSError as error:
        raise storage_error("unpack into", folder, error) from error


def _check(archive: Path, members: Iterable[zipfile.ZipInfo], limit: int) -> None:
    seen: set[str] = set()
    size = 0
    for member in members:
        name = member.filename
        fault = _fault(member)
        if fault is None and name.casefold() in seen:
            fault = "is there twice"
        seen.add(name.casefold())
        size += member.file_size
        if fault is not None:
            raise CorpusError(f"{archive.name}: {name!r} {fault}", _REMEDY)
        if size > limit or len(seen) > _MOST:
            raise CorpusError(
                f"{archive.name} would unpack to more than {limit / 1e6:.0f} MB or {_MOST} files",
                _REMEDY,
            )


def _fault(member: zipfile.ZipInfo) -> str | None:
    name = member.filename
    parts = re.split(r"[/\\]", name)
    if not parts[0] or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in parts:
        return "leads out of the folder"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if "\\" in name or not name.isprintable():
        return "is no name of a file"
    return "is encrypted" if member.flag_bits & 1 else None


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> None:
    """Write one member; it cannot grow beyond the size that was checked: zipfile stops there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as packed, file.open("xb") as stream:
        while block := packed.read(_BLOCK):
            stream.write(block)
