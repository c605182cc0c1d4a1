"""Seconds of a training step of CNN-LSTM: torch's convolutions, and ours by Fourier transforms.

Both are the same network with the same weights on the same pieces of three seconds, in this
process, which keeps freed memory as a worker does. They take turns; the order is reversed from
round to round. A step's pieces go through in groups, as many as is fastest for each.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from contest import positive
from machine import cpu_name
from torch import nn
from torch.nn import functional

from ablation.executors.devices import initialise_worker
from ablation.study.baselines import CnnLstmSpec
from ablation.training.baselines.cnn_lstm import CnnLstm
from ablation.training.seeds import derived_seed

CLASSES, BINS = 4, 200
GROUPS = {"torch": 4, "ours": 6}


class TorchConvolution(nn.Module):
    """The same convolution by torch, in its faster layout."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        height, width = self.weight.shape[2:]
        sides = ((width - 1) // 2, width // 2, (height - 1) // 2, height // 2)
        maps = functional.pad(maps.to(memory_format=torch.channels_last), sides)
        return functional.conv2d(maps, self.weight, self.bias)


def main() -> None:
    options = _options()
    initialise_worker(options.threads)
    random = torch.Generator().manual_seed(derived_seed("benchmark", "pieces"))
    pieces = torch.randn(options.batch, 300, BINS, generator=random)
    labels = torch.randint(CLASSES, (options.batch,), generator=random)
    steps = {name: _step(name, pieces, labels) for name in GROUPS}
    losses = {name: step() for name, step in steps.items()}
    if abs(losses["torch"] - losses["ours"]) > 1e-4:
        raise SystemExit(f"the contenders' first losses differ: {losses}")
    seconds: dict[str, list[float]] = {name: [] for name in GROUPS}
    for number in range(options.repeats):
        for name in list(GROUPS)[:: -1 if number % 2 else 1]:
            start = time.perf_counter()
            steps[name]()
            seconds[name].append(time.perf_counter() - start)
    found: dict[str, Any] = {f"{name}_s": statistics.median(s) for name, s in seconds.items()}
    found |= {
        "torch_over_ours": found["torch_s"] / found["ours_s"],
        **vars(options), "torch": torch.__version__, "cpu": cpu_name(),
    }  # fmt: skip
    print(json.dumps(found, indent=2) if options.json else _line(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=positive, default=64, help="pieces a step (64)")
    parser.add_argument("--threads", type=positive, default=1, help="of both contenders (1)")
    parser.add_argument("--repeats", type=positive, default=5, help="rounds (5)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a line")
    return parser.parse_args()


def _step(name: str, pieces: torch.Tensor, labels: torch.Tensor) -> Callable[[], float]:
    torch.manual_seed(derived_seed("benchmark", "weights"))
    model = CnnLstm(BINS, CLASSES, CnnLstmSpec(dropout=0.0))
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if name == "torch":
        model.convolutions = nn.ModuleList(TorchConvolution(one) for one in model.convolutions)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> float:
        adam.zero_grad()
        total = 0.0
        groups = zip(pieces.split(GROUPS[name]), labels.split(GROUPS[name]), strict=True)
        for some, truth in groups:
            scores = model(some, torch.full((len(some),), some.shape[1]))
            loss = functional.cross_entropy(scores, truth, reduction="sum") / len(labels)
            loss.backward()
            total += loss.item()
        adam.step()
        return total

    return step


def _line(found: dict[str, Any]) -> str:
    return (
        f"torch {found['torch_s']:.2f} s, ours {found['ours_s']:.2f} s, torch / ours "
        f"{found['torch_over_ours']:.2f}: medians of {found['repeats']} steps of {found['batch']} "
        f"pieces, {found['threads']} threads, torch {found['torch']}, {found['cpu']}."
    )


if __name__ == "__main__":
    main()
