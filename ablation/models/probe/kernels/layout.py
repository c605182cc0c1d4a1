"""Work arrays: a segment inside its padding, upright or transposed."""

import numpy as np

from ablation.vectors import LINE, kernel


@kernel
def aligned(size, like):
    """Return ``size`` zeros of the type of ``like`` that begin on a cache line."""
    room = np.zeros(size + LINE // like.itemsize, like.dtype)
    skip = (-room.ctypes.data % LINE) // like.itemsize
    return room[skip : skip + size]


@kernel
def place(segment, sideways, top, left, stride, out):
    """Copy ``segment`` (transposed if ``sideways``) into ``out``, ``stride`` elements a row.

    Its first element goes to row ``top`` and column ``left``; the rest of ``out`` is unchanged.
    """
    height, width = segment.shape
    if not sideways:
        for r in range(height):
            base = (top + r) * stride + left
            for c in range(width):
                out[base + c] = segment[r, c]
        return
    for r0 in range(0, height, 16):  # small squares, so that both sides stay in the cache
        for c in range(width):
            base = (top + c) * stride + left
            for r in range(r0, min(r0 + 16, height)):
                out[base + r] = segment[r, c]
