"""Report: tables of a study as text that can be pasted into a paper.

Takes what analysis computed and returns strings; drivers write them.
"""

from ablation.report.table1 import Row, millions, points, table1_csv, table1_latex, table1_markdown

__all__ = ["Row", "millions", "points", "table1_csv", "table1_latex", "table1_markdown"]
