"""The command ``ablate``: it reads options, calls runs and prints results.

Results go to stdout, everything else to stderr.

Commands import what they need when they run, so that ``ablate --help`` answers at once.
"""

import signal
import sys
from typing import Annotated

import typer

from ablation.cli import (
    compare,
    corpus,
    doctor,
    failures,
    fetch,
    field,
    grid,
    init,
    networks,
    power,
    promote,
    report,
    search,
    status,
    studies,
)
from ablation.cli.options import with_groups
from ablation.version import __version__

app = typer.Typer(
    name="ablate",
    cls=failures.Commands,
    help="Which receptive field does my speech-emotion CNN need, and can I trust the answer?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_GROUPS = {
    "": app,
    "corpus": typer.Typer(help="List, fetch, check or synthesize corpora.", no_args_is_help=True),
    "study": typer.Typer(
        help="Show and list studies, or print their schema.", no_args_is_help=True
    ),
}
_COMMANDS = {
    "init": init.init,
    "grid": grid.grid,
    "search": search.search,
    "plot": report.plot,
    "promote": promote.promote,
    "report": report.report,
    "compare": compare.compare,
    "status": status.status,
    "dashboard": search.dashboard,
    "doctor": doctor.doctor,
    "predict": networks.predict,
    "explain": networks.explain,
    "export": networks.export,
    "field": field.field,
    "power": power.power,
    "cache": corpus.cache,
    "corpus list": corpus.corpus_list,
    "corpus fetch": fetch.corpus_fetch,
    "corpus check": corpus.corpus_check,
    "corpus synthesize": corpus.corpus_synthesize,
    "study show": studies.show,
    "study list": studies.list_,
    "study schema": studies.schema,
}
for words, command in _COMMANDS.items():
    group, _, name = words.rpartition(" ")
    _GROUPS[group].command(name, cls=failures.Command)(with_groups(command))
for name in ("corpus", "study"):
    app.add_typer(_GROUPS[name], name=name)


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
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    interrupts = failures.Interrupts()
    signal.signal(signal.SIGTERM, interrupts)  # a scheduler's request to end is an interrupt
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, interrupts)
        sys.unraisablehook = interrupts.unraisable
    try:
        with failures.output_taken():
            app()
    finally:
        # Everything is said; one more press, or one that comes late, must not cut off Python's end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
