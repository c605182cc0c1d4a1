"""Curves and comparisons straight from a results folder, for notebooks and scripts.

>>> import ablation
>>> results = ablation.read_results("results/emodb-300")
>>> curve = ablation.curves(results, axis="width")
>>> curve.loc[curve["extent"] == 8, ["wa", "wa_low", "wa_high"]].round(3).to_dict("records")
[{'wa': 0.581, 'wa_low': 0.537, 'wa_high': 0.625}]
>>> table = ablation.compare(results, reference="2x8")
>>> [str(name) for name in table.loc[table["significant"], "first"]]
['2x2', '4x2', '8x2']
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ablation.analysis.comparisons import Family, against_reference, all_pairs
from ablation.analysis.evidence import check_metric
from ablation.analysis.study_results import StudyResults
from ablation.errors.common import UnknownName
from ablation.errors.reading import NoProbes, NoProbesWith, ReferenceNotComplete, SeveralStored
from ablation.results.run_record import Request, RunRecord
from ablation.study import AXES, Axis, Study, shape_keys

if TYPE_CHECKING:
    from ablation.results import Results


_COLUMNS = [
    "first", "second", "difference", "low", "high", "effect", "p", "p_joint", "significant",
]  # fmt: skip


def curves(
    results: "Results",
    axis: str = "height",
    fixed: int | None = None,
    window_ms: float | None = None,
    digest: str | None = None,
) -> pd.DataFrame:
    """Return the scores over an axis with 95 % intervals by speaker (the paper's Figure 2).

    The shapes are those of the report: what only a search has tried is left out.

    Parameters
    ----------
    results
        As of :func:`ablation.read_results`.
    axis
        ``height`` (frequency) or ``width`` (time).
    fixed
        Extent of the other side, in frames or bins; None: the study's own.
    window_ms
        The analysis window; None: the only one there is.
    digest
        The settings; None: the only ones there are.

    Returns
    -------
    curve
        As of :func:`ablation.analysis.axis_curve`: a row per extent with ``wa``, ``ua``,
        ``acc_CLASS`` (0..1), the ends of their intervals and ``complete``: whether every cell that
        was asked for is finished. Without stored settings, the shape with most cells tells how
        many that is.

    Raises
    ------
    UnknownName
        For an unknown axis.
    SeveralStored
        When there are several settings or windows and none is named.
    NoProbes, NoProbesWith
        When no row is left.
    """
    kind = _axis(axis)
    stored, window = _stored(results, window_ms, digest)
    fixed = kind.fixed_in(stored.run.study.grid) if fixed is None else fixed
    _require_any(stored.named, kind, fixed)
    return stored.curve(kind, window, fixed)


def compare(
    results: "Results",
    reference: str | None = None,
    metric: str = "wa",
    axis: str | None = None,
    fixed: int | None = None,
    window_ms: float | None = None,
    digest: str | None = None,
) -> pd.DataFrame:
    """Return shapes compared by speaker, with p-values adjusted for the whole family.

    The family of an axis is that of the report: the complete shapes that were named before any
    score was seen. What only a search has tried is left out.

    Parameters
    ----------
    reference
        A pre-specified shape, such as "10x2", with which all others are compared. None: all pairs.
    metric
        ``wa``, ``ua`` or a class.
    axis
        ``height`` or ``width``: only shapes of that axis, as a report compares them; None: all.
    results, fixed, window_ms, digest
        As of :func:`curves`.

    Returns
    -------
    comparisons
        ``first``, ``second``, ``difference`` (0..1, first minus second, paired by speaker) with
        ``low`` and ``high`` (its own 95 % interval), ``effect`` (d_z), ``p`` (two-sided sign flips,
        unadjusted), ``p_joint`` (family-wise adjusted) and ``significant`` (``p_joint`` at most
        0.05). Shapes that are not complete are left out.

    Raises
    ------
    UnknownName
        For an unknown metric or axis.
    ReferenceNotComplete
        For a reference that is not among the complete shapes.
    SeveralStored, NoProbes, NoProbesWith
        As :func:`curves`.
    """
    stored, window = _stored(results, window_ms, digest)
    metric = check_metric(metric, stored.run.classes, "metric")
    models = {str(shape): counts for shape, counts in stored.named_shapes(window).items()}
    if axis is not None:
        kind = _axis(axis)
        fixed = kind.fixed_in(stored.run.study.grid) if fixed is None else fixed
        _require_any(stored.named, kind, fixed)
        shapes = stored.axis_shapes(kind, window, fixed)
        models = {kind.name_of(extent, fixed): counts for extent, counts in shapes.items()}
    if reference is not None and reference not in models:
        raise ReferenceNotComplete("reference", reference, list(models))
    family = (
        all_pairs(models, metric)
        if reference is None
        else against_reference(models, reference, metric)
    )
    return comparison_table(family)


def comparison_table(family: Family) -> pd.DataFrame:
    """Return a family's comparisons, a row each, with the columns of :func:`compare`."""
    rows = [
        {
            "first": c.first,
            "second": c.second,
            "difference": c.difference.estimate,
            "low": c.difference.low,
            "high": c.difference.high,
            "effect": c.effect.estimate,
            "p": c.p,
            "p_joint": c.p_joint,
            "significant": c.significant,
        }
        for c in family.comparisons
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _axis(name: str) -> Axis:
    if name not in AXES:
        raise UnknownName("axis", name, list(AXES))
    return AXES[name]


def _stored(
    results: "Results", window_ms: float | None, digest: str | None
) -> tuple[StudyResults, float]:
    """Return the rows of one digest and one window, and that window (ms)."""
    if results.probes.empty:
        raise NoProbes()
    rows = _only(results.probes, "digest", digest)
    rows = _only(rows, "window_ms", window_ms)
    digest, window = str(rows["digest"].iloc[0]), float(rows["window_ms"].iloc[0])
    run = results.runs.get(digest) or _run_of(rows)
    return StudyResults(Path(), run, replace(results, probes=rows)), window


def _only(rows: pd.DataFrame, column: str, wanted: object) -> pd.DataFrame:
    """Return the rows of the value wanted, or of the only one."""
    values = rows[column].unique().tolist()
    if wanted is None:
        if len(values) > 1:
            raise SeveralStored(column, values)
        return rows
    rows = rows[rows[column] == wanted]
    if rows.empty:
        raise NoProbesWith(column, wanted, values)
    return rows


def _run_of(rows: pd.DataFrame) -> RunRecord:
    """Return the settings of rows without any: every shape was asked for with every seed."""
    classes = [name.removeprefix("acc_") for name in rows.columns if name.startswith("acc_")]
    request = Request(
        axis="both",
        shapes=tuple(dict.fromkeys(key.shape for key in shape_keys(rows))),
        windows=tuple(rows["window_ms"].unique().tolist()),
        seeds=tuple(rows["seed"].unique().tolist()),
        at=rows["started_at"].max().to_pydatetime(),
    )
    return RunRecord(
        study=Study(name=str(rows["study"].iloc[0])),
        digest=str(rows["digest"].iloc[0]),
        classes=tuple(classes),
        counts=tuple(int(rows[f"n_{name}"].sum()) for name in classes),
        folds=tuple(rows["fold"].unique().tolist()),
        requests=(request,),
    )


def _require_any(rows: pd.DataFrame, axis: Axis, fixed: int) -> None:
    """Raise :class:`NoProbesWith` where no row lies on the axis."""
    there = rows[axis.other].unique().tolist()
    if fixed not in there:
        raise NoProbesWith(axis.other, fixed, sorted(there))
