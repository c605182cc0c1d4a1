"""The pass with Fourier transforms down the long side of the filter.

Rows are divided into blocks that overlap by the filter's height less one (overlap-save). Two
filters share a complex transform: one filter's scores are its real part, the other's its imaginary
part. The last step back to scores, their thresholds and the first step of the masks' transform
touch the same rows, so a mask never leaves the registers.
"""

import numpy as np

from ablation.models.probe.kernels.layout import aligned, place
from ablation.models.probe.kernels.transform import (
    FIRST,
    Complex,
    Tables,
    forward_butterfly,
    forward_inner,
    inverse_butterfly,
    inverse_inner,
    load,
    spectra,
    store,
)
from ablation.vectors import VECTOR_BYTES, Value, Vectors, block, kernel


def weight_table(weights: np.ndarray, tables: Tables, kind: str) -> np.ndarray:
    """Return spectra of filters (K, height, width), K even, for the pass: one row per pair."""
    size = tables.size
    values = np.conj(np.fft.rfft(weights.astype(np.float64), size, axis=1)) / size
    parts = [values[0::2].real, values[0::2].imag, values[1::2].real, values[1::2].imag]
    return np.stack(parts, axis=-1).reshape(len(weights) // 2, -1).astype(kind)


def patch_sums(spectrum: np.ndarray, size: int, height: int, width: int) -> np.ndarray:
    """Return patch sums (..., 2 pairs, height, width) from :func:`run`'s output (..., pairs, n)."""
    s = spectrum.reshape(*spectrum.shape[:-1], size // 2 + 1, width, 4)
    pairs = np.stack([s[..., 0] + 1j * s[..., 1], s[..., 2] + 1j * s[..., 3]], axis=-3)
    taps = np.fft.irfft(pairs / 2, size, axis=-2)[..., :height, :]
    return taps.reshape(*taps.shape[:-4], -1, height, width)


@block
def _scores_spectrum(
    v: Vectors, x: Value, at: Value, gap: Value, width: Value, weights: Value, weight_at: Value,
    rows: Value, row: Value, mirror: Value,
) -> None:  # fmt: skip
    """Compute the spectrum of two filters' scores at frequencies f and -f."""
    parts = v.variables(4, v.constant(0))
    with v.loop(width) as loop:
        here = v.total(at, loop.index)
        re, im = v.load(x, here), v.load(x, v.total(here, gap))
        first = v.total(weight_at, v.times(loop.index, 4))
        for k in (0, 1):
            w_re = v.broadcast(weights, v.total(first, 2 * k))
            w_im = v.broadcast(weights, v.total(first, 2 * k + 1))
            real, imaginary = parts[2 * k : 2 * k + 2]
            v.put(v.fma(v.negate(w_im), im, v.fma(w_re, re, v.get(real))), real)
            v.put(v.fma(w_im, re, v.fma(w_re, im, v.get(imaginary))), imaginary)
    a_re, a_im, b_re, b_im = (v.get(part) for part in parts)
    store(v, (v.subtract(a_re, b_im), v.add(a_im, b_re)), rows, row)
    store(v, (v.add(a_re, b_im), v.subtract(b_re, a_im)), rows, mirror)


@block
def _add_patch_spectrum(
    v: Vectors, rows: Value, row: Value, mirror: Value, x: Value, at: Value, gap: Value,
    width: Value, sums: Value, sum_at: Value,
) -> None:  # fmt: skip
    """Add the product of masks and segment at one frequency, for two filters, times 2."""
    q, g = load(v, rows, row), load(v, rows, mirror)
    masks: list[Complex] = [
        (v.add(q[0], g[0]), v.subtract(q[1], g[1])),
        (v.add(q[1], g[1]), v.subtract(g[0], q[0])),
    ]
    with v.loop(width) as loop:
        here = v.total(at, loop.index)
        re, im = v.load(x, here), v.load(x, v.total(here, gap))
        first = v.total(sum_at, v.times(loop.index, 4 * v.lanes))
        for k, (m_re, m_im) in enumerate(masks):
            where = v.total(first, 2 * k * v.lanes)
            v.store(v.fma(m_im, im, v.fma(m_re, re, v.load(sums, where))), sums, where)
            where = v.total(where, v.lanes)
            total = v.fma(m_re, im, v.load(sums, where))
            v.store(v.fma(v.negate(m_im), re, total), sums, where)


def _threshold(*, keep: bool):
    @block
    def threshold(
        v: Vectors, rows: Value, row: Value, gap: Value, twiddles: Value, at: Value, delta: Value,
        filter_: Value, good_rows: Value, good_lanes: Value, relu: Value, active: Value,
    ) -> None:  # fmt: skip
        """Score FIRST rows from their spectrum and add the sums; ``keep``: the masks' spectrum too.

        Rows from ``good_rows`` on and lanes from ``good_lanes`` on lie outside the segment.
        """
        places = [v.total(row, v.times(gap, q)) for q in range(FIRST)]
        values = inverse_butterfly(v, [load(v, rows, p) for p in places], twiddles, at)
        start = [v.broadcast(delta, v.total(filter_, k)) for k in (0, 1)]
        zero, one = v.constant(0), v.constant(1)
        totals = [v.load(relu, v.integer(k * v.lanes)) for k in (0, 1)]
        counts = [v.load(active, v.integer(k * v.lanes)) for k in (0, 1)]
        masks: list[Complex] = []
        for place_, value in zip(places, values, strict=True):
            is_good = v.builder.icmp_signed("<", place_, good_rows)
            lanes = v.builder.select(is_good, good_lanes, v.integer(0))
            within = v.first_lanes(lanes)
            both = []
            for k in (0, 1):
                score = v.add(value[k], start[k])
                on = v.both(v.positive(score), within)
                totals[k] = v.add(totals[k], v.where(on, score, zero))
                both.append(v.where(on, one, zero))
                counts[k] = v.add(counts[k], both[k])
            masks.append((both[0], both[1]))
        for k in (0, 1):
            v.store(totals[k], relu, v.integer(k * v.lanes))
            v.store(counts[k], active, v.integer(k * v.lanes))
        if keep:
            for place_, value in zip(
                places, forward_butterfly(v, masks, twiddles, at), strict=True
            ):
                store(v, value, rows, place_)

    return threshold


_threshold_and_back = _threshold(keep=True)
_threshold_only = _threshold(keep=False)


@kernel
def run(
    x, sideways, height, width, size, radices, twiddles, starts, places, mirrors,
    weights, delta, relu, count, patches,
):  # fmt: skip
    """Compute scores and masks of all segments of ``x``, and the spectra of their patch sums.

    Parameters
    ----------
    x, sideways, height, width, relu, count
        As for ``direct.train``; the height is the long side.
    size, radices, twiddles, starts, places, mirrors
        The transform, from ``transform.tables``; ``size`` is at least the height.
    weights
        alpha w, laid out by :func:`weight_table`.
    delta
        Shape (filters,), an even number.
    patches
        Out: what :func:`patch_sums` reads, (n, filters / 2, 4 (size / 2 + 1) width), or (0, ...).
    """
    lanes = VECTOR_BYTES // x.itemsize
    keep = len(patches) > 0
    rows, columns = (x.shape[2], x.shape[1]) if sideways else (x.shape[1], x.shape[2])
    stride = -(-(columns + width - 1) // (2 * lanes)) * 2 * lanes
    step = size - height + 1
    blocks = -(-rows // step)
    frequencies = size // 2 + 1
    outer = size // FIRST
    padded = aligned(((blocks - 1) * step + size + height) * stride, x)
    spectrum = aligned(blocks * frequencies * 2 * stride + width + lanes, x)
    work = aligned(size * 2 * lanes, x)
    sums = aligned(frequencies * width * 4 * lanes if keep else 1, x)
    totals, active = aligned(2 * lanes, x), aligned(2 * lanes, x)
    for b in range(len(x)):
        place(x[b], sideways, (height - 1) // 2, (width - 1) // 2, stride, padded)
        for i in range(blocks):
            spectra(
                padded, i * step, stride, size, radices, twiddles, starts, places, mirrors,
                spectrum, i * frequencies * 2 * stride,
            )  # fmt: skip
        for pair in range(len(weights)):
            if keep:
                sums[:] = 0
            totals[:] = 0
            active[:] = 0
            for i in range(blocks):
                good_rows = min(step, rows - i * step)
                for column in range(0, columns, lanes):
                    good_lanes = min(lanes, columns - column)
                    at = i * frequencies * 2 * stride + column
                    for f in range(frequencies):
                        _scores_spectrum(
                            spectrum, at + f * 2 * stride, stride, width, weights[pair],
                            f * width * 4, work, places[f], mirrors[f],
                        )  # fmt: skip
                    inverse_inner(work, size, radices, twiddles, starts)
                    for j in range(outer):
                        if keep:
                            _threshold_and_back(
                                work, j, outer, twiddles, starts[0] + 2 * (FIRST - 1) * j, delta,
                                2 * pair, good_rows, good_lanes, totals, active,
                            )  # fmt: skip
                        else:
                            _threshold_only(
                                work, j, outer, twiddles, starts[0] + 2 * (FIRST - 1) * j, delta,
                                2 * pair, good_rows, good_lanes, totals, active,
                            )  # fmt: skip
                    if keep:
                        forward_inner(work, size, radices, twiddles, starts)
                        for f in range(frequencies):
                            _add_patch_spectrum(
                                work, places[f], mirrors[f], spectrum, at + f * 2 * stride, stride,
                                width, sums, f * width * 4 * lanes,
                            )  # fmt: skip
            for k in range(2):
                relu[b, 2 * pair + k] = totals[k * lanes : (k + 1) * lanes].sum()
                count[b, 2 * pair + k] = active[k * lanes : (k + 1) * lanes].sum()
            if keep:
                for i in range(frequencies * width * 4):
                    patches[b, pair, i] = sums[i * lanes : (i + 1) * lanes].sum()
