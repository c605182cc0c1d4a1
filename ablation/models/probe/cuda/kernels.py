"""The pass over a batch's positions as Triton kernels: tensor-core products, no stored activations.

A batch is zero-padded, so that a patch is read at one offset per tap and no address needs a check;
positions past the last read the last one's patch, and taps that only fill a chunk read the first
value. A program takes one segment, 16 filters and one share of the segment's positions, tile by
tile in their order, and stores its own partial sums: nothing is added atomically, so the same batch
gives the same bits every time. Taps are padded to a whole number of chunks by taps of weight 0.

If all taps fit into one chunk, :func:`all_sums` reads a patch once for everything. Otherwise
:func:`scores` comes first and stores one bit per position and filter, from which
:func:`patch_sums` adds up the patches, one chunk of taps per program.
"""

import triton
import triton.language as tl

FILTERS = tl.constexpr(16)  # per program: the fewest that a matrix product takes

# One compiled kernel serves all shapes and sizes: none is compiled again for multiples of 16.
_ANY_SIZE = [
    "segment_stride", "row_stride", "columns", "positions", "share", "width", "taps",
]  # fmt: skip


@triton.jit
def _masked_sums(mask, patch, centre, sums, THREE_PRODUCTS: tl.constexpr):
    """Return ``sums`` (filters, taps) plus those of ``patch`` (positions, taps) under ``mask``.

    A float32 value is, to its last two bits, the sum of two that tf32 holds, and a mask is exact
    in any format: so two tf32 products do. Tensor cores round their sums towards zero, which would
    pull sums of many values of one sign the same way: so ``centre`` is taken off first, and what a
    tile gives is added outside of them.
    """
    active = tl.trans(tl.where(mask, 1.0, 0.0).to(patch.dtype))
    if THREE_PRODUCTS:
        patch -= centre
        high = (patch.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)
        part = tl.dot(active, patch - high, input_precision="tf32")
        sums += tl.dot(active, high, part, input_precision="tf32")
    else:
        sums = tl.dot(active, patch, sums)
    return sums


@triton.jit(do_not_specialize=_ANY_SIZE)
def all_sums(
    segments, weight, delta, relu, active, patches, centres,
    segment_stride, row_stride, columns, positions, share, width, taps,
    POSITIONS: tl.constexpr, TAPS: tl.constexpr, TRAIN: tl.constexpr, THREE_PRODUCTS: tl.constexpr,
):  # fmt: skip
    """Sums of one share of a segment's positions, all taps in one chunk.

    ``segments`` (n, padded rows, padded columns); ``weight`` (taps, filters) and ``delta``
    (filters) of each block of 16 filters; ``relu`` and ``active`` (n, blocks, shares, filters) and
    ``patches`` (n, blocks, shares, filters, taps), the last two only if TRAIN. In float32 patch
    sums are those of the segments less ``centres`` (n).
    """
    segment, block, split = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.program_id(2)
    tap, filters = tl.arange(0, TAPS), tl.arange(0, FILTERS)
    offsets = tl.where(tap < taps, (tap // width) * row_stride + tap % width, 0)
    table = tl.load(weight + (block * TAPS + tap[:, None]) * FILTERS + filters[None, :])
    start = tl.load(delta + block * FILTERS + filters)
    own, centre = segments + segment * segment_stride, tl.load(centres + segment)
    heights = tl.full((FILTERS,), 0, tl.float32)
    counts = tl.full((FILTERS,), 0, tl.float32)
    sums = tl.full((FILTERS, TAPS), 0, tl.float32)
    end = tl.minimum((split + 1) * share, positions)
    for at in range(split * share, end, POSITIONS):
        position = at + tl.arange(0, POSITIONS)
        known = tl.minimum(position, positions - 1)
        places = (known // columns) * row_stride + known % columns
        patch = tl.load(own + places[:, None] + offsets[None, :])
        if THREE_PRODUCTS:
            score = tl.dot(patch, table, input_precision="tf32x3") + start[None, :]
        else:
            score = tl.dot(patch, table) + start[None, :]
        mask = (score > 0) & (position < end)[:, None]
        heights += tl.sum(tl.where(mask, score, 0.0), 0)
        if TRAIN:
            counts += tl.sum(tl.where(mask, 1.0, 0.0), 0)
            sums = _masked_sums(mask, patch, centre, sums, THREE_PRODUCTS)
    out = (segment * tl.num_programs(1) + block) * tl.num_programs(2) + split
    tl.store(relu + out * FILTERS + filters, heights)
    if TRAIN:
        tl.store(active + out * FILTERS + filters, counts)
        rows = (out * FILTERS + filters[:, None]) * TAPS
        tl.store(patches + rows + tap[None, :], sums)


@triton.jit(do_not_specialize=_ANY_SIZE)
def scores(
    segments, weight, delta, relu, active, masks,
    segment_stride, row_stride, columns, positions, share, width, taps,
    POSITIONS: tl.constexpr, TAPS: tl.constexpr, TRAIN: tl.constexpr, THREE_PRODUCTS: tl.constexpr,
):  # fmt: skip
    """As :func:`all_sums` but for the patches: any number of taps, a chunk of TAPS at a time.

    ``masks`` (n, blocks, positions), int32: bit f says whether filter f of the block is active.
    ``weight`` has the chunks of a block one after the other.
    """
    segment, block, split = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.program_id(2)
    tap, filters = tl.arange(0, TAPS), tl.arange(0, FILTERS)
    chunks = (taps + TAPS - 1) // TAPS
    start = tl.load(delta + block * FILTERS + filters)
    own = segments + segment * segment_stride
    bits = masks + (segment * tl.num_programs(1) + block) * positions
    heights = tl.full((FILTERS,), 0, tl.float32)
    counts = tl.full((FILTERS,), 0, tl.float32)
    end = tl.minimum((split + 1) * share, positions)
    for at in range(split * share, end, POSITIONS):
        position = at + tl.arange(0, POSITIONS)
        known = tl.minimum(position, positions - 1)
        places = (known // columns) * row_stride + known % columns
        score = tl.full((POSITIONS, FILTERS), 0, tl.float32) + start[None, :]
        for chunk in range(chunks):
            mine = chunk * TAPS + tap
            offsets = tl.where(mine < taps, (mine // width) * row_stride + mine % width, 0)
            row = (block * chunks + chunk) * TAPS + tap
            table = tl.load(weight + row[:, None] * FILTERS + filters[None, :])
            patch = tl.load(own + places[:, None] + offsets[None, :])
            if THREE_PRODUCTS:
                score = tl.dot(patch, table, score, input_precision="tf32x3")
            else:
                score = tl.dot(patch, table, score)
        mask = (score > 0) & (position < end)[:, None]
        heights += tl.sum(tl.where(mask, score, 0.0), 0)
        if TRAIN:
            counts += tl.sum(tl.where(mask, 1.0, 0.0), 0)
            packed = tl.sum(mask.to(tl.int32) << filters[None, :], 1)
            tl.store(bits + position, packed, position < end)
    out = (segment * tl.num_programs(1) + block) * tl.num_programs(2) + split
    tl.store(relu + out * FILTERS + filters, heights)
    if TRAIN:
        tl.store(active + out * FILTERS + filters, counts)


@triton.jit(do_not_specialize=[*_ANY_SIZE, "blocks"])
def patch_sums(
    segments, masks, patches, centres,
    segment_stride, row_stride, columns, positions, share, width, taps,
    blocks, POSITIONS: tl.constexpr, TAPS: tl.constexpr, THREE_PRODUCTS: tl.constexpr,
):  # fmt: skip
    """Sum the patches of a share of a segment's positions, a block of filters and a chunk of taps.

    ``patches`` (n, blocks, shares, chunks, filters, TAPS), less ``centres`` as in
    :func:`all_sums`.
    """
    segment = tl.program_id(0).to(tl.int64)
    block, chunk, split = tl.program_id(1) % blocks, tl.program_id(1) // blocks, tl.program_id(2)
    tap, filters = tl.arange(0, TAPS), tl.arange(0, FILTERS)
    mine = chunk * TAPS + tap
    offsets = tl.where(mine < taps, (mine // width) * row_stride + mine % width, 0)
    own, centre = segments + segment * segment_stride, tl.load(centres + segment)
    bits = masks + (segment * blocks + block) * positions
    sums = tl.full((FILTERS, TAPS), 0, tl.float32)
    end = tl.minimum((split + 1) * share, positions)
    for at in range(split * share, end, POSITIONS):
        position = at + tl.arange(0, POSITIONS)
        known = tl.minimum(position, positions - 1)
        places = (known // columns) * row_stride + known % columns
        packed = tl.load(bits + position, position < end, other=0)
        mask = ((packed[:, None] >> filters[None, :]) & 1) == 1
        patch = tl.load(own + places[:, None] + offsets[None, :])
        sums = _masked_sums(mask, patch, centre, sums, THREE_PRODUCTS)
    out = (segment * blocks + block) * tl.num_programs(2) + split
    rows = ((out * ((taps + TAPS - 1) // TAPS) + chunk) * FILTERS + filters[:, None]) * TAPS
    tl.store(patches + rows + tap[None, :], sums)
