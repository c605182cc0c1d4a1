"""Report: what a study found, as pages and tables, and as text that can be pasted into a paper.

:mod:`~ablation.reports.study_report` writes a study's report: the parts in
:mod:`~ablation.reports.sections`, headed by :mod:`~ablation.reports.answer` and
:mod:`~ablation.reports.warnings`. :mod:`~ablation.reports.document` is a report apart from how it
looks, rendered as HTML, Markdown and LaTeX. Nothing here needs a corpus or torch.
"""

from ablation.reports.document import Column, Document, Picture, Section, Table
from ablation.reports.html import render_html
from ablation.reports.latex import render_latex
from ablation.reports.markdown import render_markdown
from ablation.reports.table1_formats import Row, table1_csv, table1_latex, table1_markdown
from ablation.reports.values import millions, points, show, table_csv

__all__ = [
    "Column",
    "Document",
    "Picture",
    "Row",
    "Section",
    "Table",
    "millions",
    "points",
    "render_html",
    "render_latex",
    "render_markdown",
    "show",
    "table1_csv",
    "table1_latex",
    "table1_markdown",
    "table_csv",
]
