"""``ablate corpus fetch``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli.failures import EXPECTED_ERROR, INTERRUPTED, say
from ablation.errors import counted
from ablation.errors.fetching import LicenceDeclined, LicenceRequired, TargetMissing

if TYPE_CHECKING:
    from ablation.corpora.download.sources import Source


def corpus_fetch(
    name: Annotated[str, typer.Argument(help="The corpus (ablate corpus list shows which).")],
    to: Annotated[
        Path | None, typer.Option("--to", help="The corpus's folder; it is created.")
    ] = None,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="Accept the corpus's licence without being asked."),
    ] = False,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL", help="Another address of the archive (http, https, file)."
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", min=0.1, max=3600, help="Seconds without data before another try."
        ),
    ] = 30.0,
    tries: Annotated[
        int, typer.Option("--tries", min=1, help="Tries without progress before giving up.")
    ] = 6,
) -> None:
    """Download a corpus from its public home; run again, it continues where it was cut off."""
    from ablation.corpora.download.sources import MANUAL, SOURCES

    if name in MANUAL:
        say(MANUAL[name])
        raise typer.Exit(EXPECTED_ERROR)
    if to is None and name in SOURCES:
        raise TargetMissing(name)
    from ablation.corpora.download.fetch import fetch_corpus
    from ablation.corpora.download.resuming import Patience

    def accept(source: "Source") -> None:
        _accept(name, source, accept_licence)

    try:
        fetched = fetch_corpus(name, to or Path(name), accept, say, Patience(timeout, tries), from_)
    except KeyboardInterrupt:
        say("interrupted; what has arrived is kept, and the same command continues from there")
        raise typer.Exit(INTERRUPTED) from None
    if not fetched.new:
        say(f"{name} is already there: nothing to do")
    print(f"{fetched.folder}: {counted(fetched.recordings, 'recording')}")
    say(f"next: ablate corpus check --corpus {name} --corpus-root {fetched.folder}")


def _accept(name: str, source: "Source", accepted: bool) -> None:
    """Show the licence and ask the user to accept it; raise :class:`CorpusError` if declined."""
    say(f"{source.title}, {source.recordings} recordings")
    say(f"home:    {source.home}")
    say(f"licence: {source.licence}")
    say(f"cite:    {source.citation}")
    if accepted:
        return
    if not sys.stdin.isatty():
        raise LicenceRequired(source.home)
    if not typer.confirm("Do you accept the licence?", err=True):
        raise LicenceDeclined(name)
