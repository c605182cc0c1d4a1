"""Fourier transforms down the rows of a work array, a vector of columns at a time.

An array of ``size`` rows is a sequence of complex vectors, real part before imaginary part.
Forward transforms run in place, from rows in order to frequencies in an order of their own
(decimation in frequency), and inverse ones the other way, so that nothing is ever reordered: code
that needs a frequency looks up its row in :class:`Tables`.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from ablation.models.probe.kernels.layout import aligned
from ablation.vectors import VECTOR_BYTES, Value, Vectors, block, kernel

Complex = tuple[Value, Value]

FIRST = 8  # radix of the outermost pass, in which masks are made
RADICES = (8, 5, 4)  # of the others, in the order in which they are tried


def sizes(smallest: int, largest: int) -> list[int]:
    """Return the sizes from ``smallest`` to ``largest`` that have a transform."""
    return [n for n in range(smallest, largest + 1) if _radices(n)]


@cache
def _radices(size: int) -> tuple[int, ...]:
    """Return the radices of a transform, outermost first; empty if this size has none."""
    if size % FIRST or size == FIRST:
        return ()
    rest = _factors(size // FIRST)
    return (FIRST, *rest) if rest else ()


def _factors(number: int) -> tuple[int, ...]:
    """Return ``number`` as a product of RADICES, as few as possible; empty if impossible."""
    for radix in RADICES:
        if number == radix:
            return (radix,)
        if number % radix == 0 and (rest := _factors(number // radix)):
            return (radix, *rest)
    return ()


@dataclass(frozen=True)
class Tables:
    """The constants of a transform.

    Attributes
    ----------
    radices
        The radix of each pass, outermost first.
    twiddles
        Real and imaginary parts, in the order in which the passes use them.
    starts
        Where the twiddles of each pass begin.
    places, mirrors
        Rows of the frequencies f and -f, for f from 0 to size / 2.
    """

    size: int
    radices: np.ndarray
    twiddles: np.ndarray
    starts: np.ndarray
    places: np.ndarray
    mirrors: np.ndarray


@cache
def tables(size: int, kind: str) -> Tables:
    """Return the tables for ``size`` rows (one of :func:`sizes`) and the float type ``kind``."""
    passes = _radices(size)
    twiddles: list[float] = []
    starts, span = [], size
    frequencies = np.zeros(size, np.int64)  # of each row
    step = 1
    for radix in passes:
        starts.append(len(twiddles))
        rows = np.arange(size) % span // (span // radix)
        frequencies += step * rows
        step *= radix
        for j in range(span // radix):
            for q in range(1, radix):
                angle = -2 * math.pi * j * q / span
                twiddles += [math.cos(angle), math.sin(angle)]
        span //= radix
    rows = np.argsort(frequencies)
    half = np.arange(size // 2 + 1)
    return Tables(
        size,
        np.array(passes, np.int64),
        np.array(twiddles, kind),
        np.array(starts, np.int64),
        rows[half],
        rows[-half % size],
    )


def load(v: Vectors, rows: Value, row: Value) -> Complex:
    """Emit the load of a row's complex vector."""
    at = v.times(row, 2 * v.lanes)
    return v.load(rows, at), v.load(rows, v.total(at, v.lanes))


def store(v: Vectors, value: Complex, rows: Value, row: Value) -> None:
    """Emit the store of a complex vector into a row."""
    at = v.times(row, 2 * v.lanes)
    v.store(value[0], rows, at)
    v.store(value[1], rows, v.total(at, v.lanes))


def _plus(v: Vectors, a: Complex, b: Complex) -> Complex:
    return v.add(a[0], b[0]), v.add(a[1], b[1])


def _minus(v: Vectors, a: Complex, b: Complex) -> Complex:
    return v.subtract(a[0], b[0]), v.subtract(a[1], b[1])


def _plus_i(v: Vectors, a: Complex, b: Complex) -> Complex:
    """Emit a + i b."""
    return v.subtract(a[0], b[1]), v.add(a[1], b[0])


def _minus_i(v: Vectors, a: Complex, b: Complex) -> Complex:
    """Emit a - i b."""
    return v.add(a[0], b[1]), v.subtract(a[1], b[0])


def _turned(v: Vectors, x: Complex, twiddles: Value, at: Value, *, back: bool) -> Complex:
    """Emit x times a twiddle, or times its conjugate with ``back``."""
    re, im = v.broadcast(twiddles, at), v.broadcast(twiddles, v.total(at, 1))
    if back:
        im = v.negate(im)
    return (
        v.fma(v.negate(x[1]), im, v.multiply(x[0], re)),
        v.fma(x[0], im, v.multiply(x[1], re)),
    )


def dft(v: Vectors, x: list[Complex]) -> list[Complex]:
    """Emit the transform of 2, 4, 5 or 8 values."""
    if len(x) == 2:
        return [_plus(v, *x), _minus(v, *x)]
    if len(x) == 5:
        return _dft5(v, x)
    even, odd = dft(v, x[0::2]), dft(v, x[1::2])
    if len(x) == 4:
        return [
            _plus(v, even[0], odd[0]),
            _minus_i(v, even[1], odd[1]),
            _minus(v, even[0], odd[0]),
            _plus_i(v, even[1], odd[1]),
        ]
    # The twiddles (1 - i) / sqrt 2 and (-1 - i) / sqrt 2; the last addition applies their factor.
    up, down = v.constant(math.sqrt(0.5)), v.constant(-math.sqrt(0.5))
    sums = v.add(*odd[1]), v.add(*odd[3])
    gaps = v.subtract(odd[1][1], odd[1][0]), v.subtract(odd[3][1], odd[3][0])

    def diagonal(base: Complex, re: tuple[Value, Value], im: tuple[Value, Value]) -> Complex:
        return v.fma(*re, base[0]), v.fma(*im, base[1])

    return [
        _plus(v, even[0], odd[0]),
        diagonal(even[1], (sums[0], up), (gaps[0], up)),
        _minus_i(v, even[2], odd[2]),
        diagonal(even[3], (gaps[1], up), (sums[1], down)),
        _minus(v, even[0], odd[0]),
        diagonal(even[1], (sums[0], down), (gaps[0], down)),
        _plus_i(v, even[2], odd[2]),
        diagonal(even[3], (gaps[1], down), (sums[1], up)),
    ]


def _dft5(v: Vectors, x: list[Complex]) -> list[Complex]:
    cosines = [math.cos(2 * math.pi * k / 5) for k in (1, 2)]
    sines = [math.sin(2 * math.pi * k / 5) for k in (1, 2)]
    outer, inner = _plus(v, x[1], x[4]), _plus(v, x[2], x[3])
    outer_gap, inner_gap = _minus(v, x[1], x[4]), _minus(v, x[2], x[3])

    def even(a: float, b: float) -> Complex:
        re, im = (
            v.fma(inner[p], v.constant(b), v.fma(outer[p], v.constant(a), x[0][p])) for p in (0, 1)
        )
        return re, im

    def odd(a: float, b: float) -> Complex:
        re, im = (
            v.fma(inner_gap[p], v.constant(b), v.multiply(outer_gap[p], v.constant(a)))
            for p in (0, 1)
        )
        return re, im

    first, second = even(*cosines), even(cosines[1], cosines[0])
    first_odd, second_odd = odd(*sines), odd(sines[1], -sines[0])
    return [
        _plus(v, x[0], _plus(v, outer, inner)),
        _minus_i(v, first, first_odd),
        _minus_i(v, second, second_odd),
        _plus_i(v, second, second_odd),
        _plus_i(v, first, first_odd),
    ]


def forward_butterfly(
    v: Vectors, x: list[Complex], twiddles: Value | None, at: Value | None
) -> list[Complex]:
    """Emit a transform of len(x) values, then the twiddles."""
    y = dft(v, x)
    if twiddles is None:
        return y
    return [y[0]] + [
        _turned(v, y[q], twiddles, v.total(at, 2 * q - 2), back=False) for q in range(1, len(y))
    ]


def inverse_butterfly(
    v: Vectors, y: list[Complex], twiddles: Value | None, at: Value | None
) -> list[Complex]:
    """Emit the inverse of :func:`forward_butterfly`, times len(y)."""
    if twiddles is not None:
        y = [y[0]] + [
            _turned(v, y[q], twiddles, v.total(at, 2 * q - 2), back=True) for q in range(1, len(y))
        ]
    swapped = dft(v, [(im, re) for re, im in y])
    return [(re, im) for im, re in swapped]


def _pass(radix: int, *, inverse: bool, turned: bool):
    step = inverse_butterfly if inverse else forward_butterfly

    @block
    def butterfly(
        v: Vectors, rows: Value, row: Value, gap: Value, twiddles: Value, at: Value
    ) -> None:
        places = [v.total(row, v.times(gap, q)) for q in range(radix)]
        values = [load(v, rows, place) for place in places]
        for value, place in zip(
            step(v, values, twiddles if turned else None, at), places, strict=True
        ):
            store(v, value, rows, place)

    return butterfly


_forward8, _forward5, _forward4 = (_pass(r, inverse=False, turned=True) for r in RADICES)
_last8, _last5, _last4 = (_pass(r, inverse=False, turned=False) for r in RADICES)
_inverse8, _inverse5, _inverse4 = (_pass(r, inverse=True, turned=True) for r in RADICES)
_first8, _first5, _first4 = (_pass(r, inverse=True, turned=False) for r in RADICES)


@kernel
def _forward_pass(rows, row, span, radix, twiddles, start):
    gap = span // radix
    for j in range(gap):
        at = start + 2 * (radix - 1) * j
        if gap == 1:
            if radix == 8:
                _last8(rows, row, gap, twiddles, at)
            elif radix == 5:
                _last5(rows, row, gap, twiddles, at)
            else:
                _last4(rows, row, gap, twiddles, at)
        elif radix == 8:
            _forward8(rows, row + j, gap, twiddles, at)
        elif radix == 5:
            _forward5(rows, row + j, gap, twiddles, at)
        else:
            _forward4(rows, row + j, gap, twiddles, at)


@kernel
def _inverse_pass(rows, row, span, radix, twiddles, start):
    gap = span // radix
    for j in range(gap):
        at = start + 2 * (radix - 1) * j
        if gap == 1:
            if radix == 8:
                _first8(rows, row, gap, twiddles, at)
            elif radix == 5:
                _first5(rows, row, gap, twiddles, at)
            else:
                _first4(rows, row, gap, twiddles, at)
        elif radix == 8:
            _inverse8(rows, row + j, gap, twiddles, at)
        elif radix == 5:
            _inverse5(rows, row + j, gap, twiddles, at)
        else:
            _inverse4(rows, row + j, gap, twiddles, at)


@kernel
def forward_inner(rows, size, radices, twiddles, starts):
    """Run all passes of a forward transform but the outermost, part by part within the cache."""
    part = size // FIRST
    for begin in range(0, size, part):
        span = part
        for p in range(1, len(radices)):
            for row in range(begin, begin + part, span):
                _forward_pass(rows, row, span, radices[p], twiddles, starts[p])
            span //= radices[p]


@kernel
def inverse_inner(rows, size, radices, twiddles, starts):
    """Run all passes of an inverse transform but the outermost."""
    part = size // FIRST
    for begin in range(0, size, part):
        span = 1
        for p in range(len(radices) - 1, 0, -1):
            span *= radices[p]
            for row in range(begin, begin + part, span):
                _inverse_pass(rows, row, span, radices[p], twiddles, starts[p])


@block
def _take_two(v: Vectors, x: Value, at: Value, rows: Value, row: Value) -> None:
    """Combine two neighbouring vectors of real columns into one complex vector."""
    store(v, (v.load(x, at), v.load(x, v.total(at, v.lanes))), rows, row)


@block
def _give_two(
    v: Vectors, rows: Value, place: Value, mirror: Value, out: Value, at: Value, gap: Value
) -> None:
    """Write both spectra at one frequency; imaginary parts lie ``gap`` after real parts."""
    half = v.constant(0.5)
    q, g = load(v, rows, place), load(v, rows, mirror)
    first = v.add(q[0], g[0]), v.subtract(q[1], g[1])
    second = v.add(q[1], g[1]), v.subtract(g[0], q[0])
    for number, value in enumerate((first, second)):
        for part, where in zip(value, (at, v.total(at, gap)), strict=True):
            v.store(v.multiply(part, half), out, v.total(where, number * v.lanes))


@kernel
def spectra(x, first_row, stride, size, radices, twiddles, starts, places, mirrors, out, start):
    """Compute the spectra of the columns of ``size`` rows of a padded segment.

    ``stride``, the elements of a row of ``x``, is a multiple of two vectors. Frequency f goes to
    ``out[start + 2 f stride :]``: the real parts of all columns, then their imaginary parts.
    """
    lanes = VECTOR_BYTES // x.itemsize
    rows = aligned(size * 2 * lanes, x)
    for column in range(0, stride, 2 * lanes):
        for r in range(size):
            _take_two(x, (first_row + r) * stride + column, rows, r)
        _forward_pass(rows, 0, size, radices[0], twiddles, starts[0])
        forward_inner(rows, size, radices, twiddles, starts)
        for f in range(size // 2 + 1):
            _give_two(rows, places[f], mirrors[f], out, start + 2 * f * stride + column, stride)
