"""Figures: what analysis computed, drawn on Axes that are handed in.

No figure reads a file or computes a statistic; styles never touch matplotlib's global state.
"""

from ablation.figures.figure2 import Panel, draw_figure2

__all__ = ["Panel", "draw_figure2"]
