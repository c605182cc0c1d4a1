"""What this machine has: versions, processor, memory, disks.

Nothing here raises an error because something is missing.
"""

import importlib
import os
import platform
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ablation.version import __version__

# Distributions that every run needs, and those that are optional.
_DISTRIBUTIONS = (
    "torch", "numpy", "pandas", "pyarrow", "scipy", "soundfile", "joblib", "loky",
    "numba", "optuna", "distributed", "dask-jobqueue", "optuna-dashboard", "onnx", "audformat",
    "datasets",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """An optional part: its modules, what is missing without them, and how to install it."""

    modules: tuple[str, ...]
    lacks: str
    install: str

    @property
    def command(self) -> str:
        """The command that installs it."""
        what = f"-e '.{self.install}'" if self.install.startswith("[") else self.install
        return f"pip install -c constraints.txt {what}"


PARTS = (
    Part(("numba",), "the probe's compiled kernels (steps take longer)", "numba"),
    Part(("onnx", "onnxscript", "onnxruntime"), "ablate export", "[export]"),
    Part(("optuna",), "ablate search", "optuna"),
    Part(("distributed", "dask_jobqueue"), "cells on a cluster", "[cluster]"),
    Part(("optuna_dashboard",), "ablate dashboard", "[dashboard]"),
    Part(("audformat",), "databases in audformat", "[audformat]"),
    Part(("datasets",), "datasets of Hugging Face", "[huggingface]"),
)


def versions() -> dict[str, str | None]:
    """Return the versions of ablation, Python and dependencies; None for what is not installed."""
    found: dict[str, str | None] = {"ablation": __version__, "python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def processor() -> str:
    """Return the processor's name, and the width of the vectors that compiled kernels use."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = (line.partition(":")[2] for line in lines if line.startswith("model name"))
        name = next(models, name).strip()
    try:
        from ablation.vectors import HAS_BF16, VECTOR_BYTES
    except ImportError:
        return f"{name}, no compiled kernels"
    return f"{name}, {8 * VECTOR_BYTES}-bit vectors{', bfloat16 products' if HAS_BF16 else ''}"


def memory_bytes() -> int | None:
    """Return the memory that this process may use, by machine and container; None if unknown."""
    found = []
    with suppress(OSError, ValueError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # ValueError: "max"
            found.append(int(Path("/sys/fs/cgroup", limit).read_text()))
    return min(found, default=None)


def free_bytes(folder: Path) -> int:
    """Return the free space where ``folder`` is or would be made; 0 if that cannot be told."""
    with suppress(OSError):
        whole = folder.absolute()
        there = next(path for path in (whole, *whole.parents) if path.exists())
        return shutil.disk_usage(there).free
    return 0


def lacking() -> tuple[Part, ...]:
    """Return the optional parts that are not installed."""
    return tuple(part for part in PARTS if not all(find_spec(name) for name in part.modules))


def unloadable() -> list[str]:
    """Return a line for each module that every run needs and that cannot be loaded here."""
    faults = []
    for name in ("torch", "soundfile", "pyarrow"):
        try:
            importlib.import_module(name)
        except (ImportError, OSError) as error:
            faults.append(f"{name} cannot be loaded: {error}")
    return faults
