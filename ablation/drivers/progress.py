"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY = 15.0  # seconds between plain lines

Advance = Callable[[int, int], None]


class Reporter:
    """Says what goes on. ``quiet`` says nothing, for use from Python."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        """One line on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def task(self, name: str, unit: str) -> Iterator[Advance]:
        """A piece of work; the function given is called with (done, total) as it goes on."""
        if self.quiet:
            yield _no_progress
        elif sys.stderr.isatty():
            with _bar(name) as advance:
                yield advance
        else:
            yield _Lines(self, name, unit)


def _no_progress(_done: int, _total: int) -> None:
    """Progress that nobody wants to see."""


@contextmanager
def _bar(name: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=600) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class _Lines:
    """Plain lines: the first end, then one every few seconds, and the last."""

    def __init__(self, reporter: Reporter, name: str, unit: str) -> None:
        self.reporter, self.name, self.unit = reporter, name, unit
        self.started = self.said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0 or (done < total and now - self.said < _EVERY):
            return
        self.said = now
        elapsed = now - self.started
        left = elapsed / done * (total - done)
        rate = f"{3600 * done / max(elapsed, 1e-9):,.0f} an hour, about {duration(left)} left"
        tail = rate if done < total else f"in {duration(elapsed)}"
        self.reporter.say(f"{self.name}: {done} of {total} {self.unit}, {tail}")


def duration(seconds: float) -> str:
    """ "45 s", "12 min" or "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
