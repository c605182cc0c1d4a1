"""Analysis: from the rows of finished cells to curves and chosen shapes.

Pure functions on DataFrames: no file is written, nothing is drawn and torch is never loaded.
"""

from ablation.analysis.curves import AXES, Axis, axis_curve, pooled_scores
from ablation.analysis.selection import Choice, choose_best

__all__ = ["AXES", "Axis", "Choice", "axis_curve", "choose_best", "pooled_scores"]
