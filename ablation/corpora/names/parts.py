"""The parts of recordings' names, such as ``folder:1`` or ``field:3``.

A name is a tuple: the folders below that of the corpus, then the file's name without suffix. The
name of a file or folder is used whole, or split at separators (``field``), also between letters
and digits and before capitals (``word``: ``annaHappy01``), or at every change of kind (``run``:
``03a01Fa``). Neighbours are one part too: ``run:1-2`` of ``F01A02`` is ``F01``, ``folder:1-2`` of
``F/01`` is ``F_01``.
"""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from ablation.corpora.names.words import GENDERS, plain
from ablation.errors.naming import InvalidPart

Name = tuple[str, ...]
SEPARATORS = " _-.,;=+()[]"
_FORM = re.compile(
    rf"(?:folder:(?P<folder>-?[1-9]\d?)(?:-(?P<to>[1-9]\d?)\Z|/(?=.)|\Z))?"
    rf"(?:(?P<split>field|word|run):(?P<index>-?[1-9]\d?)(?:-(?P<last>[1-9]\d?))?"
    rf"(?::(?P<separator>[{re.escape(SEPARATORS)}]))?)?"
)
_MOST = 0.8  # share of files that must have a part


@dataclass(frozen=True)
class Part:
    """A place in names; ``folder`` and ``index`` count from 1, or backwards from -1.

    ``folder`` None is the file's own name; ``split`` is "field", "word", "run", or "" for the whole
    of it. ``last`` is the last of several neighbours (of folders where ``split`` is ""), 0 for one
    alone.
    """

    folder: int | None = None
    split: str = ""
    index: int = 1
    separator: str = ""
    last: int = 0

    def __str__(self) -> str:
        place = "" if self.folder is None else f"folder:{self.folder}"
        if not self.split:
            return place + (f"-{self.last}" if self.last else "")
        by = (f"-{self.last}" if self.last else "") + (f":{self.separator}" * bool(self.separator))
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
        folder, index = (int(match[key] or 0) for key in ("folder", "index"))
        last = int(match["last"] or match["to"] or 0)
        if last and not 0 < (index if match["last"] else folder) < last:
            raise InvalidPart(option, text)
        return cls(folder or None, match["split"] or "", index or 1, match["separator"] or "", last)

    def of(self, name: Name) -> str | None:
        """Return the value in ``name``, or None where it has no such part."""
        text = name[-1] if self.folder is None else _at(name[:-1], self.folder)
        if self.folder is not None and self.last and not self.split:
            folders = name[self.folder - 1 : self.last]
            text = "_".join(folders) if len(name) > self.last else None
        if text is not None and self.split:
            found = tokens(text, self.split, self.separator)
            if self.last:
                sign = "_" if self.split == "field" else ""
                some = found[self.index - 1 : self.last]
                text = sign.join(some) if len(found) >= self.last else None
            else:
                text = _at(found, self.index)
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

    ``before`` is the text that precedes it in every name, "" where that varies; ``alone`` whether
    it is all there is in its file's or folder's name. A part is ``ragged`` where it is counted in
    names of several lengths.
    """

    part: Part
    values: tuple[str | None, ...]
    before: str = ""
    ragged: bool = False
    alone: bool = False

    @cached_property
    def distinct(self) -> list[str]:
        """The different values, sorted; of those that differ in capitals, the most frequent."""
        first: dict[str, str] = {}
        for value, _ in sorted(Counter(filter(None, self.values)).items(), key=_by_frequency):
            first.setdefault(folded(value), value)
        return sorted(first.values())

    @cached_property
    def partition(self) -> bytes:
        """Which files share a value: equal for two parts that group the files alike."""
        seen: dict[str | None, int] = {}
        groups = (seen.setdefault(value and folded(value), len(seen)) for value in self.values)
        return array("L", groups).tobytes()


def _by_frequency(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def folded(value: str) -> str:
    """Return what is equal for names that differ in capitals; a single letter stays a code."""
    return value if len(value) == 1 else unicodedata.normalize("NFC", value).casefold()


def column(part: Part, names: Sequence[Name]) -> Column:
    """Return the values of ``part`` in all names."""
    return Column(part, tuple(part.of(name) for name in names))


def columns(names: Sequence[Name]) -> list[Column]:
    """Return all parts that vary and that at least four of five names have, plainest first."""
    depths = Counter(len(name) - 1 for name in names)
    usual, times = depths.most_common(1)[0]
    if times >= _MOST * len(names):  # what lies apart gets no value, and is left out
        return _columns([name if len(name) - 1 == usual else ("",) for name in names], usual)
    return _columns(names, _common(depths), ragged=True)


def _columns(names: Sequence[Name], depth: int, ragged: bool = False) -> list[Column]:
    places = [*(range(-depth, 0) if ragged else []), *range(1, depth + 1)]
    found = [replace(column(Part(place), names), ragged=ragged, alone=True) for place in places]
    found += [
        replace(both, ragged=ragged, alone=True)
        for one, following in pairwise(found)
        if (one.part.folder or 0) > 0
        for both in _joined(
            one, following, replace(one.part, last=following.part.folder or 0), names
        )
    ]
    sources = [None, *range(1, depth + 1)]
    for source in sources:
        found += _fields(source, names)
    for split in ("word", "run"):
        for source in sources:
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
    ``strict`` split yields nothing; otherwise parts are counted from the front. A number behind a
    word for men or women also yields both as one part: F01 and M01 are two.
    """
    whole = [Part(part.folder).of(n) if part.folder else n[-1] for n in names]
    if part.split == "run" and any(map(_capitalised, filter(None, whole))):
        return  # a capital begins a word, which is one
    split = [tokens(text, part.split, part.separator) if text else [] for text in whole]
    usual, times = Counter(map(len, split)).most_common(1)[0]
    ragged = times < _MOST * len(names)
    if ragged:
        if strict:
            return
        usual = _common(Counter(map(len, split)))
    kept = [row if len(row) >= usual and (ragged or len(row) == usual) else None for row in split]
    family: list[Column] = []
    before = ""
    for index in range(usual):
        values = tuple((row[index].strip() or None) if row else None for row in kept)
        here = replace(part, index=index + 1)
        family.append(Column(here, values, before, ragged, usual == 1))
        constant = {value for value in values if value is not None}
        before = constant.pop() if len(constant) == 1 else ""
    for one, following in pairwise(family):
        last = replace(one.part, last=following.part.index)
        for both in _joined(one, following, last, names):
            yield replace(both, ragged=ragged, before=one.before)
    yield from family


def _joined(one: Column, following: Column, part: Part, names: Sequence[Name]) -> Iterator[Column]:
    """Yield two neighbours as one ``part`` where they are men and women, and their numbers."""
    people = all(plain(value) in GENDERS for value in one.distinct)
    if people and one.distinct[1:] and all(map(str.isdecimal, following.distinct)):
        yield column(part, names)


def _capitalised(text: str) -> bool:
    return re.search(r"[^\W\d_]{3}", text) is not None and any(
        word[0].isupper() and word[1:].islower() and len(word) > 2 for word in tokens(text, "word")
    )
