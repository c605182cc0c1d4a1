"""How a command ends when it does not end well."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from ablation.errors import AblationError, counted

if TYPE_CHECKING:
    from ablation.drivers.running import Tally

EXPECTED_ERROR, SOME_FAILED, INTERRUPTED = 1, 3, 130

debug = False  # set by --debug: expected errors keep their traceback


@contextmanager
def expected_errors() -> Iterator[None]:
    """Expected errors as a few lines and exit 1, an interrupt with the line that resumes."""
    try:
        yield
    except AblationError as error:
        if debug:
            raise
        say(f"error: {error}")
        raise typer.Exit(EXPECTED_ERROR) from None
    except KeyboardInterrupt as interrupt:
        _say_interrupted(getattr(interrupt, "tally", None))
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of our output went away (`ablate status | head`): nothing is wrong here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXPECTED_ERROR) from None


def _say_interrupted(tally: "Tally | None") -> None:
    """What is there, and the line that goes on from it."""
    if "--dry-run" in sys.argv:
        say("interrupted; a dry run writes nothing")
        return
    if tally is None:
        say("interrupted before anything was trained")
    else:
        are = "is" if tally.cells == 1 else "are"
        there = f"{tally.stored + tally.trained} of {counted(tally.cells, 'cell')} {are} stored"
        say(f"interrupted: {there}")
    arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
    say(f"resume with: {shlex.join(['ablate', *arguments])}")


def say(text: str) -> None:
    """One line on stderr: stdout is for results."""
    print(text, file=sys.stderr, flush=True)
