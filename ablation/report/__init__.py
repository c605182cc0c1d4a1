"""Report: tables of a study as text that can be pasted into a paper.

Takes what analysis computed and returns strings; drivers write them.
"""

from ablation.report.table1 import table1_markdown

__all__ = ["table1_markdown"]
