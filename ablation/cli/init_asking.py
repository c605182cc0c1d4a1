"""The questions of ``ablate init``, asked on stderr and answered with one line each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ablation.cli.failures import say
from ablation.cli.init_printing import printable
from ablation.errors import CorpusError, StudyError, counted
from ablation.errors.common import InvalidOption
from ablation.errors.naming import GaveUp, quoted

if TYPE_CHECKING:
    from ablation.init.finding import Found
    from ablation.init.parts import Column, Part
    from ablation.init.pattern import Pattern
    from ablation.init.understanding import ReadingOptions

T = TypeVar("T")

_MOST = 15  # parts offered
_CODES = "'W=angry,N=neutral,L=' (an empty class leaves the label out)"


def agrees() -> bool:
    """Ask whether the names were understood rightly, and return the answer; Enter is yes."""
    while True:
        answer = ask("Is this right? [Y/n] ").lower()
        if answer in ("", "y", "yes", "j", "ja", "n", "no", "nein"):
            return answer not in ("n", "no", "nein")


def other_options(found: Found, options: ReadingOptions) -> ReadingOptions:
    """Ask for speaker, label and what labels mean, and return them."""
    from ablation.init.parts import columns
    from ablation.init.pattern import Pattern

    offered = _offered(columns([recording.name for recording in found.recordings]))
    say("The names have these parts:")
    for number, column in enumerate(offered, 1):
        say(f"  {number}  {column.part!s:18} {_values(column)}")
    say("Answer with a number, a part such as field:2, a pattern such as {speaker}/{label}_{}.wav,")
    say("or q to quit.")
    speaker = _asked("Which is the speaker? ", lambda answer: _pattern_or_part(answer, offered))
    if isinstance(speaker, Pattern):
        options = replace(options, pattern=speaker, speaker=None, label=None)
    else:
        label = _asked("Which is the label? ", lambda answer: _part(answer, offered))
        options = replace(options, pattern=None, speaker=speaker, label=label)
    codes = _asked(
        "What do the labels mean? (such as W=angry,L= ; Enter keeps them) ",
        lambda answer: parse_codes(answer) if answer else {},
    )
    return replace(options, codes=codes)


def _asked(question: str, read: Callable[[str], T]) -> T:
    """Return what ``read`` makes of the answer; ask again where that fails."""
    while True:
        try:
            return read(ask(question))
        except (CorpusError, StudyError) as error:
            say(f"{error}")


def _offered(found: list[Column]) -> list[Column]:
    """Return parts with few enough values to be a speaker or label, each grouping of files once."""
    seen: set[bytes] = set()
    offered = []
    for column in found:
        if column.partition not in seen and len(column.distinct) <= len(column.values) / 2:
            seen.add(column.partition)
            offered.append(column)
    return offered[:_MOST]


def _values(column: Column) -> str:
    return f"{counted(len(column.distinct), 'value')}: {printable(quoted(column.distinct))}"


def _pattern_or_part(answer: str, offered: list[Column]) -> Pattern | Part:
    from ablation.init.pattern import Pattern

    return Pattern(answer) if "{" in answer else _part(answer, offered)


def _part(answer: str, offered: list[Column]) -> Part:
    from ablation.init.parts import Part

    if answer.isdecimal():
        number = int(answer)
        if not 1 <= number <= len(offered):
            raise InvalidOption("answer", number, f"a number from 1 to {len(offered)}")
        return offered[number - 1].part
    return Part.parse(answer, "answer")


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


def parse_codes(text: str) -> dict[str, str]:
    """Return "W=angry,N=neutral" as a map; raise :class:`StudyError` if it is not CODE=CLASS."""
    codes: dict[str, str] = {}
    for word in text.split(","):
        code, equals, meaning = (piece.strip() for piece in word.partition("="))
        if not equals or not code:
            raise InvalidOption("--labels", word.strip(), "CODE=CLASS", _CODES)
        if codes.setdefault(code, meaning) != meaning:
            raise InvalidOption("--labels", word.strip(), f"one class for {code}", _CODES)
    return codes
