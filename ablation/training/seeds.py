"""Random draws: each has a named seed, and none uses a global state.

A seed needs no torch, which is imported where torch draws.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derived_seed(*names: object) -> int:
    """Return a seed from 0 to 2^63 - 1 from names such as ("init", 0, "10x2", "03")."""
    text = "|".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


@contextmanager
def seeded(*names: object) -> Iterator[None]:
    """Let torch draw from the named seed inside the block; afterwards its state is restored.

    Cards draw from it too; their states are not restored, as nothing draws there outside a block.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(*names))
        yield


def generator(*names: object) -> "torch.Generator":
    """Return a CPU generator of torch with the named seed."""
    import torch

    return torch.Generator().manual_seed(derived_seed(*names))
