"""Compiles the kernels for a card's architecture and prints what each of them takes of it."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ablation.models.probe.cuda import kernels
from ablation.models.probe.cuda.plans import STAGES, WARPS

TYPES = dict.fromkeys(("delta", "relu", "active", "patches", "centres"), "*fp32")
TYPES["masks"] = "*i32"


def main(architecture: int, configurations: Sequence[tuple[int, int, bool]]) -> None:
    """A line for each kernel: name, registers, stack, local and shared bytes, matrix products."""
    for taps, tile, chunked in configurations:
        for kind in ("fp32", "bf16"):
            constants = {"POSITIONS": tile, "TAPS": taps, "THREE_PRODUCTS": kind == "fp32"}
            first = kernels.scores if chunked else kernels.all_sums
            # Scoring alone takes no more than training does: seen in one kind of numbers.
            for train in (True, False)[: 2 if kind == "fp32" else 1]:
                _compile(first, constants | {"TRAIN": train}, kind, architecture)
            if chunked:
                _compile(kernels.patch_sums, constants, kind, architecture)


def _compile(kernel: Any, constants: dict[str, Any], kind: str, architecture: int) -> None:
    """As a launch would: integers of any size, arrays that begin where torch lets them begin."""
    names = kernel.arg_names
    integers = {*kernels._ANY_SIZE, "blocks"}
    types = {
        name: "constexpr" if name in constants
        else "i32" if name in integers
        else TYPES.get(name, f"*{kind}")
        for name in names
    }  # fmt: skip
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(names)
        if types[name].startswith("*")
    }
    source = ASTSource(kernel, types, {name: constants[name] for name in constants}, aligned)
    target = GPUTarget("cuda", architecture, 32)
    compiled = triton.compile(
        source, target=target, options={"num_warps": WARPS, "num_stages": STAGES}
    )
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
    name = f"{kernel.__name__}-{taps_of(constants)}-{kind}"
    shared = compiled.metadata.shared
    print(name, used["REG"], used["STACK"], used["LOCAL"], shared, *products)


def taps_of(constants: dict[str, Any]) -> str:
    return f"{constants['TAPS']}{'' if constants.get('TRAIN', True) else '-evaluated'}"
