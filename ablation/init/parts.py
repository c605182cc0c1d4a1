"""The parts of recordings' names, such as ``folder:1`` or ``field:3``.

A name is a tuple: the folders below that of the corpus, then the file's name without suffix. The
name of a file or folder is used whole, or split at separators (``field``), also between letters
and digits and before capitals (``word``: ``annaHappy01``), or at every change of kind (``run``:
``03a01Fa``).
"""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ablation.errors.naming import InvalidPart

Name = tuple[str, ...]
SEPARATORS = " _-.,;=+()[]"
_FORM = re.compile(
    rf"(?:folder:(?P<folder>-?[1-9]\d?)(?:/(?=.)|\Z))?"
    rf"(?:(?P<split>field|word|run):(?P<index>-?[1-9]\d?)(?::(?P<separator>[{re.escape(SEPARATORS)}]))?)?"
)
_MOST = 0.8  # share of files that must have a part


@dataclass(frozen=True)
class Part:
    """A place in names; ``folder`` and ``index`` count from 1, or backwards from -1.

    ``folder`` None is the file's own name; ``split`` is "field", "word", "run", or "" for the whole
    of it.
    """

    folder: int | None = None
    split: str = ""
    index: int = 1
    separator: str = ""

    def __str__(self) -> str:
        place = "" if self.folder is None else f"folder:{self.folder}"
        if not self.split:
            return place
        by = f":{self.separator}" if self.separator else ""
        return f"{place}{'/' if place else ''}{self.split}:{self.index}{by}"

    @classmethod
    def parse(cls, text: str, option: str) -> "Part":
        """Return the part that the command line gives; raise :class:`CorpusError` if it is none.

        ``option`` is named in the error.
        """
        plain = text.strip()
        # A blank at the end may be the separator: "field:2: ".
        match = (_FORM.fullmatch(plain) or _FORM.fullmatch(f"{plain} ")) if plain else None
        if match is None or (match["separator"] and match["split"] != "field"):
            raise InvalidPart(option, text)
        folder = int(match["folder"]) if match["folder"] else None
        index = int(match["index"]) if match["index"] else 1
        return cls(folder, match["split"] or "", index, match["separator"] or "")

    def of(self, name: Name) -> str | None:
        """Return the value in ``name``, or None where it has no such part."""
        text = name[-1] if self.folder is None else _at(name[:-1], self.folder)
        if text is not None and self.split:
            text = _at(tokens(text, self.split, self.separator), self.index)
        return (text or "").strip() or None


def _at(items: Sequence[str], index: int) -> str | None:
    place = index - 1 if index > 0 else len(items) + index
    return items[place] if 0 <= place < len(items) else None


def tokens(text: str, split: str, separator: str = "") -> list[str]:
    """Return the fields, words or runs of ``text``."""
    if split == "field":
        if separator:
            return text.split(separator)
        return [field for field in re.split(rf"[\s{re.escape(SEPARATORS)}]+", text) if field]
    found: list[str] = []
    last = ""
    for character in text:
        kind = _kind(character) or last  # a combining mark belongs to its letter
        same = kind == last or (split == "word" and (last, kind) == ("upper", "lower"))
        if kind == "separator":
            pass
        elif found and same:
            found[-1] += character
        else:
            found.append(character)
        last = kind
    return found


def _kind(character: str) -> str:
    if character in SEPARATORS or character.isspace():
        return "separator"
    if character.isdigit():
        return "digit"
    if unicodedata.category(character)[0] == "M" or character in "\u200d\ufe0f":
        return ""
    return "upper" if character.isupper() else "lower"


@dataclass(frozen=True)
class Column:
    """A part and its value in every name, None where a name lacks it.

    ``before`` is the text that precedes it in every name, "" where that varies. A part is
    ``ragged`` where it is counted in names of several lengths. It ``remains`` where it is a whole
    folder's name but for the session.
    """

    part: Part
    values: tuple[str | None, ...]
    before: str = ""
    ragged: bool = False
    remains: bool = False

    @cached_property
    def distinct(self) -> list[str]:
        """The different values, sorted."""
        return sorted({value for value in self.values if value is not None})

    @cached_property
    def partition(self) -> bytes:
        """Which files share a value: equal for two parts that group the files alike."""
        seen: dict[str | None, int] = {}
        return array("L", (seen.setdefault(value, len(seen)) for value in self.values)).tobytes()


def column(part: Part, names: Sequence[Name]) -> Column:
    """Return the values of ``part`` in all names."""
    return Column(part, tuple(part.of(name) for name in names))


def columns(names: Sequence[Name]) -> list[Column]:
    """Return all parts that vary and that at least four of five names have, plainest first."""
    found: list[Column] = []
    depths = Counter(len(name) - 1 for name in names)
    depth = _common(depths)
    places = list(range(1, depth + 1)) + (
        list(range(-1, -depth - 1, -1)) if len(depths) > 1 else []
    )
    for place in places:
        whole = column(Part(place), names)
        found.append(Column(whole.part, whole.values, ragged=len(depths) > 1))
    for source in [None, *range(1, depth + 1)]:
        found += _fields(source, names)
    for split in ("word", "run"):
        for source in [None, *range(1, depth + 1)]:
            found += _family(Part(source, split), names, strict=True)
    return [one for one in found if len(one.distinct) > 1]


def _common(counts: Counter[int]) -> int:
    """Return the greatest number that four of five names reach."""
    total = sum(counts.values())
    return max(
        (n for n in counts if sum(c for m, c in counts.items() if m >= n) >= _MOST * total),
        default=0,
    )


def _fields(source: int | None, names: Sequence[Name]) -> Iterator[Column]:
    """Split at all separators, or at one only where that alone gives all names as many fields."""
    every = list(_family(Part(source, "field"), names, strict=False))
    single = [
        list(_family(Part(source, "field", separator=separator), names, strict=True))
        for separator in SEPARATORS
    ]
    regular = [family for family in single if len(family) > 1 and not _gaps(family)]
    if regular and (not every or every[0].ragged or _gaps(every)):
        yield from (one for family in regular for one in family)
    else:
        yield from every


def _gaps(family: list[Column]) -> bool:
    return any(None in one.values for one in family)


def _family(part: Part, names: Sequence[Name], strict: bool) -> Iterator[Column]:
    """Yield the parts that one way to split gives names of the usual number of tokens.

    Other names get no value, since one could be read a place off. Where no number is usual, a
    ``strict`` split yields nothing; otherwise parts are counted from the front.
    """
    whole = [Part(part.folder).of(n) if part.folder else n[-1] for n in names]
    split = [tokens(text, part.split, part.separator) if text else [] for text in whole]
    usual, times = Counter(map(len, split)).most_common(1)[0]
    ragged = times < _MOST * len(names)
    if ragged:
        if strict:
            return
        usual = _common(Counter(map(len, split)))
    kept = [row if len(row) >= usual and (ragged or len(row) == usual) else None for row in split]
    before = ""
    for index in range(usual):
        values = tuple((row[index].strip() or None) if row else None for row in kept)
        here = Part(part.folder, part.split, index + 1, part.separator)
        yield Column(here, values, before, ragged)
        constant = {value for value in values if value is not None}
        before = constant.pop() if len(constant) == 1 else ""
