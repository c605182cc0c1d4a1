"""The folder of ``features.noise_folder``: its recordings by their content."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from ablation.errors.studies import NoiseFolderUnusable
from ablation.files import is_recording


def noise_files(folder: Path) -> dict[str, Path]:
    """Return the recordings below a folder by the digests of their bytes, in the digests' order.

    Of copies, one is there. So neither names nor places of files matter.

    Raises :class:`NoiseFolderUnusable` where there are none, or one cannot be read.
    """
    try:
        found = sorted(
            Path(above, name)
            for above, folders, names in os.walk(folder, onerror=_raise)
            for name in names
            if is_recording(Path(name))
        )
        stamps = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in found]
        if not stamps:
            raise NoiseFolderUnusable(folder, "there is no recording in it")
        return _digested(tuple(stamps))
    except OSError as error:
        raise NoiseFolderUnusable(folder, error.strerror or str(error)) from error


def noise_content(folder: Path) -> str:
    """Return a digest of a folder's recordings; raises as :func:`noise_files`."""
    joined = " ".join(noise_files(folder))
    return hashlib.blake2b(joined.encode(), digest_size=16).hexdigest()


def _raise(error: OSError) -> None:
    raise error


@lru_cache(maxsize=4)
def _digested(stamps: tuple[tuple[str, int, int], ...]) -> dict[str, Path]:
    found = {}
    for name, _, _ in stamps:
        with Path(name).open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        found[digest.hexdigest()] = Path(name)
    return dict(sorted(found.items()))
