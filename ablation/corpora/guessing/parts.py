"""A part of a recording's name, as ``folder:1`` or ``field:3``, and all parts that names have.

A name is a tuple: its folders below the corpus' own, then the file's name without suffix. A
file's or a folder's name is read as a whole, by its separators (``field``), also between letters
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

from ablation.errors import CorpusError

Name = tuple[str, ...]
SEPARATORS = " _-.,;=+()[]"
_FORM = re.compile(
    rf"(?:folder:(?P<folder>-?[1-9]\d?)(?:/(?=.)|\Z))?"
    rf"(?:(?P<split>field|word|run):(?P<index>-?[1-9]\d?)(?::(?P<separator>[{re.escape(SEPARATORS)}]))?)?"
)
HOW = "folder:1 is the outermost folder, field:2 the second field of the file's name"
_MOST = 0.8  # share of files that must have a part


@dataclass(frozen=True)
class Part:
    """Where in a name a value stands; ``folder`` and ``index`` count from 1, or from -1 backwards.

    ``folder`` None is the file's own name; ``split`` "" is the whole of it.
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
        """As the command line gives it; :class:`CorpusError` for any other text."""
        plain = text.strip()
        # A blank at the end may be the separator: "field:2: ".
        match = (_FORM.fullmatch(plain) or _FORM.fullmatch(f"{plain} ")) if plain else None
        if match is None or (match["separator"] and match["split"] != "field"):
            raise CorpusError(
                f"{option} {text!r} is no part of a name",
                f"as in {option} folder:1 or field:2 ({HOW}; -1 is the last), word:2, run:4, "
                f"field:2:_ (by that separator alone), folder:1/field:2",
            )
        folder = int(match["folder"]) if match["folder"] else None
        index = int(match["index"]) if match["index"] else 1
        return cls(folder, match["split"] or "", index, match["separator"] or "")

    def of(self, name: Name) -> str | None:
        """The value in ``name``; None where it has no such part."""
        text = name[-1] if self.folder is None else _at(name[:-1], self.folder)
        if text is not None and self.split:
            text = _at(tokens(text, self.split, self.separator), self.index)
        return (text or "").strip() or None


def _at(items: Sequence[str], index: int) -> str | None:
    place = index - 1 if index > 0 else len(items) + index
    return items[place] if 0 <= place < len(items) else None


def tokens(text: str, split: str, separator: str = "") -> list[str]:
    """``text`` in fields, words or runs."""
    if split == "field":
        if separator:
            return text.split(separator)
        return [field for field in re.split(rf"[\s{re.escape(SEPARATORS)}]+", text) if field]
    found: list[str] = []
    last = ""
    for character in text:
        kind = _kind(character) or last  # a combining sign belongs to what it stands on
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
    """A part and its value in every name (None where it has none).

    ``before`` is what stands before it in every name, "" where that varies. ``ragged`` parts are
    counted in names of several lengths: only such of one end go together. What ``remains`` of a
    folder's name without a session says as much as the whole.
    """

    part: Part
    values: tuple[str | None, ...]
    before: str = ""
    ragged: bool = False
    remains: bool = False

    @cached_property
    def distinct(self) -> list[str]:
        """The values, sorted."""
        return sorted({value for value in self.values if value is not None})

    @cached_property
    def partition(self) -> bytes:
        """Which files share a value: equal for two parts that say the same in other words."""
        seen: dict[str | None, int] = {}
        return array("L", (seen.setdefault(value, len(seen)) for value in self.values)).tobytes()


def column(part: Part, names: Sequence[Name]) -> Column:
    """``part`` of every name."""
    return Column(part, tuple(part.of(name) for name in names))


def columns(names: Sequence[Name]) -> list[Column]:
    """All parts that at least four of five names have and that vary, the plainest first."""
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
    """The greatest number that four of five names reach."""
    total = sum(counts.values())
    return max(
        (n for n in counts if sum(c for m, c in counts.items() if m >= n) >= _MOST * total),
        default=0,
    )


def _fields(source: int | None, names: Sequence[Name]) -> Iterator[Column]:
    """By all separators; by one alone where that parts every name alike and all together do not."""
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
    """The parts of one way to split: those of the usual number of tokens.

    Names with another number have no value, lest a value be read one place beside its own. Where
    no number is usual, ``strict`` gives up; else parts are counted from the front.
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
