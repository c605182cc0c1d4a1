"""The pass tap by tap, with bfloat16 products and float32 sums, two products per instruction.

It needs AVX-512 BF16 (``vectors.HAS_BF16``). The segments already contain bfloat16 values. Scores
combine the products of two neighbouring columns, patch sums those of two neighbouring positions,
whose masks are 0 or 1 and therefore exact.
"""

import numpy as np

from ablation.models.probe.kernels.direct import (
    FILTERS,
    PATCH_FILTERS,
    PATCH_TAPS,
    VECTORS,
    collect,
    patch_sum_block,
    positions_inside,
    score_and_mask_block,
    score_only_block,
    strips,
    tap_offsets,
)
from ablation.models.probe.kernels.layout import aligned, place
from ablation.vectors import VECTOR_BYTES, kernel

score_and_mask, score_only = score_and_mask_block(pairs=True), score_only_block(pairs=True)
_few, _some, _many = (patch_sum_block(size, pairs=True) for size in PATCH_TAPS)


def weight_pairs(weights: np.ndarray) -> np.ndarray:
    """Return filters (K, height, width) as column pairs (height ceil(width / 2), K), uint32."""
    filters, height, width = weights.shape
    even = np.zeros((filters, height, width + width % 2), np.float32)
    even[..., :width] = weights
    bits = even.view(np.uint32) >> 16
    pairs = bits[..., 0::2] | bits[..., 1::2] << 16
    return np.ascontiguousarray(pairs.reshape(filters, -1).T)


@kernel
def _halve(padded, halves, pairs):
    """Write the bfloat16 halves of ``padded``, and pairs of each with the next one."""
    bits = padded.view(np.uint32)
    for i in range(len(bits) - 1):
        halves[i] = bits[i] >> 16
        pairs[i] = bits[i] >> 16 | bits[i + 1] & np.uint32(0xFFFF0000)


@kernel
def train(x, sideways, height, width, weights, delta, size, relu, count, patches):
    """Do what ``direct.train`` does, for float32 ``x`` and ``weights`` of :func:`weight_pairs`."""
    taps, filters = height * width, weights.shape[1]
    lanes = VECTOR_BYTES // x.itemsize
    rows, columns = (x.shape[2], x.shape[1]) if sideways else (x.shape[1], x.shape[2])
    stride = columns + width - 1
    strip, vectors = strips(rows * stride, lanes)
    room = -(-taps // size) * size
    offsets = tap_offsets(height, width, 1, stride, room)
    pair_offsets = tap_offsets(height, width, 2, stride, len(weights))
    inside = positions_inside(rows, columns, stride, vectors * lanes)
    padded = aligned(vectors * lanes + (height + 1) * stride + lanes, x)
    halves, pairs = np.zeros(len(padded), np.uint16), np.zeros(len(padded), np.uint32)
    masks = np.zeros(filters * strip * lanes, np.uint16)
    sums = aligned(filters * room * lanes, x)
    totals, active = aligned(filters * lanes, x), aligned(filters * lanes, x)
    flat = weights.reshape(-1)
    gap = strip * lanes
    for b in range(len(x)):
        place(x[b], sideways, (height - 1) // 2, (width - 1) // 2, stride, padded)
        _halve(padded, halves, pairs)
        sums[:] = 0
        totals[:] = 0
        active[:] = 0
        for at in range(0, vectors * lanes, gap):
            for i in range(0, gap, VECTORS * lanes):
                for k in range(0, filters, FILTERS):
                    score_and_mask(
                        pairs, at + i, flat, k, pair_offsets, len(weights), filters, delta, inside,
                        masks, i, gap, totals, active,
                    )  # fmt: skip
            for k in range(0, filters, PATCH_FILTERS):
                for tap in range(0, taps, size):
                    to = (k * room + tap) * lanes
                    far, many = room * lanes, strip // 2
                    if size == PATCH_TAPS[0]:
                        _few(halves, at, offsets, tap, masks, k, gap, many, sums, to, far)
                    elif size == PATCH_TAPS[1]:
                        _some(halves, at, offsets, tap, masks, k, gap, many, sums, to, far)
                    else:
                        _many(halves, at, offsets, tap, masks, k, gap, many, sums, to, far)
        collect(totals, active, sums, room, lanes, relu[b], count[b], patches[b])


@kernel
def evaluate(x, sideways, height, width, weights, delta, relu):
    """Do what ``direct.evaluate`` does, for float32 ``x`` and :func:`weight_pairs`' weights."""
    filters = weights.shape[1]
    lanes = VECTOR_BYTES // x.itemsize
    rows, columns = (x.shape[2], x.shape[1]) if sideways else (x.shape[1], x.shape[2])
    stride = columns + width - 1
    size = -(-rows * stride // (lanes * VECTORS)) * VECTORS * lanes
    offsets = tap_offsets(height, width, 2, stride, len(weights))
    inside = positions_inside(rows, columns, stride, size)
    padded = aligned(size + (height + 1) * stride + lanes, x)
    halves, pairs = np.zeros(len(padded), np.uint16), np.zeros(len(padded), np.uint32)
    totals = aligned(filters * lanes, x)
    flat = weights.reshape(-1)
    for b in range(len(x)):
        place(x[b], sideways, (height - 1) // 2, (width - 1) // 2, stride, padded)
        _halve(padded, halves, pairs)
        totals[:] = 0
        for at in range(0, size, VECTORS * lanes):
            for k in range(0, filters, FILTERS):
                score_only(
                    pairs, at, flat, k, offsets, len(weights), filters, delta, inside, totals
                )
        for k in range(filters):
            relu[b, k] = totals[k * lanes : (k + 1) * lanes].sum()
