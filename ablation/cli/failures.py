"""How a command ends when something goes wrong."""

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from ablation.errors import AblationError, counted

if TYPE_CHECKING:
    from ablation.runs.runner import Tally

EXPECTED_ERROR, SOME_FAILED, INTERRUPTED = 1, 3, 130

debug = False  # set by --debug: expected errors keep their traceback


@contextmanager
def expected_errors() -> Iterator[None]:
    """Print expected errors and end with exit code 1; after an interrupt, print how to resume."""
    try:
        yield
    except AblationError as error:
        if debug:
            raise
        say(f"error: {error}")
        raise typer.Exit(EXPECTED_ERROR) from error
    except KeyboardInterrupt as interrupt:
        _say_interrupted(getattr(interrupt, "tally", None))
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of our output went away (`ablate status | head`): nothing is wrong here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXPECTED_ERROR) from None


class Interrupts:
    """A signal handler: the first interrupt ends the command cleanly, a later one at once.

    A terminal and ``timeout`` may send one interrupt twice within a second; the second one must not
    cut off the clean-up that the first has begun.
    """

    def __init__(self) -> None:
        self._first: float | None = None

    @property
    def came(self) -> bool:
        """Whether there was an interrupt."""
        return self._first is not None

    def __call__(self, _number: int, _frame: object) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if now - self._first > _ONE_INTERRUPT:
            say("interrupted again: stopped at once; finished cells are stored")
            say(_resuming())
            os._exit(INTERRUPTED)  # workers end by themselves when they find their parent gone


_ONE_INTERRUPT = 1.0  # seconds


def _say_interrupted(tally: "Tally | None") -> None:
    """Print what is stored and the command that resumes."""
    if "--dry-run" in sys.argv:
        say("interrupted; a dry run writes nothing")
        return
    if tally is None:
        say("interrupted before anything was trained")
    else:
        are = "is" if tally.cells == 1 else "are"
        there = f"{tally.stored + tally.trained} of {counted(tally.cells, 'cell')} {are} stored"
        say(f"interrupted: {there}")
    say(_resuming())


def _resuming() -> str:
    arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
    return f"resume with: {shlex.join(['ablate', *arguments])}"


def say(text: str) -> None:
    """Print a line on stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)
