"""Seeds from the names of random draws; torch is not needed."""

import hashlib


def derived_seed(*names: object) -> int:
    """Return a seed from 0 to 2^63 - 1 from names such as ("init", 0, "10x2", "03")."""
    text = "|".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
