"""A report as GitHub Markdown; names out of a corpus cannot become markup."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from ablation.reports.document import Document, Kind, Picture, Section, Table, Value
from ablation.reports.values import heading, show


def render_markdown(document: Document, figures: Mapping[str, str]) -> str:
    """Return the whole report as GitHub Markdown.

    Parameters
    ----------
    figures
        The relative path of the image of each picture, by name; pictures without one are left out.
    """
    blocks = [
        f"# {_inline(document.title)}",
        _block(document.subtitle),
        _bold(document.answer),
        *_lacking(document),
    ]
    for section in document.sections:
        blocks += _section(section, figures)
    if document.facts:
        pairs = (f"{_bold(name)}: {_inline(value)}" for name, value in document.facts)
        blocks += ["## Provenance", _list(pairs)]
    if document.commands:
        blocks += ["## How to reproduce this", _code(document.commands)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _lacking(document: Document) -> list[str]:
    if not document.lacking:
        return []
    return ["## Warnings", _list(map(_block, document.lacking))]


def _section(section: Section, figures: Mapping[str, str]) -> list[str]:
    blocks = [_block(paragraph) for paragraph in section.paragraphs]
    for picture in section.pictures:
        if picture.name in figures:
            blocks += _picture(picture, figures[picture.name])
    for table in section.tables:
        blocks += _table(table)
    if section.folded:
        blocks = ["<details>\n<summary>Show</summary>", *blocks, "</details>"]
    return [f"## {_inline(section.title)}", *blocks]


def _picture(picture: Picture, path: str) -> list[str]:
    return [f"![{_inline(picture.description)}]({quote(path)})", _block(picture.caption)]


def _table(table: Table) -> list[str]:
    sides = ("---" if column.kind == "text" else "---:" for column in table.columns)
    lines = [_bar(_inline(heading(column)) for column in table.columns), _bar(sides)]
    for number, row in enumerate(table.rows):
        cells = [_cell(value, c.kind) for value, c in zip(row, table.columns, strict=True)]
        lines.append(_bar(map(_strong, cells) if number in table.marked else cells))
    remarks = [
        f"{_bold(column.header)}: {_inline(column.remark)}"
        for column in table.columns
        if column.remark
    ]
    notes = [*remarks, *map(_block, table.notes)]
    return [_bold(table.caption), "\n".join(lines), _list(notes)]


def _cell(value: Value, kind: Kind) -> str:
    """Return a cell; numbers stay unescaped, since an interval's brackets then read better."""
    text = show(value, kind)
    return _inline(text) if kind == "text" or isinstance(value, str) else text


def _bar(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _code(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * max(3, 1 + max(runs, default=0))
    return f"{fence}sh\n{text}\n{fence}"


def _bold(text: str) -> str:
    return _strong(_inline(text))


def _strong(escaped: str) -> str:
    return escaped and f"**{escaped}**"


def _block(text: str) -> str:
    """Return a line of its own, which must not begin like a list or a heading."""
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", _inline(text))


def _inline(text: str) -> str:
    """Return text in one line with everything escaped that could be markup."""
    return re.sub(r"([\\`*_<>|~$&#\[\]])", r"\\\1", " ".join(text.split()))
