"""The mean and covariance of the patches under a filter, from the segments alone.

With p the patch (d = height x width values) under the filter at a position of a zero-padded
segment, the mean of z = w.p is w.mu and its variance w.Sigma w, where mu and Sigma are mean and
covariance of p over all positions of the batch. The sum of p p^T has far fewer free values than
d^2: over all positions it depends only on the lag between two taps, so it follows from the
autocorrelation of the segments and from the values along their edges (the covariance method of
linear prediction). Everything here is float64, as the covariance is a small difference of large
sums.

The sums of a batch are the totals of those of its segments. They are computed for the batch at once
(:func:`batch_sums`), or once for each segment that training uses repeatedly (:func:`segment_sums`).
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional


@dataclass(frozen=True)
class PatchMoments:
    """The ``mean`` (d,) and ``covariance`` (d, d) of patches, float64; taps row by row."""

    mean: torch.Tensor
    covariance: torch.Tensor


@dataclass(frozen=True)
class MomentSums:
    """The sums over all positions, for each of n groups of segments; float64.

    Attributes
    ----------
    first
        Sums of p, shape (n, height, width).
    second
        Sums of the products of two taps, shape (n, height (height + 1) / 2, width, width): the
        first tap's row a and the second tap's row a + i as :func:`_pairs` lists them, then both
        columns.
    """

    first: torch.Tensor
    second: torch.Tensor


def second_sums(height: int, width: int) -> int:
    """Return how many numbers ``MomentSums.second`` has per segment."""
    return height * (height + 1) // 2 * width * width


def batch_sums(segments: torch.Tensor, lags: torch.Tensor, height: int, width: int) -> MomentSums:
    """Return the sums over all positions of all ``segments`` together.

    Parameters
    ----------
    segments
        Shape (n, rows, columns), zero-padded to keep their size.
    lags
        Their autocorrelations R(i, j) = sum of X[r, c] X[r + i, c + j], float64, of each segment;
        shape (n, height, 2 width - 1), row lag i from 0, column lag j from 1 - width.
    """
    return _sums(segments[None], lags.sum(0, keepdim=True), height, width)


def segment_sums(segments: torch.Tensor, lags: torch.Tensor, height: int, width: int) -> MomentSums:
    """Return the sums of :func:`batch_sums` for each segment by itself."""
    return _sums(segments[:, None], lags, height, width)


def moments_of(
    first: torch.Tensor, second: torch.Tensor, positions: int, *, turned: bool = False
) -> PatchMoments:
    """Return the mean and covariance over ``positions`` positions, from the sums over all of them.

    Parameters
    ----------
    first, second
        As in :class:`MomentSums`, without the axis of groups.
    turned
        Whether to swap rows and columns of the patches.
    """
    height, width = first.shape
    row, gap, later = _places(height, first.device)
    blocks = second[_pair_number(row, gap, height)]  # (height, height, width, width)
    blocks = torch.where(later[:, :, None, None], blocks.transpose(2, 3), blocks)
    mean = first / positions
    if turned:
        products, mean = blocks.permute(2, 0, 3, 1), mean.T
    else:
        products = blocks.permute(0, 2, 1, 3)
    size, mean = height * width, mean.flatten()
    covariance = products.reshape(size, size) / positions - torch.outer(mean, mean)
    return PatchMoments(mean, covariance)


@lru_cache(maxsize=64)
def _places(height: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return for every two rows of taps the upper one, their distance, and if it is the second."""
    tap = torch.arange(height, device=device)
    gap = tap[None, :] - tap[:, None]
    return torch.minimum(tap[:, None], tap[None, :]), gap.abs(), gap < 0


def _pair_number(row: torch.Tensor, gap: torch.Tensor, height: int) -> torch.Tensor:
    """Return the index of rows ``row`` and ``row + gap`` among the pairs, by row, then gap."""
    return row * height - row * (row - 1) // 2 + gap


@lru_cache(maxsize=64)
def _pairs(height: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all (row, gap) with row + gap < height."""
    row, gap = torch.meshgrid(*2 * [torch.arange(height, device=device)], indexing="ij")
    there = row + gap < height
    return row[there], gap[there]


def _before(extent: int) -> int:
    """Return the number of zeros before a padded segment (above it, or to its left)."""
    return (extent - 1) // 2


def _sums(segments: torch.Tensor, lags: torch.Tensor, height: int, width: int) -> MomentSums:
    """Return the sums of groups of segments (groups, members, rows, columns) and summed lags."""
    second = _all_rows(segments, _first_rows(segments, lags, height, width), height, width)
    row, gap = _pairs(height, segments.device)
    return MomentSums(_patch_sum(segments, height, width), second[:, row, gap])


def _patch_sum(segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return the sum of all patches, shape (groups, height, width)."""
    # In one memory layout, since it decides the order of a sum.
    by_row = _window_sums(segments.flatten(0, 1).contiguous(), height)
    each = _window_sums(by_row.mT, width).mT
    return each.view(*segments.shape[:2], height, width).sum(1)


def _window_sums(values: torch.Tensor, extent: int) -> torch.Tensor:
    """Return for each row of taps the sum of the rows that it meets.

    (n, rows, columns) becomes (n, extent, columns). The first row of taps leaves out rows at the
    bottom, the last one at the top.
    """
    above, below = _before(extent), extent // 2
    bottom = _last(values, above).flip(1).cumsum(1).flip(1)
    top = _first(values, below).cumsum(1)
    none = top.new_zeros(len(values), 1, values.shape[2])
    return values.sum(1, keepdim=True, dtype=torch.float64) - torch.cat([bottom, none, top], 1)


def _first_rows(
    segments: torch.Tensor, lags: torch.Tensor, height: int, width: int
) -> torch.Tensor:
    """Return F[c, k, i] = sum over all r, and c's window, of X[r, c] X[r + i, k].

    The shape is (groups, width, width, height). A tap's window is where it meets the padded
    segment; it leaves out columns at either end.
    """

    def products(edge: torch.Tensor) -> torch.Tensor:  # (g, m, rows, e) to (g, e, e, height)
        groups, _, rows, e = edge.shape
        if not e:  # an empty transform raises an error
            return edge.new_zeros(groups, 0, 0, height)
        size = rows + height
        spectrum = torch.fft.rfft(edge, size, dim=2).permute(0, 2, 1, 3)  # (g, f, m, e)
        cross = spectrum.mH @ spectrum
        return torch.fft.irfft(cross, size, dim=1)[:, :height].permute(0, 2, 3, 1)

    return _windowed(
        lags.transpose(1, 2),
        products(_first(segments.mT, width // 2).mT),
        products(_last(segments.mT, _before(width)).mT),
    )


def _windowed(by_lag: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return products of two taps over the window they share, from those over all columns.

    Parameters
    ----------
    by_lag
        Shape (groups, 2 width - 1, ...): over all columns, at the column lags from 1 - width on.
    left, right
        Shapes (groups, e, e, ...): of the first and the last columns with each other.

    Returns
    -------
    torch.Tensor
        Shape (groups, width, width, ...).
    """
    width, before = (by_lag.shape[1] + 1) // 2, right.shape[1]
    tap = torch.arange(width, device=by_lag.device)
    lag = tap[None, :] - tap[:, None] + width - 1
    result = by_lag[:, lag]
    if left.shape[1]:  # columns left of the first tap's window
        sums = functional.pad(_by_gap(left, width).cumsum(1).movedim(1, -1), (1, 0)).movedim(-1, 1)
        result -= sums[:, (tap - before).clamp(min=0)[:, None], lag]
    if before:  # and right of it
        sums = _by_gap(right, width)
        sums = sums.flip(1).cumsum(1).flip(1)
        sums = functional.pad(sums.movedim(1, -1), (0, 1)).movedim(-1, 1)
        result -= sums[:, tap.clamp(max=before)[:, None], lag]
    return result


def _by_gap(products: torch.Tensor, width: int) -> torch.Tensor:
    """Turn (groups, e, e, ...) into (groups, e, 2 width - 1, ...): j and j + gap, else 0."""
    e, device = products.shape[1], products.device
    one = torch.arange(e, device=device)[:, None]
    other = one + torch.arange(1 - width, width, device=device)[None, :]
    there = (other >= 0) & (other < e)
    found = products[:, one, other.clamp(0, e - 1)]
    return found * there.view(1, *there.shape, *[1] * (products.dim() - 3))


def _first(segments: torch.Tensor, extent: int) -> torch.Tensor:
    """Return the first ``extent`` rows in float64, with zeros for those that a segment lacks."""
    part = segments[..., :extent, :].double()
    return functional.pad(part, (0, 0, 0, extent - part.shape[-2]))


def _last(segments: torch.Tensor, extent: int) -> torch.Tensor:
    """Return the last ``extent`` rows in float64, with zeros before them for missing ones."""
    part = segments[..., max(0, segments.shape[-2] - extent) :, :].double()
    return functional.pad(part, (0, 0, extent - part.shape[-2], 0))


def _all_rows(segments: torch.Tensor, first: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return sums of products of taps in rows a and a + i, shape (groups, a, i, width, width).

    From one row of taps to the next, the window drops a row of the segment at the top and takes in
    another at the bottom. Values beyond a + i < height are meaningless.
    """
    above, below = _before(height), height // 2
    change = first.new_zeros(len(first), height, height, width, width)
    change[:, 0] = first.permute(0, 3, 1, 2)
    if above:  # the first tap's window lacks rows at the bottom, and gains one at each step
        entering = _row_products(_last(segments, above), width)
        change[:, 0, :above] -= entering.sum(1)
        change[:, 1 : above + 1, :above] += entering
    if below:
        leaving = _row_products(_first(segments, below), width)
        change[:, above + 1 :, :below] -= leaving[:, : height - above - 1]
    return change.cumsum(1)


def _row_products(edge: torch.Tensor, width: int) -> torch.Tensor:
    """Return T[i, g, c, k] = sum over c's window of X[i, c] X[i + g, k], for rows along one edge.

    ``edge`` (groups, members, rows, columns) becomes (groups, rows, rows, width, width), which is 0
    if there is no row i + g.
    """
    groups, members, rows, columns = edge.shape
    shifted = functional.pad(edge, (0, width - 1)).unfold(3, columns, 1)  # (g, m, rows, lag, c)
    behind = edge.transpose(1, 2).reshape(groups, rows, members * columns)
    ahead = shifted.permute(0, 3, 2, 1, 4).reshape(groups, width * rows, members * columns)
    later = (ahead @ behind.mT).view(groups, width, rows, rows).mT  # lags 0..width-1
    by_lag = torch.cat([later[:, 1:].flip(1).mT, later], 1)

    def products(sides: torch.Tensor) -> torch.Tensor:  # (g, m, e, rows) to (g, e, e, rows, rows)
        e = sides.shape[2]
        flat = sides.reshape(groups, members, e * rows)
        return (flat.mT @ flat).view(groups, e, rows, e, rows).transpose(2, 3)

    every = _windowed(
        by_lag,
        products(_first(edge.mT, width // 2)),
        products(_last(edge.mT, _before(width))),
    )
    by_rows = every.permute(0, 3, 4, 1, 2)
    return _by_gap(by_rows, rows)[:, :, rows - 1 :]
