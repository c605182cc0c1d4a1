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
            "--from",
            metavar="URL",
            help="Another address of the archive, or its path if it is here.",
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", min=0.1, max=3600, help="Seconds without data before another try."
        ),
    ] = 30.0,
    tries: Annotated[
        int, typer.Option("--tries", min=1, help="Tries for each file before giving up.")
    ] = 6,
) -> None:
    """Download a corpus from its public home, completely or not at all."""
    from ablation.corpora.download.sources import MANUAL, SOURCES

    if name in MANUAL:
        say(MANUAL[name])
        raise typer.Exit(EXPECTED_ERROR)
    if to is None and name in SOURCES:
        raise TargetMissing(name)
    from ablation.corpora.download.downloading import Downloads
    from ablation.corpora.download.fetch import fetch_corpus
    from ablation.progress import Reporter

    def accept(source: "Source") -> None:
        _accept(name, source, accept_licence)

    try:
        downloads = Downloads(Reporter(), timeout, tries)
        fetched = fetch_corpus(name, to or Path(name), accept, downloads, from_)
    except KeyboardInterrupt:
        say("interrupted; the same command continues with the files that have not arrived")
        raise typer.Exit(INTERRUPTED) from None
    if not fetched.new:
        say(f"{name} is already there: nothing to do")
    print(f"{fetched.folder}: {counted(fetched.recordings, 'recording')}")
    say(f"next: ablate corpus check --corpus {name} --corpus-root {fetched.folder}")


def _accept(name: str, source: "Source", accepted: bool) -> None:
    """Show the licence and ask the user to accept it; raise :class:`CorpusError` if declined."""
    size = source.archives[0].size
    megabytes = f", {size / 1e6:.0f} MB" if size else ""
    say(f"{source.title}, {source.recordings} recordings{megabytes}")
    say(f"home:    {source.home}")
    say(f"licence: {source.licence}")
    say(f"cite:    {source.citation}")
    if accepted:
        return
    if not sys.stdin.isatty():
        raise LicenceRequired(source.home)
    if not typer.confirm("Do you accept the licence?", err=True):
        raise LicenceDeclined(name)
