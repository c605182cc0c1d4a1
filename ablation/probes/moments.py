"""Mean and covariance of the patches under a filter, from the segments alone.

With p the patch (d = height x width values) under the filter at a position of a zero-padded
segment, the mean of z = w.p is w.mu and its variance w.Sigma w, where mu and Sigma are mean and
covariance of p over all positions of the batch. Sum of p p^T has far fewer free values than d^2:
over all positions it depends on the lag of two taps alone, so it follows from the autocorrelation
of the segments and from what lies along their edges (the covariance method of linear prediction).
Everything here is float64, as the covariance is what is left of large sums.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class PatchMoments:
    """``mean`` of shape (d,) and ``covariance`` of shape (d, d), float64; taps row by row."""

    mean: torch.Tensor
    covariance: torch.Tensor


def patch_moments(
    segments: torch.Tensor, lags: torch.Tensor, height: int, width: int
) -> PatchMoments:
    """Moments over all positions of ``segments``, padded to keep their size.

    Parameters
    ----------
    segments
        Shape (n, rows, columns).
    lags
        Their autocorrelations R(i, j) = sum of X[r, c] X[r + i, c + j], float64, summed over the
        segments; shape (height, 2 width - 1), row lag i from 0, column lag j from 1 - width.
    """
    n, rows, columns = segments.shape
    positions = n * rows * columns
    mean = _patch_sum(segments, height, width).flatten() / positions
    first = _first_rows(segments, lags, height, width)
    products = _all_rows(segments, first, height, width)
    size = height * width
    covariance = products.reshape(size, size) / positions - torch.outer(mean, mean)
    return PatchMoments(mean, covariance)


def _before(extent: int) -> int:
    """Zeros before a padded segment (above, or to the left)."""
    return (extent - 1) // 2


def _patch_sum(segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Sum of all patches, shape (height, width)."""
    _, rows, columns = segments.shape
    total = torch.zeros_like(segments[0], dtype=torch.float64)
    for segment in segments:  # twice as fast as a sum over the batch, which goes by columns
        total += segment
    pad = (_before(width) + 1, width // 2, _before(height) + 1, height // 2)
    table = functional.pad(total, pad).cumsum(0).cumsum(1)
    down = table[rows:] - table[:-rows]
    return down[:, columns:] - down[:, :-columns]


def _first_rows(
    segments: torch.Tensor, lags: torch.Tensor, height: int, width: int
) -> torch.Tensor:
    """F[c, k, i] = sum over all r, and c's window, of X[r, c] X[r + i, k]; (width, width, height).

    A tap's window is where it meets the padded segment; it leaves out columns at either end.
    """
    left, right = width // 2, _before(width)

    def products(edge: torch.Tensor) -> torch.Tensor:  # (n, rows, e) to (e, e, height)
        if not edge.shape[2]:  # transforms of nothing are refused
            return edge.new_zeros(0, 0, height)
        size = edge.shape[1] + height
        spectrum = torch.fft.rfft(edge, size, dim=1).permute(1, 0, 2)
        cross = spectrum.conj().transpose(1, 2) @ spectrum
        return torch.fft.irfft(cross, size, dim=0)[:height].permute(1, 2, 0)

    return _windowed(
        lags.T,
        products(_first(segments.transpose(1, 2), left).transpose(1, 2)),
        products(_last(segments.transpose(1, 2), right).transpose(1, 2)),
    )


def _windowed(by_lag: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Products of two taps over the window they share, from those over all columns.

    Parameters
    ----------
    by_lag
        Shape (2 width - 1, ...): over all columns, at the column lags from 1 - width on.
    left, right
        Shapes (e, e, ...): of the first and the last columns with each other.

    Returns
    -------
    torch.Tensor
        Shape (width, width, ...).
    """
    width = (len(by_lag) + 1) // 2
    tap = torch.arange(width, device=by_lag.device)
    result = by_lag[tap[None, :] - tap[:, None] + width - 1]
    before = len(right)
    for one in range(width):
        for other in range(width):
            gap = other - one
            for edge, begin, end in (
                (left, max(0, -gap), one - before),  # columns left of the window
                (right, one, before - max(0, gap)),  # and right of it, counted from the last ones
            ):
                if begin < end:
                    j = torch.arange(begin, end, device=by_lag.device)
                    result[one, other] -= edge[j, j + gap].sum(0)
    return result


def _first(segments: torch.Tensor, extent: int) -> torch.Tensor:
    """The first ``extent`` rows in float64, with zeros for those that a segment lacks."""
    part = segments[:, :extent].double()
    return functional.pad(part, (0, 0, 0, extent - part.shape[1]))


def _last(segments: torch.Tensor, extent: int) -> torch.Tensor:
    """The last ``extent`` rows in float64, with zeros before them for those that it lacks."""
    part = segments[:, max(0, segments.shape[1] - extent) :].double()
    return functional.pad(part, (0, 0, extent - part.shape[1], 0))


def _all_rows(segments: torch.Tensor, first: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Sum of p p^T over all positions, shape (height, width, height, width).

    From one row of taps to the next, the window leaves a row of the segment behind at the top and
    takes one more in at the bottom.
    """
    above, below = _before(height), height // 2
    top = _row_products(_first(segments, below), width)
    bottom = _row_products(_last(segments, above), width)
    # change[a, i]: what is added between the taps (a - 1, a - 1 + i) and (a, a + i).
    change = first.new_zeros(height, height, width, width)
    change[0] = first.permute(2, 0, 1)
    for i in range(above):
        # The first tap's window lacks rows at the bottom; each step takes one of them in.
        row = torch.arange(above - i, device=first.device)
        products = bottom[:, :, row, row + i].permute(2, 0, 1)
        change[0, i] -= products.sum(0)
        change[row + 1, i] += products
    for i in range(below):
        row = torch.arange(below - i, device=first.device)
        change[row + above + 1, i] -= top[:, :, row, row + i].permute(2, 0, 1)
    sums = change.cumsum(0)
    tap = torch.arange(height, device=first.device)
    gap = tap[None, :] - tap[:, None]
    blocks = sums[torch.minimum(tap[:, None], tap[None, :]), gap.abs()]
    blocks = torch.where((gap < 0)[:, :, None, None], blocks.transpose(2, 3), blocks)
    return blocks.permute(0, 2, 1, 3)


def _row_products(edge: torch.Tensor, width: int) -> torch.Tensor:
    """T[c, k, i, l] = sum over c's window of X[i, c] X[l, k], for the rows along one edge."""
    n, rows, columns = edge.shape
    left, right = width // 2, _before(width)
    shifted = functional.pad(edge, (0, width - 1)).unfold(2, columns, 1)  # (n, rows, lag, columns)
    behind = edge.permute(1, 0, 2).reshape(rows, n * columns)
    ahead = shifted.permute(2, 1, 0, 3).reshape(width * rows, n * columns)
    later = (ahead @ behind.T).reshape(width, rows, rows).transpose(1, 2)  # lags 0..width-1
    by_lag = torch.cat([later[1:].flip(0).transpose(1, 2), later])

    def products(columns_: torch.Tensor) -> torch.Tensor:  # (n, e, rows) to (e, e, rows, rows)
        e = columns_.shape[1]
        flat = columns_.reshape(n, e * rows)
        return (flat.T @ flat).reshape(e, rows, e, rows).transpose(1, 2)

    return _windowed(
        by_lag,
        products(_first(edge.transpose(1, 2), left)),
        products(_last(edge.transpose(1, 2), right)),
    )
