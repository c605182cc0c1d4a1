"""Frames of MPEG audio: what a decoder would estimate from the first of them is counted here."""

import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from ablation.errors.audio import TruncatedRecording
from ablation.features.views import Part, View, bytes_at

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz
_BIT_RATES = {  # kbit/s by version 1 or later, and layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_JUNK = 1 << 16  # bytes that may lie in front of the first frame
_CERTAIN = 4  # frames in a row that are no accident wherever they are found
_LARGEST_RATIO = 64  # of the largest frame to the smallest one


@dataclass(frozen=True)
class _Frame:
    """A frame's size (bytes), its length (samples), and what all frames of a stream share."""

    size: int
    samples: int
    kind: tuple[int, int, int]


def begins(head: bytes) -> bool:
    """Return whether a file begins like MPEG audio, with or without a tag."""
    return head.startswith(b"ID3") or _frame(head, 0) is not None


def find(file: Path, stream: BinaryIO) -> Part | None:
    """Return the frames of a file of MPEG audio, if necessary without what is around them, or None.

    A stream that was recorded from its middle begins with the rest of a frame, which is left out.

    Raises
    ------
    TruncatedRecording
        When the last frame or a tag in front is not complete, or fewer frames are there than the
        first one says.
    """
    size = os.fstat(stream.fileno()).st_size
    tags = _tags(stream)
    if tags > size:
        raise TruncatedRecording(file, size, tags, "bytes of its tag")
    begin = _first(bytes_at(stream, tags, 2 * _JUNK), size - tags)
    if begin is None:
        return None
    begin += tags
    content = bytes_at(stream, begin, size - begin)
    frames, end, frame = _count(file, content)
    announced = _announced(content[: frame.size])
    if announced is None:
        # A decoder that is told of too many bytes estimates too many samples; too few it would
        # not exceed.
        seeming = end * _LARGEST_RATIO + _JUNK
        return Part(View(stream, begin, begin + end, seeming=seeming), frames * frame.samples)
    at, number = announced
    frames -= 1  # without the one that announces them; some encoders count it
    if frames + 1 < number:
        raise TruncatedRecording(file, frames * frame.samples, number * frame.samples)
    if number == frames and begin == tags:
        return Part(stream.fileno())
    mended = struct.pack(">I", frames)
    return Part(View(stream, begin, begin + end, at=at, replacement=mended))


def _tags(stream: BinaryIO) -> int:
    """Return where tags in front of everything end (bytes)."""
    place = 0
    while (head := bytes_at(stream, place, 10)).startswith(b"ID3") and len(head) == 10:
        length = 0
        for byte in head[6:]:
            length = length << 7 | byte & 0x7F
        place += 10 + length + (10 if head[5] & 0x10 else 0)
    return place


def _frame(content: bytes, place: int) -> _Frame | None:
    """Read a frame's header, of four bytes."""
    if place + 4 > len(content) or content[place] != 0xFF:
        return None
    return _described(content[place + 1], content[place + 2])


@lru_cache(None)
def _described(second: int, third: int) -> _Frame | None:
    """Return what two bytes of a header say of its frame."""
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    rate, bits, padding = third >> 2 & 3, third >> 4, third >> 1 & 1
    if second < 0xE0 or version == 1 or layer == 4 or rate == 3 or bits in (0, 15):
        return None
    hz, kbits = _RATES[version][rate], _BIT_RATES[version == 3, layer][bits - 1]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    unit = 4 if layer == 1 else 1  # bytes
    size = (samples // 8 // unit * kbits * 1000 // hz + padding) * unit
    return _Frame(size, samples, (version, layer, rate))


def _first(content: bytes, size: int) -> int | None:
    """Return where the first frame begins (bytes), by those that follow it."""
    place = content.find(0xFF)
    while 0 <= place < _JUNK:
        following, kind = place, None
        for number in range(_CERTAIN if place else 2):
            frame = _frame(content, following)
            if frame is None or (kind is not None and frame.kind != kind):
                if following == size and number:  # the file ends
                    return place
                break
            following, kind = following + frame.size, frame.kind
        else:
            return place
        place = content.find(0xFF, place + 1)
    return None


def _count(file: Path, content: bytes) -> tuple[int, int, _Frame]:
    """Return the number of frames, where the last one ends (bytes), and the first one."""
    first = _frame(content, 0)
    if first is None:
        raise ValueError("content begins with a frame")
    frames, place, end = 0, 0, 0
    while True:
        frame = _frame(content, place)
        if frame is not None and frame.kind == first.kind:
            if place + frame.size > len(content):
                there = len(content) - place
                raise TruncatedRecording(file, there, frame.size, "bytes of its last frame")
            frames, place = frames + 1, place + frame.size
            end = place
            continue
        if 0 < len(content) - place < 4 and content[place] == 0xFF:
            there = len(content) - place
            raise TruncatedRecording(file, there, first.size, "bytes of its last frame")
        place = _resumed(content, place, first.kind)
        if place is None:
            return frames, end, first


def _resumed(content: bytes, place: int, kind: tuple[int, int, int]) -> int | None:
    """Return where frames go on after a tag or junk (bytes), if they do."""
    while (place := content.find(0xFF, place + 1)) >= 0:
        frame = _frame(content, place)
        if frame is not None and frame.kind == kind:
            following = _frame(content, place + frame.size)
            if following is not None and following.kind == kind:
                return place
    return None


def _announced(frame: bytes) -> tuple[int, int] | None:
    """Return where a first frame has the number of those that follow (bytes), and that number."""
    place = max(frame.find(name, 0, 48) for name in (b"Xing", b"Info"))
    if place < 0 or len(frame) < place + 12:
        return None
    flags, number = struct.unpack_from(">II", frame, place + 4)
    return (place + 8, number) if flags & 1 and number else None
