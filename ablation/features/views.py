"""Parts of a file, as files that a decoder can open."""

import os
from dataclasses import dataclass
from typing import BinaryIO

_TAG = 128  # bytes at the very end, where decoders look for a title


class View:
    """A stretch of an open file as a file of its own, read only, with some bytes replaced.

    Parameters
    ----------
    stream
        The file; its own position does not matter, and is not moved.
    begin, end
        The stretch (bytes).
    at, replacement
        What is read from ``at`` (bytes from ``begin``) on instead of what the file has there.
    seeming
        The size (bytes) that a decoder is told, where that is not the true one.
    """

    def __init__(
        self,
        stream: BinaryIO,
        begin: int,
        end: int,
        *,
        at: int = 0,
        replacement: bytes = b"",
        seeming: int | None = None,
    ) -> None:
        self._stream = stream
        self._begin = begin
        self._size = end - begin
        self._seeming = self._size if seeming is None else seeming
        self._at, self._replacement = at, replacement
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position (bytes); return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._seeming}
        self._position = max(0, origin[whence] + offset)
        return self._position

    def tell(self) -> int:
        """Return the position (bytes)."""
        return self._position

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes from the position on."""
        place = self._position
        if place < self._size:
            content = bytes_at(self._stream, self._begin + place, min(size, self._size - place))
            content = self._replaced(content)
        elif place >= self._seeming - _TAG:  # no title there
            content = bytes(max(0, min(size, self._seeming - place)))
        else:
            content = b""
        self._position += len(content)
        return content

    def _replaced(self, content: bytes) -> bytes:
        first = self._at - self._position
        skipped = max(0, -first)  # of the replacement, when it begins before the content
        new = self._replacement[skipped : max(0, len(content) - first)]
        first = max(0, first)
        return content[:first] + new + content[first + len(new) :] if new else content


@dataclass(frozen=True)
class Part:
    """What a decoder opens: a view of a file or a whole one's descriptor.

    ``samples`` is its length where a decoder would only estimate it.
    """

    source: View | int
    samples: int | None = None


def bytes_at(stream: BinaryIO, place: int, size: int) -> bytes:
    """Return up to ``size`` bytes of an open file from ``place`` on, or raise :class:`OSError`."""
    return os.pread(stream.fileno(), size, place)
