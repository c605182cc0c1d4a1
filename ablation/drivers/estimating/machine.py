"""What this machine has: versions, processor, memory, cards, disks. Nothing here raises for what is
merely missing."""

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ablation.errors import StorageError
from ablation.execution.devices import core_count
from ablation.files import require_writable
from ablation.version import __version__

# Distributions of every run, and of what may be left out.
NEEDED = ("torch", "numpy", "pandas", "pyarrow", "scipy", "soundfile", "loky")
OPTIONAL = (
    "numba",
    "optuna",
    "distributed",
    "dask-jobqueue",
    "optuna-dashboard",
    "onnx",
    "audformat",
    "datasets",
)


@dataclass(frozen=True)
class Processor:
    """Its name, the width of the vectors that kernels use (None: no kernels), bfloat16 products,
    and how many cores may be used of those there are."""

    name: str
    vector_bits: int | None
    bf16: bool
    cores: int
    cores_there: int


@dataclass(frozen=True)
class Place:
    """A folder that a run writes to; ``fault`` says why it cannot, empty where it can."""

    folder: str
    free_bytes: int
    fault: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Part:
    """What may be left out, what lacks then, and the line that brings it."""

    name: str
    modules: tuple[str, ...]
    lacks: str
    install: str


PARTS = (
    Part("kernels", ("numba",), "the probe's compiled kernels: steps take longer", "numba"),
    Part("export", ("onnx", "onnxscript", "onnxruntime"), "ablate export", "[export]"),
    Part("search", ("optuna",), "ablate search", "optuna"),
    Part("cluster", ("distributed", "dask_jobqueue"), "cells on a cluster", "[cluster]"),
    Part("dashboard", ("optuna_dashboard",), "ablate dashboard", "[dashboard]"),
    Part("audformat", ("audformat",), "databases in audformat", "[audformat]"),
    Part("huggingface", ("datasets",), "datasets of Hugging Face", "[huggingface]"),
)


def versions() -> dict[str, str | None]:
    """Of ablation, Python and the distributions it builds on; None of what is not installed."""
    found: dict[str, str | None] = {"ablation": __version__, "python": platform.python_version()}
    return found | {name: _version(name) for name in (*NEEDED, *OPTIONAL)}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> Processor:
    bits, bf16 = None, False
    with suppress(ImportError):
        from ablation.vectors import HAS_BF16, VECTOR_BYTES

        bits, bf16 = 8 * VECTOR_BYTES, HAS_BF16
    return Processor(_processor_name(), bits, bf16, core_count(), os.cpu_count() or 1)


def _processor_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory_bytes() -> int | None:
    """What this process may use, by the machine and by its container; None where nobody says."""
    found = []
    with suppress(OSError, ValueError, AttributeError):  # AttributeError: Windows
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # ValueError: "max"
            found.append(int(Path("/sys/fs/cgroup", limit).read_text()))
    return min(found, default=None)


def place(folder: Path) -> Place:
    """What can be written to ``folder``, which need not be there yet."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = 0
    try:
        require_writable(folder.absolute())
    except StorageError as error:
        return Place(str(folder), free, error.what, error.remedy)
    return Place(str(folder), free)


def lacking() -> list[Part]:
    """The parts that are not installed."""
    from importlib.util import find_spec

    return [part for part in PARTS if not all(find_spec(name) for name in part.modules)]


def install_line(part: Part) -> str:
    """How pip brings a part."""
    what = f"-e '.{part.install}'" if part.install.startswith("[") else part.install
    return f"pip install -c constraints.txt {what}"


def unloadable(modules: Sequence[str] = ("torch", "soundfile", "pyarrow")) -> list[str]:
    """What every run loads and cannot be loaded here, a line each."""
    import importlib

    faults = []
    for name in modules:
        try:
            importlib.import_module(name)
        except (ImportError, OSError) as error:
            faults.append(f"{name} cannot be loaded: {error}")
    return faults


def system() -> str:
    """Operating system, and which Python runs."""
    return f"{platform.platform()}, {sys.executable}"
