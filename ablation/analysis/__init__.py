"""Analysis: from the rows of finished cells to curves, intervals and chosen shapes.

Pure functions on DataFrames and counts: no file is written, nothing is drawn and torch is never
loaded.
"""

from ablation.analysis.curves import AXES, Axis, axis_curve, pooled_scores
from ablation.analysis.intervals import (
    Interval,
    difference_interval,
    mean_interval,
    score_interval,
)
from ablation.analysis.selection import RULES, Choice, choose_best
from ablation.analysis.speakers import METRICS, Counts, speaker_counts

__all__ = [
    "AXES",
    "METRICS",
    "RULES",
    "Axis",
    "Choice",
    "Counts",
    "Interval",
    "axis_curve",
    "choose_best",
    "difference_interval",
    "mean_interval",
    "pooled_scores",
    "score_interval",
    "speaker_counts",
]
