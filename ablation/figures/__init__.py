"""Figures: what analysis or a network computed, drawn from arrays that are handed in.

No figure reads a file or computes a statistic; styles never touch matplotlib's global state.
"""

from ablation.figures.explanation import Scales, draw_explanation, draw_filters
from ablation.figures.figure2 import Panel, draw_figure2
from ablation.figures.style import FORMATS, save_figure

__all__ = [
    "FORMATS",
    "Panel",
    "Scales",
    "draw_explanation",
    "draw_figure2",
    "draw_filters",
    "save_figure",
]
