"""``{speaker}/{label}_{}.wav``: a pattern that says where speaker and label stand in a path."""

import re
import unicodedata
from collections.abc import Sequence

from ablation.errors import CorpusError, suggestion

PLACES = ("speaker", "label")
_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}:]*)(?::(?P<width>[1-9]\d?))?\}|[{}]")


class Pattern:
    """A pattern of paths.

    ``{speaker}`` and ``{label}`` are its places, ``{}`` is anything, ``{speaker:2}`` is two
    characters, ``{{`` and ``}}`` are braces. It is held against the end of a path, as many folders
    deep as it has; a place reaches to the character that follows it in the pattern.
    """

    def __init__(self, text: str) -> None:
        """Raise :class:`CorpusError` for a pattern that has no sense or lacks a place."""
        self.text = text
        plain = unicodedata.normalize("NFC", text).removeprefix("./").removesuffix(".{}")
        self._parts = plain.count("/") + 1
        self._with_suffix = bool(re.search(r"\.\w{2,5}$", plain))
        if self._with_suffix:
            stem, dot, suffix = plain.rpartition(".")
            plain = stem + dot + suffix.lower()
        self._expressions = [re.compile(self._compiled(plain, lazy), re.DOTALL) for lazy in "? "]

    def _compiled(self, plain: str, lazy: str) -> str:
        """The pattern as an expression; ``lazy`` is "?" or " ": as little as can be, or as much."""
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
                raise self._wrong(f"has a lone {match[0]}", "write {{ or }} for a brace in a name")
            if name not in ("", *PLACES):
                raise self._wrong(f"has an unknown place {{{name}}}", suggestion(name, PLACES))
            width = match["width"]
            if open_ended and not literal and not width:
                raise self._wrong(
                    "has two places side by side", "give the width of one, as in {speaker:2}"
                )
            open_ended = width is None
            body = self._body(name, width, plain[: match.start()], plain[position:], lazy)
            pieces.append(_group(name, body, seen))
        pieces.append(re.escape(plain[position:]))
        if missing := [place for place in PLACES if place not in seen]:
            raise self._wrong(
                f"has no {{{missing[0]}}}", "as in --pattern '{speaker}/{label}_{}.wav'"
            )
        return "".join(pieces)

    def _body(self, name: str, width: str | None, before: str, after: str, lazy: str) -> str:
        """What a place may hold."""
        if width:
            return f"[^/]{{{width}}}"
        if not name:
            return "[^/]*" + lazy.strip()
        stop = after[:1].strip("{}/")
        if not stop and "{}" in before.rpartition("/")[2]:  # {}_{label} ends with its last field
            stop = before[-1:].strip("{}/")
        return f"[^/{re.escape(stop)}]+"

    def _wrong(self, what: str, remedy: str) -> CorpusError:
        return CorpusError(f"--pattern {self.text!r} {what}", remedy)

    def read(self, path: Sequence[str]) -> tuple[str, str] | None:
        """Speaker and label of a path (folders and file name); None where it does not fit.

        Raises :class:`CorpusError` for a path that fits in two ways.
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
            raise CorpusError(
                f"--pattern {self.text!r} fits {'/'.join(path)} in two ways: "
                f"{first[0]}, {first[1]} and {second[0]}, {second[1]}",
                "make it fit in one, by more of what stands between its places",
            )
        way = next(iter(ways), None)
        return way if way and all(way) else None


def _group(name: str, body: str, seen: set[str]) -> str:
    """A place as a group; what stands in it twice must be the same."""
    if name in seen:
        return f"(?P={name})"
    if name:
        seen.add(name)
    return f"(?P<{name}>{body})" if name else body
