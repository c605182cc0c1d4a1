"""A step that is captured and replayed, on a stand-in for a card: against one made by operators."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ablation.device import CPU, INTERPRETER
from ablation.features.batches import Batch, Feed, feeds
from ablation.features.segment_dataset import ArrayEntry, SegmentDataset
from ablation.models.network import build_network
from ablation.study import AugmentSpec, FeaturesSpec, NetworkSpec, Shape, TrainingSpec
from ablation.training import fit as fitting
from ablation.training import steps
from ablation.training.averaging import RunningMean
from ablation.training.checkpoint import Checkpoint
from ablation.training.compiling import _RULES, _rules, can_compile
from ablation.training.compute import Compute, network_compute
from ablation.training.fit import Fitted, fit
from ablation.training.schedule import make_optimizer
from ablation.training.seeds import seeded
from ablation.training.steps import CapturedStep, EagerStep, Sums, Training, make_step

FEATURES = FeaturesSpec(sample_rate=8000, n_fft=160, window_ms=20, max_hz=800, segment_s=0.24)
CARD = Compute.on(INTERPRETER, "bf16", "channels_last", "captured")
SPEC = NetworkSpec(filters=2, channels=[3, 4, 4, 4])
CLASSES = 3
SGD = TrainingSpec(
    epochs=3, batch_size=4, optimizer="sgd", learning_rate=0.05, schedule="milestones",
    milestones=[2], weight_decay=1e-3,
)  # fmt: skip
EVERYTHING = TrainingSpec(
    epochs=6, batch_size=4, optimizer="adamw", learning_rate=0.01, schedule="one-cycle",
    label_smoothing=0.1, averaging=0.9,
    augment=AugmentSpec(gain_db=3, frequency_warp=0.1, time_mask=0.2),
)  # fmt: skip
SPECS = pytest.mark.parametrize("spec", [SGD, EVERYTHING], ids=["sgd", "everything"])


@pytest.fixture(scope="module")
def bank() -> SegmentDataset:
    """Ten segments: two full batches and a smaller one."""
    rng = np.random.default_rng(0)
    size = (FEATURES.height, FEATURES.width)
    entries = [ArrayEntry(rng.random(size, np.float32), size[1]) for _ in range(10)]
    return SegmentDataset(entries, [n % CLASSES for n in range(10)], FEATURES, "train")


@pytest.fixture(scope="module")
def feed(bank: SegmentDataset) -> Feed:
    return feeds([bank, bank], torch.device(CPU), steady=True)[0]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[CapturedStep]:
    """The captured steps that trainings make."""
    found: list[CapturedStep] = []

    def make(training: Training, _: object) -> CapturedStep:
        found.append(CapturedStep(training))
        return found[-1]

    monkeypatch.setattr(fitting, "make_step", make)
    return found


def network() -> nn.Module:
    """With dropout, so that draws count too."""
    with seeded("init", 0):
        model = build_network([Shape(3, 2), Shape(2, 4)], "attention", CLASSES, SPEC, FEATURES)
    return CARD.place(nn.Sequential(nn.Dropout(0.3), model))


def trained(
    feed: Feed, spec: TrainingSpec, checkpoint: Checkpoint | None = None, model: object = None
) -> Fitted:
    chosen = model if isinstance(model, nn.Module) else network()
    return fit(chosen, feed, spec, ["a"], CARD, checkpoint)


def by_operators(feed: Feed, spec: TrainingSpec, model: nn.Module | None = None) -> Fitted:
    """As :func:`trained`, with the same optimiser; a rate is a float32 there, so it is here."""

    class Step(EagerStep):
        def __call__(self, batch: Batch, draws: torch.Tensor, rate: float) -> None:
            super().__call__(batch, draws, float(np.float32(rate)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "make_step", lambda training, _: Step(training))
        return trained(feed, spec, model=model)


def assert_same(one: Fitted, other: Fitted) -> None:
    assert one.records == other.records
    state = other.model.state_dict()
    for key, value in one.model.state_dict().items():
        assert torch.equal(value, state[key]), key


@SPECS
def test_replays_make_the_steps_of_operators(
    feed: Feed, spec: TrainingSpec, made: list[CapturedStep], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full and smaller batches, each with its rate; what is done before the capture is undone."""
    captured: list[Callable[[], None]] = []
    monkeypatch.setattr(steps, "_capture", lambda work, _: captured.append(work) or work)
    assert_same(trained(feed, spec), by_operators(feed, spec))
    assert (made[0].way, made[0].faults, len(captured)) == ("captured", [], 1)


@SPECS
def test_a_stopped_training_goes_on_bit_by_bit(
    feed: Feed, spec: TrainingSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(feed, spec)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "this one")
    with monkeypatch.context() as patch:
        patch.setattr(Sums, "reset", stopping_in_epoch(3))
        with pytest.raises(KeyboardInterrupt):
            trained(feed, spec, checkpoint)
    resumed = trained(feed, spec, checkpoint)
    assert_same(resumed, whole)


def stopping_in_epoch(last: int) -> Callable[[Sums], None]:
    begun, reset = [], Sums.reset

    def stop(sums: Sums) -> None:
        begun.append(1)
        if len(begun) == last:
            raise KeyboardInterrupt
        reset(sums)

    return stop


@SPECS
@pytest.mark.parametrize("number", [1, 3, 4])
def test_what_cannot_be_captured_is_trained_by_operators(
    feed: Feed, spec: TrainingSpec, number: int, made: list[CapturedStep]
) -> None:
    """It fails in its first run, in the one that may not wait for the card, or in the capture."""
    model, runs = network(), []

    def fail(*_: object) -> None:
        runs.append(1)
        if len(runs) == number:
            raise RuntimeError("cannot be captured")

    handle = model.register_forward_hook(fail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "_capture", lambda work, _: work() or work)
        found = trained(feed, spec, model=model)
    handle.remove()
    assert made[0].way == "eager"
    assert made[0].faults == ["captured: RuntimeError: cannot be captured"]
    assert_same(found, by_operators(feed, spec))


def test_what_cannot_be_compiled_is_captured(
    feed: Feed, made: list[CapturedStep], monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(model: nn.Module) -> nn.Module:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(steps, "compiled", compiled)
    compute = Compute.on(INTERPRETER, "bf16", "channels_last", "compiled")
    found = fit(network(), feed, SGD, ["a"], compute)
    assert (made[0].way, made[0].faults) == ("captured", ["compiled: RuntimeError: no compiler"])
    assert_same(found, by_operators(feed, SGD))


def test_the_compiled_network_is_the_network(
    feed: Feed, made: list[CapturedStep], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights are the model's own, and the model that is returned is not the compiled one."""
    called = []

    class Compiled(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, segments: torch.Tensor) -> torch.Tensor:
            called.append(len(segments))
            return self.model(segments)

    monkeypatch.setattr(steps, "compiled", Compiled)
    model, compute = network(), Compute.on(INTERPRETER, "bf16", "channels_last", "compiled")
    found = fit(model, feed, SGD, ["a"], compute)
    assert made[0].way == "compiled"
    assert set(called) == {SGD.batch_size}  # smaller batches would be compiled anew
    assert found.model is model
    assert_same(found, by_operators(feed, SGD))


class Odd(nn.Module):
    """A network whose step changes what no replay would change."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.calls = kind, 0
        self.inner = network()
        self.register_buffer("level", torch.zeros(1))

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        scores = self.inner(segments)
        if self.kind == "python":
            scores = scores * random.choice([0.5, 2])
        if self.kind == "numpy":
            scores = scores * float(np.random.random())
        if self.kind == "counts":
            self.calls += 1
            scores = scores / self.calls
        if self.kind == "replaces":
            self.level = 0.5 * self.level + scores.detach().mean()
            scores = scores + self.level
        return scores


@pytest.mark.parametrize("kind", ["python", "numpy", "counts", "replaces"])
def test_a_step_that_a_replay_would_not_make_is_not_captured(
    feed: Feed, kind: str, made: list[CapturedStep]
) -> None:
    found = trained(feed, SGD, model=Odd(kind))
    assert made[0].way == "eager"
    if kind in ("counts", "replaces"):  # the others draw anew
        assert_same(found, by_operators(feed, SGD, Odd(kind)))


def test_a_shortage_of_memory_decides_nothing(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other cells beside it a training would else go another way, to other bits."""

    def short(*_: object) -> Callable[[], None]:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("the capture was not ended")  # as torch.cuda.graph does

    monkeypatch.setattr(steps, "_capture", short)
    with pytest.raises(torch.OutOfMemoryError):
        trained(feed, SGD)


def test_only_smaller_batches_are_trained_too(feed: Feed) -> None:
    spec = SGD.model_copy(update={"batch_size": 16})
    assert_same(trained(feed, spec), by_operators(feed, spec))


def test_the_running_mean_is_torchs_to_the_last_bit() -> None:
    """Of batch norm's counts too, which are whole numbers."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.7), use_buffers=True)
    ours = RunningMean(model, 0.7)
    for _ in range(6):
        model(torch.rand(2, 1, 8, 8))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += torch.randn_like(parameter)
        theirs.update_parameters(model)
        ours.update_parameters(model)
        expected, found = theirs.state_dict(), ours.state_dict()
        assert list(expected) == list(found)
        for key, value in expected.items():
            assert torch.equal(value, found[key]), key


def test_only_a_network_on_a_card_is_captured() -> None:
    ways = {device: network_compute(NetworkSpec(), device).way for device in (CPU, INTERPRETER)}
    assert ways == {CPU: "eager", INTERPRETER: "captured"}
    assert not can_compile(torch.device(CPU))
    optimizer = make_optimizer(SGD, network())
    on_cpu = Training(network(), None, optimizer, SGD, Compute.on(CPU), Sums(torch.device(CPU)))
    assert isinstance(make_step(on_cpu, None), EagerStep)


def test_the_compiler_knows_all_rules() -> None:
    """A rule of another name would let it time kernels: other bits in every process."""
    if "deterministic" not in _rules():
        pytest.skip("this torch is not used to compile")
    assert _rules() == _RULES
