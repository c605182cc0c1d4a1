"""A cell of a table is empty, or holds something that reads as text."""

from typing import Any

import numpy as np

_NOTHING = ("NAType", "NaTType")  # of pandas, by name: a CSV file is read without pandas' types


def is_missing(value: Any) -> bool:
    """Return whether a cell is empty: no value, NaN, NaT, or only blanks."""
    if isinstance(value, str):
        return not value.strip()
    if value is None or type(value).__name__ in _NOTHING:
        return True
    # Only NaN and NaT differ from themselves.
    return bool(np.isscalar(value) and value != value)


def as_text(value: Any) -> str:
    """Return a label or speaker as text; numbers read as in a CSV file (3.0 is "3")."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
