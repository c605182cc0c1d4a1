"""The command ``ablate``: it reads options, calls runs and prints results.

Results go to stdout, everything else to stderr.

Commands import what they need when they run, so that ``ablate --help`` answers at once.
"""

import io
import signal
import sys
from typing import Annotated

import typer

from ablation.cli import (
    data_commands,
    evidence_commands,
    failures,
    fetch_command,
    init_command,
    machine_commands,
    network_commands,
    promote_command,
    search_command,
    settings_commands,
    study_commands,
)
from ablation.cli.usage import Commands
from ablation.version import __version__

app = typer.Typer(
    name="ablate",
    cls=Commands,
    help="Which receptive field does my speech-emotion CNN need, and can I trust the answer?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
study_app = typer.Typer(
    help="Show and list studies, or print their schema.",
    no_args_is_help=True,
)
corpus_app = typer.Typer(help="List, fetch, check or synthesize corpora.", no_args_is_help=True)
for command in (
    init_command.init,
    study_commands.grid,
    search_command.search,
    study_commands.plot,
    promote_command.promote,
    evidence_commands.report,
    evidence_commands.compare,
    study_commands.status,
    search_command.dashboard,
    machine_commands.doctor,
    network_commands.predict,
    network_commands.explain,
    network_commands.export,
):
    app.command()(command)
app.add_typer(corpus_app, name="corpus")
app.add_typer(study_app, name="study")
app.command()(data_commands.cache)
corpus_app.command("list")(data_commands.corpus_list)
corpus_app.command("fetch")(fetch_command.corpus_fetch)
corpus_app.command("check")(data_commands.corpus_check)
corpus_app.command("synthesize")(data_commands.corpus_synthesize)
study_app.command("show")(settings_commands.show)
study_app.command("list")(settings_commands.list_)
study_app.command("schema")(settings_commands.schema)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of expected errors.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options of ``ablate`` itself; :func:`main` removes --debug, so that it may stand anywhere."""


def main() -> None:
    """Run the command ``ablate``."""
    failures.debug = "--debug" in sys.argv
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may be spelt in no encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    interrupts = failures.Interrupts()
    signal.signal(signal.SIGTERM, interrupts)  # a scheduler's request to end is an interrupt
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, interrupts)
    try:
        app()
    finally:
        if interrupts.came:  # the same press may arrive while Python ends
            signal.signal(signal.SIGINT, signal.SIG_IGN)
