"""What this machine has: versions, processor, memory, disks.

Nothing here raises an error because something is missing.
"""

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
from ablation.executors.devices import core_count
from ablation.files import require_writable
from ablation.version import __version__

# Distributions that every run needs, and those that are optional.
NEEDED = ("torch", "numpy", "pandas", "pyarrow", "scipy", "soundfile", "joblib", "loky")
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
    """The processor of this machine.

    Attributes
    ----------
    vector_bits
        Width of the vectors that compiled kernels use; None: kernels cannot be compiled.
    bf16
        Whether it multiplies bfloat16 values itself.
    cores, cores_there
        Cores that this process may use, and cores that the machine has.
    """

    name: str
    vector_bits: int | None
    bf16: bool
    cores: int
    cores_there: int


@dataclass(frozen=True)
class Place:
    """A folder that a run writes to; ``fault`` says why that is not possible, else it is empty."""

    folder: str
    free_bytes: int
    fault: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Part:
    """An optional part: its modules, what is missing without them, and how to install it."""

    name: str
    modules: tuple[str, ...]
    lacks: str
    install: str


PARTS = (
    Part("kernels", ("numba",), "the probe's compiled kernels (steps take longer)", "numba"),
    Part("export", ("onnx", "onnxscript", "onnxruntime"), "ablate export", "[export]"),
    Part("search", ("optuna",), "ablate search", "optuna"),
    Part("cluster", ("distributed", "dask_jobqueue"), "cells on a cluster", "[cluster]"),
    Part("dashboard", ("optuna_dashboard",), "ablate dashboard", "[dashboard]"),
    Part("audformat", ("audformat",), "databases in audformat", "[audformat]"),
    Part("huggingface", ("datasets",), "datasets of Hugging Face", "[huggingface]"),
)


def versions() -> dict[str, str | None]:
    """Return the versions of ablation, Python and dependencies; None for what is not installed."""
    found: dict[str, str | None] = {"ablation": __version__, "python": platform.python_version()}
    return found | {name: _version(name) for name in (*NEEDED, *OPTIONAL)}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> Processor:
    """Return the processor of this machine."""
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
    """Return the memory that this process may use, by machine and container; None if unknown."""
    found = []
    with suppress(OSError, ValueError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # ValueError: "max"
            found.append(int(Path("/sys/fs/cgroup", limit).read_text()))
    return min(found, default=None)


def place(folder: Path) -> Place:
    """Return whether ``folder`` can be written to and what is free; it need not exist yet."""
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
    """Return the optional parts that are not installed."""
    from importlib.util import find_spec

    return [part for part in PARTS if not all(find_spec(name) for name in part.modules)]


def install_line(part: Part) -> str:
    """Return the command that installs a part."""
    what = f"-e '.{part.install}'" if part.install.startswith("[") else part.install
    return f"pip install -c constraints.txt {what}"


def unloadable(modules: Sequence[str] = ("torch", "soundfile", "pyarrow")) -> list[str]:
    """Return a line for each module that every run needs and that cannot be loaded here."""
    import importlib

    faults = []
    for name in modules:
        try:
            importlib.import_module(name)
        except (ImportError, OSError) as error:
            faults.append(f"{name} cannot be loaded: {error}")
    return faults


def system() -> str:
    """Return the operating system and the path of the Python that is running."""
    return f"{platform.platform()}, {sys.executable}"
