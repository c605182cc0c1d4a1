"""How much memory this process has, apart from what it shares with others."""

import sys
from pathlib import Path


def own_memory() -> tuple[int, int]:
    """Bytes of this process' own pages, and of the files and libraries it maps.

    Where the system does not tell them apart, all are its own, at their most.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return _most_resident(), 0
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    own, mapped = (int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))
    return own, mapped


def _most_resident() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
