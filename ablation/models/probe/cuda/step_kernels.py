"""What a training step of a group of probes does beside the pass over positions, in Triton kernels.

All cells of a group have the same operators, so each kernel serves all of them: its first grid axis
is the cell. A program computes from its own cell alone, in an order that follows from the shape: a
cell's bits do not depend on the others. Sums are float64, as in
:mod:`~ablation.models.probe.single_pass`, whose mathematics this is
(``docs/explanation/single_pass.md``).

``step`` (1,) is the number of the step within what is scheduled, and lies on the card, so that a
captured step needs nothing from the CPU: ``numbers`` and ``labels`` (steps, cells, batch) are the
batches' segments and classes, ``counts`` (steps, cells) their sizes, 0 where a cell has ended.
A cell's ``state`` has, one after the other, the convolution's weight (filters, taps), its bias if
it has one, batch norm's scale and shift, the linear layer's weight (classes, filters) and bias,
then the running mean and variance; ``gradients`` are laid out like it.
"""

import triton
import triton.language as tl

_SIZES = [
    "size", "batch", "height", "width", "filters", "blocks", "state_size", "norm_at", "stats_at",
    "linear_at", "classes", "shares", "trained", "positions",
]  # fmt: skip


@triton.jit(do_not_specialize=_SIZES)
def totals(step, numbers, counts, sums, total, size, batch, COLUMNS: tl.constexpr):
    """Add the moment ``sums`` (segments, size) of each cell's batch up to ``total`` (cells, size).

    All are float64: first the sums of p, then those of products of two taps
    (:class:`~ablation.models.probe.moments.MomentSums`).
    """
    cell, column = tl.program_id(0), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    at = tl.load(step) * tl.num_programs(0) + cell
    count = tl.load(counts + at)
    found = tl.full((COLUMNS,), 0, tl.float64)
    for first in range(0, count, 8):
        place = first + tl.arange(0, 8)
        number = tl.load(numbers + at * batch + place, place < count, other=0).to(tl.int64)
        inside = (place < count)[:, None] & (column < size)[None, :]
        rows = tl.load(sums + number[:, None] * size + column[None, :], inside, other=0.0)
        found += tl.sum(rows, 0)
    tl.store(total + cell.to(tl.int64) * size + column, found, column < size)


@triton.jit(do_not_specialize=_SIZES)
def spreads(
    step, counts, total, state, spread,
    positions, size, height, width, filters, state_size,
    TAPS: tl.constexpr,
):  # fmt: skip
    """Write ``spread`` (cells, filters, taps): weights times the covariance of the patches.

    ``positions`` are those of one segment.
    """
    cell, block = tl.program_id(0), tl.program_id(1)
    taps = height * width
    count = tl.load(counts + tl.load(step) * tl.num_programs(0) + cell)
    if count > 0:
        mine = block * 16 + tl.arange(0, 16)
        real = mine < filters
        other = tl.program_id(2) * TAPS + tl.arange(0, TAPS)
        own = total + cell.to(tl.int64) * size
        everywhere = (positions * count).to(tl.float64)
        weights = state + cell * state_size + mine[:, None] * taps
        found = tl.full((16, TAPS), 0, tl.float64)
        centre = tl.full((16,), 0, tl.float64)
        for first in range(0, taps, TAPS):
            tap = first + tl.arange(0, TAPS)
            there = real[:, None] & (tap < taps)[None, :]
            weight = tl.load(weights + tap[None, :], there, other=0.0).to(tl.float64)
            mean = tl.load(own + tap, tap < taps, other=0.0) / everywhere
            centre += tl.sum(weight * mean[None, :], 1)
            row, column = tap[:, None] // width, tap[:, None] % width
            other_row, other_column = other[None, :] // width, other[None, :] % width
            upper = tl.minimum(row, other_row)
            gap = tl.maximum(row, other_row) - upper
            pair = upper * height - upper * (upper - 1) // 2 + gap
            turned = row > other_row
            left = tl.where(turned, other_column, column)
            right = tl.where(turned, column, other_column)
            at = taps + (pair * width + left) * width + right
            known = (tap < taps)[:, None] & (other < taps)[None, :]
            product = tl.load(own + at, known, other=0.0)
            found += tl.sum(weight[:, :, None] * product[None, :, :], 1)
        mean = tl.load(own + other, other < taps, other=0.0) / everywhere
        found = found / everywhere - centre[:, None] * mean[None, :]
        out = spread + (cell * filters + mine[:, None]).to(tl.int64) * taps + other[None, :]
        tl.store(out, found, real[:, None] & (other < taps)[None, :])


@triton.jit
def _rounded(values):
    """Return float32 ``values`` rounded to the nearest that bfloat16 holds, ties to even."""
    bits = values.to(tl.int32, bitcast=True)
    bits += 0x7FFF + ((bits >> 16) & 1)
    return (bits & -65536).to(tl.float32, bitcast=True)


@triton.jit(do_not_specialize=_SIZES)
def affine(
    step, counts, total, spread, state, scaled, delta, normed,
    positions, size, height, width, filters, blocks, state_size, norm_at, stats_at,
    momentum, eps, BIAS: tl.constexpr, ROUNDED: tl.constexpr, TAPS: tl.constexpr,
):  # fmt: skip
    """Write the filters and thresholds of the pass, and follow batch norm's running statistics.

    ``scaled`` (cells, blocks, 16, taps) and ``delta`` (cells, blocks, 16); filters that only fill
    the last block are never active. ``normed`` (cells, filters, 2), float64, keeps mean and
    deviation for the gradient.
    """
    cell, block = tl.program_id(0), tl.program_id(1)
    taps = height * width
    count = tl.load(counts + tl.load(step) * tl.num_programs(0) + cell)
    mine = block * 16 + tl.arange(0, 16)
    real = mine < filters
    slot = (cell * blocks + block) * 16 + tl.arange(0, 16)
    if count > 0:
        own, own_total = state + cell * state_size, total + cell.to(tl.int64) * size
        everywhere = (positions * count).to(tl.float64)
        at_spread = (cell * filters + mine[:, None]).to(tl.int64) * taps
        mean = tl.full((16,), 0, tl.float64)
        variance = tl.full((16,), 0, tl.float64)
        for first in range(0, taps, TAPS):
            tap = first + tl.arange(0, TAPS)
            there = real[:, None] & (tap < taps)[None, :]
            weight = tl.load(own + mine[:, None] * taps + tap[None, :], there, other=0.0)
            weight = weight.to(tl.float64)
            patch = tl.load(own_total + tap, tap < taps, other=0.0) / everywhere
            mean += tl.sum(weight * patch[None, :], 1)
            spreading = tl.load(spread + at_spread + tap[None, :], there, other=0.0)
            variance += tl.sum(weight * spreading, 1)
        variance = tl.maximum(variance, 0.0)  # rounding may make it negative
        deviation = tl.sqrt(variance + eps)
        scale = tl.load(own + norm_at + mine, real, other=0.0).to(tl.float64)
        shift = tl.load(own + norm_at + filters + mine, real, other=0.0).to(tl.float64)
        alpha = scale / deviation
        threshold = tl.where(real, shift - alpha * mean, -1.0)
        tl.store(delta + slot, threshold.to(tl.float32))
        tl.store(normed + (cell * filters + mine) * 2, mean, real)
        tl.store(normed + (cell * filters + mine) * 2 + 1, deviation, real)
        for first in range(0, taps, TAPS):
            tap = first + tl.arange(0, TAPS)
            there = real[:, None] & (tap < taps)[None, :]
            weight = tl.load(own + mine[:, None] * taps + tap[None, :], there, other=0.0)
            value = (alpha[:, None] * weight.to(tl.float64)).to(tl.float32)
            if ROUNDED:  # to bfloat16, in whatever format it is stored
                value = _rounded(value)
            out = scaled + slot[:, None] * taps + tap[None, :]
            tl.store(out, value.to(scaled.dtype.element_ty), (tap < taps)[None, :])
        if BIAS:
            mean += tl.load(own + filters * taps + mine, real, other=0.0).to(tl.float64)
        kept_mean, kept_variance = own + stats_at + mine, own + stats_at + filters + mine
        unbiased = variance * (everywhere / (everywhere - 1))
        before = tl.load(kept_mean, real, other=0.0)
        tl.store(kept_mean, before + momentum * (mean.to(tl.float32) - before), real)
        before = tl.load(kept_variance, real, other=0.0)
        tl.store(kept_variance, before + momentum * (unbiased.to(tl.float32) - before), real)


@triton.jit
def _linear(
    pooled, layer, filters, classes,
    ROWS: tl.constexpr, FILTERS: tl.constexpr, CLASSES: tl.constexpr,
):  # fmt: skip
    """Return the scores (ROWS, CLASSES) of pooled features; those of no class are -inf.

    ``layer`` has the linear layer's weight (classes, filters), then its bias.
    """
    mine, kind = tl.arange(0, FILTERS), tl.arange(0, CLASSES)
    scores = tl.full((ROWS, CLASSES), float("-inf"), tl.float64)
    for c in range(classes):
        weight = tl.load(layer + c * filters + mine, mine < filters, other=0.0).to(tl.float64)
        bias = tl.load(layer + classes * filters + c).to(tl.float64)
        score = tl.sum(pooled * weight[None, :], 1) + bias
        scores = tl.where(kind[None, :] == c, score[:, None], scores)
    return scores


@triton.jit(do_not_specialize=_SIZES)
def head(
    step, places, labels, counts, relu, active, centres, state, gradients, loss, correct,
    pulled, summed,
    positions, smoothing, batch, filters, blocks, shares, state_size, linear_at, classes,
    ROWS: tl.constexpr, FILTERS: tl.constexpr, CLASSES: tl.constexpr,
):  # fmt: skip
    """The linear layer, the loss, and all gradients down to the pooled features.

    ``relu`` and ``active`` are (n, blocks, shares, 16) as the pass gives them, n = cells * batch;
    ``places`` (n,) are the numbers of the segments that it went over.
    Written are the linear layer's ``gradients``, ``loss`` and ``correct`` (steps, cells), summed
    over the batch, ``pulled`` (n, filters), the derivative of the loss with respect to the sum of a
    feature over positions, and ``summed`` (cells, filters, 2), the sums over segments of
    ``pulled`` times the number of active positions, without and with the segments' centres.
    """
    cell = tl.program_id(0)
    at = tl.load(step) * tl.num_programs(0) + cell
    count = tl.load(counts + at)
    own = state + cell * state_size + linear_at
    mine, kind = tl.arange(0, FILTERS), tl.arange(0, CLASSES)
    real = mine < filters
    by_weight = tl.full((CLASSES, FILTERS), 0, tl.float64)
    by_bias = tl.full((CLASSES,), 0, tl.float64)
    pulls = tl.full((FILTERS,), 0, tl.float64)
    shifted = tl.full((FILTERS,), 0, tl.float64)
    losses = tl.full((ROWS,), 0, tl.float64)
    hits = tl.full((ROWS,), 0, tl.int32)
    for first in range(0, count, ROWS):
        place = first + tl.arange(0, ROWS)
        there = (place < count)[:, None] & real[None, :]
        n = cell * batch + place
        pooled = tl.full((ROWS, FILTERS), 0, tl.float64)
        number_on = tl.full((ROWS, FILTERS), 0, tl.float64)
        for share in range(shares):
            part = (n[:, None] * blocks + mine[None, :] // 16) * shares + share
            where = part * 16 + mine[None, :] % 16
            pooled += tl.load(relu + where, there, other=0.0).to(tl.float64)
            number_on += tl.load(active + where, there, other=0.0).to(tl.float64)
        pooled = pooled / positions.to(tl.float64)
        logits = _linear(pooled, own, filters, classes, ROWS, FILTERS, CLASSES)
        label = tl.load(labels + at * batch + place, place < count, other=0)
        logits -= tl.max(logits, 1)[:, None]
        exponential = tl.exp(logits)
        total = tl.sum(exponential, 1)
        known = kind[None, :] < classes
        target = tl.where(kind[None, :] == label[:, None], 1.0 - smoothing, 0.0)
        target = tl.where(known, target + smoothing / classes, 0.0)
        surprise = tl.where(known, tl.log(total)[:, None] - logits, 0.0)
        losses += tl.where(place < count, tl.sum(target * surprise, 1), 0.0)
        # A tie is given to the first class, as by argmax.
        best = tl.min(tl.where(logits == 0.0, kind[None, :], CLASSES), 1)
        hits += ((best == label) & (place < count)).to(tl.int32)
        pull = (exponential / total[:, None] - target) / count
        pull = tl.where((place < count)[:, None], pull, 0.0)
        by_bias += tl.sum(pull, 0)
        down = tl.full((ROWS, FILTERS), 0, tl.float64)
        for c in range(classes):
            of_class = tl.sum(tl.where(kind[None, :] == c, pull, 0.0), 1)
            weight = tl.load(own + c * filters + mine, real, other=0.0).to(tl.float64)
            down += of_class[:, None] * weight[None, :]
            part = tl.sum(of_class[:, None] * pooled, 0)
            by_weight += tl.where(kind[:, None] == c, part[None, :], 0.0)
        down = down / positions.to(tl.float64)
        tl.store(pulled + n[:, None] * filters + mine[None, :], down, there)
        number = tl.load(places + n, place < count, other=0).to(tl.int64)
        centre = tl.load(centres + number, place < count, other=0.0).to(tl.float64)
        pulls += tl.sum(down * number_on, 0)
        shifted += tl.sum(down * number_on * centre[:, None], 0)
    if count > 0:
        given = gradients + cell * state_size + linear_at
        inside = (kind < classes)[:, None] & real[None, :]
        tl.store(given + kind[:, None] * filters + mine[None, :], by_weight.to(tl.float32), inside)
        tl.store(given + classes * filters + kind, by_bias.to(tl.float32), kind < classes)
        tl.store(summed + (cell * filters + mine) * 2, pulls, real)
        tl.store(summed + (cell * filters + mine) * 2 + 1, shifted, real)
    tl.store(loss + at, tl.sum(losses, 0))
    tl.store(correct + at, tl.sum(hits, 0))


@triton.jit(do_not_specialize=_SIZES)
def through(
    step, counts, patches, pulled, summed, weighted,
    batch, height, width, filters, blocks, shares,
    SEGMENTS: tl.constexpr, TAPS: tl.constexpr,
):  # fmt: skip
    """Write ``weighted`` (cells, filters, taps): the patch sums, weighted and added up.

    ``patches`` (n, blocks, shares, 16, taps) are weighted by ``pulled``.
    """
    cell, block = tl.program_id(0), tl.program_id(1)
    taps = height * width
    count = tl.load(counts + tl.load(step) * tl.num_programs(0) + cell)
    mine = block * 16 + tl.arange(0, 16)
    real = mine < filters
    tap = tl.program_id(2) * TAPS + tl.arange(0, TAPS)
    found = tl.full((16, TAPS), 0, tl.float64)
    for first in range(0, count, SEGMENTS):
        place = first + tl.arange(0, SEGMENTS)
        n = (cell * batch + place).to(tl.int64)
        there = (place < count)[:, None] & real[None, :]
        pull = tl.load(pulled + n[:, None] * filters + mine[None, :], there, other=0.0)
        inside = (place < count)[:, None, None] & (tap < taps)[None, None, :]
        for share in range(shares):
            part = ((n * blocks + block) * shares + share) * 16
            lines = part[:, None, None] + tl.arange(0, 16)[None, :, None]
            values = tl.load(patches + lines * taps + tap[None, None, :], inside, other=0.0)
            found += tl.sum(pull[:, :, None] * values.to(tl.float64), 0)
    found += tl.load(summed + (cell * filters + mine) * 2 + 1, real, other=0.0)[:, None]
    out = weighted + (cell * filters + mine[:, None]).to(tl.int64) * taps + tap[None, :]
    tl.store(out, found, real[:, None] & (tap < taps)[None, :])


@triton.jit(do_not_specialize=_SIZES)
def gradient(
    step, counts, total, spread, weighted, normed, summed, state, gradients, trainable,
    positions, size, height, width, filters, state_size, norm_at,
    BIAS: tl.constexpr, TAPS: tl.constexpr,
):  # fmt: skip
    """Write the gradients of the convolution and of batch norm.

    ``trainable`` (taps) is 0 for the taps that dilation leaves out, else 1.
    """
    cell, block = tl.program_id(0), tl.program_id(1)
    taps = height * width
    count = tl.load(counts + tl.load(step) * tl.num_programs(0) + cell)
    mine = block * 16 + tl.arange(0, 16)
    real = mine < filters
    if count > 0:
        own, given = state + cell * state_size, gradients + cell * state_size
        at_tap = (cell * filters + mine[:, None]).to(tl.int64) * taps
        at_norm = (cell * filters + mine) * 2
        mean = tl.load(normed + at_norm, real, other=0.0)
        deviation = tl.load(normed + at_norm + 1, real, other=1.0)
        pulls = tl.load(summed + at_norm, real, other=0.0)
        centred = -mean * pulls
        for first in range(0, taps, TAPS):
            tap = first + tl.arange(0, TAPS)
            there = real[:, None] & (tap < taps)[None, :]
            weight = tl.load(own + mine[:, None] * taps + tap[None, :], there, other=0.0)
            part = tl.load(weighted + at_tap + tap[None, :], there, other=0.0)
            centred += tl.sum(weight.to(tl.float64) * part, 1)
        scale = tl.load(own + norm_at + mine, real, other=0.0).to(tl.float64)
        alpha = scale / deviation
        pull = alpha * centred / (deviation * deviation)
        for first in range(0, taps, TAPS):
            tap = first + tl.arange(0, TAPS)
            there = real[:, None] & (tap < taps)[None, :]
            part = tl.load(weighted + at_tap + tap[None, :], there, other=0.0)
            patch = tl.load(total + cell.to(tl.int64) * size + tap, tap < taps, other=0.0)
            patch = patch / (positions * count).to(tl.float64)
            spreading = tl.load(spread + at_tap + tap[None, :], there, other=0.0)
            found = alpha[:, None] * (part - pulls[:, None] * patch[None, :])
            found -= pull[:, None] * spreading
            found *= tl.load(trainable + tap, tap < taps, other=0.0)[None, :]
            tl.store(given + mine[:, None] * taps + tap[None, :], found.to(tl.float32), there)
        if BIAS:  # it cancels
            tl.store(given + filters * taps + mine, tl.full((16,), 0, tl.float32), real)
        tl.store(given + norm_at + mine, (centred / deviation).to(tl.float32), real)
        tl.store(given + norm_at + filters + mine, pulls.to(tl.float32), real)


@triton.jit(do_not_specialize=_SIZES)
def update(
    step, counts, rates, state, gradients, first_moment, second_moment, average,
    decay, momentum, state_size, trained,
    OPTIMIZER: tl.constexpr, AVERAGED: tl.constexpr, VALUES: tl.constexpr,
):  # fmt: skip
    """Take one optimiser step, as ``torch.optim`` does: SGD with Nesterov's momentum, Adam, AdamW.

    The first ``trained`` values of a state are parameters. ``rates`` (steps, cells, 4), float64,
    has the learning rate, Adam's two bias corrections, and the weight of the new state in the
    running mean ``average``, which is 1 in the first step.
    """
    cell = tl.program_id(0)
    at = tl.load(step) * tl.num_programs(0) + cell
    count = tl.load(counts + at)
    value = tl.program_id(1) * VALUES + tl.arange(0, VALUES)
    place = cell * state_size + value
    mine, kept = (value < trained) & (count > 0), (value < state_size) & (count > 0)
    rate = tl.load(rates + at * 4).to(tl.float32)
    now = tl.load(state + place, kept, other=0.0)
    slope = tl.load(gradients + place, mine, other=0.0)
    before = tl.load(first_moment + place, mine, other=0.0)
    if OPTIMIZER == "sgd":
        slope += decay * now
        velocity = momentum * before + slope
        new = now - rate * tl.where(momentum > 0.0, slope + momentum * velocity, slope)
        tl.store(first_moment + place, velocity, mine)
    else:
        if OPTIMIZER == "adam":
            slope += decay * now
        else:
            now = tl.where(mine, now * (1 - rate * decay), now)
        mean = before + 0.1 * (slope - before)
        square = 0.999 * tl.load(second_moment + place, mine, other=0.0) + 0.001 * slope * slope
        first_correction = tl.load(rates + at * 4 + 1).to(tl.float32)
        second_correction = tl.load(rates + at * 4 + 2).to(tl.float32)
        spread = tl.sqrt(square) / tl.sqrt(second_correction) + 1e-8
        new = now - rate / first_correction * (mean / spread)
        tl.store(first_moment + place, mean, mine)
        tl.store(second_moment + place, square, mine)
    tl.store(state + place, new, mine)
    if AVERAGED:
        weight = tl.load(rates + at * 4 + 3).to(tl.float32)
        old = tl.load(average + place, kept, other=0.0)
        tl.store(average + place, old + weight * (tl.where(mine, new, now) - old), kept)
