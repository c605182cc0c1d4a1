"""Wrong usage is answered in one or two lines, with the nearest right word and exit code 2."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup

from ablation.cli.failures import expected_errors, say

USAGE = 2
UsageError: Any = typer.BadParameter.__mro__[1]  # typer shows no other name of it


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
        say(f"error: {describe(error)}")
        raise typer.Exit(USAGE) from None


def describe(error: Any) -> str:
    """Return what is wrong, the nearest right word, and where to read on."""
    command: Any = getattr(error.ctx, "command", None)
    path = getattr(error.ctx, "command_path", "ablate")
    text = " ".join(error.format_message().split())
    unknown = getattr(error, "option_name", None)
    near: list[str] = []
    if re.match(r"No such command '", text):
        word = text.split("'")[1]
        text = f"no command {word!r}"
        near = get_close_matches(word, list(command.commands), n=1)
    elif unknown is not None and text.startswith("No such option"):
        text = f"no option {unknown}"
        options = [
            name
            for parameter in command.get_params(error.ctx)
            for name in parameter.opts
            if name.startswith("--")
        ]
        near = get_close_matches(unknown, options, n=1)
    elif match := re.match(r"Invalid value for '?(.+?)'?: (?:Value error, )?(.+)", text):
        text = f"{match[1]}: {match[2][:1].lower()}{match[2][1:]}"
        given, *allowed = re.findall(r"'([^']*)'", match[2]) or [""]
        near = get_close_matches(given, allowed, n=1)
    else:
        text = text[:1].lower() + text[1:]
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{text.rstrip('.')}\n  {meant}see {path} --help"
