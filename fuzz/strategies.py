"""What goes wrong with files: bytes that change, texts nobody expects, values of another kind."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

COUNTS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40)
TEXTS = (
    "", " ", "\t", "\x00", "a\x00b", "\ufeff", "\u2028", "é", "é", "ß", "²", "٣", "🎤", "a" * 300,
    "a/b", "..", "/", "~", "~nobody-here", "~/x", "%s", "{}", "nan", "inf", "-0", "1e400", "1_0",
    "None", "null", "true", '"', "'", "\\", "a,b", "a;b", "a\nb", "<b>", "$x$", "x" * 5000,
)  # fmt: skip

texts = st.sampled_from(TEXTS) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=20
)  # no lone surrogates: UTF-8 cannot hold them
arguments = texts | st.binary(max_size=8).map(os.fsdecode)  # a command line can
integers = (
    st.integers(-3, 20)
    | st.sampled_from([-(2**31), 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**400])
    | st.integers()
)
floats = (
    st.sampled_from([0.0, -0.0, 1e-323, 1e-9, 0.5, 1e9, 1e300, 1.7e308])
    | st.floats()
    | st.floats(0, 100)
)
_scalars = st.booleans() | integers | floats | texts | st.datetimes() | st.dates() | st.times()
values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def damaged(draw: st.DrawFn, contents: Sequence[bytes], most: int = 5) -> bytes:
    """One of the contents with up to ``most`` faults, or bytes of no kind."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(0, most))):
        place = _place(draw, len(content))
        fault = draw(st.sampled_from(["flip", "count", "cut", "drop", "insert", "double", "end"]))
        if fault == "flip" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif fault == "count":
            size, order = draw(st.sampled_from([2, 4, 8])), draw(st.sampled_from(["little", "big"]))
            number = draw(st.sampled_from(COUNTS)) % (1 << 8 * size)
            content[place : place + size] = number.to_bytes(size, order)
        elif fault == "cut":
            del content[place:]
        elif fault == "drop":
            del content[place : place + draw(st.integers(1, 40))]
        elif fault == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif fault == "double":
            content[place:place] = content[place : place + draw(st.integers(1, 200))]
        elif fault == "end":
            other = draw(st.sampled_from(contents))
            content[place:] = other[_place(draw, len(other)) :]
    return bytes(content)


def _place(draw: st.DrawFn, size: int) -> int:
    """Somewhere in a file; where headers and footers lie as often as elsewhere."""
    last = max(size - 1, 0)
    near = draw(st.integers(0, min(last, 120)))
    return draw(st.sampled_from([near, last - near, draw(st.integers(0, last))]))


@st.composite
def altered(draw: st.DrawFn, tables: Sequence[Any], paths: Sequence[tuple[str, ...]] = ()) -> Any:
    """One of the tables (of tables and lists) with odd values in up to three places.

    ``paths`` are places that the tables need not have yet.
    """
    table = _copy(draw(st.sampled_from(tables)))
    for _ in range(draw(st.integers(0, 3))):
        if paths and draw(st.booleans()):
            path: Sequence[Any] = draw(st.sampled_from(paths))
        else:
            path = draw(st.sampled_from(_paths(table)))
        value = draw(_kin(_at(table, path)) if draw(st.booleans()) else values)
        _put(table, path, value, remove=draw(st.integers(0, 9)) == 0)
    return table


def _kin(value: Any) -> st.SearchStrategy[Any]:
    """Odd values of the kind that is there."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int | float):
        return integers | floats
    if isinstance(value, datetime):
        return st.datetimes(timezones=st.none() | st.just(UTC))
    return texts if value is None or isinstance(value, str) else values


def _at(table: Any, path: Sequence[Any]) -> Any:
    """What stands at a path; None for nothing."""
    for key in path:
        if isinstance(table, dict):
            table = table.get(key)
        elif isinstance(table, list) and isinstance(key, int) and key < len(table):
            table = table[key]
        else:
            return None
    return table


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _paths(value: Any) -> list[tuple[Any, ...]]:
    """Where something stands in tables and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for key, below in inner:
        found.append((key,))
        if isinstance(below, dict | list):
            found += [(key, *path) for path in _paths(below)]
    return found or [("new",)]


def _put(table: Any, path: Sequence[Any], value: Any, *, remove: bool) -> None:
    for key in path[:-1]:
        if isinstance(table, dict):
            table = table.setdefault(key, {})
        elif isinstance(table, list) and isinstance(key, int) and key < len(table):
            table = table[key]
        if not isinstance(table, dict | list):
            return  # an odd value stands in the way
    last = path[-1]
    if isinstance(table, list) and not (isinstance(last, int) and last < len(table)):
        return
    if isinstance(table, dict) and not isinstance(last, str):
        return
    if remove and (isinstance(table, list) or last in table):
        del table[last]
    else:
        table[last] = value
