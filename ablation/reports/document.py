"""What a report says, apart from how it looks: rendered as HTML, Markdown and LaTeX.

Texts are plain: no markup, no escapes. A cell of a table is a value with its unit given by the
column, so that every rendering rounds alike and a page can sort by the value itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ablation.analysis import Interval

# What a column holds, and how its values are given:
#   text      a str
#   integer   an int, or a float that is whole
#   number    a float, shown with two digits
#   plain     a number as it was given: "0.0002"
#   percent   0..1 (a float or an Interval), shown in %
#   points    a difference of two such shares (a float or an Interval), shown signed, in points
#   p         a p-value, 0..1
#   millions  an int, shown as "233 M"
Kind = Literal["text", "integer", "number", "plain", "percent", "points", "p", "millions"]
Value = str | int | float | Interval | None  # None and nan: nothing is there


@dataclass(frozen=True)
class Column:
    """A column with its header, the kind of its values, and a remark for the reader."""

    header: str
    kind: Kind = "text"
    remark: str = ""


@dataclass(frozen=True)
class Table:
    """A table; ``name`` is its file's stem and anchor, ``marked`` the rows to highlight.

    Rows are as long as ``columns``; ``notes`` are shown below.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    marked: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A figure as SVG text, with a caption, and a description for screen readers."""

    name: str
    caption: str
    description: str
    svg: str


def picked(pictures: Mapping[str, Picture], *names: str) -> tuple[Picture, ...]:
    """Return those of the named figures that were drawn."""
    return tuple(pictures[name] for name in names if name in pictures)


@dataclass(frozen=True)
class Section:
    """A part of the report: paragraphs, then figures and tables.

    A ``folded`` one is collapsed at first where the format allows it.
    """

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """A report as text, tables and figures.

    Attributes
    ----------
    title, subtitle
        The study, and one line on corpus, folds and settings.
    answer
        Two sentences: which receptive field, and whether it can be trusted.
    lacking
        Warnings: what is missing, failed or doubtful, a sentence each.
    facts
        Provenance: pairs of a name and a value.
    commands
        Shell lines that reproduce the study, quoted for a shell.
    """

    title: str
    subtitle: str
    answer: str
    lacking: tuple[str, ...]
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]

    @property
    def tables(self) -> Sequence[Table]:
        """All tables, in order."""
        return [table for section in self.sections for table in section.tables]
