"""Figures: :mod:`~ablation.figures.catalogue` knows which figures a study's rows are enough for,
:mod:`~ablation.figures.plot` writes them, and the other files draw one kind of figure each.
"""

from ablation.figures.budget import draw_budget
from ablation.figures.classes import draw_classes
from ablation.figures.confusion import draw_confusion
from ablation.figures.costs import draw_costs
from ablation.figures.critical import draw_critical
from ablation.figures.differences import DifferencePanel, draw_differences
from ablation.figures.explanation import Scales, draw_explanation, draw_filters
from ablation.figures.field import draw_field
from ablation.figures.figure2 import Panel, draw_figure2
from ablation.figures.heatmap import draw_heatmap
from ablation.figures.learning import draw_learning
from ablation.figures.power import draw_power
from ablation.figures.search import draw_search
from ablation.figures.speakers import draw_speakers
from ablation.figures.style import FORMATS, save_figure, svg_text, write_figure
from ablation.figures.windows import WindowPanel, draw_windows

__all__ = [
    "FORMATS",
    "DifferencePanel",
    "Panel",
    "Scales",
    "WindowPanel",
    "draw_budget",
    "draw_classes",
    "draw_confusion",
    "draw_costs",
    "draw_critical",
    "draw_differences",
    "draw_explanation",
    "draw_field",
    "draw_figure2",
    "draw_filters",
    "draw_heatmap",
    "draw_learning",
    "draw_power",
    "draw_search",
    "draw_speakers",
    "draw_windows",
    "save_figure",
    "svg_text",
    "write_figure",
]
