"""Random draws: each has a named seed, and none uses a global state."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ablation.training.naming import derived_seed

__all__ = ["derived_seed", "generator", "seeded"]


@contextmanager
def seeded(*names: object) -> Iterator[None]:
    """Let torch draw from the named seed inside the block; afterwards its state is restored."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(*names))
        yield


def generator(*names: object) -> torch.Generator:
    """Return a CPU generator with the named seed."""
    return torch.Generator().manual_seed(derived_seed(*names))
