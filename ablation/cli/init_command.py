"""``ablate init``: from a folder of audio to a study, by questions or by flags."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli.failures import say
from ablation.errors import CorpusError

if TYPE_CHECKING:
    from ablation.drivers.starting.finding import Found
    from ablation.drivers.starting.understanding import ReadingOptions, Understood


def init(
    folder: Annotated[Path, typer.Argument(help="The folder of recordings.")],
    speaker: Annotated[
        str | None,
        typer.Option(metavar="PART", help="Where the speaker stands: folder:1, field:2, word:1."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="PART", help="Where the label stands, likewise.")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Where both stand, as '{speaker}/{label}_{}.wav'; {} is anything, {label:1} one "
            "character.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="CODE=CLASS,...",
            help="What labels mean, as W=angry,N=neutral; L= leaves L out; others stay.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the study and its files; default: the folder's.")
    ] = None,
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where study and manifest go.")
    ] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Make a study of a folder of audio: find speakers and labels, write manifest and study."""
    from ablation.cli import init_printing
    from ablation.drivers.progress import Reporter
    from ablation.drivers.starting import writing
    from ablation.drivers.starting.finding import find_recordings

    folder = folder.expanduser()
    options = _options(speaker, label, pattern, labels)
    title = writing.study_name(folder, name)
    writing.require_free([to / f"{title}.toml"], force)
    found = find_recordings(folder, Reporter())
    asking = not yes and answers()
    understood = _agreed(found, options, asking)
    if not asking:
        init_printing.print_understood(found, understood)
    start = writing.prepare(found, understood, to, title, force)
    writing.write(start)
    init_printing.print_written(start)


def answers() -> bool:
    """Whether somebody is there to answer questions."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _options(
    speaker: str | None, label: str | None, pattern: str | None, labels: str | None
) -> ReadingOptions:
    from ablation.corpora.guessing.parts import Part
    from ablation.corpora.guessing.pattern import Pattern
    from ablation.drivers.starting.understanding import ReadingOptions

    if pattern is not None and (speaker is not None or label is not None):
        raise CorpusError(
            "--pattern is given beside --speaker or --label", "a pattern says both; leave one out"
        )
    return ReadingOptions(
        None if speaker is None else Part.parse(speaker, "--speaker"),
        None if label is None else Part.parse(label, "--label"),
        None if pattern is None else Pattern(pattern),
        {} if labels is None else parse_codes(labels),
    )


def parse_codes(text: str) -> dict[str, str]:
    """ "W=angry,N=neutral" as a map; :class:`CorpusError` for a word that is no CODE=CLASS."""
    codes: dict[str, str] = {}
    for word in text.split(","):
        code, equals, meaning = (piece.strip() for piece in word.partition("="))
        if not equals or not code:
            raise CorpusError(
                f"--labels {text!r}: {word.strip()!r} is not CODE=CLASS",
                "as in --labels 'W=angry,N=neutral,L=' (an empty class leaves the label out)",
            )
        if codes.setdefault(code, meaning) != meaning:
            raise CorpusError(f"--labels {text!r}: {code} is given twice", "give it one class")
    return codes


def _agreed(found: Found, options: ReadingOptions, asking: bool) -> Understood:
    """What the folder holds, as understood or, where somebody answers, as agreed on."""
    from ablation.cli import init_asking
    from ablation.drivers.starting.understanding import understand

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
