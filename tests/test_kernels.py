"""Compiled kernels one by one: every way through a segment, moments, normalisation, their cache."""

import dataclasses
import importlib.util
import itertools
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from one_thread import one_thread  # noqa: F401 - used by every test
from running import fill, mounted
from torch.nn import functional

import ablation.models.probe.kernels.passes as compiled
from ablation.features import segment_dataset as bank_module
from ablation.features.cache import Entry
from ablation.features.segment_dataset import SegmentDataset
from ablation.models.probe.kernels.passes import CompiledPass
from ablation.models.probe.kernels.transform import sizes
from ablation.models.probe.moments import batch_sums, moments_of, segment_sums
from ablation.models.probe.plans import SIZES, Plan, Problem, lag_size, score_plan
from ablation.models.probe.portable import PortablePass
from ablation.models.probe.reference import same_padding
from ablation.study import FeaturesSpec
from ablation.vectors import VECTOR_BYTES, _cache_directory

RATES = {torch.float32: 1e-6, torch.float64: 1e-14}  # of a score, relative to the largest


@dataclasses.dataclass(frozen=True)
class Batch:
    """Segments, filters and thresholds that float32 represents, in float64, and their scores."""

    segments: torch.Tensor
    weight: torch.Tensor
    delta: torch.Tensor
    scores: torch.Tensor

    @classmethod
    def clear(cls, rows: int, columns: int, height: int, width: int, filters: int) -> "Batch":
        """One no score of which is so near 0 that rounding could decide about its position."""
        for seed in itertools.count():
            rng = np.random.default_rng(seed)
            shapes = ((3, rows, columns), (filters, height, width), (filters,))
            x, w, delta = (
                torch.from_numpy(rng.standard_normal(shape).astype("f4")).double()
                for shape in shapes
            )
            padded = functional.pad(x[:, None], same_padding(height, width))
            scores = functional.conv2d(padded, w[:, None]) + delta[:, None, None]
            if scores.abs().min() > 4 * RATES[torch.float32] * scores.abs().max():
                return cls(x, w, delta, scores)
        raise AssertionError

    def patches(self, share: torch.Tensor) -> torch.Tensor:
        """Sums of the patches of active positions, weighted by ``share`` (n, filters)."""
        shape = self.weight.shape[1:]
        padded = functional.pad(self.segments[:, None], same_padding(*shape))
        patches = functional.unfold(padded, tuple(shape))  # (n, taps, positions)
        active = (self.scores > 0).double().flatten(2)
        return torch.einsum("nk,nkp,ndp->kd", share, active, patches).view(self.weight.shape)


def plans(long: int, across: int) -> list[Plan]:
    """Tap by tap, and every transform that a study might take and two that none does."""
    return [
        Plan(sideways, size)
        for sideways, side in ((False, long), (True, across))
        for size in (0, 32, 40, *SIZES)
        if size == 0 or size >= side
    ]


SHAPES = [  # rows, columns, height, width, filters
    (1, 1, 1, 1, 1),
    (2, 3, 9, 8, 2),
    (45, 20, 6, 3, 5),
    (20, 45, 3, 30, 3),
    (70, 17, 33, 2, 8),
    (33, 16, 1, 7, 9),
]


@pytest.mark.parametrize("dtype", RATES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_way_gives_the_same_sums(
    shape: tuple[int, int, int, int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of scores and patches written out in float64; the portable pass' too."""
    batch = Batch.clear(*shape)
    n, filters = len(batch.segments), len(batch.weight)
    positions = batch.segments[0].numel()
    share = torch.from_numpy(np.random.default_rng(1).standard_normal((n, filters)))
    relu, active = batch.scores.clamp(min=0).sum((2, 3)), (batch.scores > 0).sum((2, 3))
    patches = batch.patches(share)
    slack = RATES[dtype] * positions
    slack_of_scores = slack * float(batch.scores.abs().max())
    slack_of_patches = slack * float(batch.segments.abs().max() * share.abs().sum())
    inputs = [t.to(dtype) for t in (batch.segments, batch.weight, batch.delta)]

    def check(passes: CompiledPass | PortablePass, name: str) -> None:
        sums = passes.train(*inputs)
        assert sums.relu.shape == sums.active.shape == (n, filters), name
        assert torch.equal(sums.active.long(), active), name
        assert (sums.relu.double() - relu).abs().max() <= slack_of_scores, name
        evaluated = passes.evaluate(*inputs)
        assert (evaluated.double() - relu).abs().max() <= slack_of_scores, name
        weighted = sums.patches.weighted(share)
        assert weighted.dtype == torch.float64, name
        assert (weighted - patches).abs().max() <= slack_of_patches, name

    check(PortablePass(2), "portable")
    tried = plans(shape[2], shape[3])
    assert len(tried) >= 2 + 2 * len(SIZES)
    for plan in tried:
        monkeypatch.setattr(compiled, "score_plan", lambda _problem, plan=plan: plan)
        check(CompiledPass(2), str(plan))


def lags_by_hand(segments: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """R(i, j) = sum of X[r, c] X[r + i, c + j], of zeros outside a segment."""
    _, rows, columns = segments.shape
    result = torch.zeros(height, 2 * width - 1, dtype=torch.float64)
    for i in range(min(height, rows)):
        for j in range(1 - width, width):
            if abs(j) < columns:
                one = segments[:, : rows - i, max(0, -j) : columns - max(0, j)]
                other = segments[:, i:, max(0, j) : columns - max(0, -j)]
                result[i, j + width - 1] = (one * other).sum()
    return result


@pytest.mark.parametrize("dtype", RATES)
@pytest.mark.parametrize("shape", [s[:4] for s in SHAPES], ids=str)
def test_every_way_gives_the_same_lags(
    shape: tuple[int, int, int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Float64 whatever the segments are; also of segments on their side."""
    rows, columns, height, width = shape
    rng = np.random.default_rng(0)
    segments = torch.from_numpy(rng.standard_normal((5, rows, columns)).astype("f4")).to(dtype)
    expected = torch.stack([lags_by_hand(s[None].double(), height, width) for s in segments])
    turned = segments.mT.contiguous().mT
    slack = 4e-14 * float(expected[:, 0, width - 1].max())  # of R(0, 0), the largest

    def check(passes: CompiledPass | PortablePass, name: str) -> None:
        for view in (segments, turned):
            lags = passes.lags(view, height, width)
            assert lags.dtype == torch.float64
            assert lags.shape == expected.shape
            assert (lags - expected).abs().max() <= slack, name

    check(PortablePass(2), "portable")
    for size in (0, *sizes(rows + height - 1, 700)):
        monkeypatch.setattr(compiled, "lag_size", lambda *_problem, size=size: size)
        check(CompiledPass(2), str(size))


@settings(max_examples=60)
@given(
    st.tuples(*[st.integers(1, 13)] * 4),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_moments_are_those_of_all_patches(
    shape: tuple[int, int, int, int], n: int, offset: bool, seed: int
) -> None:
    """Mean and covariance of every patch, written down one by one; also from sums that were made of
    every segment alone, and from those of segments on their side."""
    rows, columns, height, width = shape
    segments = torch.from_numpy(np.random.default_rng(seed).standard_normal((n, rows, columns)))
    segments = segments + 3 * offset  # a mean that dwarfs the deviation costs digits
    padded = functional.pad(segments[:, None], same_padding(height, width))
    patches = functional.unfold(padded, (height, width)).transpose(1, 2).flatten(0, 1)
    mean = patches.mean(0)
    centred = patches - mean
    power = float(segments.square().mean())
    covariance = centred.T @ centred / len(patches)
    for passes in (CompiledPass(), PortablePass()):
        for turned in (False, True):
            x, extent = (segments.mT, (width, height)) if turned else (segments, (height, width))
            lags = passes.lags(x, *extent)
            whole, each = batch_sums(x, lags, *extent), segment_sums(x, lags, *extent)
            for first, second in (
                (whole.first[0], whole.second[0]),
                (each.first.sum(0), each.second.sum(0)),
            ):
                moments = moments_of(first, second, x.numel(), turned=turned)
                assert (moments.mean - mean).abs().max() <= 1e-13 * power**0.5
                assert (moments.covariance - covariance).abs().max() <= 1e-13 * power


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.integers(1, 64),
    st.sampled_from([2, 4, 8, 16]),
    st.booleans(),
)
def test_a_plan_can_be_carried_out(
    rows: int, columns: int, height: int, width: int, filters: int, lanes: int, pairs: bool
) -> None:
    """A transform there is, as long as the filter at least; for lags, so that none wraps around."""
    assert set(SIZES) <= set(sizes(1, max(SIZES)))
    plan = score_plan(Problem(rows, columns, height, width, filters, lanes, pairs))
    assert plan.size in (0, *SIZES)
    assert plan.size == 0 or plan.size >= (width if plan.sideways else height)
    size = lag_size(rows, columns, height, width, lanes)
    assert size in (0, *SIZES)
    assert size == 0 or size >= rows + height - 1


NARROWER = """
import sys
import torch
import ablation.models.probe.kernels.passes as compiled
from ablation.models.probe.kernels.passes import CompiledPass
from ablation.models.probe.plans import Plan
from ablation.vectors import HAS_BF16, VECTOR_BYTES

torch.set_num_threads(1)
inputs, results = torch.load(sys.argv[1]), []
for size in (0, 64):
    compiled.score_plan = lambda _problem: Plan(False, size)
    sums = CompiledPass(bf16=True).train(*inputs)
    results.append([sums.relu, sums.active, sums.patches.weighted(torch.ones_like(sums.relu))])
torch.save([VECTOR_BYTES, HAS_BF16, results], sys.argv[1])
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="features of x86")
def test_processors_with_narrower_vectors(tmp_path: Path) -> None:
    """Kernels for AVX2 run wherever those for AVX-512 do, and give the same sums."""
    if VECTOR_BYTES < 64:
        pytest.skip("vectors are no wider here")
    batch = Batch.clear(45, 20, 6, 3, 5)
    inputs = [t.float() for t in (batch.segments, batch.weight, batch.delta)]
    torch.save(inputs, tmp_path / "x.pt")
    features = "+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma"
    environment = os.environ | {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features}
    command = [sys.executable, "-c", NARROWER, str(tmp_path / "x.pt")]
    subprocess.run(command, env=environment, check=True)
    width, halves, results = torch.load(tmp_path / "x.pt")
    assert (width, halves) == (32, False)
    share = torch.ones(len(inputs[0]), 5, dtype=torch.float64)
    slack = RATES[torch.float32] * batch.segments[0].numel()
    for relu, active, patches in results:
        assert torch.equal(active.long(), (batch.scores > 0).sum((2, 3)))
        off = (relu.double() - batch.scores.clamp(min=0).sum((2, 3))).abs().max()
        assert off <= slack * float(batch.scores.abs().max())
        off = (patches - batch.patches(share)).abs().max()
        assert off <= slack * float(batch.segments.abs().max()) * share.numel()


# Normalisation. 37 x 13 values: no whole number of vectors.
ROWS, COLUMNS = 37, 13


def spectrograms(folder: Path) -> list[Entry]:
    """A loud and a quiet utterance, one of silence, and one silent in its first segments."""
    rng = np.random.default_rng(0)
    arrays = [scale * rng.random((ROWS, 40), np.float32) ** 4 for scale in (1, 1e-4, 0, 1)]
    arrays[3][:, :30] = 0
    arrays[0][:, 5] = 1e-30  # a range of many magnitudes
    entries = []
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}-40.npy", array)
        entries.append(Entry(folder / f"{number}-40.npy", 40))
    return entries


@pytest.mark.parametrize("scale", ["magnitude", "log"])
@pytest.mark.parametrize("normalise", ["max", "minmax"])
@pytest.mark.parametrize("scope", ["segment", "utterance", "corpus"])
def test_compiled_normalisation_is_that_of_operators(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scope: str,
    normalise: str,
    scale: str,
) -> None:
    """Both take the same steps until the mu-law, but for the last digit of a range in dB.

    With u half an eps: ln of 1 + mu |x| is off by u where the argument is rounded (each of the two
    arguments is), by 2 eps of it in the kernel and 1 in the operator, and a factor and a product
    are u each on either side: 5 eps and (eps / ln(1 + mu)) in all of a value of at most 1.
    """
    entries = spectrograms(tmp_path)
    if scale == "log":
        for entry in entries:
            with np.errstate(divide="ignore"):
                decibels = 20 * np.log10(np.load(entry.path))
            np.save(entry.path, np.maximum(decibels, -200).astype(np.float32))
    given = {"scope": scope, "normalise": normalise, "scale": scale, "max_hz": ROWS * 10}
    for mu in (0, 1, 255, 65535):
        spec = FeaturesSpec.model_validate(
            given | {"mu": mu, "segment_s": COLUMNS / 100, "test_hop_s": 0.05}
        )
        segments = SegmentDataset(entries, [0, 1, 0, 1], spec, "test")
        indices = list(range(len(segments)))[::-1]
        kernels = segments.batch(indices)
        with monkeypatch.context() as patch:
            patch.setattr(bank_module, "write_normalised", None)
            operators = segments.batch(indices)
        eps = float(np.finfo(np.float32).eps)
        if scale == "log":
            # The range is floor_db, or the difference of two roundings: 200 dB has u = 2^-17.
            allowed = (2**-17 / spec.floor_db + eps) * (2 if normalise == "minmax" else 1)
        else:
            allowed = eps * (5 + 1 / np.log1p(mu)) if mu else 0
        assert kernels.dtype == operators.dtype == torch.float32
        assert float((kernels - operators).abs().max()) <= allowed
        assert float(operators.max()) == pytest.approx(1)
        assert (-1 if normalise == "minmax" else 0) <= kernels.min()
        assert kernels.max() <= 1 + allowed


def test_normalisation_reads_what_it_may_not_write(tmp_path: Path) -> None:
    """Arrays of the cache are mapped read-only, by rows or by columns."""
    spec = FeaturesSpec(max_hz=ROWS * 10, segment_s=COLUMNS / 100)
    entry = spectrograms(tmp_path)[0]
    whole = np.load(entry.path)
    expected = SegmentDataset([entry], [0], spec, "train").batch([0])
    turned = Entry(tmp_path / "turned-40.npy", 40)
    np.save(turned.path, np.asfortranarray(whole))
    assert torch.equal(SegmentDataset([turned], [0], spec, "train").batch([0]), expected)
    assert np.array_equal(np.load(turned.path), whole)


# The cache of kernels.

ROOM = """
from ablation.vectors import kernel

@kernel
def doubled(x):
    return 2 * x
"""


def imported(room: Path) -> ModuleType:
    """A room's module, anew."""
    source = room / "small.py"
    if not source.exists():
        room.mkdir()
        source.write_text(ROOM)
    spec = importlib.util.spec_from_file_location("small", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_kernels_are_kept_in_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only there: source folders stay as they were; a changed source has a place of its own."""
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path / "cache"))
    room = tmp_path / "room"
    assert imported(room).doubled(2.0) == 4
    kept = sorted((tmp_path / "cache" / "kernels").rglob("*.nbc"))
    assert len(kept) == 1
    again = imported(room)
    assert again.doubled(2.0) == 4
    assert again.doubled.stats.cache_hits
    assert not list(room.rglob("*.nb?"))
    (room / "beside.py").write_text("# what the kernel might call\n")
    anew = _cache_directory.__wrapped__  # as in a new process
    monkeypatch.setattr("ablation.vectors._cache_directory", anew)
    changed = imported(room)
    assert changed.doubled(2.0) == 4
    assert not changed.doubled.stats.cache_hits


@pytest.mark.parametrize(
    ("options", "prepare"),
    [
        ("ro", None),
        ("size=1m", lambda disk: fill(disk, 0)),
        ("size=1m", lambda disk: (disk / "kernels").write_text("mine")),
    ],
    ids=["read-only", "full", "a file in the way"],
)
def test_kernels_on_a_disk_that_takes_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    prepare: Callable[[Path], object] | None,
) -> None:
    with mounted(tmp_path / "disk", options) as disk:
        if prepare:
            prepare(disk)
        monkeypatch.setenv("ABLATION_CACHE", str(disk))
        small = imported(tmp_path / "room")
        assert small.doubled(2.0) == 4
        assert not list(disk.rglob("*.nb?"))
        assert not list((tmp_path / "room").rglob("*.nb?"))


@pytest.mark.parametrize(
    ("suffix", "spoil"),
    [
        (".nbc", lambda data: data[: len(data) // 2]),
        (".nbi", lambda data: data[: len(data) // 2]),
        (".nbi", lambda _data: b""),
        (".nbc", lambda data: bytes(len(data))),
    ],
    ids=["code cut short", "index cut short", "empty", "zeros"],
)
def test_kernels_that_cannot_be_read_are_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, spoil: Callable[[bytes], bytes]
) -> None:
    """And what could not be read is replaced, so that the next process need not."""
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path / "cache"))
    room = tmp_path / "room"
    imported(room).doubled(2.0)
    (kept,) = (tmp_path / "cache").rglob(f"*{suffix}")
    kept.write_bytes(spoil(kept.read_bytes()))
    assert imported(room).doubled(2.0) == 4
    again = imported(room)
    assert again.doubled(2.0) == 4
    assert again.doubled.stats.cache_hits
