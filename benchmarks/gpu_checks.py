"""Whether a card computes what it should: the first part of ``gpu.py``."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_steps import Sizes
from torch.nn import functional

from ablation.device import INTERPRETER
from ablation.features.cache import Entry
from ablation.models.probe import ReferenceProbe, SinglePassProbe
from ablation.models.probe.cuda.passes import FusedPass
from ablation.models.probe.portable import PortablePass
from ablation.models.probe.reference import same_padding
from ablation.models.probe.sums import Pass
from ablation.study import CellKind, Shape, Study
from ablation.training.task import Cell, CellTask, FoldData, Outcome, Sample
from ablation.training.worker import train_cell

SHAPES = ((1, 1), (2, 2), (10, 2), (2, 8), (37, 5), (100, 2), (2, 80), (20, 20))
SEGMENTS = 3
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
    """The worst relative error of a parameter's gradient, against float64.

    Of autograd of the plain module; in bf16 of the same values rounded to bfloat16 where the engine
    rounds them, as what rounding itself does to a gradient is no fault of a kernel.
    """
    worst = 0.0
    segments = _random(SEGMENTS, 1, sizes.rows, sizes.columns).to(device)
    for shape in _shapes(device):
        torch.manual_seed(0)
        true = ReferenceProbe(*shape, sizes.filters, 4).to(device).double()
        ours = _single_pass(true, shape, precision, FusedPass(bf16=precision == "bf16")).float()
        if precision == "bf16":
            true = _single_pass(true, shape, precision, PortablePass())
        labels = torch.arange(SEGMENTS, device=device) % 4
        for probe, batch in ((true, segments.double()), (ours, segments)):
            functional.cross_entropy(probe(batch), labels).backward()
        for one, other in zip(ours.parameters(), true.parameters(), strict=True):
            if one.grad is not None and other.grad is not None:
                worst = max(worst, _relative(one.grad, other.grad))
    return _found(worst, most)


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
    cpu, card = _cells(device, 200, ("cpu", "card"))
    pairs = zip(cpu.predictions, card.predictions, strict=True)
    share = float(np.mean([a["predicted"] == b["predicted"] for a, b in pairs]))
    return {"found": f"{share:.1%}", "wanted": ">= 98%", "passed": share >= 0.98}


def repeated(device: torch.device, _sizes: Sizes) -> Found:
    """Whether two runs of a cell have the same bits."""
    one, other = ((cell.predictions, cell.epochs) for cell in _cells(device, 20, ("card", "card")))
    return {"found": "same" if one == other else "others", "wanted": "same", "passed": one == other}


CHECKS: dict[str, Callable[[torch.device, Sizes], Found]] = {
    "sums, float32": sums,
    "gradients, float32": lambda device, sizes: gradients(device, sizes, "float32", 1e-5),
    "gradients, bf16": lambda device, sizes: gradients(device, sizes, "bf16", 1e-2),
    "predictions as on the CPU": predictions,
    "two runs": repeated,
}
