"""Pieces of messages: lists, counts and the nearest word."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_LONGEST = 800  # characters


def one_line(text: str) -> str:
    """Return ``text`` as one line of bearable length, whatever a file's name or a value holds."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    if len(shown) <= _LONGEST:
        return shown
    return f"{shown[: _LONGEST // 2]} ... {shown[-_LONGEST // 2 :]}"


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, or its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def named(items: Iterable[object], most: int = 3) -> str:
    """Return ``a, b, c and 4 more``: a list short enough for one line."""
    texts = [str(item) for item in items]
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 speaker`` or ``2 speakers``; ``plural`` is needed where it is not noun plus s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return the allowed word most like ``word``, or an empty text where none is near."""
    return next(iter(get_close_matches(word, sorted(allowed), n=1, cutoff=0.6)), "")


def suggestion(word: str, allowed: Sequence[str]) -> str:
    """Return a remedy that names the nearest allowed word, and all of them."""
    if not allowed:
        return "leave it out: there are none"
    near = nearest(word, allowed)
    listed = ", ".join(sorted(allowed))
    return f"did you mean {near!r}? (allowed: {listed})" if near else f"allowed: {listed}"
