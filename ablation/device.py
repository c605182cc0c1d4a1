"""Names of devices, as ``--devices`` takes them and rows carry them."""

AUTO = "auto"  # every usable card, else the CPU
CPU = "cpu"
CUDA = "cuda"  # every usable card; "cuda:0" is the first

# Does a card's work on the CPU, kernels in Triton's interpreter: for tests of that work alone.
INTERPRETER = "interpreter"


def is_cuda(name: str) -> bool:
    """Whether ``cuda``, ``cuda:0`` or the like is meant."""
    return name.partition(":")[0] == CUDA
