"""The names of devices, as ``--devices`` takes them and as rows record them."""

AUTO = "auto"  # every usable card, else the CPU
CPU = "cpu"
CUDA = "cuda"  # every usable card; "cuda:0" is the first

# Does a card's work on the CPU, its kernels in Triton's interpreter: for tests of that work only.
INTERPRETER = "interpreter"


def is_cuda(name: str) -> bool:
    """Return whether ``name`` is ``cuda``, ``cuda:0`` or the like."""
    return name.partition(":")[0] == CUDA
