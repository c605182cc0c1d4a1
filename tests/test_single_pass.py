"""The single-pass engine against the plain module, and against what it promises about itself."""

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from emodb_fold import CLASSES, emodb_fold
from hypothesis import given, settings
from hypothesis import strategies as st
from one_thread import one_thread  # noqa: F401 - used by every test
from probe_truth import (
    KINDS,
    SIZE,
    Example,
    Kind,
    check_gradients,
    check_scores,
    examples,
    pass_of,
    truth_of,
    turned,
)
from torch import nn
from torch.nn import functional

import ablation.models.probe.kernels.passes as compiled
from ablation.features.batches import HostFeed
from ablation.features.segment_dataset import SegmentDataset
from ablation.features.segments import Purpose
from ablation.models.probe import ReferenceProbe, SinglePassProbe
from ablation.models.probe.kernels.passes import CompiledPass
from ablation.models.probe.kernels.transform import sizes
from ablation.models.probe.plans import Plan
from ablation.models.probe.portable import PortablePass
from ablation.models.probe.sums import Pass
from ablation.study import CellKind, Shape, Study
from ablation.training.compute import Compute
from ablation.training.fit import fit, predict
from ablation.training.seeds import seeded
from ablation.training.task import Cell, CellTask, FoldData, Outcome, Sample
from ablation.training.worker import train_cell

PASSES = ("compiled", "portable")

each_pass = pytest.mark.parametrize("passes", PASSES)
each_kind = pytest.mark.parametrize("kind", KINDS)
each_type = pytest.mark.parametrize("dtype", [torch.float64, torch.float32])


@contextmanager
def forced(plan: Plan | None) -> Iterator[None]:
    """Let every compiled pass go this way, and take lags alike; None: as it chooses."""
    if plan is None:
        yield
        return

    def lag_size(rows: int, columns: int, height: int, width: int, lanes: int) -> int:
        return next(n for n in sizes(rows + height - 1, 4096)) if plan.size else 0

    with (
        mock.patch.object(compiled, "score_plan", lambda _problem: plan),
        mock.patch.object(compiled, "lag_size", lag_size),
    ):
        yield


@each_kind
@each_pass
@settings(max_examples=60)
@given(example=examples(), training=st.booleans())
def test_scores_gradients_and_statistics(
    passes: str, kind: str, example: Example, training: bool
) -> None:
    """Against float64 autograd of the plain module, on every way through a segment.

    Under evaluation nothing may change the running statistics; without gradients there is a pass
    of its own.
    """
    way = KINDS[kind]
    example.probe.train(training)
    probe = turned(example.probe, passes, way)
    before = copy.deepcopy(probe.norm.state_dict())
    truth = truth_of(example, way)
    with forced(example.plan):
        check_gradients(probe, example, truth, way.rate)
        if not training:
            with torch.no_grad():
                check_scores(probe(example.segments.to(way.dtype)), example, truth)
    if training:
        check_statistics(probe, example, way)
    else:
        for name, value in probe.norm.state_dict().items():
            assert torch.equal(value, before[name]), name


def check_statistics(probe: SinglePassProbe, example: Example, way: Kind) -> None:
    """Both are kept in the engine's type, but made of sums of float64."""
    norm, n = example.probe.norm, example.segments.numel()
    assert probe.norm.num_batches_tracked.item() == norm.num_batches_tracked.item() == 1
    eps, weight = 8 * torch.finfo(way.dtype).eps, example.probe.conv.weight.detach()
    loudness = weight.abs().sum((1, 2, 3)) * example.segments.abs().max() + 1
    off = (probe.norm.running_mean - norm.running_mean).abs()
    assert (off <= eps * (norm.running_mean.abs() + 1) + 1e-14 * loudness).all()
    off = (probe.norm.running_var - norm.running_var).abs()
    assert (off <= eps * (norm.running_var + 1) + 1e-14 * loudness**2 * n / (n - 1)).all()


@each_pass
@pytest.mark.parametrize("size", [0, SIZE])
def test_a_silent_batch_and_filters_at_rest(passes: str, size: int) -> None:
    """Scores that are 0 exactly are not active, whatever the filter beside them hears."""
    torch.manual_seed(0)
    reference = ReferenceProbe(4, 3, 6, 3).double()
    silence, noise = torch.zeros(3, 1, 9, 7), torch.rand(3, 1, 9, 7)
    for segments, at_rest in ((silence, False), (noise, True)):
        with torch.no_grad():
            reference.norm.weight[::2] = 0 if at_rest else 1
        probe = turned(reference, passes, KINDS["float32"])
        with forced(Plan(False, size)):
            scores = probe(segments)
        scores.sum().backward()
        reference.zero_grad()
        expected = reference(segments.double())
        expected.sum().backward()
        assert torch.allclose(scores.double(), expected, rtol=1e-5, atol=1e-6)
        for (name, one), other in zip(
            probe.named_parameters(), reference.parameters(), strict=True
        ):
            assert one.grad is not None
            assert torch.allclose(one.grad.double(), other.grad, rtol=1e-4, atol=1e-5), name


@each_pass
@pytest.mark.parametrize("size", [0, SIZE])
def test_what_is_no_number_stays_none(passes: str, size: int) -> None:
    """A fit stops at a loss that is no number: no pass may make one of it."""
    torch.manual_seed(0)
    probe = SinglePassProbe(2, 3, 4, 3)
    probe.passes = pass_of(passes)
    segments = torch.rand(2, 1, 8, 6)
    segments[1, 0, 3, 3] = float("nan")
    with forced(Plan(False, size)):
        scores = probe(segments)
        assert scores.isnan().all()  # as batch norm's statistics are
        scores.sum().backward()
        assert probe.conv.weight.grad is not None
        assert probe.conv.weight.grad.isnan().any()
        probe.norm.reset_running_stats()
        with torch.no_grad():
            one, other = probe.eval()(segments)
    assert one.isfinite().all()
    assert other.isnan().all()


def step(passes: Pass, dtype: torch.dtype, shape: tuple[int, int]) -> list[torch.Tensor]:
    """Loss, gradients and statistics of a training step."""
    torch.manual_seed(0)
    probe = SinglePassProbe(*shape, 6, 4).to(dtype)
    probe.passes = passes
    segments, labels = torch.rand(67, 1, 21, 13, dtype=dtype), torch.arange(67) % 4
    loss = functional.cross_entropy(probe(segments), labels)
    loss.backward()
    gradients = [p.grad for p in probe.parameters() if p.grad is not None]
    return [loss.detach(), *gradients, *probe.norm.buffers()]


@each_type
@pytest.mark.parametrize(("passes", "size"), [("compiled", 0), ("compiled", SIZE), ("portable", 0)])
@pytest.mark.parametrize("shape", [(5, 3), (2, 7)])
def test_the_tile_changes_no_bit(
    passes: str, size: int, dtype: torch.dtype, shape: tuple[int, int]
) -> None:
    with forced(Plan(shape[1] > shape[0], size)):
        one, *others = (step(pass_of(passes, tile), dtype, shape) for tile in (1, 4, 64))
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@each_type
@pytest.mark.parametrize("size", [0, SIZE])
def test_threads_change_no_bit_of_the_kernels(dtype: torch.dtype, size: int) -> None:
    torch.manual_seed(0)
    segments, share = torch.rand(21, 23, 11, dtype=dtype), torch.rand(21, 5, dtype=dtype)
    weight, delta = torch.randn(5, 4, 3, dtype=dtype), torch.randn(5, dtype=dtype)
    passes, runs = CompiledPass(2), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        with forced(Plan(True, size)):
            sums = passes.train(segments, weight, delta)
            evaluated = passes.evaluate(segments, weight, delta)
            lags = passes.lags(segments, 4, 3)
        torch.set_num_threads(1)
        runs.append((sums.relu, sums.active, sums.patches.weighted(share), evaluated, lags))
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))


@each_pass
def test_bfloat16_rounds_and_float32_does_not(passes: str) -> None:
    """The two are farther apart than rounding of sums explains."""
    torch.manual_seed(0)
    reference, segments = ReferenceProbe(4, 3, 5, 3).double(), torch.rand(5, 1, 23, 17)
    half, full = (turned(reference, passes, KINDS[kind])(segments) for kind in ("bf16", "float32"))
    assert 1e-4 < (half - full).abs().max() < 1e-2
    # Segments that are bfloat16 already, and filters that are a power of two of them.
    segments, reference = segments.bfloat16().float(), reference.eval()
    with torch.no_grad():
        reference.norm.running_var.fill_(4 - reference.norm.eps)
        reference.conv.weight.copy_(reference.conv.weight.bfloat16())
        half, full = (
            turned(reference, passes, KINDS[kind])(segments) for kind in ("bf16", "float32")
        )
    assert torch.allclose(half, full, rtol=1e-5, atol=1e-5)


def test_an_input_gets_no_gradient_and_a_gradient_none() -> None:
    """What the engine does not make must be missed, not taken for zero."""
    probe = SinglePassProbe(3, 2, 4, 3)
    segments = torch.rand(2, 1, 8, 6)
    gradients = torch.autograd.grad(
        probe(segments).sum(), [probe.conv.weight, probe.norm.weight], create_graph=True
    )
    with pytest.raises(RuntimeError):
        torch.cat([gradient.flatten() for gradient in gradients]).sum().backward()
    wanting = segments.clone().requires_grad_()
    for mode in (True, False):
        with pytest.raises(RuntimeError, match="ReferenceProbe"):
            probe.train(mode)(wanting)
    with torch.no_grad():
        assert torch.equal(probe(wanting), probe(segments))


def test_a_batch_without_variance_is_refused() -> None:
    probe = SinglePassProbe(3, 2, 4, 3)
    with pytest.raises(ValueError):
        probe(torch.rand(1, 1, 1, 1))
    assert probe.eval()(torch.rand(1, 1, 1, 1)).shape == (1, 3)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_a_tile_that_does_not_fit_is_halved(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """To the first that fits, which is kept; the numbers are those of any other tile."""
    torch.manual_seed(0)
    segments, weight, delta = torch.rand(19, 8, 6), torch.randn(3, 3, 2), torch.randn(3)
    whole, share = PortablePass(1), torch.rand(19, 3)
    expected, lags = whole.train(segments, weight, delta), whole.lags(segments, 3, 2)
    pad, transform = functional.pad, torch.fft.rfft2
    most, refused = 5, []

    def limited(real: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def call(values: torch.Tensor, *rest: object) -> torch.Tensor:
            if len(values) > most:
                refused.append(len(values))
                raise error("no memory")
            return real(values, *rest)

        return call

    monkeypatch.setattr("ablation.models.probe.portable.functional.pad", limited(pad))
    monkeypatch.setattr("torch.fft.rfft2", limited(transform))
    halving = PortablePass(16)
    for _ in range(2):
        sums = halving.train(segments, weight, delta)
        assert refused == [16, 8]  # and the second time it knows
        assert torch.allclose(sums.relu, expected.relu)
        assert torch.equal(sums.active, expected.active)
        assert torch.allclose(sums.patches.weighted(share), expected.patches.weighted(share))
        assert torch.allclose(halving.evaluate(segments, weight, delta), expected.relu)
    assert torch.allclose(PortablePass(16).lags(segments, 3, 2), lags)
    most = 0
    for call in (halving.train, halving.evaluate):
        with pytest.raises(error):
            call(segments, weight, delta)
    with pytest.raises(error):
        halving.lags(segments, 3, 2)
    assert refused[-3:] == [1, 1, 1]


@each_type
@each_pass
@pytest.mark.parametrize("n", [1, 5])
def test_segments_may_lie_in_any_order(passes: str, dtype: torch.dtype, n: int) -> None:
    """Views with gaps, with rows and columns exchanged, of one segment many times."""
    torch.manual_seed(0)
    wide = torch.rand(n, 2, 12, 20, dtype=dtype)
    one = wide[:, :1]
    views = [wide[:, 1:], one[..., ::2], one[..., 3:13], one.mT, one.mT[..., 2:8]]
    views += [wide.to(memory_format=torch.channels_last)[:, :1], one[:1].expand(4, -1, -1, -1)]
    for shape in ((3, 2), (2, 3)):
        probe = SinglePassProbe(*shape, 4, 3).to(dtype)
        probe.passes = pass_of(passes)
        for view in views:
            copied = view.clone(memory_format=torch.contiguous_format)
            assert torch.equal(probe.train()(view), probe(copied))
            assert torch.equal(probe.eval()(view), probe(copied))


@each_pass
def test_four_threads_may_call_at_once(passes: str) -> None:
    """Nothing that a pass keeps is shared between calls."""
    torch.manual_seed(0)
    probe = SinglePassProbe(5, 3, 6, 4).eval()
    probe.passes = pass_of(passes, 2)
    batches = [torch.rand(9, 1, 40, 30) for _ in range(4)]

    def scores(batch: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return probe(batch)

    for plan in (Plan(False, 0), Plan(True, SIZE)):
        with forced(plan):
            expected = [scores(batch) for batch in batches]
            with ThreadPoolExecutor(4) as pool:
                results = list(pool.map(scores, batches * 4))
        assert all(torch.equal(one, expected[i % 4]) for i, one in enumerate(results))


STEP = """
import sys
import torch

def step(path):
    from ablation.models.probe import SinglePassProbe, passes_for
    from ablation.features.cache import Entry
    from ablation.features.segment_dataset import SegmentDataset
    from ablation.study import FeaturesSpec

    spec = FeaturesSpec(max_hz=300, segment_s=0.2)
    batch = SegmentDataset([Entry(path, 40)], [0], spec, "test").batch([0, 1])
    torch.manual_seed(0)
    probe = SinglePassProbe(3, 2, 4, 3)
    (probe(batch) ** 2).sum().backward()
    kind = type(passes_for(batch.device)).__name__
    return [kind, batch, *(p.grad for p in probe.parameters()), *probe.norm.buffers()]

if __name__ == "__main__":
    from pathlib import Path
    sys.modules["numba"] = sys.modules["llvmlite"] = None
    torch.set_num_threads(1)
    torch.save(step(Path(sys.argv[1])), sys.argv[2])
"""


def test_without_a_compiler_of_kernels(tmp_path: Path) -> None:
    """Where numba cannot be had, plain operators give the same numbers up to rounding."""
    path, result = tmp_path / "a-40.npy", tmp_path / "result.pt"
    np.save(path, np.random.default_rng(0).random((30, 40), np.float32))
    here: dict[str, Any] = {"__name__": "here"}
    exec(STEP, here)
    kind, *with_numba = here["step"](path)
    assert kind == "CompiledPass"
    command = [sys.executable, "-c", STEP, str(path), str(result)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    kind, *without = torch.load(result)
    assert kind == "PortablePass"
    for one, other in zip(with_numba, without, strict=True):
        difference = float((one.double() - other.double()).norm())
        assert difference <= 1e-5 * float(one.double().norm())


SPEECH = {
    "corpus": {"name": "emodb"},
    "features": {
        "n_fft": 640,
        "max_hz": 1000,
        "hop_ms": 20,
        "segment_s": 0.8,
        "normalise": "minmax",
    },
    "probe": {"filters": 8},
    "training": {"steps": 60, "schedule": "constant"},
}
SHAPE = Shape(4, 2)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def fold(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> FoldData:
    """Two speakers of EmoDB against four others."""
    features = Study.model_validate(SPEECH).features
    return emodb_fold(speech, features, tmp_path_factory.mktemp("emodb"))


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The loss of every step that a fit makes."""
    seen: list[float] = []
    real = functional.cross_entropy

    def recording(scores: torch.Tensor, labels: torch.Tensor, **options: Any) -> torch.Tensor:
        loss = real(scores, labels, **options)
        seen.append(loss.item())
        return loss

    monkeypatch.setattr("ablation.training.steps.functional.cross_entropy", recording)
    return seen


class InDouble(nn.Module):
    """A probe that takes float32 segments and computes in float64."""

    def __init__(self, probe: ReferenceProbe) -> None:
        super().__init__()
        self.probe = probe.double()

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        return self.probe(segments.double())


def bank_of(samples: Sequence[Sample], study: Study, purpose: Purpose) -> SegmentDataset:
    entries, labels = zip(*((sample.entry, sample.label) for sample in samples), strict=True)
    return SegmentDataset(entries, labels, study.features, purpose)


def test_two_hundred_steps_are_the_same_steps(fold: FoldData, losses: list[float]) -> None:
    """The paper's optimiser at its full rate amplifies a difference 10 000 times on the way.

    What is left of it in float64 leaves no room for another function or another gradient.
    """
    study = Study.model_validate(SPEECH | {"training": SPEECH["training"] | {"steps": 200}})
    train, test = bank_of(fold.train, study, "train"), bank_of(fold.test, study, "test")
    traces, predictions = [], []
    for engine in (ReferenceProbe, SinglePassProbe):
        with seeded("init", 0):
            probe = InDouble(engine(SHAPE.height, SHAPE.width, study.probe.filters, len(CLASSES)))
        losses.clear()
        fit(probe, HostFeed(train), study.training, ["order"], Compute(CPU))
        traces.append(np.array(losses))
        predictions.append(predict(probe, HostFeed(test), study.training)[0].argmax(1))
    one, other = traces
    assert len(one) == len(other) == 200
    assert np.abs(one - other).max() <= 1e-9
    assert one[-20:].mean() < 0.9 * one[:20].mean()  # or it would say little about learning
    assert len(predictions[0]) >= 60
    assert np.array_equal(*predictions)


def test_cells_of_both_engines_agree(fold: FoldData, losses: list[float]) -> None:
    """In float32, for as many steps as either engine's own rounding takes to be seen."""
    outcomes: list[Outcome] = []
    traces = []
    for engine in ("reference", "single-pass"):
        probe = SPEECH["probe"] | {"engine": engine}
        study = Study.model_validate(SPEECH | {"probe": probe})
        cell = Cell(CellKind.PROBE, (SHAPE,), study.features.window_ms, seed=0, fold=fold.name)
        losses.clear()
        outcomes.append(train_cell(CellTask(cell, study, CLASSES, "digest", fold), "cpu"))
        traces.append(np.array(losses))
        assert not outcomes[-1].failed, outcomes[-1].row
        assert outcomes[-1].row["engine"] == engine
    assert len(traces[0]) == len(traces[1]) == 60
    assert np.abs(traces[0] - traces[1]).max() <= 1e-4
    pairs = zip(*(outcome.predictions for outcome in outcomes), strict=True)
    same = [a["predicted"] == b["predicted"] for a, b in pairs]
    assert len(same) >= 60
    assert np.mean(same) >= 0.99
