"""The pass over a batch's positions as Triton kernels: tensor-core products, no stored activations.

Positions are visited in blocks of ROWS rows, one column after the other: a *place* is a column of a
block. The patches of a place's positions overlap in all but a few rows, so what is read for one
place, ROWS + height - 1 values of each of ``width`` columns, serves ROWS positions. The product is
that of a banded table, which holds each filter ROWS times, each time a row lower, with the values
of the place; it has a row for every position of the place and every filter. Sums of patches are the
transposed product of what is active with the same values, of which :func:`diagonals` adds up the
ROWS copies of every tap.

A program takes one segment, 16 filters and one share of the places, in their order, and stores its
own partial sums: nothing is added atomically, and no program depends on another's data, so the same
segment and filters give the same bits whatever is launched together with them.

Segments are padded by zeros (:func:`put`), so that no address needs a check. Where ALIGNED, they
are stored once for every column of a filter, each time a column further left: then values that are
read together begin at a multiple of eight, and are copied into shared memory in wide pieces, ahead
of their use. ``plane_stride`` leads from one column of a filter to the next, either way.
``numbers`` (n) says which segment a program reads, and ``batch`` how many of
the n share their filters: segments i * batch to (i + 1) * batch - 1 belong to cell i.
"""

import triton
import triton.language as tl

FILTERS = tl.constexpr(16)  # per program: the fewest that a matrix product takes

# One compiled kernel serves all sizes: none is compiled again for multiples of 16.
_SIZES = [
    "segment_stride", "plane_stride", "row_stride", "rows", "columns", "places", "share", "height",
    "width", "batch", "chunks",
]  # fmt: skip


@triton.jit(do_not_specialize=["first", "across", "down", "along", *_SIZES])
def put(
    segments, stored, centres, first, across, down, along,
    segment_stride, plane_stride, row_stride, rows, columns, height, width,
    VALUES: tl.constexpr, CENTRED: tl.constexpr,
):  # fmt: skip
    """Copy ``segments``, whose strides are ``across``, ``down`` and ``along``, into ``stored``.

    They become numbers ``first`` and the following; with CENTRED their means become ``centres``.
    The second axis of the grid has the planes, each a column further left.
    """
    n, plane = tl.program_id(0).to(tl.int64), tl.program_id(1)
    own = stored + (first + n) * segment_stride + plane * plane_stride
    own += (height - 1) // 2 * row_stride
    shift = (width - 1) // 2 - plane
    total = tl.full((VALUES,), 0, tl.float32)
    for at in range(0, rows * columns, VALUES):
        place = at + tl.arange(0, VALUES)
        row, column, there = place // columns, place % columns, place < rows * columns
        at_value = segments + n * across + row * down + column * along
        value = tl.load(at_value, there, other=0.0)
        total += value
        there = there & (column + shift >= 0) & (column + shift < row_stride)
        at_place = own + row * row_stride + column + shift
        tl.store(at_place, value.to(stored.dtype.element_ty), there)
    if CENTRED and plane == 0:
        tl.store(centres + first + n, tl.sum(total, 0) / (rows * columns))


@triton.jit(do_not_specialize=["across", "down", "along", *_SIZES])
def lags(
    segments, lags, across, down, along, rows, columns, width, VALUES: tl.constexpr,
):  # fmt: skip
    """Write the autocorrelations ``lags`` (n, height, 2 width - 1), float64.

    They are sums of X[r, c] X[r + i, c + j] over all r and c, j from 1 - width on; a library's
    transforms would compute them faster, but with a rounding that depends on the other segments.
    """
    n, row_lag = tl.program_id(0).to(tl.int64), tl.program_id(1)
    own = segments + n * across
    for number in range(2 * width - 1):
        lag = number - width + 1
        total = tl.full((VALUES,), 0, tl.float64)
        for at in range(0, (rows - row_lag) * columns, VALUES):
            place = at + tl.arange(0, VALUES)
            row, column = place // columns, place % columns
            there = (row + row_lag < rows) & (column + lag >= 0) & (column + lag < columns)
            one = tl.load(own + row * down + column * along, there, other=0.0)
            at_other = own + (row + row_lag) * down + (column + lag) * along
            other = tl.load(at_other, there, other=0.0)
            total += one.to(tl.float64) * other.to(tl.float64)
        out = (n * tl.num_programs(1) + row_lag) * (2 * width - 1) + number
        tl.store(lags + out, tl.sum(total, 0))


@triton.jit
def _products(active, values, centre, sums, THREE_PRODUCTS: tl.constexpr):
    """Return ``sums`` plus ``active`` (rows, places) times ``values`` (places, taps).

    A float32 value is, to its last two bits, the sum of two that tf32 holds, and what is active
    counts 1, exact in any format: so two tf32 products do. Tensor cores round their sums towards
    zero, which would pull sums of many values of one sign the same way: so ``centre`` is taken off
    first, and a tile's part is added outside of them.
    """
    if THREE_PRODUCTS:
        values -= centre
        high = (values.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)
        part = tl.dot(active, values - high, input_precision="tf32")
        sums += tl.dot(active, high, part, input_precision="tf32")
    else:
        sums = tl.dot(active.to(values.dtype), values, sums)
    return sums


@triton.jit(do_not_specialize=_SIZES)
def all_sums(
    segments, numbers, weight, delta, relu, active, sums, centres,
    segment_stride, plane_stride, row_stride, rows, columns, places, share, height, width, batch,
    ROWS: tl.constexpr, TAPS: tl.constexpr, PLACES: tl.constexpr, ALIGNED: tl.constexpr,
    TRAIN: tl.constexpr, THREE_PRODUCTS: tl.constexpr, RAGGED: tl.constexpr,
):  # fmt: skip
    """Sums of one share of a segment's places, where all that a place reads fits into TAPS.

    ``weight`` (cells, blocks, filters, height, width) and ``delta`` (cells, blocks, filters);
    ``relu`` and ``active`` (n, blocks, shares, filters), the latter only if TRAIN;
    ``sums`` (n, blocks, shares, ROWS, filters, TAPS), only if TRAIN: of each value of a place over
    the places at which a position is active; in float32 of the segments less ``centres``. In
    bfloat16 relu follows from them (:func:`diagonals`) and is not written in training.

    RAGGED says that the last block has fewer than ROWS rows.
    """
    n, block, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    blocks = tl.num_programs(1)
    line = tl.arange(0, ROWS * FILTERS)
    row, filters = line // FILTERS, line % FILTERS
    tap = tl.arange(0, TAPS)
    reach = ROWS + height - 1  # rows that a place reads
    across, down = tap // reach, tap % reach
    used = tap < width * reach
    offsets = tl.where(used, down * row_stride + across * plane_stride, 0)
    cell = (n // batch) * blocks + block
    above = down[None, :] - row[:, None]
    within = used[None, :] & (above >= 0) & (above < height)
    own_weight = weight + cell * FILTERS * height * width
    place_of = (filters[:, None] * height + above) * width + across[None, :]
    table = tl.load(own_weight + place_of, within, other=0.0)
    least = -tl.load(delta + cell * FILTERS + filters)
    number = tl.load(numbers + n).to(tl.int64)
    own, centre = segments + number * segment_stride, tl.load(centres + number)
    if ALIGNED:
        own = tl.multiple_of(own, 16)
    heights = tl.full((ROWS * FILTERS,), 0, tl.float32)
    counts = tl.full((ROWS * FILTERS,), 0, tl.float32)
    found = tl.full((ROWS * FILTERS, TAPS), 0, tl.float32)
    end = tl.minimum((split + 1) * share, places)
    zeros = (rows + height - 1) * row_stride
    for at in range(split * share, end, PLACES):
        place = at + tl.arange(0, PLACES)
        top = (place // columns) * ROWS
        # What lies beyond the last place reads zeros, which add nothing to a sum of patches.
        start = tl.where(place < end, top * row_stride + place % columns, zeros)
        if ALIGNED:
            start = tl.max_contiguous(tl.multiple_of(start, 8), 8)
            offsets = tl.multiple_of(offsets, 8)
        values = tl.load(own + (start[None, :] + offsets[:, None]))
        if THREE_PRODUCTS:
            score = tl.dot(table, values, input_precision="tf32x3")
        else:
            score = tl.dot(table, values)
        on = ~(score <= least[:, None])  # NaN counts: it is to reach the loss
        if RAGGED:
            on = on & (row[:, None] + top[None, :] < rows)
        if THREE_PRODUCTS:  # what lies beyond is -centre there, and not 0
            on = on & (place < end)[None, :]
        if THREE_PRODUCTS or not TRAIN:
            heights += tl.sum(tl.where(on, score - least[:, None], 0.0), 1)
        if TRAIN:
            mask = tl.where(on, 1.0, 0.0)
            counts += tl.sum(mask, 1)
            found = _products(mask, tl.trans(values), centre, found, THREE_PRODUCTS)
    if not RAGGED and not THREE_PRODUCTS:  # what was read beyond the last place scored 0
        beyond = tl.where(least < 0, ((end - split * share + PLACES - 1) // PLACES * PLACES
                                      - (end - split * share)).to(tl.float32), 0.0)  # fmt: skip
        heights += beyond * least
        counts -= beyond
    out = (n.to(tl.int64) * blocks + block) * tl.num_programs(2) + split
    ends = out * FILTERS + tl.arange(0, FILTERS)
    if THREE_PRODUCTS or not TRAIN:
        tl.store(relu + ends, tl.sum(tl.reshape(heights, (ROWS, FILTERS)), 0))
    if TRAIN:
        tl.store(active + ends, tl.sum(tl.reshape(counts, (ROWS, FILTERS)), 0))
        at_line = (out * ROWS * FILTERS + line[:, None]) * TAPS
        tl.store(sums + at_line + tap[None, :], found)


@triton.jit(do_not_specialize=_SIZES)
def banded(
    weight, table, height, width, chunks,
    ROWS: tl.constexpr, TAPS: tl.constexpr,
):  # fmt: skip
    """Write the banded ``table`` (cells, blocks, width, chunks, ROWS, filters, TAPS).

    ``weight`` is as in :func:`all_sums`; a chunk has TAPS of the rows that a place reads.
    """
    cell, part = tl.program_id(0), tl.program_id(1)
    across, chunk = part // chunks, part % chunks
    line, tap = tl.arange(0, ROWS * FILTERS), tl.arange(0, TAPS)
    row, filters = line // FILTERS, line % FILTERS
    above = (chunk * TAPS + tap)[None, :] - row[:, None]
    within = (above >= 0) & (above < height)
    place_of = (filters[:, None] * height + above) * width + across
    values = tl.load(weight + cell * FILTERS * height * width + place_of, within, other=0.0)
    at_line = (cell.to(tl.int64) * tl.num_programs(1) + part) * ROWS * FILTERS + line[:, None]
    tl.store(table + at_line * TAPS + tap[None, :], values)


@triton.jit(do_not_specialize=_SIZES)
def scores(
    segments, numbers, table, delta, relu, active, masks,
    segment_stride, plane_stride, row_stride, rows, columns, places, share, width, chunks, batch,
    ROWS: tl.constexpr, TAPS: tl.constexpr, PLACES: tl.constexpr, ALIGNED: tl.constexpr,
    TRAIN: tl.constexpr, THREE_PRODUCTS: tl.constexpr,
):  # fmt: skip
    """As :func:`all_sums` but for ``sums``: filters of any size, TAPS rows at a time.

    ``table`` is that of :func:`banded`; ``masks`` (n, blocks, rows, columns), int32: bit f says
    whether filter f of the block is active.
    """
    n, block, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    blocks = tl.num_programs(1)
    line = tl.arange(0, ROWS * FILTERS)
    row, filters, tap = line // FILTERS, line % FILTERS, tl.arange(0, TAPS)
    cell = ((n // batch) * blocks + block).to(tl.int64)
    least = -tl.load(delta + cell * FILTERS + filters)
    number = tl.load(numbers + n).to(tl.int64)
    own = segments + number * segment_stride
    if ALIGNED:
        own = tl.multiple_of(own, 16)
    bits = masks + (n.to(tl.int64) * blocks + block) * rows * columns
    heights = tl.full((ROWS * FILTERS,), 0, tl.float32)
    counts = tl.full((ROWS * FILTERS,), 0, tl.float32)
    end = tl.minimum((split + 1) * share, places)
    for at in range(split * share, end, PLACES):
        place = at + tl.arange(0, PLACES)
        top = (place // columns) * ROWS
        start = tl.where(place < end, top * row_stride + place % columns, 0)
        if ALIGNED:
            start = tl.max_contiguous(tl.multiple_of(start, 8), 8)
        score = tl.full((ROWS * FILTERS, PLACES), 0, tl.float32)
        for part in range(width * chunks):
            at_line = (cell * width * chunks + part) * ROWS * FILTERS + line[:, None]
            weights = tl.load(table + at_line * TAPS + tap[None, :])
            # Rows beyond those that a place reads have weight 0; they may lie in another segment.
            offsets = ((part % chunks) * TAPS + tap) * row_stride + part // chunks * plane_stride
            if ALIGNED:
                offsets = tl.multiple_of(offsets, 8)
            values = tl.load(own + (start[None, :] + offsets[:, None]))
            if THREE_PRODUCTS:
                score = tl.dot(weights, values, score, input_precision="tf32x3")
            else:
                score = tl.dot(weights, values, score)
        on = ~(score <= least[:, None]) & (place < end)[None, :]  # as in all_sums
        on = on & (row[:, None] + top[None, :] < rows)
        heights += tl.sum(tl.where(on, score - least[:, None], 0.0), 1)
        if TRAIN:
            counts += tl.sum(tl.where(on, 1.0, 0.0), 1)
            packed = tl.reshape(on.to(tl.int32) << filters[:, None], (ROWS, FILTERS, PLACES))
            at_row = top[None, :] + tl.arange(0, ROWS)[:, None]
            inside = (at_row < rows) & (place < end)[None, :]
            at_place = at_row * columns + (place % columns)[None, :]
            tl.store(bits + at_place, tl.sum(packed, 1), inside)
    out = (n.to(tl.int64) * blocks + block) * tl.num_programs(2) + split
    ends = out * FILTERS + tl.arange(0, FILTERS)
    tl.store(relu + ends, tl.sum(tl.reshape(heights, (ROWS, FILTERS)), 0))
    if TRAIN:
        tl.store(active + ends, tl.sum(tl.reshape(counts, (ROWS, FILTERS)), 0))


@triton.jit(do_not_specialize=[*_SIZES, "blocks"])
def masked_sums(
    segments, numbers, masks, sums, centres,
    segment_stride, plane_stride, row_stride, rows, columns, places, share, width, chunks, blocks,
    ROWS: tl.constexpr, TAPS: tl.constexpr, PLACES: tl.constexpr, ALIGNED: tl.constexpr,
    THREE_PRODUCTS: tl.constexpr,
):  # fmt: skip
    """The ``sums`` of :func:`all_sums` from the ``masks`` of :func:`scores`, a chunk a program.

    ``sums`` (n, blocks, shares, ROWS, filters, width, chunks, TAPS), less ``centres`` in float32.
    """
    n, split = tl.program_id(0), tl.program_id(2)
    block, part = tl.program_id(1) % blocks, tl.program_id(1) // blocks
    line, tap = tl.arange(0, ROWS * FILTERS), tl.arange(0, TAPS)
    filters = tl.arange(0, FILTERS)
    number = tl.load(numbers + n).to(tl.int64)
    own, centre = segments + number * segment_stride, tl.load(centres + number)
    if ALIGNED:
        own = tl.multiple_of(own, 16)
    bits = masks + (n.to(tl.int64) * blocks + block) * rows * columns
    offsets = ((part % chunks) * TAPS + tap) * row_stride + part // chunks * plane_stride
    if ALIGNED:
        offsets = tl.multiple_of(offsets, 8)
    found = tl.full((ROWS * FILTERS, TAPS), 0, tl.float32)
    end = tl.minimum((split + 1) * share, places)
    for at in range(split * share, end, PLACES):
        place = at + tl.arange(0, PLACES)
        top = (place // columns) * ROWS
        at_row = top[None, :] + tl.arange(0, ROWS)[:, None]
        inside = (at_row < rows) & (place < end)[None, :]
        packed = tl.load(bits + at_row * columns + (place % columns)[None, :], inside, other=0)
        on = (packed[:, None, :] >> filters[None, :, None]) & 1
        mask = tl.reshape(on, (ROWS * FILTERS, PLACES)).to(tl.float32)
        start = tl.where(place < end, top * row_stride + place % columns, 0)
        if ALIGNED:
            start = tl.max_contiguous(tl.multiple_of(start, 8), 8)
        values = tl.load(own + (start[:, None] + offsets[None, :]))
        found = _products(mask, values, centre, found, THREE_PRODUCTS)
    out = (n.to(tl.int64) * blocks + block) * tl.num_programs(2) + split
    at_line = (out * ROWS * FILTERS + line[:, None]) * width * chunks + part
    tl.store(sums + at_line * TAPS + tap[None, :], found)


@triton.jit(do_not_specialize=[*_SIZES, "pitch", "wide"])
def diagonals(
    sums, weight, delta, relu, active, patches,
    height, width, batch, pitch, wide,
    ROWS: tl.constexpr, TAPS: tl.constexpr, SCORED: tl.constexpr,
):  # fmt: skip
    """Add up the copies of every tap in ``sums`` (n, blocks, shares, ROWS, filters, wide).

    ``patches`` (n, blocks, shares, filters, taps) gets the sums; a column of taps begins every
    ``pitch`` values. With SCORED ``relu`` gets what follows from them and ``active``.
    """
    n, block, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    blocks = tl.num_programs(1)
    cell = (n // batch) * blocks + block
    out = (n.to(tl.int64) * blocks + block) * tl.num_programs(2) + split
    filters, tap = tl.arange(0, FILTERS), tl.arange(0, TAPS)
    taps = height * width
    scored = tl.full((FILTERS,), 0, tl.float32)
    for first in range(0, taps, TAPS):
        mine = first + tap
        there = mine < taps
        column = tl.where(there, (mine % width) * pitch + mine // width, 0)
        found = tl.full((FILTERS, TAPS), 0, tl.float32)
        for row in range(ROWS):
            at_line = ((out * ROWS + row) * FILTERS + filters) * wide
            found += tl.load(sums + at_line[:, None] + (column + row)[None, :])
        at_tap = (filters * taps)[:, None] + mine[None, :]
        tl.store(patches + out * FILTERS * taps + at_tap, found, there[None, :])
        if SCORED:
            own_weight = weight + cell * FILTERS * taps
            weights = tl.load(own_weight + at_tap, there[None, :], other=0.0).to(tl.float32)
            scored += tl.sum(weights * found, 1)
    if SCORED:
        counts = tl.load(active + out * FILTERS + filters)
        threshold = tl.load(delta + cell * FILTERS + filters)
        tl.store(relu + out * FILTERS + filters, scored + threshold * counts)
