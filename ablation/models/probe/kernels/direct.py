"""The pass tap by tap: a strip of scores, their mask, and the masked sums of every tap.

The positions of a segment are consecutive in its padded rows and processed a vector at a time;
those in the padding between two rows are computed too, and discarded by a flag.
"""

import numpy as np

from ablation.models.probe.kernels.layout import aligned, place
from ablation.vectors import VECTOR_BYTES, Value, Vectors, block, kernel

# Accumulators that fit into the registers: filters x vectors of scores, and filters x taps of
# patch sums; the latter have three sizes, to suit different numbers of taps.
if VECTOR_BYTES == 64:  # 32 registers
    FILTERS, VECTORS, PATCH_FILTERS, PATCH_TAPS = 8, 3, 4, (4, 5, 6)
else:  # 16 registers
    FILTERS, VECTORS, PATCH_FILTERS, PATCH_TAPS = 4, 3, 4, (1, 2, 2)
STRIP = 24  # vectors of positions whose masks wait in the cache for the patch sums
FILTER_MULTIPLE = max(FILTERS, PATCH_FILTERS)


def patch_block(taps: int) -> int:
    """Return how many taps to sum together: the size that leaves the fewest idle."""
    return min(PATCH_TAPS, key=lambda size: (-(-taps // size) * size, -size))


def _scores(
    v: Vectors, x: Value, at: Value, weights: Value, first: Value, offsets: Value, taps: Value,
    count: Value, delta: Value, *, pairs: bool,
) -> list[list[Value]]:  # fmt: skip
    """Emit alpha z + delta of FILTERS filters at VECTORS vectors of positions.

    With ``pairs``, ``x`` and ``weights`` hold bfloat16 pairs of neighbouring columns.
    """
    load = v.load_pairs if pairs else v.load
    broadcast = v.broadcast_pair if pairs else v.broadcast
    fma = v.pair_fma if pairs else v.fma
    places = []
    for k in range(FILTERS):
        start = v.broadcast(delta, v.total(first, k))
        places.append(v.variables(VECTORS, start))
    with v.loop(taps) as loop:
        here = v.total(at, v.element(offsets, loop.index))
        values = [load(x, v.total(here, i * v.lanes)) for i in range(VECTORS)]
        row = v.total(first, v.times(loop.index, count))
        for k in range(FILTERS):
            weight = broadcast(weights, v.total(row, k))
            for value, acc in zip(values, places[k], strict=True):
                v.put(fma(weight, value, v.get(acc)), acc)
    return [[v.get(acc) for acc in row] for row in places]


def score_and_mask_block(*, pairs: bool):
    @block
    def score_and_mask(
        v: Vectors, x: Value, at: Value, weights: Value, first: Value, offsets: Value, taps: Value,
        count: Value, delta: Value, inside: Value, masks: Value, mask_at: Value,
        mask_stride: Value, relu: Value, active: Value,
    ) -> None:  # fmt: skip
        """Score a block: add to the ReLU sums and the numbers of active positions; write masks."""
        scores = _scores(v, x, at, weights, first, offsets, taps, count, delta, pairs=pairs)
        within = [v.flagged(inside, v.total(at, i * v.lanes)) for i in range(VECTORS)]
        zero, one = v.constant(0), v.constant(1)
        for k in range(FILTERS):
            place_of_sum = v.times(v.total(first, k), v.lanes)
            row = v.total(mask_at, v.times(v.total(first, k), mask_stride))
            total, number = v.load(relu, place_of_sum), v.load(active, place_of_sum)
            for i, score in enumerate(scores[k]):
                on = v.both(v.positive(score), within[i])
                total = v.add(total, v.where(on, score, zero))
                mask = v.where(on, one, zero)
                number = v.add(number, mask)
                v.store(v.half_ones(on) if pairs else mask, masks, v.total(row, i * v.lanes))
            v.store(total, relu, place_of_sum)
            v.store(number, active, place_of_sum)

    return score_and_mask


def score_only_block(*, pairs: bool):
    @block
    def score_only(
        v: Vectors, x: Value, at: Value, weights: Value, first: Value, offsets: Value, taps: Value,
        count: Value, delta: Value, inside: Value, relu: Value,
    ) -> None:  # fmt: skip
        """Score a block: add to the ReLU sums."""
        scores = _scores(v, x, at, weights, first, offsets, taps, count, delta, pairs=pairs)
        within = [v.flagged(inside, v.total(at, i * v.lanes)) for i in range(VECTORS)]
        zero = v.constant(0)
        for k in range(FILTERS):
            place_of_sum = v.times(v.total(first, k), v.lanes)
            total = v.load(relu, place_of_sum)
            for i, score in enumerate(scores[k]):
                on = v.both(v.positive(score), within[i])
                total = v.add(total, v.where(on, score, zero))
            v.store(total, relu, place_of_sum)

    return score_only


def patch_sum_block(taps: int, *, pairs: bool):
    @block
    def patch_sums(
        v: Vectors, x: Value, at: Value, offsets: Value, tap: Value, masks: Value, first: Value,
        mask_stride: Value, vectors: Value, sums: Value, sum_at: Value, sum_stride: Value,
    ) -> None:  # fmt: skip
        """Add a strip of positions to the patch sums of PATCH_FILTERS filters at ``taps`` taps.

        With ``pairs``, ``x`` and ``masks`` are bfloat16 and a vector holds twice as many positions.
        """
        load = v.load_pairs if pairs else v.load
        fma = v.pair_fma if pairs else v.fma
        step = 2 * v.lanes if pairs else v.lanes

        def index(k: int, j: int) -> Value:
            return v.total(sum_at, v.times(sum_stride, k), j * v.lanes)

        cells = [(k, j) for k in range(PATCH_FILTERS) for j in range(taps)]
        places = {cell: v.variables(1, v.load(sums, index(*cell)))[0] for cell in cells}
        starts = [v.total(at, v.element(offsets, v.total(tap, j))) for j in range(taps)]
        rows = [v.times(v.total(first, k), mask_stride) for k in range(PATCH_FILTERS)]
        with v.loop(vectors) as loop:
            here = v.times(loop.index, step)
            mask = [load(masks, v.total(here, row)) for row in rows]
            for j in range(taps):
                value = load(x, v.total(starts[j], here))
                for k in range(PATCH_FILTERS):
                    v.put(fma(mask[k], value, v.get(places[k, j])), places[k, j])
        for cell in cells:
            v.store(v.get(places[cell]), sums, index(*cell))

    return patch_sums


@kernel
def strips(positions, lanes):
    """Return the vectors of a strip, and of all strips that cover ``positions``."""
    multiple = 2 * VECTORS  # even, for masks that go two vectors at a time
    strip = min(STRIP, -(-positions // (lanes * multiple)) * multiple)
    return strip, -(-positions // (lanes * strip)) * strip


@kernel
def positions_inside(rows, columns, stride, size):
    """Return a byte per position: 1 on the segment, 0 in the padding between its rows."""
    flags = np.zeros(size, np.uint8)
    for r in range(rows):
        flags[r * stride : r * stride + columns] = 1
    return flags


@kernel
def tap_offsets(height, width, step, stride, room):
    """Return the offset of each tap's value, taps row by row, ``step`` columns apart.

    Of ``room`` entries, those past the last tap are 0: their sums are never read.
    """
    offsets = np.zeros(room, np.int64)
    number = 0
    for r in range(height):
        for c in range(0, width, step):
            offsets[number] = r * stride + c
            number += 1
    return offsets


@kernel
def collect(totals, active, sums, room, lanes, relu, count, patches):
    """Add up the lanes of a segment's sums."""
    filters, taps = patches.shape
    for k in range(filters):
        relu[k] = totals[k * lanes : (k + 1) * lanes].sum()
        count[k] = active[k * lanes : (k + 1) * lanes].sum()
        for tap in range(taps):
            start = (k * room + tap) * lanes
            patches[k, tap] = sums[start : start + lanes].sum()


score_and_mask, score_only = score_and_mask_block(pairs=False), score_only_block(pairs=False)
_few, _some, _many = (patch_sum_block(size, pairs=False) for size in PATCH_TAPS)


@kernel
def train(x, sideways, height, width, weights, delta, size, relu, count, patches):
    """Compute scores, masks and patch sums of all segments of ``x``.

    Parameters
    ----------
    x
        Segments, shape (n, rows, columns).
    sideways
        Whether to work on the transposed segments; ``height``, ``width`` and the taps of
        ``weights`` and ``patches`` are then those of the transposed filter.
    weights
        alpha w, shape (taps, filters), filters a multiple of FILTER_MULTIPLE.
    delta
        Shape (filters,).
    size
        The value of ``patch_block``.
    relu, count
        Out: sums of max(0, alpha z + delta), and of positions where it is positive; (n, filters).
    patches
        Out: sums of the patches of those positions, shape (n, filters, taps).
    """
    taps, filters = weights.shape
    lanes = VECTOR_BYTES // x.itemsize
    rows, columns = (x.shape[2], x.shape[1]) if sideways else (x.shape[1], x.shape[2])
    stride = columns + width - 1
    strip, vectors = strips(rows * stride, lanes)
    room = -(-taps // size) * size
    offsets = tap_offsets(height, width, 1, stride, room)
    inside = positions_inside(rows, columns, stride, vectors * lanes)
    padded = aligned(vectors * lanes + (height + 1) * stride, x)
    masks = aligned(filters * strip * lanes, x)
    sums = aligned(filters * room * lanes, x)
    totals, active = aligned(filters * lanes, x), aligned(filters * lanes, x)
    flat = weights.reshape(-1)
    gap = strip * lanes
    for b in range(len(x)):
        place(x[b], sideways, (height - 1) // 2, (width - 1) // 2, stride, padded)
        sums[:] = 0
        totals[:] = 0
        active[:] = 0
        for at in range(0, vectors * lanes, gap):
            for i in range(0, gap, VECTORS * lanes):
                for k in range(0, filters, FILTERS):
                    score_and_mask(
                        padded, at + i, flat, k, offsets, taps, filters, delta, inside,
                        masks, i, gap, totals, active,
                    )  # fmt: skip
            for k in range(0, filters, PATCH_FILTERS):
                for tap in range(0, taps, size):
                    to = (k * room + tap) * lanes
                    far = room * lanes
                    if size == PATCH_TAPS[0]:
                        _few(padded, at, offsets, tap, masks, k, gap, strip, sums, to, far)
                    elif size == PATCH_TAPS[1]:
                        _some(padded, at, offsets, tap, masks, k, gap, strip, sums, to, far)
                    else:
                        _many(padded, at, offsets, tap, masks, k, gap, strip, sums, to, far)
        collect(totals, active, sums, room, lanes, relu[b], count[b], patches[b])


@kernel
def evaluate(x, sideways, height, width, weights, delta, relu):
    """Compute only the ReLU sums of :func:`train`."""
    taps, filters = weights.shape
    lanes = VECTOR_BYTES // x.itemsize
    rows, columns = (x.shape[2], x.shape[1]) if sideways else (x.shape[1], x.shape[2])
    stride = columns + width - 1
    size = -(-rows * stride // (lanes * VECTORS)) * VECTORS * lanes
    offsets = tap_offsets(height, width, 1, stride, taps)
    inside = positions_inside(rows, columns, stride, size)
    padded = aligned(size + (height + 1) * stride, x)
    totals = aligned(filters * lanes, x)
    flat = weights.reshape(-1)
    for b in range(len(x)):
        place(x[b], sideways, (height - 1) // 2, (width - 1) // 2, stride, padded)
        totals[:] = 0
        for at in range(0, size, VECTORS * lanes):
            for k in range(0, filters, FILTERS):
                score_only(padded, at, flat, k, offsets, taps, filters, delta, inside, totals)
        for k in range(filters):
            relu[b, k] = totals[k * lanes : (k + 1) * lanes].sum()
