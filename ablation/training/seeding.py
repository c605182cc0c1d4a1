"""Every random draw comes from a seed with a name; nothing draws from a global state."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ablation.training.naming import derived_seed

__all__ = ["derived_seed", "generator", "seeded"]


@contextmanager
def seeded(*names: object) -> Iterator[None]:
    """Torch draws from the named seed inside the block and goes on as before after it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(*names))
        yield


def generator(*names: object) -> torch.Generator:
    """A CPU generator of the named seed."""
    return torch.Generator().manual_seed(derived_seed(*names))
