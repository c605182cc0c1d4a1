"""Compiling a network for a card, so that it has the same bits in every process."""

from importlib.util import find_spec
from typing import Any, cast

import torch
from torch import nn

# By default the compiler chooses between kernels by timing them. Then two processes may add up in
# different orders, so here it chooses by its rules alone.
_RULES: dict[str, str | int | bool] = {
    "deterministic": True,  # sums: no timing of blocks, paddings and splits
    "triton.autotune_pointwise": False,  # what adds up nothing
    "max_autotune": False,
    "max_autotune_gemm": False,
    "max_autotune_pointwise": False,
    "coordinate_descent_tuning": False,
    "dynamic_scale_rblock": False,
    "benchmark_combo_kernel": False,
    "benchmark_fusion": False,
    "benchmark_epilogue_fusion": False,
    "shape_padding": False,
}
_MOST_GRAPHS = 1  # that are left of earlier cells
_known_graphs = 0


def can_compile(device: torch.device) -> bool:
    """Return whether networks can be compiled for ``device`` by rules alone.

    That takes a card with compute capability 8.0, Triton with a C compiler, and a torch whose
    compiler has a deterministic mode (2.10).
    """
    if device.type != "cuda" or find_spec("triton") is None:
        return False
    if torch.cuda.get_device_capability(device) < (8, 0) or not _has_rules():
        return False
    from ablation.models.probe.cuda.passes import can_launch

    return can_launch()


def compiled(model: nn.Module) -> nn.Module:
    """Return ``model`` compiled for batches of the size that it is first called with.

    The compiler keeps what it made for a network of an earlier cell, and uses it again for the next
    of that kind. But it gives up, unnoticed, on code that it has compiled for too many networks:
    before that it is made to forget them all.
    """
    global _known_graphs
    import torch._dynamo
    from torch._dynamo.utils import counters

    graphs = counters["stats"]["unique_graphs"]
    if graphs - _known_graphs > _MOST_GRAPHS:
        torch._dynamo.reset()
        _known_graphs = graphs
    return cast(nn.Module, torch.compile(model, dynamic=False, options=_rules()))


def _has_rules() -> bool:
    import torch._inductor.config as known

    return hasattr(known, "deterministic")


def _rules() -> dict[str, Any]:
    """Return the rules that this version of the compiler knows."""
    import torch._inductor.config as known

    names = cast(Any, known).get_config_copy()
    return {name: value for name, value in _RULES.items() if name in names}
