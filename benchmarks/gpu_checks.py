"""Whether a card computes what it should: the first part of ``gpu.py``."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpu_study
import numpy as np
import torch
from gpu_steps import Sizes
from torch.nn import functional

from ablation.device import INTERPRETER
from ablation.features.cache import Entry
from ablation.models.probe import ReferenceProbe, SinglePassProbe
from ablation.models.probe.cuda.group import ProbeGroup, Schedule
from ablation.models.probe.cuda.passes import CardPass, FusedPass
from ablation.models.probe.portable import PortablePass
from ablation.models.probe.reference import same_padding
from ablation.models.probe.sums import Pass
from ablation.study import CellKind, Shape, Study, TrainingSpec
from ablation.training.segment_moments import moment_rows
from ablation.training.task import Cell, CellTask, FoldData, Outcome, Sample
from ablation.training.worker import train_cell, train_cells

SHAPES = ((1, 1), (2, 2), (10, 2), (2, 8), (37, 5), (100, 2), (2, 80), (20, 20))
SEGMENTS = 3
_DRAWS = 5
CLASSES = ("low", "middle", "high")

Found = dict[str, Any]


def _shapes(device: torch.device) -> tuple[tuple[int, int], ...]:
    """All of them on a card; the interpreter takes its time."""
    return SHAPES if device.type == "cuda" else SHAPES[1::3]


def _found(value: float, most: float) -> Found:
    return {"found": f"{value:.1e}", "wanted": f"<= {most:g}", "passed": bool(value <= most)}


def _relative(found: torch.Tensor, true: torch.Tensor) -> float:
    return float((found.double() - true.double()).norm() / true.double().norm().clamp(min=1e-30))


def _random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def sums(device: torch.device, sizes: Sizes) -> Found:
    """The worst relative error of relu sums, counts and patch sums over all shapes."""
    worst = 0.0
    segments = _random(SEGMENTS, sizes.rows, sizes.columns).to(device)
    for height, width in _shapes(device):
        weight = (_random(sizes.filters, height, width) - 0.5).to(device)
        delta = (_random(sizes.filters) - 0.5).to(device)
        found = FusedPass().train(segments, weight, delta)
        pad = same_padding(height, width)
        padded = functional.pad(segments[:, None].double(), pad)
        score = functional.conv2d(padded, weight[:, None].double()) + delta[:, None, None].double()
        mask = (score > 0).double()
        # Correlated with its mask, a segment gives the sums of its patches there.
        patches = [
            functional.conv2d(one[None], on[:, None])[0]
            for one, on in zip(padded, mask, strict=True)
        ]
        worst = max(
            worst,
            _relative(found.relu, score.clamp(min=0).sum((2, 3))),
            _relative(found.active, mask.sum((2, 3))),
            _relative(found.patches.weighted(torch.ones_like(found.relu)), sum(patches)),
        )
    return _found(worst, 1e-6)


def gradients(device: torch.device, sizes: Sizes, precision: str, most: float) -> Found:
    """The worst relative error of a gradient of a group's step, against float64.

    Of autograd of the plain module; in bf16 of the same values rounded to bfloat16 where the engine
    rounds them, as what rounding itself does to a gradient is no fault of a kernel. Where rounding
    brings a position across the threshold, a gradient is not continuous: other segments are drawn.
    """
    worst, error = 0.0, 0.0
    for shape in _shapes(device):
        for draw in range(_DRAWS):
            error, same = _gradient(device, sizes, shape, precision, draw)
            if same:
                break
        worst = max(worst, error)
    return _found(worst, most)


def _gradient(
    device: torch.device, sizes: Sizes, shape: tuple[int, int], precision: str, draw: int
) -> tuple[float, bool]:
    """Return the error of one step's gradients, and whether the same positions were active."""
    generator = torch.Generator().manual_seed(draw)
    segments = torch.rand(SEGMENTS, 1, sizes.rows, sizes.columns, generator=generator).to(device)
    torch.manual_seed(draw)
    true = ReferenceProbe(*shape, sizes.filters, 4).to(device).double()
    ours = _single_pass(true, shape, precision, FusedPass(bf16=precision == "bf16")).float()
    way = CardPass(shape, (sizes.rows, sizes.columns), precision)
    stored = way.room(SEGMENTS, device)
    way.put(segments[:, 0], stored)
    spec = TrainingSpec(steps=1, epochs=None, batch_size=SEGMENTS, schedule="constant")
    group = ProbeGroup([ours], way, spec, moment_rows(ours, segments))
    labels = torch.arange(SEGMENTS) % 4
    numbers = torch.arange(SEGMENTS, dtype=torch.int32)[None, None]
    counts = torch.full((1, 1), SEGMENTS, dtype=torch.int32)
    rates = torch.full((1, 1, 4), 0.1, dtype=torch.float64)
    group.run(Schedule(numbers, labels.int()[None, None], counts, rates), stored)
    if precision == "bf16":
        true = _single_pass(true, shape, precision, PortablePass())
    scores = true(segments.double())
    functional.cross_entropy(scores, labels.to(device)).backward()
    found = group.gradients_of(0)
    errors = {
        name: _relative(found[name].reshape(parameter.shape), parameter.grad)
        for name, parameter in true.named_parameters()
        if parameter.grad is not None
    }
    # The gradient of the shift counts active positions: another one moves it by more than this.
    return max(errors.values()), precision == "bf16" or errors["norm.bias"] < 1e-6


def _single_pass(
    like: ReferenceProbe, shape: tuple[int, int], precision: str, passes: Pass
) -> SinglePassProbe:
    """A single-pass probe with the weights of ``like``."""
    filters, classes = like.conv.out_channels, like.linear.out_features
    probe = SinglePassProbe(*shape, filters, classes, precision=precision, passes=passes)
    probe = probe.to(like.conv.weight)
    probe.load_state_dict(like.state_dict())
    return probe


def _fold(folder: Path, height: int, columns: int) -> FoldData:
    """Noise in one of three bands, forty utterances a class and side."""
    rng = np.random.default_rng(0)

    def side(name: str) -> tuple[Sample, ...]:
        samples = []
        for number in range(120):
            label, frames = number % 3, int(columns * (1 + number % 3))
            array = rng.random((height, frames), np.float32) ** 3
            band = slice(label * height // 3, (label + 1) * height // 3)
            array[band] *= np.float32(1.3)
            path = folder / f"{name}{number}-{frames}.npy"
            np.save(path, array)
            samples.append(Sample(f"{name}{number}", name, label, Entry(path, frames)))
        return tuple(samples)

    return FoldData("b", ("b",), side("a"), side("b"))


def _cells(device: torch.device, steps: int, devices: tuple[str, ...]) -> list[Outcome]:
    card = "cuda:0" if device.type == "cuda" else INTERPRETER
    small = {
        "sample_rate": 8000, "n_fft": 160, "window_ms": 20, "hop_ms": 40, "max_hz": 800,
        "segment_s": 0.96, "train_hop_s": 0.96, "test_hop_s": 0.96, "normalise": "minmax",
    }  # fmt: skip
    large = {"max_hz": 1000, "segment_s": 1.0}
    study = Study.model_validate(
        {
            "features": large if device.type == "cuda" else small,
            "probe": {"filters": 8},
            "training": {"steps": steps, "batch_size": 16 if device.type == "cuda" else 4,
                         "schedule": "constant"},
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        fold = _fold(Path(folder), study.features.height, study.features.width)
        found = []
        for where in devices:
            cell = Cell(CellKind.PROBE, (Shape(5, 2),), study.features.window_ms, 0, "b")
            task = CellTask(cell, study, CLASSES, "d", fold)
            outcome = train_cell(task, card if where == "card" else where)
            if outcome.failed:
                raise SystemExit(outcome.row["error"])
            found.append(outcome)
    return found


def predictions(device: torch.device, _sizes: Sizes) -> Found:
    """The share of utterances on which a card and the CPU agree after two hundred steps."""
    steps = 200 if device.type == "cuda" else 20
    cpu, card = _cells(device, steps, ("cpu", "card"))
    pairs = zip(cpu.predictions, card.predictions, strict=True)
    share = float(np.mean([a["predicted"] == b["predicted"] for a, b in pairs]))
    return {"found": f"{share:.1%}", "wanted": ">= 98%", "passed": share >= 0.98}


def grouped(device: torch.device, sizes: Sizes) -> Found:
    """Whether cells of a group have the bits that they have alone."""
    del sizes
    card = "cuda:0" if device.type == "cuda" else INTERPRETER
    with gpu_study.corpus(device.type == "cuda") as (study, folds):
        steps = 20 if device.type == "cuda" else 2
        few = study.training.model_copy(update={"steps": steps, "epochs": None})
        tasks = [
            gpu_study.task_of(Shape(10, 2), study.model_copy(update={"training": few}), fold)
            for fold in folds[:3]
        ]
        together = train_cells(tasks, card)
        alone = [train_cell(task, card) for task in tasks]
    same = all(
        (one.predictions, one.epochs) == (other.predictions, other.epochs) and not one.failed
        for one, other in zip(together, alone, strict=True)
    )
    return {"found": "same" if same else "others", "wanted": "same", "passed": same}


def repeated(device: torch.device, _sizes: Sizes) -> Found:
    """Whether two runs of a cell have the same bits."""
    one, other = (
        (cell.predictions, cell.epochs)
        for cell in _cells(device, 20 if device.type == "cuda" else 3, ("card", "card"))
    )
    return {"found": "same" if one == other else "others", "wanted": "same", "passed": one == other}


CHECKS: dict[str, Callable[[torch.device, Sizes], Found]] = {
    "sums, float32": sums,
    "gradients, float32": lambda device, sizes: gradients(device, sizes, "float32", 1e-5),
    "gradients, bf16": lambda device, sizes: gradients(device, sizes, "bf16", 1e-2),
    "predictions as on the CPU": predictions,
    "two runs": repeated,
    "in a group and alone": grouped,
}
