"""What a cell of a table holds: nothing, or something that reads as a text."""

from typing import Any

import numpy as np

_NOTHING = ("NAType", "NaTType")  # of pandas, by name: a CSV file is read without pandas' types


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: no value, NaN, no time, or blanks."""
    if isinstance(value, str):
        return not value.strip()
    if value is None or type(value).__name__ in _NOTHING:
        return True
    # Only what lacks a value differs from itself: NaN, no time.
    return bool(np.isscalar(value) and value != value)


def as_text(value: Any) -> str:
    """A label or speaker as text; a column of numbers reads as in a CSV (3.0 is "3")."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
