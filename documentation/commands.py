"""Generate the page of all commands from the Typer app."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from ablation.cli import app
from documentation.markdown import cell, table

INTRODUCTION = """# Commands

Results go to stdout, everything else to stderr. `--debug`, anywhere on the command line, shows the
traceback of an expected error; `ablate --version` prints the version.
[Exit codes](files.md#exit-codes) are the same for all commands. Paths on the command line are
relative to the working folder; if `--study` is not a file, it names one of the studies that
[ship with the package](../../studies/demo.toml).
"""


def page() -> str:
    """Return the page as Markdown: a heading and a table of options for every command."""
    return INTRODUCTION + "".join(_section(path, found) for path, found in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with the words that call it, as ``corpus check``, in the app's order."""
    yield from _below("", typer.main.get_command(app))


def _below(path: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, found in group.commands.items():
        words = f"{path} {name}".strip()
        if hasattr(found, "commands"):
            yield from _below(words, found)
        else:
            yield words, found


def _section(path: str, found: Any) -> str:
    usage = " ".join(
        ["ablate", path, *(_argument(p) for p in found.params if not _is_option(p)), "[OPTIONS]"]
    )
    text = f"\n## ablate {path}\n\n{_sentence(found.help)}\n\n```text\n{usage}\n```\n"
    rows = [_row(parameter) for parameter in found.params if parameter.name != "help"]
    return text + ("\n" + table(("option", "takes", "default", "meaning"), rows) if rows else "")


def _is_option(parameter: Any) -> bool:
    return parameter.param_type_name == "option"


def _argument(parameter: Any) -> str:
    return f"{parameter.name.upper()}{'...' if parameter.nargs == -1 else ''}"


def _row(parameter: Any) -> tuple[str, str, str, str]:
    named = ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))
    return (
        named if _is_option(parameter) else f"`{_argument(parameter)}`",
        "" if getattr(parameter, "is_flag", False) else cell(_takes(parameter)),
        _default(parameter),
        cell(parameter.help or ""),
    )


def _takes(parameter: Any) -> str:
    if parameter.metavar:
        return parameter.metavar
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " | ".join(str(choice.value) for choice in kind)
    name = _KINDS.get(kind, getattr(kind, "__name__", str(kind)))
    return f"{name}, may be repeated" if parameter.multiple else name


_KINDS = {
    str: "text", int: "number", float: "number", Path: "path",
    list[str]: "text", list[Path]: "path",
}  # fmt: skip


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if value is None or value is False or value == ():
        return ""
    return "yes" if value is True else f"`{value}`"


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())
