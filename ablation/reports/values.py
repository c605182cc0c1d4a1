"""Values of a table as text, rounded alike in every format, as sort keys, and raw."""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence

from ablation.analysis import Interval
from ablation.reports.document import Column, Kind, Table, Value

NO_INTERVAL = "[no interval]"


def show(value: Value, kind: Kind) -> str:
    """Return a value as text, empty for none; the ends of an interval are in brackets.

    "63.4 [57.0, 69.9]" (percent), "+1.5 [−0.5, 3.5]" (points), "0.041" (p), "233 M" (millions).
    """
    if isinstance(value, str):
        return value
    if value is None or math.isnan(_estimate(value)):
        return ""
    if not isinstance(value, Interval):
        return _number(value, kind)
    ends: Kind = "percent" if kind == "points" else kind  # only the estimate has a plus
    return f"{_number(value.estimate, kind)} {_ends(value, ends)}"


def heading(column: Column) -> str:
    """Return a column's header with its unit, unless the header names it."""
    if column.kind == "percent" and "%" not in column.header:
        return f"{column.header} (%)"
    if column.kind == "points" and "point" not in column.header.lower():
        return f"{column.header} (points)"
    return column.header


def number_kind(values: Iterable[float]) -> Kind:
    """Return the kind of a column of numbers: whole ones are shown as such."""
    return "integer" if all(float(value).is_integer() for value in values) else "number"


def sort_key(value: Value, kind: Kind) -> str:
    """Return what a page sorts a value by: a number as JavaScript reads it, or the text itself.

    An interval is sorted by its estimate. The key is empty for a text among numbers.
    """
    if kind == "text":
        return show(value, kind)
    if value is None or isinstance(value, str):
        return ""
    number = _estimate(value)
    return "" if math.isnan(number) else json.dumps(number)  # JSON writes "Infinity", not "inf"


def table_csv(table: Table) -> str:
    """Return a table as CSV: unrounded values, shares in 0..1, an interval in three columns."""
    names: list[object] = []
    columns: list[Sequence[object]] = []
    for column, values in by_column(table):
        header = _raw(column.header)
        names.append(header)
        if not has_intervals(values):
            columns.append([_raw(value) for value in values])
            continue
        names += [f"{header} low", f"{header} high"]
        columns += zip(*(_with_ends(value) for value in values), strict=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def by_column(table: Table) -> list[tuple[Column, tuple[Value, ...]]]:
    """Return each column with its values.

    Raises
    ------
    ValueError
        When a row is not as long as the columns.
    """
    values = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    return list(zip(table.columns, values, strict=True))


def has_intervals(values: Sequence[Value]) -> bool:
    """Return whether any of a column's values is an interval."""
    return any(isinstance(value, Interval) for value in values)


def percent_ends(interval: Interval) -> str:
    """Return the ends of an interval of shares in percent: "[57.0, 69.9]"."""
    return _ends(interval, "percent")


def points(interval: Interval) -> str:
    """Return a difference of accuracies in percentage points: "+1.5 [−0.5, 3.5]"."""
    return f"{_number(interval.estimate, 'points')} {percent_ends(interval)}"


def millions(count: int) -> str:
    """Return "233 M"; numbers below a million are given in full."""
    return f"{count / 1e6:,.0f} M" if count >= 1e6 else f"{count:,}"


def _estimate(value: int | float | Interval) -> float:
    return float(value.estimate if isinstance(value, Interval) else value)


def _ends(interval: Interval, kind: Kind) -> str:
    if math.isnan(interval.low):  # a sample of one has no interval
        return NO_INTERVAL
    return f"[{_number(interval.low, kind)}, {_number(interval.high, kind)}]"


def _number(number: int | float, kind: Kind) -> str:
    """Return a number with minus signs for hyphens."""
    if kind == "text":
        return str(number)
    if kind == "integer":
        text = f"{_rounded(number, 0):,.0f}"
    elif kind == "number":
        text = f"{_rounded(number, 2):,.2f}"
    elif kind == "plain":
        text = f"{number:g}"
    elif kind == "percent":
        text = f"{_rounded(100 * number, 1):.1f}"
    elif kind == "points":
        text = f"{_rounded(100 * number, 1):+.1f}"
    elif kind == "p":
        text = _p_value(number)
    else:
        text = millions(round(number))
    return text.replace("-", "−")


def _rounded(number: float, digits: int) -> float:
    """Return a rounded number that is never a negative zero."""
    return round(number, digits) + 0.0


def _p_value(p: float) -> str:
    """Return p with three digits below 0.2: "0.049" is not "0.05", nor 1/8 "0.12"."""
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.2 else f"{p:.2f}"


def _raw(value: Value) -> object:
    """Return a value as :mod:`csv` writes it in full."""
    if value is None:
        return ""
    if isinstance(value, str):  # csv leaves a carriage return bare, where readers end the row
        return value.replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(value, float):
        return "" if math.isnan(value) else float(value)  # numpy's own float writes its type
    return value


def _with_ends(value: Value) -> tuple[object, object, object]:
    if not isinstance(value, Interval):
        return _raw(value), "", ""
    return _raw(value.estimate), _raw(value.low), _raw(value.high)
