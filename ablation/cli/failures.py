"""How a command ends: expected errors, wrong usage and interrupts in a few lines and a code."""

import errno
import io
import os
import re
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ablation.errors import AblationError, counted
from ablation.files import storage_error

if TYPE_CHECKING:
    from ablation.runs.runner import Tally

EXPECTED_ERROR, USAGE, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130
_STDOUT = Path("stdout")
UsageError: Any = typer.BadParameter.__mro__[1]  # typer shows no other name of it

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


class Output(io.TextIOWrapper):
    """Standard output that remembers why it could not be written to."""

    fault: OSError | None = None

    def write(self, text: str) -> int:
        """Do as other files do."""
        with self._remembering():
            return super().write(text)

    def flush(self) -> None:
        """Do as other files do."""
        with self._remembering():
            super().flush()

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.fault = error
            raise


@contextmanager
def output_taken() -> Iterator[None]:
    """End with exit code 1 where stdout does not take what is printed.

    That is quiet where a reader went away (`ablate status | head`): nothing is wrong then.
    """
    if sys.stdout is None:  # closed: the next file that is opened would be taken for it
        say(f"error: {storage_error('write to', _STDOUT, OSError(errno.EBADF, 'it is closed'))}")
        raise SystemExit(EXPECTED_ERROR)
    if not isinstance(sys.stdout, io.TextIOWrapper):
        yield
        return
    given = {name: getattr(sys.stdout, name) for name in ("line_buffering", "write_through")}
    # A file's name may be spelt in no encoding.
    output = Output(sys.stdout.detach(), sys.stdout.encoding, "backslashreplace", **given)
    sys.stdout = output
    try:
        yield
    finally:
        with suppress(OSError):
            output.flush()
        if output.fault is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())  # Python flushes once more
            if not isinstance(output.fault, BrokenPipeError):
                say(f"error: {storage_error('write to', _STDOUT, output.fault)}")
            raise SystemExit(EXPECTED_ERROR)


class Interrupts:
    """A signal handler: the first interrupt ends the command cleanly, a later one at once.

    A terminal and ``timeout`` may send one interrupt twice within a second; the second one must not
    cut off the clean-up that the first has begun.
    """

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, _number: int, _frame: object) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if now - self._first > _ONE_INTERRUPT:
            say("interrupted again: stopped at once; finished cells are stored")
            say(_resuming())
            os._exit(INTERRUPTED)  # workers end by themselves when they find their parent gone

    def unraisable(self, fault: Any) -> None:
        """Interrupt once more after one that came where Python ignores exceptions.

        That is while an object is being deleted, as in a callback of a weak reference. To be set as
        ``sys.unraisablehook``.
        """
        if not isinstance(fault.exc_value, KeyboardInterrupt):
            sys.__unraisablehook__(fault)
            return
        self._first = None
        main = threading.main_thread().ident
        if main is not None:
            threading.Timer(0.05, signal.pthread_kill, [main, signal.SIGINT]).start()


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


def finish(tally: "Tally") -> None:
    """Say how many cells were trained; exit with code 3 when some failed."""
    parts = [f"{tally.trained} trained", f"{tally.stored} were stored before"]
    if tally.failures:
        parts.append(f"{len(tally.failures)} failed")
    say(f"{counted(tally.cells, 'cell')}: {', '.join(parts)}")
    if tally.failures:
        say("the same command tries failed cells again; ablate status lists them")
        raise typer.Exit(SOME_FAILED)


class Command(TyperCommand):
    """A command whose usage errors all know which command they are of."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Do as typer does; its parser leaves out the command where an option lacks its value."""
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class Commands(TyperGroup):
    """The group of all commands: the one place where errors become a few lines and an exit code."""

    def make_context(self, *arguments: Any, **extra: Any) -> Any:
        """Do as typer does; a wrong option of ``ablate`` itself ends here."""
        with _wrong_usage():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Do as typer does; wrong usage and expected errors of every command end here."""
        with _wrong_usage(), expected_errors():
            return super().invoke(ctx)


@contextmanager
def _wrong_usage() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise  # asks for help, and gets it
        say(f"error: {_describe(error)}")
        raise typer.Exit(USAGE) from None


def _describe(error: Any) -> str:
    """Return what is wrong, the nearest right word, and where to read on."""
    command: Any = getattr(error.ctx, "command", None)
    path = getattr(error.ctx, "command_path", "ablate")
    text = " ".join(error.format_message().split())
    word, known = "", []
    if found := re.match("No such command '(.*?)'", text):
        word, known = found[1], [*command.commands]
        text = f"no command {word!r}"
    elif text.startswith("No such option"):
        word = error.option_name
        known = [name for option in command.get_params(error.ctx) for name in option.opts]
        text = f"no option {word}"
    elif found := re.match(r"Invalid value for '?(.+?)'?: (?:Value error, )?(.+)", text):
        word, *known = re.findall(r"'([^']*)'", found[2]) or [""]
        text = f"{found[1]}: {_misfit(error.__cause__) or found[2][:1].lower() + found[2][1:]}"
    else:
        text = text[:1].lower() + text[1:]
    near = get_close_matches(word, known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{text.rstrip('.')}\n  {meant}see {path} --help"


_EXPECTED = {  # by pydantic's name of a fault, whose words typer takes over
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than_equal": "a number of at most {le:g}",
}


def _misfit(cause: Any) -> str:
    """Return in our words why a number cannot be used, or "" where there is none to blame."""
    fault: dict[str, Any] = cause.errors()[0] if hasattr(cause, "errors") else {}
    expected = _EXPECTED.get(fault.get("type", ""), "").format(**fault.get("ctx", {}))
    return f"expected {expected}, got {fault['input']!r}" if expected else ""
