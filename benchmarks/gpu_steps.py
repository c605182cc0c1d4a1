"""How long steps of the probe and of the network take on a card: the last part of ``gpu.py``."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ablation.device import INTERPRETER
from ablation.features.batches import Feed, feeds
from ablation.features.segment_dataset import ArrayEntry, SegmentDataset
from ablation.models.network import build_network
from ablation.models.probe import ReferenceProbe, SinglePassProbe, passes_for
from ablation.models.probe.cuda.group import ProbeGroup, Schedule
from ablation.models.probe.cuda.passes import CardPass
from ablation.study import FeaturesSpec, NetworkSpec, Shape, TrainingSpec
from ablation.training.compute import Compute, network_compute
from ablation.training.fit import fit, segment_scores
from ablation.training.segment_moments import moment_rows

CLASSES = 4
STUDY_STEPS, STUDY_SCORED = 6250, 2200  # of a cell of the paper's study: steps, scored segments
ROUNDS = 5


@dataclass(frozen=True)
class Sizes:
    """Segments in bins and frames, segments a step, filters; the paper's, unless said otherwise."""

    rows: int = 400
    columns: int = 200
    batch: int = 64
    segments: int = 1024  # that steps draw from
    filters: int = 16
    cells: int = 10  # of a group


def measured(
    shape: tuple[int, int], device: torch.device, sizes: Sizes, *, compiled: bool
) -> dict[str, Any]:
    """Milliseconds of a step, plain, best tuned and ours, in turns; medians over rounds."""
    contenders = _plain(shape, device, sizes, compiled=compiled)
    ours = {name: _ours(shape, device, sizes, name) for name in ("float32", "bf16")}
    contenders |= {f"ours {name}": step for name, (step, _) in ours.items()}
    number = 20 if device.type == "cuda" else 2
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS if device.type == "cuda" else 2):
        for name, steps in contenders.items():
            cells = sizes.cells if name.startswith("ours") else 1
            times[name].append(_seconds(steps, number, device) / number / cells)
    found = {name: 1e3 * median(values) for name, values in times.items()}
    tuned = {name: ms for name, ms in found.items() if not name.startswith("ours")}
    best = min(tuned, key=tuned.__getitem__)
    fastest = min(found["ours float32"], found["ours bf16"])
    scoring = min(score for _, score in ours.values())
    cell = STUDY_STEPS * fastest / 1e3 + STUDY_SCORED * scoring
    return {
        "shape": f"{shape[0]}x{shape[1]}",
        "plain_ms": found["plain"],
        "tuned_ms": found[best],
        "tuned": best,
        "ours_float32_ms": found["ours float32"],
        "ours_bf16_ms": found["ours bf16"],
        "plain_over_ours": found["plain"] / fastest,
        "tuned_over_ours": found[best] / fastest,
        "segment_us": 1e6 * scoring,
        "cells_an_hour": 3600 / cell,
        "all_ms": found,
    }


def network_measured(device: torch.device, sizes: Sizes) -> dict[str, Any]:
    """Milliseconds of a step of the paper's network: plain, the same compiled by torch, and ours.

    Ours is the steps of a fit, without those by which a longer fit begins.
    """
    card = device.type == "cuda"
    contenders = {"plain": _network_steps(device, sizes, compiled=False)}
    if card:
        contenders["compiled"] = _network_steps(device, sizes, compiled=True)
    number, rounds = (20, ROUNDS) if card else (2, 2)
    found = {}
    for name, steps in contenders.items():
        times = [_seconds(steps, number, device) / number for _ in range(rounds)]
        found[name] = 1e3 * median(times)
    compute = network_compute(NetworkSpec(), str(device) if card else INTERPRETER)
    train, _ = _feeds(device, sizes)

    def fitted(steps: int) -> float:
        spec = TrainingSpec(steps=steps, epochs=None, batch_size=sizes.batch, schedule="constant")
        model = _network(sizes, compute)
        torch.backends.cudnn.deterministic = True  # as in a worker
        _settled(device)
        start = time.perf_counter()
        fit(model, train, spec, ("measured",), compute)
        _settled(device)
        torch.backends.cudnn.deterministic = False
        return time.perf_counter() - start

    first = fitted(1)  # it compiles
    few, many = 4, 4 + 5 * number
    times = [(fitted(many) - fitted(few)) / (many - few) for _ in range(rounds)]
    ours = 1e3 * median(times)
    return {
        "compute": str(compute),
        "plain_ms": found["plain"],
        "compiled_ms": found.get("compiled"),
        "ours_ms": ours,
        "plain_over_ours": found["plain"] / ours,
        "compiled_over_ours": found["compiled"] / ours if card else None,
        "first_step_s": first,
    }


def _network(sizes: Sizes, compute: Compute) -> torch.nn.Module:
    torch.manual_seed(0)
    features = FeaturesSpec(
        sample_rate=16000, n_fft=1600, max_hz=10 * sizes.rows, segment_s=sizes.columns / 100
    )
    shapes = [Shape(10, 2), Shape(2, 8)]
    return compute.place(build_network(shapes, "attention", CLASSES, NetworkSpec(), features))


def _network_steps(device: torch.device, sizes: Sizes, *, compiled: bool) -> Callable[[int], None]:
    """The network in float32 as torch runs it, or compiled in bfloat16."""
    layout = "channels_last" if compiled else "contiguous"
    model: Any = _network(sizes, Compute(device, layout=layout)).train()
    if compiled:
        torch._dynamo.reset()
    called = torch.compile(model) if compiled else model
    segments = torch.rand(sizes.batch, 1, sizes.rows, sizes.columns, device=device)
    labels = torch.arange(sizes.batch, device=device) % CLASSES
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
    )

    def steps(number: int) -> None:
        torch.backends.cudnn.allow_tf32 = True  # as it is by default
        for _ in range(number):
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=compiled):
                loss = functional.cross_entropy(called(segments), labels)
            loss.backward()
            optimizer.step()
        torch.backends.cudnn.allow_tf32 = False

    return steps


def _seconds(steps: Callable[[int], None], number: int, device: torch.device) -> float:
    steps(1)
    _settled(device)
    start = time.perf_counter()
    steps(number)
    _settled(device)
    return time.perf_counter() - start


def _settled(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _ours(
    shape: tuple[int, int], device: torch.device, sizes: Sizes, precision: str
) -> tuple[Callable[[int], None], float]:
    """The steps of a group of cells, as a worker takes them; and seconds to score a segment."""
    torch.manual_seed(0)
    passes = passes_for(device, bf16=precision == "bf16", on_card=True)
    probes = [
        SinglePassProbe(*shape, sizes.filters, CLASSES, precision=precision, passes=passes).to(
            device
        )
        for _ in range(sizes.cells)
    ]
    way = CardPass(shape, (sizes.rows, sizes.columns), precision)
    stored, moments = way.room(sizes.segments, device), []
    random = torch.Generator().manual_seed(0)
    for first in range(0, sizes.segments, 64):
        n = min(64, sizes.segments - first)
        segments = torch.rand(n, 1, sizes.rows, sizes.columns, generator=random).to(device)
        way.put(segments[:, 0], stored, first)
        moments.append(moment_rows(probes[0], segments))
    spec = TrainingSpec(steps=1, epochs=None, batch_size=sizes.batch, schedule="constant")
    group = ProbeGroup(probes, way, spec, torch.cat(moments))

    def steps(number: int) -> None:
        shape = (number, sizes.cells, sizes.batch)
        schedule = Schedule(
            torch.randint(sizes.segments, shape, dtype=torch.int32, generator=random),
            torch.randint(CLASSES, shape, dtype=torch.int32, generator=random),
            torch.full(shape[:2], sizes.batch, dtype=torch.int32),
            torch.full((*shape[:2], 4), 0.01, dtype=torch.float64),
        )
        group.run(schedule, stored)
        group.results(number)

    _, test = _feeds(device, sizes)

    def score(number: int) -> None:
        for _ in range(number):
            segment_scores(probes[0], test, spec)

    return steps, _seconds(score, 3, device) / 3 / len(test)


def _feeds(device: torch.device, sizes: Sizes) -> tuple[Feed, Feed]:
    """As many segments as ``sizes`` says, of utterances of one segment each."""
    rng = np.random.default_rng(0)
    arrays = rng.random((sizes.segments, sizes.rows, sizes.columns), np.float32)
    spec = FeaturesSpec(
        sample_rate=16000, n_fft=1600, max_hz=10 * sizes.rows, segment_s=sizes.columns / 100
    )
    held = [ArrayEntry(array, sizes.columns) for array in arrays]
    labels = [number % CLASSES for number in range(len(held))]
    scored = max(sizes.batch, sizes.segments // 4)
    train = SegmentDataset(held, labels, spec, "train")
    test = SegmentDataset(held[:scored], labels[:scored], spec, "test")
    trained, scored = feeds([train, test], device, steady=True)
    return trained, scored


def _plain(
    shape: tuple[int, int], device: torch.device, sizes: Sizes, *, compiled: bool
) -> dict[str, Callable[[int], None]]:
    """The plain module on one batch that is on the device already, as torch is set by default
    (tf32 products in convolutions), and what else torch can do for it."""
    contenders: dict[str, Callable[[int], None]] = {"plain": _eager(shape, device, sizes)}
    if device.type != "cuda":
        return contenders
    torch.backends.cudnn.benchmark = True  # for the tuned ones, and from here on
    for bf16 in (False, True):
        for channels_last in (False, True):
            layout = "channels_last" if channels_last else "contiguous"
            name = f"{'bf16' if bf16 else 'float32'} {layout}"
            options = {"bf16": bf16, "channels_last": channels_last}
            ways = {"graph": lambda o=options: _graphed(_eager(shape, device, sizes, **o))}
            if compiled and bf16:
                ways["compiled"] = lambda o=options: _eager(
                    shape, device, sizes, **o, compiled=True
                )
            for way, make in ways.items():
                try:
                    steps = make()
                    steps(2)
                except (RuntimeError, torch.OutOfMemoryError) as error:
                    print(f"{name}, {way}: {error}", file=sys.stderr)
                else:
                    contenders[f"{name}, {way}"] = steps
    torch.backends.cudnn.benchmark = False
    return contenders


def _eager(
    shape: tuple[int, int],
    device: torch.device,
    sizes: Sizes,
    *,
    bf16: bool = False,
    channels_last: bool = False,
    compiled: bool = False,
) -> Callable[[int], None]:
    torch.manual_seed(0)
    model: Any = ReferenceProbe(*shape, sizes.filters, CLASSES).to(device)
    segments = torch.rand(sizes.batch, 1, sizes.rows, sizes.columns, device=device)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        segments = torch.empty_like(segments, memory_format=torch.channels_last).copy_(segments)
    labels = torch.arange(sizes.batch, device=device) % CLASSES
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    if compiled:
        torch._dynamo.reset()  # it gives up on a function that it has compiled for many shapes
    called = torch.compile(model) if compiled else model

    def steps(number: int) -> None:
        torch.backends.cudnn.allow_tf32 = True
        for _ in range(number):
            optimizer.zero_grad(set_to_none=False)
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                loss = functional.cross_entropy(called(segments).float(), labels)
            loss.backward()
            optimizer.step()
        torch.backends.cudnn.allow_tf32 = False

    return steps


def _graphed(steps: Callable[[int], None]) -> Callable[[int], None]:
    """One step captured as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        steps(3)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        steps(1)

    def replay(number: int) -> None:
        for _ in range(number):
            graph.replay()

    replay.steps = steps  # type: ignore[attr-defined] # what a graph works on must live as long
    return replay
