"""Unpacking an untrusted archive: every name is checked before the first byte is written."""

import posixpath
import re
import stat
import zipfile
import zlib
from pathlib import Path

from ablation.errors.fetching import BadArchive, megabytes
from ablation.files import storage_error

_MOST = 100_000  # members; the largest of the corpora has 17,000


def unpack(archive: Path, folder: Path, keep: str, limit: int, address: str) -> None:
    """Unpack the members of a ZIP file whose names match ``keep`` into ``folder``.

    No absolute path, no step upwards, no link or device, no name twice, nothing encrypted, at most
    ``limit`` bytes in all: an archive with one bad member is not unpacked at all.

    Raises
    ------
    BadArchive
        If the archive, which came from ``address``, is damaged, too large or not safe to unpack.
    StorageError
        If a file cannot be written or read.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if fault := _fault(members, limit):
                raise BadArchive(address, fault)
            for member in members:
                if not member.is_dir() and re.fullmatch(keep, member.filename):
                    opened.extract(member, folder)  # no more bytes than its size says
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise BadArchive(address, f"not a complete ZIP archive ({error})") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise BadArchive(address, "a file and a folder have the same name") from error
    except OSError as error:
        raise storage_error("unpack into", folder, error) from error


def _fault(members: list[zipfile.ZipInfo], limit: int) -> str:
    """Return why an archive is not unpacked; an empty text if it is."""
    if sum(member.file_size for member in members) > limit or len(members) > _MOST:
        return f"more than {megabytes(limit)} or {_MOST} files"
    seen: set[str] = set()
    for member in members:
        name = posixpath.normpath(member.filename).casefold()
        if fault := "occurs twice" if name in seen else _member_fault(member):
            return f"{member.filename!r} {fault}"
        seen.add(name)
    return ""


def _member_fault(member: zipfile.ZipInfo) -> str:
    name = member.filename
    parts = re.split(r"[/\\]", name)
    if not parts[0] or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in parts:
        return "leads out of the folder"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if "\\" in name or not name.isprintable():
        return "is not a valid file name"
    return "is encrypted" if member.flag_bits & 1 else ""
