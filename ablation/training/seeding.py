"""Every random draw comes from a seed with a name; nothing draws from a global state."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derived_seed(*names: object) -> int:
    """A seed in 0..2^63 from a list of names, such as ("init", 0, "10x2", "03")."""
    text = "|".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


@contextmanager
def seeded(*names: object) -> Iterator[None]:
    """Torch draws from the named seed inside the block and goes on as before after it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(*names))
        yield


def generator(*names: object) -> torch.Generator:
    """A CPU generator of the named seed."""
    return torch.Generator().manual_seed(derived_seed(*names))
