"""Studies: every setting that a result depends on, read from TOML, validated and digested.

:mod:`~ablation.study.specs` has the tables with their defaults, :mod:`~ablation.study.shapes` how a
filter shape is written, and :mod:`~ablation.study.reading` turns a file and the command line into
them. Nothing here knows what a setting does.
"""

from ablation.study.reading import (
    at_window,
    find_study,
    load_study,
    override_study,
    parse_study,
    shipped_studies,
)
from ablation.study.shapes import Shape, matched_shapes, shapes_text
from ablation.study.specs import (
    COSTS,
    HEIGHTS,
    NETWORK_NAMES,
    PAPER_POOLINGS,
    SCORES,
    WIDTHS,
    AugmentSpec,
    ClusterSpec,
    CorpusSpec,
    ExecutionSpec,
    FeaturesSpec,
    FoldsSpec,
    GridSpec,
    NetworkSpec,
    ProbeSpec,
    SearchSpec,
    Study,
    TrainingSpec,
)

__all__ = [
    "COSTS",
    "HEIGHTS",
    "NETWORK_NAMES",
    "PAPER_POOLINGS",
    "SCORES",
    "WIDTHS",
    "AugmentSpec",
    "ClusterSpec",
    "CorpusSpec",
    "ExecutionSpec",
    "FeaturesSpec",
    "FoldsSpec",
    "GridSpec",
    "NetworkSpec",
    "ProbeSpec",
    "SearchSpec",
    "Shape",
    "Study",
    "TrainingSpec",
    "at_window",
    "find_study",
    "load_study",
    "matched_shapes",
    "override_study",
    "parse_study",
    "shapes_text",
    "shipped_studies",
]
