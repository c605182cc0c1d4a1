"""Studies: every setting that a result depends on, read from TOML, validated and digested.

A study's tables, with their defaults: :mod:`~ablation.study.data` (corpus, features, folds),
:mod:`~ablation.study.models` (probe, training, network), :mod:`~ablation.study.grid` (grid,
search) and :mod:`~ablation.study.execution` (execution, cluster); :mod:`~ablation.study.specs`
joins and digests them. :mod:`~ablation.study.shapes` says how a filter shape is written,
:mod:`~ablation.study.reading` turns a file and the command line into a study, and
:mod:`~ablation.study.schema` tells editors and shells which fields there are. Nothing here knows
what a setting does.
"""

from ablation.study.axes import AXES, Axis
from ablation.study.cells import CellKey, CellKind, ShapeKey, cell_keys, shape_keys
from ablation.study.data import CorpusSpec, FeaturesSpec, FoldsSpec
from ablation.study.execution import ClusterSpec, ExecutionSpec
from ablation.study.grid import COSTS, HEIGHTS, SCORES, WIDTHS, GridSpec, SearchSpec
from ablation.study.models import (
    NETWORK_NAMES,
    PAPER_POOLINGS,
    AugmentSpec,
    NetworkSpec,
    ProbeSpec,
    TrainingSpec,
)
from ablation.study.reading import (
    at_window,
    find_study,
    load_study,
    override_study,
    parse_study,
    shipped_studies,
    study_summary,
    study_tables,
)
from ablation.study.schema import known_values, study_fields, study_schema
from ablation.study.shapes import Shape, matched_shapes, shapes_text
from ablation.study.specs import Study

__all__ = [
    "AXES",
    "COSTS",
    "HEIGHTS",
    "NETWORK_NAMES",
    "PAPER_POOLINGS",
    "SCORES",
    "WIDTHS",
    "AugmentSpec",
    "Axis",
    "CellKey",
    "CellKind",
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
    "ShapeKey",
    "Study",
    "TrainingSpec",
    "at_window",
    "cell_keys",
    "find_study",
    "known_values",
    "load_study",
    "matched_shapes",
    "override_study",
    "parse_study",
    "shape_keys",
    "shapes_text",
    "shipped_studies",
    "study_fields",
    "study_schema",
    "study_summary",
    "study_tables",
]
