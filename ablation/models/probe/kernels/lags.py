"""The autocorrelations of segments, in float64, from which batch statistics follow.

For a segment X that is zero outside its bounds, R(i, j) = sum of X[r, c] X[r + i, c + j] over all
positions. Row lags i run from 0 to height - 1, column lags j from 1 - width to width - 1.
"""

import numpy as np

from ablation.models.probe.kernels.layout import aligned, place
from ablation.models.probe.kernels.transform import spectra
from ablation.vectors import VECTOR_BYTES, Value, Vectors, block, kernel

ROWS = 4  # rows multiplied with later ones together, so that a row is loaded once for many
LAGS = (2, 5, 8)  # numbers of row lags that can be summed together


def _products(lags: int):
    @block
    def add_products(
        v: Vectors, x: Value, at: Value, other: Value, stride: Value, vectors: Value, sums: Value
    ) -> None:
        """Add products of ROWS rows at ``at`` with the rows from ``other`` on, by their lag."""
        places = [v.variables(1, v.load(sums, v.integer(i * v.lanes)))[0] for i in range(lags)]
        with v.loop(vectors) as loop:
            column = v.times(loop.index, v.lanes)
            values = [v.load(x, v.total(at, column, v.times(stride, r))) for r in range(ROWS)]
            for row in range(ROWS + lags - 1):
                later = v.load(x, v.total(other, column, v.times(stride, row)))
                for r, value in enumerate(values):
                    if 0 <= row - r < lags:
                        acc = places[row - r]
                        v.put(v.fma(value, later, v.get(acc)), acc)
        for i, acc in enumerate(places):
            v.store(v.get(acc), sums, v.integer(i * v.lanes))

    return add_products


_few, _some, _many = (_products(lags) for lags in LAGS)


@kernel
def direct(x, sideways, height, width, size, out):
    """Compute the lags of all segments ``x`` (n, rows, columns), product by product.

    ``size`` is one of LAGS; ``out``, float64, has the shape (n, height, 2 width - 1).
    """
    lanes = VECTOR_BYTES // out.itemsize
    rows, columns = (x.shape[2], x.shape[1]) if sideways else (x.shape[1], x.shape[2])
    vectors = -(-columns // lanes)
    # Zeros on both sides, so that a column lag reaches only zeros.
    stride = vectors * lanes + 2 * (width - 1)
    padded = aligned((-(-rows // ROWS) * ROWS + height + size + ROWS) * stride, out)
    sums = aligned(size * lanes, out)
    for b in range(len(x)):
        place(x[b], sideways, 0, width - 1, stride, padded)
        for j in range(2 * width - 1):
            for i in range(0, height, size):
                sums[:] = 0
                for r in range(0, rows, ROWS):
                    at, other = r * stride + width - 1, (r + i) * stride + j
                    if size == LAGS[0]:
                        _few(padded, at, other, stride, vectors, sums)
                    elif size == LAGS[1]:
                        _some(padded, at, other, stride, vectors, sums)
                    else:
                        _many(padded, at, other, stride, vectors, sums)
                for lag in range(i, min(i + size, height)):
                    start = (lag - i) * lanes
                    out[b, lag, j] = sums[start : start + lanes].sum()


def direct_block(height: int) -> int:
    """Return how many row lags to sum together: of LAGS, the number that leaves the fewest idle."""
    return min(LAGS, key=lambda size: (-(-height // size) * size, -size))


@block
def _add_power(
    v: Vectors,
    x: Value,
    at: Value,
    gap: Value,
    lag: Value,
    vectors: Value,
    out: Value,
    index: Value,
) -> None:
    """Add conj(X) X shifted by ``lag`` columns, over the columns; ``out`` keeps the lanes apart."""
    real, imaginary = v.variables(2, v.constant(0))
    with v.loop(vectors) as loop:
        here = v.total(at, v.times(loop.index, v.lanes))
        there = v.total(here, lag)
        re, im = v.load(x, here), v.load(x, v.total(here, gap))
        re2, im2 = v.load(x, there), v.load(x, v.total(there, gap))
        v.put(v.fma(im, im2, v.fma(re, re2, v.get(real))), real)
        v.put(v.fma(v.negate(im), re2, v.fma(re, im2, v.get(imaginary))), imaginary)
    v.store(v.get(real), out, index)
    v.store(v.get(imaginary), out, v.total(index, v.lanes))


@kernel
def fourier(x, sideways, width, size, radices, twiddles, starts, places, mirrors, out):
    """Compute cross spectra of all segments' columns, column lags 0 to width - 1, in float64.

    The transform's ``size`` is at least rows + height - 1, so that lags do not wrap around.
    ``out`` has the shape (n, width, size / 2 + 1, 2): real and imaginary parts.
    """
    lanes = VECTOR_BYTES // out.itemsize
    columns = x.shape[1] if sideways else x.shape[2]
    stride = -(-(columns + width - 1) // (2 * lanes)) * 2 * lanes
    frequencies = size // 2 + 1
    padded = aligned(size * stride, out)
    spectrum = aligned(frequencies * 2 * stride + width + lanes, out)
    power = np.zeros(2 * lanes, out.dtype)
    vectors = -(-columns // lanes)
    for b in range(len(x)):
        place(x[b], sideways, 0, 0, stride, padded)
        spectra(padded, 0, stride, size, radices, twiddles, starts, places, mirrors, spectrum, 0)
        for f in range(frequencies):
            for lag in range(width):
                _add_power(spectrum, f * 2 * stride, stride, lag, vectors, power, 0)
                out[b, lag, f, 0] = power[:lanes].sum()
                out[b, lag, f, 1] = power[lanes:].sum()


def from_spectra(spectra: np.ndarray, size: int, height: int) -> np.ndarray:
    """Return R(i, j), shape (n, height, 2 width - 1), from the output of :func:`fourier`."""
    width = spectra.shape[1]
    around = np.fft.irfft(spectra[..., 0] + 1j * spectra[..., 1], size, axis=-1)
    later = around[..., :height].swapaxes(1, 2)  # column lags 0..width-1
    earlier = around[..., -np.arange(height) % size].swapaxes(1, 2)  # R(i, -j) = R(-i, j)
    return np.concatenate([earlier[..., :0:-1], later], axis=-1)[..., : 2 * width - 1]
