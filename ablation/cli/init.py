"""``ablate init``: make a study from a folder of audio, by questions or by options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli.failures import say
from ablation.errors import CorpusError, StudyError
from ablation.errors.common import InvalidOption, OptionsExclude
from ablation.errors.naming import AmbiguousNames, GaveUp

if TYPE_CHECKING:
    from ablation.errors.naming import Way
    from ablation.init.finding import Found
    from ablation.init.understanding import ReadingOptions, Understood

_CODES = "'W=angry,N=neutral,L=' (an empty class leaves the label out)"
_PATTERN = "{speaker}/{label}_{}.wav"


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
    from ablation.init.understanding import understand
    from ablation.progress import Reporter

    folder = folder.expanduser()
    options = _options(speaker, label, pattern, labels)
    title = writing.study_name(folder, name)
    writing.require_free([to / f"{title}.toml"], force)
    found = read_headers(folder, Reporter())
    if yes or not answers():
        understood = understand(found, options)
        shown = False
    else:
        understood, shown = _agreed(found, options), True
    start = writing.prepare(found, understood, to, title, force)
    writing.write(start)  # before anything is printed: a reader such as head may go
    if not shown:
        init_printing.print_understood(found, understood)
    init_printing.print_written(start, understood)


def answers() -> bool:
    """Return whether somebody is there to answer questions."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _options(
    speaker: str | None, label: str | None, pattern: str | None, labels: str | None
) -> ReadingOptions:
    from ablation.corpora.names.parts import Part
    from ablation.init.pattern import Pattern
    from ablation.init.understanding import ReadingOptions

    if pattern is not None and (speaker is not None or label is not None):
        raise OptionsExclude(["--pattern", "--label" if speaker is None else "--speaker"])
    return ReadingOptions(
        None if speaker is None else Part.parse(speaker, "--speaker"),
        None if label is None else Part.parse(label, "--label"),
        None if pattern is None else Pattern(pattern),
        {} if labels is None else _codes(labels),
    )


def _codes(text: str) -> dict[str, str]:
    """Return "W=angry,N=neutral" as a map; raise :class:`StudyError` if it is not CODE=CLASS."""
    codes: dict[str, str] = {}
    for word in text.split(","):
        code, equals, meaning = (piece.strip() for piece in word.partition("="))
        if not equals or not code:
            raise InvalidOption("--labels", word.strip(), "CODE=CLASS", _CODES)
        if codes.setdefault(code, meaning) != meaning:
            raise InvalidOption("--labels", word.strip(), f"one class for {code}", _CODES)
    return codes


def _agreed(found: Found, options: ReadingOptions) -> Understood:
    """Return how the folder is understood as somebody agreed, who is shown it and asked."""
    from ablation.cli.init_printing import print_understood, printable
    from ablation.corpora.names.parts import Part
    from ablation.init.pattern import Pattern
    from ablation.init.understanding import understand

    ways: Sequence[Way] = ()
    while True:
        try:
            understood = understand(found, options)
        except AmbiguousNames as error:
            say("The names can be read in several ways:")
            ways = error.ways
            for number, way in enumerate(ways, 1):
                say(f"  {number}  speaker {way.speaker}, label {way.label}")
                for path, who, what in way.examples:
                    say(printable(f"     {path}: speaker {who}, label {what}"))
            say("parts of the names:")
            for part in error.parts:
                say(printable(f"     {part}"))
        except CorpusError as error:
            say(f"{error}")
        else:
            print_understood(found, understood)
            if ask("Is this right? [Y/n] ").lower() in ("", "y", "yes", "j", "ja"):
                return understood
        say(
            f"Answer with {f'a number from 1 to {len(ways)}, ' if ways else ''}the parts of speaker"
        )
        say(f"and label such as field:2 field:1, a pattern such as {_PATTERN}, or q to quit.")
        answer = ask("How are they to be read? ")
        try:
            words = answer.split()
            if answer.isdecimal() and 0 < int(answer) <= len(ways):
                words = [ways[int(answer) - 1].speaker, ways[int(answer) - 1].label]
            if len(words) == 2 and "{" not in answer:
                parts = [Part.parse(word, "answer") for word in words]
                read = replace(options, speaker=parts[0], label=parts[1], pattern=None)
            else:
                read = replace(options, speaker=None, label=None, pattern=Pattern(answer))
            codes = ask("What do the labels mean? (such as W=angry,L= ; Enter keeps them) ")
            options = replace(read, codes=_codes(codes) if codes else options.codes)
        except (CorpusError, StudyError) as error:
            say(f"{error}")


def ask(question: str) -> str:
    """Return an answer, stripped; raise :class:`GaveUp` where the user quits or input ends."""
    print(question, end="", file=sys.stderr, flush=True)
    line = read_line()
    answer = line.strip()
    if not line or answer.lower() in ("q", "quit"):
        raise GaveUp
    return answer


def read_line() -> str:
    """Return a line from the terminal, or "" at the end of input."""
    return sys.stdin.readline()
