"""Normalisation of segments as one compiled pass: cut out, map linearly, mu-law (equation 1).

A batch is normalised at every training step; torch, operator by operator, would take as long for
that as for the step itself.
"""

import numpy as np

from ablation.study import FeaturesSpec
from ablation.vectors import VECTOR_BYTES, Value, Vectors, block, kernel

# Minimax polynomial of (ln(1 + f) - f + f^2 / 2) / f^3 on sqrt(1/2) - 1 <= f < sqrt(2) - 1, from
# Cephes (S. L. Moshier, logf.c), highest power first; ln is then good to two units in the last
# place.
_LOGARITHM = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
_LN2_HIGH, _LN2_LOW = (
    0.693359375,
    -2.12194440e-4,
)  # their sum is ln 2


def _logarithm(v: Vectors, a: Value) -> Value:
    """Return ln(a) of normal numbers a > 0."""
    mantissa, exponent = v.split(a)
    f = v.subtract(mantissa, v.constant(1))
    square = v.multiply(f, f)
    p = v.constant(_LOGARITHM[0])
    for factor in _LOGARITHM[1:]:
        p = v.fma(p, f, v.constant(factor))
    tail = v.multiply(v.multiply(p, f), square)
    tail = v.fma(exponent, v.constant(_LN2_LOW), tail)
    tail = v.fma(square, v.constant(-0.5), tail)
    return v.fma(exponent, v.constant(_LN2_HIGH), v.add(f, tail))


def write_normalised(
    out: np.ndarray,
    array: np.ndarray,
    start: int,
    spec: FeaturesSpec,
    known: tuple[float, float] | None,
) -> None:
    """Write the segment from column ``start`` of ``array`` into ``out``, normalised.

    It does what ``bank.normalised`` does operator by operator. ``known`` is the range of values
    that is mapped, (low, high); None: the segment's own.
    """
    _cut_out(array, start, out)
    flat = out.reshape(-1)
    low, high = _range(flat) if known is None else known
    if spec.decibels:
        low = high - spec.floor_db
    elif spec.normalise == "max":
        low = 0.0
    reach = max(high - low, float(np.finfo(np.float32).tiny))
    scale, shift = (1, 0) if spec.normalise == "max" else (2, -1)
    mu = 0.0 if spec.decibels else spec.mu
    _normalise(
        flat,
        np.array([low, reach, scale, shift], np.float32),
        np.array([mu, 1 / np.log1p(mu) if mu else 0], np.float32),
    )


@block
def _compand(v: Vectors, x: Value, at: Value, vectors: Value, ends: Value, mu: Value) -> None:
    """Map x from ends[0]..ends[1] to 0..1 (ends[2] = 1) or -1..1 (2), then by the mu-law, in place.

    mu[0] is mu and mu[1] is 1 / ln(1 + mu); a mu of 0 leaves the law out.
    """
    zero, one, number = v.constant(0), v.constant(1), v.integer
    low, extent = v.broadcast(ends, number(0)), v.broadcast(ends, number(1))
    scale, shift = v.broadcast(ends, number(2)), v.broadcast(ends, number(3))
    law, factor = v.broadcast(mu, number(0)), v.broadcast(mu, number(1))
    has_law = v.positive(law)
    with v.loop(vectors) as loop:
        here = v.total(at, v.times(loop.index, v.lanes))
        unit = v.divide(v.subtract(v.load(x, here), low), extent)
        unit = v.smaller(v.larger(unit, zero), one)
        linear = v.fma(unit, scale, shift)
        size = v.with_sign(linear, one)
        bent = v.multiply(_logarithm(v, v.fma(size, law, one)), factor)
        v.store(v.where(has_law, v.with_sign(bent, linear), linear), x, here)


@block
def _widen(v: Vectors, x: Value, at: Value, vectors: Value, ends: Value) -> None:
    """Update ``ends``, the smallest and the largest value so far in each lane."""
    low, high = v.variables(2, v.constant(0))
    v.put(v.load(ends, v.integer(0)), low)
    v.put(v.load(ends, v.integer(v.lanes)), high)
    with v.loop(vectors) as loop:
        value = v.load(x, v.total(at, v.times(loop.index, v.lanes)))
        v.put(v.smaller(value, v.get(low)), low)
        v.put(v.larger(value, v.get(high)), high)
    v.store(v.get(low), ends, v.integer(0))
    v.store(v.get(high), ends, v.integer(v.lanes))


@kernel
def _cut_out(array, start, out):
    """Copy the columns of a segment from ``start`` on into ``out`` (rows, columns)."""
    rows, columns = out.shape
    for r in range(rows):
        for c in range(columns):
            out[r, c] = array[r, start + c]


@kernel
def _range(segment):
    """Return the smallest and the largest value of ``segment``, a contiguous float32 array."""
    lanes = VECTOR_BYTES // segment.itemsize
    ends = np.empty(2 * lanes, segment.dtype)
    ends[:] = segment[0]
    whole = len(segment) // lanes
    _widen(segment, 0, whole, ends)
    low, high = ends[:lanes].min(), ends[lanes:].max()
    for i in range(whole * lanes, len(segment)):
        low, high = min(low, segment[i]), max(high, segment[i])
    return low, high


@kernel
def _normalise(segment, ends, law):
    """Normalise ``segment``, a contiguous float32 array, in place.

    Parameters
    ----------
    ends
        (low, extent, scale, shift): v becomes scale clip((v - low) / extent, 0, 1) + shift.
    law
        (mu, 1 / ln(1 + mu)), or (0, 0) for none.
    """
    lanes = VECTOR_BYTES // segment.itemsize
    whole = len(segment) // lanes
    _compand(segment, 0, whole, ends, law)
    rest = len(segment) - whole * lanes
    if rest:
        last = np.zeros(lanes, segment.dtype)
        last[:rest] = segment[whole * lanes :]
        _compand(last, 0, 1, ends, law)
        segment[whole * lanes :] = last[:rest]
