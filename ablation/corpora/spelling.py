"""One name may be written in many ways: capitals, blanks, accents, umlauts, Unicode forms."""

import re
import unicodedata
from collections.abc import Iterable

# Unicode does not decompose these letters, but they are often written without their accent.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ı": "i"})
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_SIGNS = " _-.'\u2019"  # characters often left out of a name: Anna-Lena, D'Amico


def without_accents(text: str) -> str:
    """Return ``text`` in lower case and without accents: ``Dörte`` becomes ``dorte``.

    Marks of other scripts, where they distinguish words, are left unchanged.
    """
    spread = unicodedata.normalize("NFKD", _lower(text).translate(_LETTERS))
    kept = "".join(c for c in spread if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", kept)


def spelt_out(text: str) -> str:
    """Return ``text`` in lower case with umlauts as two letters: ``Dörte`` becomes ``doerte``."""
    return without_accents(_lower(text).translate(_SPELT_OUT))


def _lower(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def near_spellings(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return groups of names that differ only in case, blanks, hyphens, accents or Unicode form.

    Leading zeros, a number's form (1.0) and characters that cannot be seen count as such.

    An umlaut equals its two letters and its letter alone (``Dörte``, ``Doerte``, ``Dorte``), but
    without an umlaut two letters do not equal one: ``Joe`` and ``Jo`` may be two people.
    """
    parent: dict[str, str] = {}  # of each name, another one of its group, or itself

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    first: dict[str, str] = {}  # the first name of each simplified spelling
    for name in sorted(set(names)):
        parent[name] = name
        for spelling in (_bare(without_accents(name)), _bare(spelt_out(name))):
            parent[root(first.setdefault(spelling, name))] = root(name)
    groups: dict[str, list[str]] = {}
    for name in parent:
        groups.setdefault(root(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _bare(text: str) -> str:
    """Return ``text`` without blanks, hyphens, what cannot be seen, and zeros before a number."""
    text = re.sub(r"^(\d+)\.0+$", r"\1", text.strip())
    seen = (c for c in text if c not in _SIGNS and unicodedata.category(c)[0] not in "CZ")
    return re.sub(r"(?<!\d)0+(?=\d)", "", "".join(seen))
