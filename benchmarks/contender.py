"""One contender of ``probe_step.py`` or ``network_step.py``, in a process of its own.

It takes its first steps untimed, in which kernels are compiled and an allocator that keeps its
memory gets it, and says so; then every line of stdin, a number of steps, is answered by the seconds
each of them took. Answers are JSON, a line each.
"""

import argparse
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from plain_network import PlainNetwork, plain_weights
from torch.nn import functional

from ablation.executors.devices import initialise_worker
from ablation.features.batches import Batch
from ablation.models.network import Network
from ablation.models.probe import ReferenceProbe, SinglePassProbe, passes_for
from ablation.study import AugmentSpec, NetworkSpec, Shape
from ablation.training.compute import network_compute
from ablation.training.seeds import derived_seed
from ablation.training.segment_moments import SegmentMoments

CLASSES = 4
MATRIX = 2048  # rows and columns of the matrix product

Step = Callable[[], float | None]


def main() -> None:
    options = _options()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's, who ends this
    # Whatever a library may print goes to stderr: the parent reads answers alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if options.tuned:
        initialise_worker(options.threads)
    else:
        torch.set_num_threads(options.threads)
    hello: dict[str, Any] = {"torch": torch.__version__}
    step = KINDS[options.kind](options, hello)
    hello["loss"] = step()
    for _ in range(options.warmup - 1):
        step()
    print(json.dumps(hello), file=answers, flush=True)
    for line in sys.stdin:
        answer = {"seconds": _times(step, int(line)), "peak_gb": _peak_gb()}
        print(json.dumps(answer), file=answers, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--tuned", action="store_true", help="an allocator that keeps its memory")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--layout", choices=("contiguous", "channels_last"), default="contiguous")
    for name in ("rows", "columns", "batch", "threads", "warmup"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("height", "width", "filters"):  # of a probe
        parser.add_argument(f"--{name}", type=int)
    return parser.parse_args()


def _times(step: Step, count: int) -> list[float]:
    """Seconds of ``count`` steps, after one that finds the caches as another process left them."""
    step()
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


def _peak_gb() -> float:
    """The most memory this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def _inputs(options: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Segments and labels, the same for every contender."""
    random = torch.Generator().manual_seed(derived_seed("benchmark", "inputs"))
    size = (options.batch, 1, options.rows, options.columns)
    segments = torch.rand(size, generator=random)
    return segments, torch.randint(CLASSES, (options.batch,), generator=random)


def _reference(options: argparse.Namespace, _hello: dict[str, Any]) -> Step:
    model = _seeded(options, ReferenceProbe)
    return _training(options, model, autocast=options.precision == "bf16")


def _single_pass(options: argparse.Namespace, hello: dict[str, Any]) -> Step:
    """As a cell trains it from its second epoch on: what is known of a segment is not made anew."""
    bf16 = options.precision == "bf16"
    passes = passes_for(torch.device("cpu"), bf16=bf16)
    model = _seeded(options, SinglePassProbe, precision=options.precision, passes=passes)
    hello["plan"] = _plan(options, pairs=passes.pairs)  # type: ignore[attr-defined]
    segments, labels = _inputs(options)
    numbers = torch.arange(options.batch)
    batch = Batch(segments, labels, numbers, numbers)
    moments = SegmentMoments.of(model, options.batch, AugmentSpec(), on_card=False)
    known = () if moments is None else (lambda: moments.total(batch),)
    return _training(options, model, autocast=False, known=known)


def _seeded(options: argparse.Namespace, kind: type[torch.nn.Module], **more: Any) -> Any:
    """A probe whose weights are the same for every contender."""
    torch.manual_seed(derived_seed("benchmark", "weights"))
    return kind(options.height, options.width, options.filters, CLASSES, **more)


def _training(
    options: argparse.Namespace,
    model: torch.nn.Module,
    *,
    autocast: bool,
    known: Sequence[Callable[[], Any]] = (),
) -> Step:
    """A training step by the paper's optimiser, always on the same batch.

    ``known`` gives what the model takes beside the segments.
    """
    segments, labels = _inputs(options)
    if options.layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Of a single channel torch takes either layout for the other, so its strides are spelt out.
        strided = torch.empty(segments.shape, memory_format=torch.channels_last)
        segments = strided.copy_(segments)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
    )

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            scores = model(segments, *(give() for give in known))
            loss = functional.cross_entropy(scores, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _plain_network(options: argparse.Namespace, _hello: dict[str, Any]) -> Step:
    model = PlainNetwork(CLASSES)
    model.load_state_dict(plain_weights(_network()))
    return _training(options, model, autocast=options.precision == "bf16")


def _our_network(options: argparse.Namespace, hello: dict[str, Any]) -> Step:
    """As a cell of ``ablate promote`` trains it."""
    compute = network_compute(NetworkSpec(), "cpu")
    hello["compute"] = str(compute)
    options.layout = compute.layout
    return _training(options, _network(), autocast=compute.precision == "bf16")


def _network() -> Network:
    """The paper's network, its weights the same for every contender."""
    torch.manual_seed(derived_seed("benchmark", "weights"))
    return Network([Shape(10, 2), Shape(2, 8)], "attention", CLASSES, NetworkSpec())


def _plan(options: argparse.Namespace, *, pairs: bool) -> str:
    """Which way the planner takes, in words."""
    from ablation.models.probe.plans import Problem, score_plan
    from ablation.vectors import VECTOR_BYTES

    sizes = options.rows, options.columns, options.height, options.width, options.filters
    plan = score_plan(Problem(*sizes, VECTOR_BYTES // 4, pairs))
    how = f"transforms of {plan.size}" if plan.size else "tap by tap"
    return f"{'sideways' if plan.sideways else 'upright'}, {how}"


def _direct(options: argparse.Namespace, _hello: dict[str, Any]) -> Step:
    """The pass tap by tap, also where transforms would be faster."""
    from ablation.models.probe.kernels import passes
    from ablation.models.probe.plans import Plan

    passes.score_plan = lambda _problem: Plan(sideways=False, size=0)
    random = torch.Generator().manual_seed(derived_seed("benchmark", "direct"))
    segments = _inputs(options)[0][:, 0]
    shape = (options.filters, options.height, options.width)
    weight, delta = torch.randn(shape, generator=random), torch.zeros(options.filters)
    compiled = passes.CompiledPass()

    def step() -> None:
        compiled.train(segments, weight, delta)

    return step


def _matmul(_options: argparse.Namespace, _hello: dict[str, Any]) -> Step:
    """The product of two square matrices: what the machine can do."""
    random = torch.Generator().manual_seed(derived_seed("benchmark", "matmul"))
    a, b = (torch.rand((MATRIX, MATRIX), generator=random) for _ in range(2))
    out = torch.empty_like(a)

    def step() -> None:
        torch.matmul(a, b, out=out)

    return step


KINDS: dict[str, Callable[[argparse.Namespace, dict[str, Any]], Step]] = {
    "reference": _reference,
    "single-pass": _single_pass,
    "plain-network": _plain_network,
    "network": _our_network,
    "direct": _direct,
    "matmul": _matmul,
}

if __name__ == "__main__":
    main()
