"""Keeping the remarks of C libraries from the terminal."""

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_NAMES = ("__stderrp", "__stdoutp") if sys.platform == "darwin" else ("stderr", "stdout")
_users = 0
_kept: list[tuple[ctypes.c_void_p, int | None]] = []
_nowhere: int | None = None


@contextmanager
def c_streams_muted() -> Iterator[None]:
    """Give C libraries a stream that leads nowhere for ``stderr`` and ``stdout``.

    libmpg123 remarks on damaged files and on odd tags, and libsndfile lets nobody ask it not to.
    Python's own streams and the file descriptors stay as they are, so that other threads can write.
    """
    global _users
    with _LOCK:
        if _users == 0:
            _mute()
        _users += 1
    try:
        yield
    finally:
        with _LOCK:
            _users -= 1
            if _users == 0:
                _restore()


def _mute() -> None:
    global _nowhere
    if sys.platform != "darwin" and "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return  # they may be constants: remarks are seen
    try:
        library = ctypes.CDLL(None)
        streams = [ctypes.c_void_p.in_dll(library, name) for name in _NAMES]
    except (OSError, ValueError):
        return
    if _nowhere is None:  # for good: another thread may be about to write to it
        library.fopen.restype = ctypes.c_void_p
        _nowhere = library.fopen(os.devnull.encode(), b"w")
    for stream in streams:
        _kept.append((stream, stream.value))
        stream.value = _nowhere


def _restore() -> None:
    while _kept:
        stream, value = _kept.pop()
        stream.value = value
