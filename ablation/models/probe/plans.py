"""Choosing the fastest algorithm for a segment: upright or sideways, tap by tap or by transforms.

Costs are vector instructions per segment, with factors fitted to timings on a processor with
AVX-512; only their ratios matter. They are computed, never measured while running: the same shape
uses the same algorithm in every run, so that rows stay bit-identical.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Plan:
    """The algorithm for a segment.

    Attributes
    ----------
    sideways
        Whether rows and columns are swapped first, in the segment and in the filter.
    size
        Length of the Fourier transforms down the rows; 0: tap by tap.
    """

    sideways: bool
    size: int


@dataclass(frozen=True)
class Problem:
    """The sizes of segments (``rows`` x ``columns``) and filters (``height`` x ``width``).

    ``lanes`` is the number of values in a vector; ``pairs`` says whether bfloat16 products are
    computed two at a time (for neighbouring columns).
    """

    rows: int
    columns: int
    height: int
    width: int
    filters: int
    lanes: int
    pairs: bool = False

    def turned(self) -> "Problem":
        """Return the problem with rows and columns swapped."""
        return Problem(
            self.columns, self.rows, self.width, self.height, self.filters, self.lanes, self.pairs
        )


SIZES = (64, 128, 160, 256, 320, 512, 640, 1024, 1280, 2048, 2560, 4096)

# Instructions to copy a value into place, upright and sideways.
_COPY, _TURN = 1, 4
# For a vector of scores besides its taps: start, threshold, two sums, mask.
_SCORE = 5
# A patch sum, relative to its product: registers are filled and emptied once per strip.
_PATCH = 1.15
# For a vector of a transform's row: a forward or inverse pass, a tap in the other direction (the
# product with the filter's spectrum, and with that of the masks), and the rest.
_PASS, _TAP, _ROW = 12.5, 12.4, 3.0


@cache
def score_plan(problem: Problem) -> Plan:
    """Return the cheapest plan for scores, masks and patch sums."""
    return min(_plans(problem), key=lambda plan: _score_cost(problem, plan))


@cache
def lag_size(rows: int, columns: int, height: int, width: int, lanes: int) -> int:
    """Return the cheapest transform size for autocorrelations down the rows; 0: by products."""
    vectors = -(-columns // lanes)
    products = (2 * width - 1) * height * rows * vectors * 1.1
    size = next((n for n in SIZES if n >= rows + height - 1), 0)  # no lag may wrap around
    if not size:
        return 0
    row = 2 * _PASS * passes(size) + _ROW + 5 * width
    return size if size * vectors / 2 * row < products else 0


def _plans(problem: Problem) -> Iterator[Plan]:
    for sideways in (False, True):
        p = problem.turned() if sideways else problem
        yield Plan(sideways, 0)
        # No block longer than all rows and the overlap is of any use.
        enough = next((n for n in SIZES if n >= p.rows + p.height - 1), SIZES[-1])
        yield from (Plan(sideways, n) for n in SIZES if p.height <= n <= enough)


def _score_cost(problem: Problem, plan: Plan) -> float:
    p = problem.turned() if plan.sideways else problem
    copy = p.rows * p.columns / p.lanes * (_TURN if plan.sideways else _COPY)
    if plan.size == 0:
        vectors = p.rows * (p.columns + p.width - 1) / p.lanes
        taps = p.height * p.width
        at_once = p.height * -(-p.width // 2) if p.pairs else taps
        patches = taps / 2 if p.pairs else taps
        return copy + vectors * p.filters * (at_once + _SCORE + patches * _PATCH)
    blocks = -(-p.rows // (plan.size - p.height + 1))
    vectors = -(-p.columns // p.lanes)
    row = 2 * _PASS * passes(plan.size) + _TAP * p.width + _ROW
    segment = _PASS * passes(plan.size) + _ROW
    return copy + blocks * plan.size * vectors * (row * p.filters / 2 + segment / 2)


def passes(size: int) -> int:
    """Return the number of passes of a transform, each of a radix of at most 8."""
    count = 0
    while size > 1:
        size = -(-size // 8)
        count += 1
    return count
