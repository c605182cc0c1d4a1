"""A report as one self-contained HTML file."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from ablation.analysis import Interval
from ablation.report.document import Column, Document, Kind, Table, Value
from ablation.report.svg import dark_colours, inline_svg
from ablation.report.values import by_column, heading, show, sort_key, table_csv

if TYPE_CHECKING:
    from jinja2 import Template

_SHORT = 24  # characters of a text that is not broken into lines
# Texts out of a corpus may hold what no HTML page can: control characters and half characters.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class _Cell(NamedTuple):
    """A cell as the page shows it: its text, the ends of its interval, and its sort key.

    ``room`` is the width in digits that aligns the ends with those of the cells above and below;
    0 where they are the widest.
    """

    text: str
    ends: str
    key: str
    room: float = 0


def render_html(document: Document) -> str:
    """Return the whole report as a page.

    Corpus, speakers and classes may have any name: all texts are escaped, and the page's own
    policy allows no other script and loads nothing.
    """
    from markupsafe import Markup

    pictures = {
        picture.name: Markup(inline_svg(picture.svg, picture.name, picture.description))
        for section in document.sections
        for picture in section.pictures
    }
    script = files("ablation.report").joinpath("report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _template().render(
        document=document,
        pictures=pictures,
        plot_colours=dark_colours(pictures.values()),
        script=Markup(script),
        script_digest=digest,
    )
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", page)


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ablation", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cells": _cells, "looks": _looks, "heading": heading, "csv": table_csv}
    return environment.get_template("report.html.j2")


def _looks(table: Table) -> list[str]:
    """Return how the cells of each column are set: as number, short text or prose."""
    return [_look(column, values) for column, values in by_column(table)]


def _look(column: Column, values: Sequence[Value]) -> str:
    if column.kind != "text":
        return "number"
    longest = max((len(show(value, "text")) for value in values), default=0)
    return "short" if longest <= _SHORT else "prose"


def _cells(table: Table) -> Iterator[tuple[_Cell, ...]]:
    """Yield the rows of a table."""
    columns = []
    for column, values in by_column(table):
        cells = [_cell(value, column.kind) for value in values]
        widest = max((_width(cell.ends) for cell in cells), default=0)
        columns.append([c._replace(room=widest) if _width(c.ends) < widest else c for c in cells])
    return zip(*columns, strict=True)


def _cell(value: Value, kind: Kind) -> _Cell:
    text, ends = show(value, kind), ""
    if isinstance(value, Interval):
        text, bracket, ends = text.partition(" [")
        ends = bracket.lstrip() + ends
    return _Cell(text, ends, "" if kind == "text" else sort_key(value, kind))


def _width(ends: str) -> float:
    """Return the approximate width of an interval's ends, in digits."""
    return sum(0.5 if character in "[],. " else 1 for character in ends)
