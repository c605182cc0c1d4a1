"""Progress: bars on a terminal and in a notebook, plain lines on stderr elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Protocol

_EVERY = 15.0  # seconds between plain lines


class Advance(Protocol):
    """A function that is told the progress of a task."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show that ``done`` of ``total`` are done, followed by ``note``."""
        ...


class Reporter:
    """Reports progress on stderr; ``quiet`` reports nothing, for use from Python."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        """Print one line on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def task(self, name: str, unit: str) -> Iterator[Advance]:
        """Show a task's progress; call the function it yields with (done, total)."""
        if self.quiet:
            yield _no_progress
        elif sys.stderr.isatty():
            with _bar(name) as advance:
                yield advance
        elif (show := _notebook_display()) is not None:
            yield _Cell(name, unit, show)
        else:
            yield _Lines(self, name, unit)


def _no_progress(done: int, total: int, note: str = "") -> None:
    """Show nothing."""


class _Clock:
    """Measures how fast a task goes and how long it will take."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def rate(self, done: int) -> str:
        """Return, for example, "240/h"."""
        return f"{3600 * done / max(self.elapsed, 1e-9):,.0f}/h"

    def left(self, done: int, total: int) -> str:
        """Return, for example, "about 12 min left", assuming a constant rate."""
        return f"about {duration(self.elapsed / done * (total - done))} left"

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started


@contextmanager
def _bar(name: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    clock = _Clock()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=None, said="")

        def advance(done: int, total: int, note: str = "") -> None:
            going = [clock.rate(done), clock.left(done, total)] if 0 < done < total else []
            said = ", ".join(part for part in (*going, note) if part)
            progress.update(task, completed=done, total=total, said=said)

        yield advance


def _notebook_display() -> Any:
    """Return what shows HTML below a notebook's cell; None outside of notebooks."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]

    return lambda text, before: (
        before.update(HTML(text)) or before if before else display(HTML(text), display_id=True)
    )


class _Cell:
    """A bar below a notebook's cell, which needs no package of widgets."""

    def __init__(self, name: str, unit: str, show: Any) -> None:
        self.name, self.unit, self.show = name, unit, show
        self.clock, self.shown = _Clock(), None

    def __call__(self, done: int, total: int, note: str = "") -> None:
        going = [self.clock.rate(done), self.clock.left(done, total)] if 0 < done < total else []
        said = ", ".join([f"{done} of {total} {self.unit}", *going, *([note] if note else [])])
        bar = f'<progress value="{done}" max="{max(total, 1)}"></progress>'
        self.shown = self.show(f"{escape(self.name)} {bar} {escape(said)}", self.shown)


class _Lines:
    """Prints plain lines: at the first step, then every 15 s, and at the last."""

    def __init__(self, reporter: Reporter, name: str, unit: str) -> None:
        self.reporter, self.name, self.unit = reporter, name, unit
        self.clock = _Clock()
        self.said = self.clock.started

    def __call__(self, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done == 0 or (done < total and now - self.said < _EVERY):
            return
        self.said = now
        going = (
            f"{self.clock.rate(done)}, {self.clock.left(done, total)}"
            if done < total
            else f"in {duration(self.clock.elapsed)}"
        )
        end = f", {note}" if note else ""
        unit = self.unit.removesuffix("s") if total == 1 else self.unit
        self.reporter.say(f"{self.name}: {done} of {total} {unit}, {going}{end}")


def duration(seconds: float) -> str:
    """Return, for example, "45 s", "2.5 min", "12 min" or "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f} min"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size(number: float) -> str:
    """Return a number of bytes as, for example, "450 MB" or "1.1 GB"."""
    return f"{number / 1e6:.0f} MB" if number < 0.95e9 else f"{number / 1e9:.1f} GB"
