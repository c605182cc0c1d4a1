"""Random draws: each has a named seed, and none uses a global state.

A seed needs no torch, which is imported where torch draws.
"""

import hashlib
import random
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
    """Let torch, numpy and Python draw from the named seed inside the block.

    Only a model of the user's own draws from the last two. Afterwards their states are restored;
    those of cards are not, as nothing draws there outside a block.
    """
    import numpy as np
    import torch

    seed, states = derived_seed(*names), (random.getstate(), np.random.get_state())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def generator(*names: object) -> "torch.Generator":
    """Return a CPU generator of torch with the named seed."""
    import torch

    return torch.Generator().manual_seed(derived_seed(*names))
