"""What the benchmarks know of the machine: a bare environment for processes, and its names."""

import os
import platform
from pathlib import Path

# Variables that change the allocator or the number of threads, or load another allocator.
_TUNING = (
    "MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD", "THP_MEM_ALLOC_ENABLE", "OMP_", "GOMP_", "KMP_",
    "MKL_", "OPENBLAS_", "DNNL_", "ONEDNN_", "TORCH_", "ATEN_",
)  # fmt: skip


def bare_environment() -> dict[str, str]:
    """This process's environment without what tunes: as everyone runs it who never heard of it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_TUNING)}


def cpu_name() -> str:
    """The processor as the system calls it; its architecture where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
