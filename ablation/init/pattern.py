"""Patterns such as ``{speaker}/{label}_{}.wav``, which give the places of speaker and label."""

import re
import unicodedata
from collections.abc import Sequence

from ablation.errors.naming import AmbiguousPattern, InvalidPattern

PLACES = ("speaker", "label")
_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}:]*)(?::(?P<width>[1-9]\d?))?\}|[{}]")


class Pattern:
    """A pattern of paths.

    ``{speaker}`` and ``{label}`` are its places, ``{}`` is anything, ``{speaker:2}`` is two
    characters, ``{{`` and ``}}`` are braces. It is compared with the end of a path, as many folders
    deep as the pattern has; a place extends to the character that follows it in the pattern.
    """

    def __init__(self, text: str) -> None:
        """Compile ``text``; raise :class:`CorpusError` where it is invalid or lacks a place."""
        self.text = text
        plain = unicodedata.normalize("NFC", text).removeprefix("./").removesuffix(".{}")
        self._parts = plain.count("/") + 1
        self._with_suffix = bool(re.search(r"\.\w{2,5}$", plain))
        if self._with_suffix:
            stem, dot, suffix = plain.rpartition(".")
            plain = stem + dot + suffix.lower()
        self._expressions = [re.compile(self._compiled(plain, lazy), re.DOTALL) for lazy in "? "]

    def _compiled(self, plain: str, lazy: str) -> str:
        """Return the pattern as a regular expression, lazy ("?") or greedy (" ")."""
        pieces: list[str] = []
        seen: set[str] = set()
        position, open_ended = 0, False
        for match in _PLACE.finditer(plain):
            literal = plain[position : match.start()]
            pieces.append(re.escape(literal))
            position = match.end()
            if match[0] in ("{{", "}}"):
                pieces.append(re.escape(match[0][0]))
                open_ended = False
                continue
            name = match["name"]
            if name is None:
                raise InvalidPattern(self.text, f"unmatched {match[0]}")
            if name not in ("", *PLACES):
                raise InvalidPattern(self.text, f"unknown placeholder {{{name}}}")
            width = match["width"]
            if open_ended and not literal and not width:
                raise InvalidPattern(self.text, "two placeholders side by side, none with a width")
            open_ended = width is None
            body = self._body(name, width, plain[: match.start()], plain[position:], lazy)
            pieces.append(_group(name, body, seen))
        pieces.append(re.escape(plain[position:]))
        if missing := [place for place in PLACES if place not in seen]:
            raise InvalidPattern(self.text, f"it has no {{{missing[0]}}}")
        return "".join(pieces)

    def _body(self, name: str, width: str | None, before: str, after: str, lazy: str) -> str:
        """Return the expression for the text that a place may hold."""
        if width:
            return f"[^/]{{{width}}}"
        if not name:
            return "[^/]*" + lazy.strip()
        stop = after[:1].strip("{}/")
        if not stop and "{}" in before.rpartition("/")[2]:  # {}_{label} ends with its last field
            stop = before[-1:].strip("{}/")
        return f"[^/{re.escape(stop)}]+"

    def read(self, path: Sequence[str]) -> tuple[str, str] | None:
        """Return speaker and label of a path (folders, file name), or None where it does not fit.

        Raise :class:`CorpusError` for a path that fits in two ways.
        """
        *folders, file = (unicodedata.normalize("NFC", part) for part in path)
        stem, dot, suffix = file.rpartition(".")
        name = f"{stem}{dot}{suffix.lower()}" if self._with_suffix else (stem or file)
        if len(folders) + 1 < self._parts:
            return None
        text = "/".join([*folders, name][-self._parts :])
        found = [expression.fullmatch(text) for expression in self._expressions]
        ways = {(m["speaker"].strip(), m["label"].strip()) for m in found if m is not None}
        if len(ways) > 1:
            first, second = sorted(ways)
            raise AmbiguousPattern(self.text, "/".join(path), (first, second))
        way = next(iter(ways), None)
        return way if way and all(way) else None


def _group(name: str, body: str, seen: set[str]) -> str:
    """Return a place as a group; a place that occurs twice must hold the same text."""
    if name in seen:
        return f"(?P={name})"
    if name:
        seen.add(name)
    return f"(?P<{name}>{body})" if name else body
