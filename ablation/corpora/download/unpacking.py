"""Unpacking an untrusted archive: every name is checked before the first byte is written."""

import posixpath
import re
import stat
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

from ablation.errors.fetching import BadArchive, megabytes
from ablation.files import storage_error

_MOST = 100_000  # members; the largest of the corpora has 17,000
_UTF8 = 0x800  # a flag of a member
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_OTHERS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
_FORMATS = {
    b"7z\xbc\xaf": "7z",
    b"Rar!": "RAR",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
}


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
            for member in members:
                member.filename = _path(member)
            if fault := _fault(members, limit):
                raise BadArchive(address, fault)
            for member in members:
                if not member.is_dir() and re.fullmatch(keep, member.filename):
                    opened.extract(member, folder)  # no more bytes than its size says
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        fault = _other_format(archive) or f"not a complete ZIP archive ({error})"
        raise BadArchive(address, fault) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise BadArchive(address, "a file and a folder have the same name") from error
    except OSError as error:
        raise storage_error("unpack into", folder, error) from error


def _path(member: zipfile.ZipInfo) -> str:
    """Return a member's path with slashes: some programs write backslashes, or UTF-8 unmarked."""
    name = member.filename
    if not member.flag_bits & _UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _other_format(archive: Path) -> str:
    """Return which other kind of archive a file is; an empty text if it is none that is known."""
    with archive.open("rb") as file:
        beginning = file.read(8)
    names = [name for sign, name in _FORMATS.items() if beginning.startswith(sign)]
    return f"it is a {names[0]} archive, not a ZIP archive" if names else ""


def _fault(members: list[zipfile.ZipInfo], limit: int) -> str:
    """Return why an archive is not unpacked; an empty text if it is."""
    if sum(member.file_size for member in members) > limit or len(members) > _MOST:
        return f"more than {megabytes(limit)} or {_MOST} files"
    seen: set[str] = set()
    for member in members:
        name = posixpath.normpath(member.filename).casefold()
        if fault := "occurs twice" if name in seen else _member_fault(member):
            return f"{member.orig_filename!r} {fault}"
        seen.add(name)
    return ""


def _member_fault(member: zipfile.ZipInfo) -> str:
    name = member.filename
    parts = name.split("/")
    if not parts[0] or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in parts:
        return "leads out of the folder"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if not name.isprintable():
        return "is not a valid file name"
    if member.flag_bits & 1:
        return "is encrypted"
    method = member.compress_type
    return (
        "" if method in _METHODS else f"is compressed by {_OTHERS.get(method, f'method {method}')}"
    )
