"""How much memory this process uses, apart from what it shares with others."""

import resource
import sys
from pathlib import Path


def own_memory() -> tuple[int, int]:
    """Return the bytes of this process's own pages, and of the files and libraries it maps.

    Without ``/proc`` (macOS) the peak of both counts as its own.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return _most_resident(), 0
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    own, mapped = (int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))
    return own, mapped


def _most_resident() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
