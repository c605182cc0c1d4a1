"""Report: what a study found, as pages and tables, and as text that can be pasted into a paper.

:mod:`~ablation.report.study_report` writes a study's report: the parts in
:mod:`~ablation.report.sections`, headed by :mod:`~ablation.report.answer` and
:mod:`~ablation.report.warnings`. :mod:`~ablation.report.document` is a report apart from how it
looks, rendered as HTML, Markdown and LaTeX. Nothing here needs a corpus or torch.
"""

from ablation.report.document import Column, Document, Picture, Section, Table
from ablation.report.html import render_html
from ablation.report.latex import render_latex
from ablation.report.markdown import render_markdown
from ablation.report.table1_formats import Row, table1_csv, table1_latex, table1_markdown
from ablation.report.values import millions, points, show, table_csv

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
