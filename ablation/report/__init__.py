"""Report: what a study found, as pages and tables, and as text that can be pasted into a paper.

The functions take what analysis computed and return strings, which drivers write.
"""

from ablation.report.document import Column, Document, Picture, Section, Table
from ablation.report.html import render_html
from ablation.report.latex import render_latex
from ablation.report.markdown import render_markdown
from ablation.report.table1 import Row, table1_csv, table1_latex, table1_markdown
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
