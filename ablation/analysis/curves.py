"""Accuracy over the extent of a filter: the data of the paper's Figure 2, without its drawing.

Scores are *pooled*: utterances of all held-out speakers counted together (the paper's "accuracy of
all utterances"), computed for every seed and then averaged over seeds. The mean over folds stands
beside it.

What is estimated is the accuracy on a speaker not heard in training of probes trained on all but
one fold's speakers, averaged over such training sets and seeds. The training sets of two folds
share most of their speakers, so folds are not independent repetitions; the intervals take speakers
as the sample and do not account for that overlap.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ablation.analysis.intervals import score_interval
from ablation.analysis.speakers import DIGITS, METRICS, Counts
from ablation.analysis.tallies import named_counts
from ablation.study import Axis, CellKind


def pooled_scores(rows: pd.DataFrame, by: Sequence[str], classes: Sequence[str]) -> pd.DataFrame:
    """Return scores pooled over folds and averaged over seeds.

    Parameters
    ----------
    rows
        Finished cells (of ``probes`` or ``networks``).
    by
        Columns that name what is scored, such as ("height", "width").
    classes
        The study's classes.

    Returns
    -------
    scores
        A row for each combination of ``by`` with ``wa``, ``ua``, ``acc_CLASS`` (pooled, 0..1),
        ``wa_folds``, ``ua_folds`` (mean over folds), ``cells`` and ``seeds`` (how many there are).
    """
    counts = ["n_test", "n_correct", *(f"{p}_{c}" for c in classes for p in ("n", "correct"))]
    # A store without any probe does not know the classes' columns.
    rows = rows.reindex(columns=rows.columns.union(counts, sort=False))
    groups = rows.groupby([*by, "seed"], dropna=False)
    sums = groups[counts].sum()
    means = groups[["wa", "ua"]].mean()
    scores = pd.DataFrame({"wa": sums["n_correct"] / sums["n_test"]})
    for label in classes:
        scores[f"acc_{label}"] = sums[f"correct_{label}"] / sums[f"n_{label}"].where(
            sums[f"n_{label}"] > 0
        )
    scores.insert(1, "ua", scores[[f"acc_{label}" for label in classes]].mean(axis=1))
    scores["wa_folds"], scores["ua_folds"] = means["wa"], means["ua"]
    scores["cells"] = groups.size()
    over_seeds = scores.groupby(level=list(by), dropna=False)
    result = over_seeds.mean().round(DIGITS)
    result["cells"] = over_seeds["cells"].sum()
    result["seeds"] = over_seeds.size()
    return result.reset_index()


def axis_curve(
    probes: pd.DataFrame,
    tallied: pd.DataFrame,
    axis: Axis,
    fixed: int,
    window_ms: float,
    classes: Sequence[str],
    expected: Mapping[int, int],
    failed: Mapping[int, int] | None = None,
) -> pd.DataFrame:
    """Return the curve over one axis.

    Parameters
    ----------
    probes
        Finished cells of one digest.
    tallied
        Their predictions counted (:func:`ablation.analysis.tally`), for intervals by speaker.
    fixed
        The extent of the other side, 2 in the paper.
    window_ms
        The analysis window.
    expected
        For each extent the cells asked for (folds times seeds); one with fewer is not
        ``complete``.
    failed
        For each extent the cells that failed.

    Returns
    -------
    curve
        Sorted by ``extent`` (bins or frames): ``extent``, ``physical`` (Hz or ms), the scores of
        :func:`pooled_scores`, for each of ``wa``, ``ua`` and ``acc_CLASS`` the ends of its
        interval (``wa_low``, ``wa_high``), ``speakers`` behind it, ``expected``, ``failed`` and
        ``complete``. An extent that was asked for and has no finished cell is there with nan;
        without any finished cell on the axis the curve is empty.
    """
    on_axis = (probes[axis.other] == fixed) & (probes["window_ms"] == window_ms)
    scores = pooled_scores(probes[on_axis], [axis.name, axis.physical], classes)
    scores = scores.rename(columns={axis.name: "extent", axis.physical: "physical"})
    scores = scores.sort_values("extent", ignore_index=True)
    mine = tallied[(tallied["kind"] == CellKind.PROBE) & (tallied["window_ms"] == window_ms)]
    scores = _with_lacking(scores, expected)
    names = [axis.name_of(extent, fixed) for extent in scores["extent"]]
    counts = named_counts(mine[mine["name"].isin(names)], tuple(classes))
    ends = [interval_ends(counts.get(name), classes) for name in names]
    scores = scores.join(pd.DataFrame(ends, index=scores.index, columns=end_columns(classes)))
    scores["expected"] = [expected.get(extent, 0) for extent in scores["extent"]]
    scores["failed"] = [(failed or {}).get(extent, 0) for extent in scores["extent"]]
    scores["complete"] = scores["cells"] >= scores["expected"]
    return scores


def _with_lacking(scores: pd.DataFrame, expected: Mapping[int, int]) -> pd.DataFrame:
    """Return the scores with a row for each expected extent, with nan where it has no cell."""
    if scores.empty:
        return scores
    physical = physical_extent(scores)
    extents = sorted({*scores["extent"], *expected})
    scores = scores.set_index("extent").reindex(pd.Index(extents, name="extent")).reset_index()
    scores["physical"] = physical(scores["extent"])
    for column in ("cells", "seeds"):
        scores[column] = scores[column].fillna(0).astype(int)
    return scores


def physical_extent(curve: pd.DataFrame) -> Callable[[Any], Any]:
    """Return the function from extents to Hz or ms, by a curve's ``extent`` and ``physical``.

    It is proportional, except for dilated filters, where it has an offset too.
    """
    extents, physical = curve["extent"].to_numpy(float), curve["physical"].to_numpy(float)
    per_unit = physical[0] / extents[0]
    start = 0.0
    if not np.allclose(physical, per_unit * extents, rtol=1e-9, equal_nan=True):
        per_unit = (physical[-1] - physical[0]) / (extents[-1] - extents[0])
        start = physical[0] - per_unit * extents[0]
    return lambda extent: start + per_unit * extent


def end_columns(classes: Sequence[str]) -> list[str]:
    """Return the names of what :func:`interval_ends` gives."""
    names = ["wa", "ua", *(f"acc_{label}" for label in classes)]
    return [*(f"{name}{end}" for name in names for end in ("_low", "_high")), "speakers"]


def interval_ends(counts: Counts | None, classes: Sequence[str]) -> list[float]:
    """Return both ends of every score's interval and the number of speakers; nan without counts."""
    if counts is None:
        return [float("nan")] * (2 * (2 + len(classes))) + [0]
    intervals = [score_interval(counts, metric) for metric in (*METRICS, *classes)]
    return [*(end for i in intervals for end in (i.low, i.high)), len(counts.speakers)]
