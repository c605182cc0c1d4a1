"""``ablate init``: make a study from a folder of audio, by questions or by options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli.failures import say
from ablation.cli.init_asking import parse_codes
from ablation.errors import CorpusError
from ablation.errors.common import OptionsExclude

if TYPE_CHECKING:
    from ablation.init.finding import Found
    from ablation.init.understanding import ReadingOptions, Understood


def init(
    folder: Annotated[Path, typer.Argument(help="The folder of recordings.")],
    speaker: Annotated[
        str | None,
        typer.Option(metavar="PART", help="Where the speaker is named: folder:1, field:2, word:1."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="PART", help="Where the label is named, likewise.")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Where both are named: '{speaker}/{label}_{}.wav'; {} is anything, {label:1} "
            "one character.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="CODE=CLASS,...",
            help="What labels mean, such as W=angry,N=neutral; L= leaves L out; others stay.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the study and its files; default: the folder's.")
    ] = None,
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for study and manifest.")
    ] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Make a study from a folder of recordings.

    Speakers and labels are read from the names of folders and files; the result is a manifest and
    a study file.
    """
    from ablation.cli import init_printing
    from ablation.init import writing
    from ablation.init.finding import read_headers
    from ablation.progress import Reporter

    folder = folder.expanduser()
    options = _options(speaker, label, pattern, labels)
    title = writing.study_name(folder, name)
    writing.require_free([to / f"{title}.toml"], force)
    found = read_headers(folder, Reporter())
    asking = not yes and answers()
    understood = _agreed(found, options, asking)
    if not asking:
        init_printing.print_understood(found, understood)
    start = writing.prepare(found, understood, to, title, force)
    writing.write(start)
    init_printing.print_written(start)


def answers() -> bool:
    """Return whether somebody is there to answer questions."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _options(
    speaker: str | None, label: str | None, pattern: str | None, labels: str | None
) -> ReadingOptions:
    from ablation.init.parts import Part
    from ablation.init.pattern import Pattern
    from ablation.init.understanding import ReadingOptions

    if pattern is not None and (speaker is not None or label is not None):
        raise OptionsExclude(["--pattern", "--label" if speaker is None else "--speaker"])
    return ReadingOptions(
        None if speaker is None else Part.parse(speaker, "--speaker"),
        None if label is None else Part.parse(label, "--label"),
        None if pattern is None else Pattern(pattern),
        {} if labels is None else parse_codes(labels),
    )


def _agreed(found: Found, options: ReadingOptions, asking: bool) -> Understood:
    """Return how the folder is understood; where somebody answers, as they agreed."""
    from ablation.cli import init_asking
    from ablation.init.understanding import understand

    if not asking:
        return understand(found, options)
    while True:
        try:
            understood = understand(found, options)
        except CorpusError as error:
            say(f"{error}")
        else:
            from ablation.cli.init_printing import print_understood

            print_understood(found, understood)
            if init_asking.agrees():
                return understood
        options = init_asking.other_options(found, options)
