"""One optimiser step after another: operator by operator, or captured once and then replayed.

A card is faster than Python can tell it what to do. There the step of a network is captured as a
CUDA graph, which reads a batch and a learning rate from fixed places and changes the training's
tensors where they lie. An epoch's smaller last batch is stepped operator by operator. Which way a
batch goes depends on its size alone, and not on where a training was interrupted.
"""

import logging
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ablation.features.batches import Batch
from ablation.study import TrainingSpec
from ablation.training.augment import augment
from ablation.training.averaging import RunningMean
from ablation.training.compiling import compiled
from ablation.training.compute import Compute, Way
from ablation.training.segment_moments import SegmentMoments

_WARM_UP = 3  # steps before one is captured: the first one compiles


class Sums:
    """Running sums over the segments of an epoch.

    They stay on the training device, so that nothing waits for it between two steps.
    """

    def __init__(self, device: torch.device) -> None:
        self.loss = torch.zeros((), dtype=torch.float64, device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)

    def reset(self) -> None:
        """Begin an epoch."""
        self.loss.zero_()
        self.correct.zero_()

    def add(self, loss: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> None:
        """Add a step's mean loss, its scores (n, classes) and its labels (n,)."""
        self.loss += loss.detach().double() * len(labels)
        self.correct += (scores.argmax(1) == labels).sum()


@dataclass(frozen=True)
class Training:
    """What a step works with, and what it changes."""

    model: nn.Module
    average: RunningMean | None
    optimizer: torch.optim.Optimizer
    spec: TrainingSpec
    compute: Compute
    sums: Sums

    def learn(
        self, model: nn.Module, segments: torch.Tensor, labels: torch.Tensor, *known: object
    ) -> None:
        """Make one optimiser step with ``model``, which is the training's own or made from it."""
        self.optimizer.zero_grad()
        with self.compute.training():
            scores = model(segments, *known)
        if scores.dtype == torch.bfloat16:  # from a user's own network: ours returns float32
            scores = scores.float()
        loss = functional.cross_entropy(scores, labels, label_smoothing=self.spec.label_smoothing)
        loss.backward()
        self.optimizer.step()
        self.sums.add(loss, scores, labels)


class Step(Protocol):
    """A step trains with a batch, its draws of augmentation and a learning rate."""

    def __call__(self, batch: Batch, draws: torch.Tensor, rate: float) -> None: ...


def make_step(training: Training, moments: SegmentMoments | None) -> Step:
    """Return the steps of a training; its optimiser's state has been restored before."""
    if training.compute.way == "eager":
        return EagerStep(training, moments)
    return CapturedStep(training)


class EagerStep:
    """A step made operator by operator."""

    def __init__(self, training: Training, moments: SegmentMoments | None = None) -> None:
        self.training, self.moments = training, moments

    def __call__(self, batch: Batch, draws: torch.Tensor, rate: float) -> None:
        training = self.training
        for group in training.optimizer.param_groups:
            group["lr"] = rate
        segments = augment(batch.segments, training.spec.augment, draws)
        known = () if self.moments is None else (self.moments.total(batch),)
        training.learn(training.model, segments, batch.labels, *known)
        if training.average is not None:
            training.average.update_parameters(training.model)


class CapturedStep:
    """A step that is captured with the first batch of full size, and replayed with all others.

    A network that cannot be captured is trained operator by operator: one that waits for the card
    (``if x.max() > 1:``) or whose step changes what no replay would change, such as a number that
    it counts up or draws of Python's own. That is decided before the first step.

    Attributes
    ----------
    way
        How batches of full size are stepped; None: there was none yet.
    faults
        Why they are not stepped in a faster way.
    """

    def __init__(self, training: Training) -> None:
        self.training = training
        self.way: Way | None = None
        self.faults: list[str] = []
        self.rate = torch.zeros((), device=training.compute.device)
        for group in training.optimizer.param_groups:
            group["lr"] = self.rate
        self._work: Callable[[torch.Tensor, torch.Tensor], None] = self._eagerly

    def __call__(self, batch: Batch, draws: torch.Tensor, rate: float) -> None:
        training = self.training
        self.rate.fill_(rate)
        segments = augment(batch.segments, training.spec.augment, draws)
        if len(segments) < training.spec.batch_size:
            self._eagerly(segments, batch.labels)
        else:
            if self.way is None:
                self.way, self._work = self._decided(segments, batch.labels)
            self._work(segments, batch.labels)
        if training.average is not None:
            training.average.count(training.model)

    def _eagerly(self, segments: torch.Tensor, labels: torch.Tensor) -> None:
        self._learn(self.training.model, segments, labels)

    def _learn(self, model: nn.Module, segments: torch.Tensor, labels: torch.Tensor) -> None:
        """Do all of a step that the device can do without us."""
        self.training.learn(model, segments, labels)
        if self.training.average is not None:
            self.training.average.follow(self.training.model)

    def _decided(
        self, segments: torch.Tensor, labels: torch.Tensor
    ) -> tuple[Way, Callable[[torch.Tensor, torch.Tensor], None]]:
        """Return the fastest way to step such batches that this network can go."""
        training = self.training
        ways: Sequence[Way] = ("compiled", "captured")
        for way in ways[ways.index(training.compute.way) :]:
            try:
                with _quietly(), _undone(training):
                    called = compiled(training.model) if way == "compiled" else training.model
                    return way, self._captured(called, segments, labels)
            except Exception as error:  # noqa: BLE001 - of the network, the compiler, the driver
                _refuse_shortage(error)
                self.faults.append(f"{way}: {type(error).__name__}: {error}")
        return "eager", self._eagerly

    def _captured(
        self, model: nn.Module, segments: torch.Tensor, labels: torch.Tensor
    ) -> Callable[[torch.Tensor, torch.Tensor], None]:
        """Return a replay of the step with ``model``."""
        fixed, classes = segments.clone(), labels.clone()
        device = self.training.compute.device

        def work() -> None:
            self._learn(model, fixed, classes)

        with _beside(device):
            for _ in range(_WARM_UP - 1):
                work()
            before = _aside(self.training.model, device)
            with _never_waiting(device):
                work()
            if _aside(self.training.model, device) != before:
                raise NotCapturableError("a step changes more than tensors")
        replay = _capture(work, device)

        def step(segments: torch.Tensor, labels: torch.Tensor) -> None:
            fixed.copy_(segments)
            classes.copy_(labels)
            replay()

        return step


class NotCapturableError(Exception):
    """A step does what no replay of it would do."""


def _capture(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Return what repeats ``work``; the stand-in for a card does it anew."""
    if device.type != "cuda":
        return work
    graph = torch.cuda.CUDAGraph()
    try:
        # The stream around it is restored even if the graph fails to. Other threads cut segments
        # into pinned memory meanwhile, which "thread_local" allows.
        with (
            torch.cuda.stream(torch.cuda.current_stream(device)),
            torch.cuda.graph(graph, capture_error_mode="thread_local"),
        ):
            work()
    except BaseException:
        _renew_generator(device)
        raise
    return graph.replay


def _renew_generator(device: torch.device) -> None:
    """Give the card a generator in the same state: one whose capture failed never draws again."""
    known = torch.cuda.default_generators[device.index or 0]
    fresh = torch.Generator(device)
    fresh.manual_seed(known.initial_seed())
    known.graphsafe_set_state(fresh)


@contextmanager
def _beside(device: torch.device) -> Iterator[None]:
    """Work on a stream of its own within the block, as steps before a capture must."""
    if device.type != "cuda":
        yield
        return
    stream, now = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(now)
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        now.wait_stream(stream)


@contextmanager
def _never_waiting(device: torch.device) -> Iterator[None]:
    """Raise where the block waits for the card.

    A capture would fail there too, but leave the card's allocator and generator in disorder.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@contextmanager
def _quietly() -> Iterator[None]:
    """Let what the compiler says within the block go nowhere."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _undone(training: Training) -> Iterator[None]:
    """Put back what the steps of the block change, in place; their gradients are dropped."""
    models = [training.model, *([] if training.average is None else [training.average.module])]
    modules = [module for model in models for module in model.modules()]
    named: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for module in modules:
        named.append((module._buffers, dict(module._buffers)))
        named.append((vars(module), _numbers(module)))
    held = [tensor.detach() for tensor in (training.sums.loss, training.sums.correct)]
    for model in models:
        held += [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]
    held += _state(training.optimizer)
    kept = [(tensor, tensor.clone()) for tensor in held]
    known = {id(tensor) for tensor in held}
    device = training.compute.device
    try:
        # It puts the generators of the CPU and of the card back.
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        for there, before in named:
            there.update(before)
        for tensor, before in kept:
            tensor.copy_(before)
        for tensor in _state(training.optimizer):
            if id(tensor) not in known:  # sums and counts, which all begin at 0
                tensor.zero_()
        training.optimizer.zero_grad()


def _state(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [
        value
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    ]


def _aside(model: nn.Module, device: torch.device) -> tuple[object, ...]:
    """Return what a step of ``model`` may change that a replay on ``device`` would not."""
    drawn = [random.getstate(), str(np.random.get_state())]
    if device.type != "cpu":
        drawn.append(torch.get_rng_state().tolist())
    modules = list(model.modules())
    numbers = [_numbers(module) for module in modules]
    buffers = [{name: id(value) for name, value in m._buffers.items()} for m in modules]
    return drawn, numbers, buffers


def _numbers(module: nn.Module) -> dict[str, object]:
    kinds = (bool, int, float, str)
    return {name: value for name, value in vars(module).items() if isinstance(value, kinds)}


def _refuse_shortage(error: BaseException) -> None:
    """Raise if memory ran out: how a network is trained must not depend on what else is there."""
    cause: BaseException | None = error
    while cause is not None:
        short = isinstance(cause, (MemoryError, torch.OutOfMemoryError))
        if short or "out of memory" in str(cause):
            raise torch.OutOfMemoryError(str(cause)) from error
        cause = cause.__cause__ or cause.__context__
