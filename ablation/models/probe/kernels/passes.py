"""The pass by compiled kernels on the CPU, with segments distributed over threads."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
import torch

from ablation.models.probe.kernels import direct, fourier, halves, lags
from ablation.models.probe.kernels.transform import Tables, tables
from ablation.models.probe.plans import Plan, Problem, lag_size, score_plan
from ablation.models.probe.portable import Patches
from ablation.models.probe.sums import Sums
from ablation.vectors import HAS_BF16, VECTOR_BYTES

_TILE = 8  # segments per kernel call: enough to hide its cost, few enough to distribute


@dataclass(frozen=True)
class SpectralPatches:
    """Patch sums as spectra of :mod:`fourier`, shape (n, pairs, 4 frequencies width)."""

    values: torch.Tensor
    filters: int
    size: int
    height: int
    width: int
    sideways: bool

    def weighted(self, weights: torch.Tensor) -> torch.Tensor:
        n, pairs, length = self.values.shape
        padded = torch.zeros(n, 2 * pairs, dtype=torch.float64)
        padded[:, : self.filters] = weights
        values = self.values.view(n, pairs, length // 4, 2, 2).double()
        total = torch.einsum("npk,npfkc->pfkc", padded.view(n, pairs, 2), values)
        sums = torch.from_numpy(
            fourier.patch_sums(
                total.reshape(pairs, length).numpy(), self.size, self.height, self.width
            )
        )[: self.filters]
        return sums.transpose(1, 2) if self.sideways else sums


class CompiledPass:
    """A pass by compiled kernels on ``torch.get_num_threads()`` threads.

    Parameters
    ----------
    tile
        Segments that a thread takes at a time. It does not change the results, as no sum spans
        several segments.
    bf16
        Whether segments and filters contain only bfloat16 values, so that bfloat16 products are
        exact if the processor has them.
    """

    def __init__(self, tile: int | None = None, *, bf16: bool = False) -> None:
        self.tile = tile or _TILE
        self.pairs = bf16 and HAS_BF16

    def train(self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor) -> Sums:
        x, plan, w = self._prepared(segments, weight)
        n, (filters, height, width) = len(x), w.shape
        if plan.size:
            table = tables(plan.size, x.dtype.name)
            layout, start, scale = _spectra_of(w, delta, table, x.dtype.name)
            relu, active = np.empty((2, n, len(start)), x.dtype)
            values = np.empty((n, *layout.shape), x.dtype)
            self._share(
                lambda part: fourier.run(
                    x[part], plan.sideways, height, width, *_transform(table), layout, start,
                    relu[part], active[part], values[part],
                ),
                n,
            )  # fmt: skip
            relu *= scale
            patches = SpectralPatches(
                torch.from_numpy(values), filters, plan.size, height, width, plan.sideways
            )
        else:
            kernels, taps, start = self._taps_of(w, delta)
            relu, active = np.empty((2, n, len(start)), x.dtype)
            values = np.empty((n, len(start), height * width), x.dtype)
            self._share(
                lambda part: kernels.train(
                    x[part], plan.sideways, height, width, taps, start,
                    direct.patch_block(height * width), relu[part], active[part], values[part],
                ),
                n,
            )  # fmt: skip
            sums = torch.from_numpy(values[:, :filters].reshape(n, filters, height, width))
            patches = Patches(sums.transpose(2, 3) if plan.sideways else sums)
        return Sums(
            torch.from_numpy(relu[:, :filters]), torch.from_numpy(active[:, :filters]), patches
        )

    def evaluate(
        self, segments: torch.Tensor, weight: torch.Tensor, delta: torch.Tensor
    ) -> torch.Tensor:
        x, plan, w = self._prepared(segments, weight)
        n, (filters, height, width) = len(x), w.shape
        if plan.size:
            table = tables(plan.size, x.dtype.name)
            layout, start, scale = _spectra_of(w, delta, table, x.dtype.name)
            relu, active = np.empty((2, n, len(start)), x.dtype)
            nothing = np.empty((0, *layout.shape), x.dtype)
            self._share(
                lambda part: fourier.run(
                    x[part], plan.sideways, height, width, *_transform(table), layout, start,
                    relu[part], active[part], nothing,
                ),
                n,
            )  # fmt: skip
            relu *= scale
        else:
            kernels, taps, start = self._taps_of(w, delta)
            relu = np.empty((n, len(start)), x.dtype)
            self._share(
                lambda part: kernels.evaluate(
                    x[part], plan.sideways, height, width, taps, start, relu[part]
                ),
                n,
            )
        return torch.from_numpy(relu[:, :filters])

    def lags(self, segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
        # A caller that wants rows and columns swapped passes a transposed view.
        sideways = not segments.is_contiguous() and segments.mT.is_contiguous()
        x = (segments.mT if sideways else segments.contiguous()).detach().numpy()
        n, rows, columns = segments.shape
        size = lag_size(rows, columns, height, width, VECTOR_BYTES // 8)
        if size:
            table = tables(size, "float64")
            spectra = np.empty((n, width, size // 2 + 1, 2))
            self._share(
                lambda part: lags.fourier(
                    x[part], sideways, width, *_transform(table), spectra[part]
                ),
                n,
            )
            return torch.from_numpy(lags.from_spectra(spectra, size, height))
        out = np.empty((n, height, 2 * width - 1))
        block = lags.direct_block(height)
        self._share(lambda part: lags.direct(x[part], sideways, height, width, block, out[part]), n)
        return torch.from_numpy(out)

    def _prepared(
        self, segments: torch.Tensor, weight: torch.Tensor
    ) -> tuple[np.ndarray, Plan, np.ndarray]:
        """Return the segments, the plan, and the filters as the plan turns them."""
        x = segments.detach().contiguous().numpy()
        w = weight.detach().numpy()
        filters, height, width = w.shape
        lanes = VECTOR_BYTES // x.itemsize
        rows, columns = x.shape[1:]
        pairs = self.pairs and x.dtype == np.float32
        plan = score_plan(Problem(rows, columns, height, width, filters, lanes, pairs))
        return x, plan, w.transpose(0, 2, 1) if plan.sideways else w

    def _taps_of(
        self, w: np.ndarray, delta: torch.Tensor
    ) -> tuple[ModuleType, np.ndarray, np.ndarray]:
        """Return the tap-by-tap kernels, with filters and thresholds as they read them."""
        filled, start = _padded(w, delta, direct.FILTER_MULTIPLE)
        if self.pairs and w.dtype == np.float32:
            return halves, halves.weight_pairs(filled), start
        return direct, np.ascontiguousarray(filled.reshape(len(filled), -1).T), start

    def _share(self, work: Callable[[slice], None], n: int) -> None:
        """Run ``work`` on every tile of ``n`` segments."""
        tiles = [slice(i, i + self.tile) for i in range(0, n, self.tile)]
        threads = torch.get_num_threads()
        if threads == 1 or len(tiles) == 1:
            for tile in tiles:
                work(tile)
        else:
            for _ in _pool(threads, os.getpid()).map(work, tiles):
                pass


@cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """Return this process's threads (a fork does not inherit those of its parent)."""
    return ThreadPoolExecutor(threads)


def _transform(
    table: Tables,
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (
        table.size, table.radices, table.twiddles, table.starts, table.places, table.mirrors,
    )  # fmt: skip


def _padded(w: np.ndarray, delta: torch.Tensor, multiple: int) -> tuple[np.ndarray, np.ndarray]:
    """Return filters and thresholds, padded to a multiple by filters that are never active."""
    extra = -len(w) % multiple
    filled = np.concatenate([w, np.zeros((extra, *w.shape[1:]), w.dtype)])
    start = np.concatenate([delta.detach().numpy(), np.full(extra, -1, w.dtype)])
    return filled, start.astype(w.dtype)


def _spectra_of(
    w: np.ndarray, delta: torch.Tensor, table: Tables, kind: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return filters and thresholds for the transforms, and the scale of each filter's scores.

    Two filters share a transform, whose rounding depends on the larger one: so all are scaled to
    about the same size by powers of 2, which are exact and do not change a score's sign.
    """
    filled, start = _padded(w, delta, 2)
    sizes = np.sqrt(np.square(filled, dtype=np.float64).sum((1, 2)))
    sizes = np.where(sizes == 0, np.abs(start), sizes)
    scale = np.exp2(np.round(np.log2(np.where(sizes == 0, 1, sizes)))).astype(kind)
    start = start / scale
    # A filter of zeros scores exactly its threshold; leakage from the other must not count.
    start[(filled == 0).all((1, 2)) & (start <= 0)] = -np.inf
    return fourier.weight_table(filled / scale[:, None, None], table, kind), start, scale
