"""The device and the number format in which a model is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from ablation.device import CPU, INTERPRETER
from ablation.study import NetworkSpec
from ablation.training.compiling import can_compile

Way = Literal["eager", "captured", "compiled"]


@dataclass(frozen=True)
class Compute:
    """A device, the format of a training step's products, and the order of channels in memory.

    Weights, the optimiser's state, batch statistics and everything in evaluation are float32,
    whatever ``precision`` is.

    Attributes
    ----------
    on_card
        Whether work is arranged for a card: data in its memory, fused kernels.
    way
        How steps are made, if the network allows it: operator by operator, captured once and
        replayed, or compiled and captured.
    """

    device: torch.device
    precision: str = "float32"
    layout: str = "contiguous"
    on_card: bool = False
    way: Way = "eager"

    @classmethod
    def on(
        cls,
        device: str,
        precision: str = "float32",
        layout: str = "contiguous",
        way: Way = "eager",
    ) -> "Compute":
        """Return the compute of ``device`` as a worker sees it.

        That is ``cpu``, ``cuda:0``, or ``interpreter``, which does a card's work on the CPU.
        """
        return cls(_tensors_of(device), precision, layout, device != CPU, way)

    def place(self, model: nn.Module) -> nn.Module:
        """Return ``model`` on the device, in the layout."""
        if self.layout == "channels_last":
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.to(self.device)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Compute products within the block in ``precision``."""
        enabled = self.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=enabled):
            yield

    def __str__(self) -> str:
        way = "" if self.way == "eager" else f" {self.way}"
        return f"torch {self.precision} {self.layout}{way}"


def network_compute(spec: NetworkSpec, device: str) -> Compute:
    """Return the study's choice; for ``auto``, what is fastest on this device.

    bfloat16 is faster if the processor multiplies it itself, and channels_last was faster wherever
    it was measured (``benchmarks/network_step.py``).
    """
    precision = spec.precision
    if precision == "auto":
        precision = "bf16" if _multiplies_bf16(_tensors_of(device)) else "float32"
    layout = "channels_last" if spec.layout == "auto" else spec.layout
    return Compute.on(device, precision, layout, _way(device))


def _way(device: str) -> Way:
    if device == CPU:
        return "eager"
    return "compiled" if can_compile(_tensors_of(device)) else "captured"


def _tensors_of(device: str) -> torch.device:
    return torch.device(CPU if device == INTERPRETER else device)


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = getattr(torch.cpu, "get_capabilities", dict)()  # missing in older torch versions
    return bool(known.get("avx512_bf16", False))
