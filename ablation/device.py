"""Names of devices, as ``--devices`` takes them and rows carry them."""

CPU = "cpu"
CUDA = "cuda"

# Does a card's work on the CPU, kernels in Triton's interpreter: for tests of that work alone.
INTERPRETER = "interpreter"


def is_cuda(name: str) -> bool:
    """Whether ``cuda:0`` or the like is meant."""
    return name.partition(":")[0] == CUDA
