"""Ways of writing one word: capitals, blanks, accents, umlauts spelt out, forms of Unicode."""

import unicodedata
from collections.abc import Iterable

# Letters that are no letter with a sign to Unicode, and are often written as one without.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ı": "i"})
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_SIGNS = " _-.'\u2019"  # what a name may have or lack: Anna-Lena, D'Amico


def without_accents(text: str) -> str:
    """``text`` in lower case and without accents: ``Dörte`` is ``dorte``.

    Signs of other scripts, which tell words apart there, stay.
    """
    spread = unicodedata.normalize("NFKD", _lower(text).translate(_LETTERS))
    kept = "".join(c for c in spread if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", kept)


def spelt_out(text: str) -> str:
    """``text`` in lower case and with umlauts as two letters: ``Dörte`` is ``doerte``."""
    return without_accents(_lower(text).translate(_SPELT_OUT))


def _lower(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def near_spellings(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ only in capitals, blanks, hyphens, accents or Unicode form.

    An umlaut is like its two letters and like the letter alone (``Dörte``, ``Doerte``, ``Dorte``),
    but without an umlaut two letters are not like one: ``Joe`` and ``Jo`` may be two people.
    """
    leader: dict[str, str] = {}  # of every name, another of its group or itself

    def led(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    first: dict[str, str] = {}  # the first name that is written in a way
    for name in sorted(set(names)):
        leader[name] = name
        for way in (_bare(without_accents(name)), _bare(spelt_out(name))):
            leader[led(first.setdefault(way, name))] = led(name)
    groups: dict[str, list[str]] = {}
    for name in leader:
        groups.setdefault(led(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _bare(text: str) -> str:
    return "".join(c for c in text if c not in _SIGNS)
