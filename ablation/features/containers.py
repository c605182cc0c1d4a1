"""Where the audio of a file ends by its own account, whatever a decoder makes of it.

libsndfile shortens a file that was cut to what is there, without a word, and knows the length of
some files only by an estimate. So what a container says of its length is read here and compared
with the file, by one rule for all of them. A size that a recorder left open or counted wrongly is
mended on the way to the decoder, which then need not know about it.
"""

import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ablation.errors.audio import TruncatedRecording
from ablation.features import mpeg
from ablation.features.views import Part, View, bytes_at

# Sizes that recorders write before they know the true one, give or take a header.
_PLACEHOLDERS = (2**30, 2**31, 2**32, 2**63, 2**64, 10**9, 2 * 10**9, 4 * 10**9)
_NEAR = 1 << 16  # bytes
_HEADER = 64  # bytes; a size that is too large by no more than a header is a slip
_MOST = 10_000  # chunks in front of the audio
_BLOCK_HEADER = 8  # bytes; libsndfile counts it too where it writes one
_NAME = re.compile(rb"[ -~]{4}")  # of a chunk


@dataclass(frozen=True)
class _Claim:
    """A header says that audio lies from ``begin`` to ``end`` (bytes).

    It says so by ``value``, stored at ``at`` as ``form`` (of :mod:`struct`) where it can be mended.
    """

    begin: int
    end: int
    value: int
    at: int = 0
    form: str = ""


@dataclass(frozen=True)
class _Chunks:
    """How a file is made of chunks: where the first one lies, and how each one begins.

    ``audio`` are the names of the chunk with the audio, ``counted`` the bytes of a chunk's header
    that its size counts, and ``inner`` those between that header and the audio. Each chunk begins
    at a multiple of ``align`` bytes.
    """

    first: int
    name: int
    size: str
    audio: tuple[bytes, ...]
    align: int
    counted: int = 0
    inner: int = 0


_WAVE_64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0O\x8e\xdb\x8a"
_CHUNKS = {
    b"RIFF": _Chunks(12, 4, "<I", (b"data",), 2),
    b"RIFX": _Chunks(12, 4, ">I", (b"data",), 2),
    b"RF64": _Chunks(12, 4, "<I", (b"data",), 2),
    b"FORM": _Chunks(12, 4, ">I", (b"SSND", b"BODY"), 2, inner=8),
    b"caff": _Chunks(8, 4, ">q", (b"data",), 1, inner=4),
    b"riff": _Chunks(40, 16, "<Q", (_WAVE_64_DATA,), 8, counted=24),
}


def audio_parts(file: Path, stream: BinaryIO) -> list[Part]:
    """Return what a decoder is to be given, one after the other: the whole file in most cases.

    Nothing is returned for a file that a decoder would wrongly take for audio.

    Raises
    ------
    TruncatedRecording
        When the file ends before its audio does.
    """
    size = os.fstat(stream.fileno()).st_size
    head = bytes_at(stream, 0, 1024)
    if head.startswith(b"OggS"):
        return _ogg_parts(file, stream, size)
    if mpeg.begins(head) and (part := mpeg.find(file, stream)) is not None:
        return [part]
    if head[0] == 0xFF:  # so begin texts in UTF-16, too, and libsndfile takes them for MPEG
        return []
    claim = _claim(stream, head, size)
    if claim is None or claim.begin < claim.end <= size:
        return [Part(stream.fileno())]
    if not _is_open(claim, size):
        expected = claim.end - claim.begin
        raise TruncatedRecording(file, size - claim.begin, expected, "bytes of audio")
    if not claim.form:
        return [Part(stream.fileno())]
    mended = struct.pack(claim.form, claim.value - (claim.end - size))
    return [Part(View(stream, 0, size, at=claim.at, replacement=mended))]


def _is_open(claim: _Claim, size: int) -> bool:
    """Return whether a size is one that a recorder left open, or a slip by a header's length."""
    if claim.end <= claim.begin:
        return True
    excess = claim.end - size
    slip = claim.form and (excess <= _HEADER or excess == claim.begin)
    return bool(slip) or any(abs(claim.value - one) <= _NEAR for one in _PLACEHOLDERS)


def _claim(stream: BinaryIO, head: bytes, size: int) -> _Claim | None:
    """Return what the header says, or None where it says nothing or is of an unknown kind."""
    try:
        if (chunks := _CHUNKS.get(head[:4])) is not None:
            return _chunk_claim(stream, chunks, size)
        for magic, field in _FIELDS.items():
            if head.startswith(magic):
                return field(head)
        for magic, (first, length) in _BLOCKS.items():
            if head.startswith(magic):
                return _block_claim(stream, head, first(head), length, size)
    except (struct.error, ValueError, KeyError, IndexError):  # cut within its header, or damaged
        pass
    return None


def _chunk_claim(stream: BinaryIO, chunks: _Chunks, size: int) -> _Claim | None:
    """Look for the chunk with the audio."""
    place, width = chunks.first, chunks.name + struct.calcsize(chunks.size)
    long_size = None  # where RF64 has sizes beyond 32 bits
    for _ in range(_MOST):
        header = bytes_at(stream, place, width)
        if len(header) < width:
            return None
        name, begin = header[: chunks.name], place + width
        value = struct.unpack(chunks.size, header[chunks.name :])[0]
        end = begin + value - chunks.counted
        if name == b"ds64":
            long_size = begin + 8
        if name in chunks.audio:
            at, form = begin - struct.calcsize(chunks.size), chunks.size
            if value == 0xFFFFFFFF and long_size is not None:
                at, form = long_size, "<Q"
                value = struct.unpack(form, bytes_at(stream, at, 8))[0]
                end = begin + value
            begin += chunks.inner
            empty = end <= begin and (begin >= size or _NAME.fullmatch(bytes_at(stream, begin, 4)))
            return None if empty else _Claim(begin, end, value, at, form)
        if value < chunks.counted or not _NAME.fullmatch(name[:4]):
            return None
        if end > size:  # cut in front of its audio
            return _Claim(begin, end, value)
        place = end + -end % chunks.align
    return None


def _block_claim(
    stream: BinaryIO, head: bytes, first: int, length: Callable[[bytes, bytes], int], size: int
) -> _Claim | None:
    """Walk over blocks, of which any may be the audio, to one that ends beyond the file."""
    place = first
    for _ in range(_MOST):
        block = bytes_at(stream, place, 20)
        step = length(head, block) if block else 0
        if place + step > size + _BLOCK_HEADER:
            return _Claim(place, place + step, step)
        if step <= 0:
            return None
        place += step
    return None


def _sun(head: bytes) -> _Claim:
    form = ">I" if head.startswith(b".") else "<I"
    begin, value = struct.unpack_from(form[0] + "II", head, 4)
    return _Claim(begin, begin + value, value, 8, form)


def _sphere(head: bytes) -> _Claim | None:
    if b"embedded" in head:  # compressed
        return None
    size = 1
    for name in (b"sample_count", b"channel_count", b"sample_n_bytes"):
        found = re.search(name + rb" -i (\d+)", head)
        if found is None and name == b"sample_count":
            return None
        size *= int(found[1]) if found else 1
    begin = int(head.split(b"\n", 2)[1])
    return _Claim(begin, begin + size, size)


def _atari(head: bytes) -> _Claim:
    stereo, bits = struct.unpack_from(">HH", head, 12)
    size = struct.unpack_from(">I", head, 26)[0] * bits // 8 * (2 if stereo else 1)
    return _Claim(128, 128 + size, size)


def _akai(head: bytes) -> _Claim:
    size = struct.unpack_from("<I", head, 30)[0] * 2 * (2 if head[21] else 1)
    return _Claim(42, 42 + size, size)


def _psion(head: bytes) -> _Claim:
    size = struct.unpack_from(">I", head, 18)[0]
    return _Claim(32, 32 + size, size)


def _midi(head: bytes) -> _Claim:
    samples = head[10] | head[11] << 7 | head[12] << 14
    width = max(2, -(-head[6] // 7))  # bytes of a sample, 7 bits each
    packets = -(-samples // (120 // width))
    return _Claim(21, 21 + 127 * packets, samples)


_FIELDS: dict[bytes, Callable[[bytes], _Claim | None]] = {
    b".snd": _sun,
    b"dns.": _sun,
    b"NIST_1A": _sphere,
    b"2BIT": _atari,
    b"\x01\x04": _akai,
    b"ALawSoundFile": _psion,
    b"\xf0\x7e": _midi,
}


def _flac(_: bytes, block: bytes) -> int:
    return 0 if block[0] == 0xFF else 4 + int.from_bytes(block[1:4])  # up to the first frame


def _creative(_: bytes, block: bytes) -> int:
    return 4 + int.from_bytes(block[1:4], "little") if block[0] else 0


def _matlab_5(head: bytes, block: bytes) -> int:
    return 8 + struct.unpack_from("<I" if head[126:128] == b"IM" else ">I", block, 4)[0]


def _matlab_4(head: bytes, block: bytes) -> int:
    kind, rows, columns, _, name = struct.unpack("<5I" if head[0] == head[3] else ">5I", block)
    return 20 + name + rows * columns * (8, 4, 4, 2, 2, 1)[kind % 100 // 10]


_BLOCKS: dict[bytes, tuple[Callable[[bytes], int], Callable[[bytes, bytes], int]]] = {
    b"fLaC": (lambda _: 4, _flac),
    b"Creative Voice File": (lambda head: int.from_bytes(head[20:22], "little"), _creative),
    b"MATLAB 5": (lambda _: 128, _matlab_5),
    b"\0\0\0\0\1\0\0\0\1\0\0\0": (lambda _: 0, _matlab_4),
    b"\0\0\3\xe8\0\0\0\1\0\0\0\1": (lambda _: 0, _matlab_4),
}


def _ogg_parts(file: Path, stream: BinaryIO, size: int) -> list[Part]:
    """Split chained streams, of which libsndfile reads the first one only."""
    begins, first_of_stream = [], False
    for place, flags in _ogg_pages(file, stream, size):
        if flags & 2 and not first_of_stream:
            begins.append(place)
        first_of_stream = bool(flags & 2)
    if len(begins) < 2:
        return [Part(stream.fileno())]
    return [
        Part(View(stream, begin, end))
        for begin, end in zip(begins, [*begins[1:], size], strict=True)
    ]


def _ogg_pages(file: Path, stream: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Yield where each page lies (bytes), and its flags; the last one must be complete.

    It must be marked as the last one of its stream, too, unless the codec is Opus: telephones do
    not mark it there.
    """
    place, pages, finished = 0, 0, True
    unmarked = b"OpusHead" in bytes_at(stream, 0, 64)
    while header := bytes_at(stream, place, 282):
        if header[:4] != b"OggS"[: len(header)]:
            break  # something else follows the audio
        parts = header[27 : 27 + header[26]] if len(header) > 26 else b""
        length = 27 + len(parts) + sum(parts)
        if place + length > size or (len(header) > 26 and len(parts) < header[26]):
            expected = max(length, size - place + 1)
            raise TruncatedRecording(file, size - place, expected, "bytes of its last page")
        yield place, header[5]
        continued = parts.endswith(b"\xff")  # on the next page
        finished = not continued and bool(unmarked or header[5] & 4)
        place, pages = place + length, pages + 1
    if not finished:
        raise TruncatedRecording(file, pages, pages + 1, "pages")
