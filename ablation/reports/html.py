"""A report as one self-contained HTML file."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from ablation.analysis import Interval
from ablation.reports.document import Column, Document, Kind, Picture, Table, Value
from ablation.reports.values import by_column, heading, show, sort_key, table_csv

if TYPE_CHECKING:
    from jinja2 import Template

_SHORT = 24  # characters of a text that is not broken into lines
# Texts out of a corpus may hold what no HTML page can: control characters and half characters.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def render_html(document: Document) -> str:
    """Return the whole report as a page.

    Corpus, speakers and classes may have any name: all texts are escaped, and the page's own
    policy allows no other script and loads nothing. Figures are images, whose SVG runs no script.
    """
    from markupsafe import Markup

    script = files("ablation.reports").joinpath("report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _template().render(document=document, script=Markup(script), script_digest=digest)
    return _legal(page)


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ablation", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "looks": _looks,
        "heading": heading,
        "parts": _parts,
        "sort_key": sort_key,
        "csv": _csv_address,
        "image": _image_address,
    }
    return environment.get_template("report.html.j2")


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _looks(table: Table) -> list[str]:
    """Return how the cells of each column are set: as number, short text or prose."""
    return [_look(column, values) for column, values in by_column(table)]


def _look(column: Column, values: tuple[Value, ...]) -> str:
    if column.kind != "text":
        return "number"
    longest = max((len(show(value, "text")) for value in values), default=0)
    return "short" if longest <= _SHORT else "prose"


def _parts(value: Value, kind: Kind) -> tuple[str, str]:
    """Return a value as text, the ends of an interval apart, which the page shows more quietly."""
    text = show(value, kind)
    if not isinstance(value, Interval):
        return text, ""
    estimate, bracket, ends = text.partition(" [")
    return estimate, bracket.lstrip() + ends


def _csv_address(table: Table) -> str:
    return f"data:text/csv;charset=utf-8,{quote(_legal(table_csv(table)))}"


def _image_address(picture: Picture) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.svg.encode()).decode()}"
