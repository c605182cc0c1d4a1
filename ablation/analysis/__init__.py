"""Analysis: from the rows of finished cells to curves, intervals, tests and chosen shapes.

Pure functions on DataFrames and counts: no file is written, nothing is drawn and torch is never
loaded.
"""

from ablation.analysis.axes import AxisEvidence, axis_evidence
from ablation.analysis.comparisons import (
    Comparison,
    Family,
    against_reference,
    all_pairs,
    indistinct_groups,
    mean_ranks,
    speaker_gains,
    speaker_shares,
)
from ablation.analysis.costs import pareto_front, probe_cost, search_front, seconds_by_cost
from ablation.analysis.curves import (
    axis_curve,
    end_columns,
    interval_ends,
    physical_extent,
    pooled_scores,
)
from ablation.analysis.equivalence import equivalence_p_values, smallest_margin
from ablation.analysis.intervals import (
    Interval,
    difference_interval,
    effect_interval,
    gain_interval,
    mean_interval,
    score_interval,
)
from ablation.analysis.selection import RULES, Choice, choose_best, chosen_without
from ablation.analysis.signflip import (
    SIGNIFICANCE,
    joint_p_values,
    max_t_p_value,
    simultaneous_half_widths,
    smallest_p_value,
)
from ablation.analysis.speakers import METRICS, Counts
from ablation.analysis.tallies import confusion, named_counts, seed_counts, speaker_counts, tally
from ablation.analysis.variance import (
    SHIPPED,
    Spread,
    detectable,
    equivalence_margin,
    seeds_needed,
    speakers_needed,
    spread,
)
from ablation.analysis.windows import Interaction, WindowReading, read_windows, window_extent

__all__ = [
    "METRICS",
    "RULES",
    "SHIPPED",
    "SIGNIFICANCE",
    "AxisEvidence",
    "Choice",
    "Comparison",
    "Counts",
    "Family",
    "Interaction",
    "Interval",
    "Spread",
    "WindowReading",
    "against_reference",
    "all_pairs",
    "axis_curve",
    "axis_evidence",
    "choose_best",
    "chosen_without",
    "confusion",
    "detectable",
    "difference_interval",
    "effect_interval",
    "end_columns",
    "equivalence_margin",
    "equivalence_p_values",
    "gain_interval",
    "indistinct_groups",
    "interval_ends",
    "joint_p_values",
    "max_t_p_value",
    "mean_interval",
    "mean_ranks",
    "named_counts",
    "pareto_front",
    "physical_extent",
    "pooled_scores",
    "probe_cost",
    "read_windows",
    "score_interval",
    "search_front",
    "seconds_by_cost",
    "seed_counts",
    "seeds_needed",
    "simultaneous_half_widths",
    "smallest_margin",
    "smallest_p_value",
    "speaker_counts",
    "speaker_gains",
    "speaker_shares",
    "speakers_needed",
    "spread",
    "tally",
    "window_extent",
]
