"""Names of random draws as seeds, for which torch is not needed."""

import hashlib


def derived_seed(*names: object) -> int:
    """A seed in 0..2^63 from a list of names, such as ("init", 0, "10x2", "03")."""
    text = "|".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
