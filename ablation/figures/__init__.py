"""Figures: what analysis computed, drawn on Axes that are handed in.

No figure reads a file or computes a statistic; styles never touch matplotlib's global state.
"""

from ablation.figures.figure2 import Panel, draw_figure2
from ablation.figures.style import FORMATS, save_figure

__all__ = ["FORMATS", "Panel", "draw_figure2", "save_figure"]
