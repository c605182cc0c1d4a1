"""Compiles kernels for a card's architecture and prints what each of them takes of it."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ablation.models.probe.cuda import kernels, step_kernels
from ablation.models.probe.cuda.passes import STAGES
from ablation.models.probe.cuda.plans import CardPlan, Tiles

TYPES = dict.fromkeys(
    ("delta", "relu", "active", "patches", "centres", "sums", "state", "gradients", "trainable",
     "first_moment", "second_moment", "average"), "*fp32",
)  # fmt: skip
TYPES |= dict.fromkeys(
    ("total", "spread", "normed", "pulled", "summed", "weighted", "rates", "loss"), "*fp64"
)
TYPES |= dict.fromkeys(("masks", "numbers", "labels", "counts", "step", "correct"), "*i32")
NUMBERS = dict.fromkeys(("momentum", "eps", "decay", "smoothing"), "fp32")


def main(architecture: int, plans: Sequence[CardPlan], precision: str) -> None:
    """A line for each kernel: name, registers, stack, local and shared bytes, matrix products."""
    kind = "bf16" if precision == "bf16" else "fp32"
    three = {"THREE_PRODUCTS": precision == "float32"}
    for tiles in dict.fromkeys(plan.scores for plan in plans):
        trains = {"TRAIN": True} | three | _sizes(tiles)
        if tiles.whole:
            _compile(kernels.all_sums, trains | {"RAGGED": False}, kind, architecture, tiles)
        else:
            _compile(kernels.scores, trains, kind, architecture, tiles)
    for tiles in dict.fromkeys(plan.sums for plan in plans if plan.sums is not None):
        _compile(kernels.masked_sums, _sizes(tiles) | three, kind, architecture, tiles)


def steps(architecture: int) -> None:
    """A line for each kernel of a step that is not the pass."""
    beside = Tiles(1, 1, 1, 4)
    for name, constants in {
        "totals": {"COLUMNS": 256}, "spreads": {"TAPS": 16},
        "affine": {"BIAS": True, "ROUNDED": True, "TAPS": 64},
        "head": {"ROWS": 16, "FILTERS": 16, "CLASSES": 4},
        "through": {"SEGMENTS": 8, "TAPS": 16}, "gradient": {"BIAS": True, "TAPS": 64},
        "update": {"OPTIMIZER": "adamw", "AVERAGED": True, "VALUES": 1024},
    }.items():  # fmt: skip
        types = {"sums": "*fp64", "scaled": "*bf16", "places": "*i32"}
        _compile(getattr(step_kernels, name), constants, "fp32", architecture, beside, types)


def _sizes(tiles: Tiles) -> dict[str, Any]:
    return {"ROWS": tiles.rows, "TAPS": tiles.taps, "PLACES": tiles.places, "ALIGNED": True}


def _compile(
    kernel: Any,
    constants: dict[str, Any],
    kind: str,
    architecture: int,
    tiles: Tiles,
    other: dict[str, str] | None = None,
) -> None:
    """As a launch would: integers of any size, arrays that begin where torch lets them begin."""
    names = kernel.arg_names
    known = TYPES | NUMBERS | dict.fromkeys(("segments", "weight", "table"), f"*{kind}")
    types = {
        name: "constexpr" if name in constants else (known | (other or {})).get(name, "i32")
        for name in names
    }
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(names)
        if types[name].startswith("*")
    }
    source = ASTSource(kernel, types, {name: constants[name] for name in constants}, aligned)
    target = GPUTarget("cuda", architecture, 32)
    options = {"num_warps": tiles.warps, "num_stages": STAGES}
    compiled = triton.compile(source, target=target, options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
        command = [str(tool), "--dump-resource-usage", file.name]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = dict(
        word.split(":", 1) for word in said.split() if word.startswith(("REG:", "STACK:", "LOCAL:"))
    )
    products = [name for name in ("wgmma", "mma") if f"{name}." in compiled.asm["ptx"]]
    name = f"{kernel.__name__}-{tiles.rows}x{tiles.taps}-{kind}"
    shared = compiled.metadata.shared
    print(name, used["REG"], used["STACK"], used["LOCAL"], shared, *products)
