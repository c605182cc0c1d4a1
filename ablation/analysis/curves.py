"""Accuracy over the extent of a filter: the data of the paper's Figure 2, apart from its drawing.

Scores are *pooled*: utterances of all held-out speakers counted together (the paper's "accuracy of
all utterances"), computed for every seed and then averaged over seeds. The mean over folds stands
beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Axis:
    """An axis of filter shapes: what varies, what is fixed, and in which physical unit."""

    name: str
    varies: str
    fixed: str
    physical: str
    unit: str
    direction: str


AXES = {
    "height": Axis("height", "height", "width", "height_hz", "Hz", "frequency"),
    "width": Axis("width", "width", "height", "width_ms", "ms", "time"),
}


def pooled_scores(rows: pd.DataFrame, by: Sequence[str], classes: Sequence[str]) -> pd.DataFrame:
    """Scores pooled over folds and averaged over seeds.

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
    result = over_seeds.mean()
    result["cells"] = over_seeds["cells"].sum()
    result["seeds"] = over_seeds.size()
    return result.reset_index()


def axis_curve(
    probes: pd.DataFrame,
    axis: Axis,
    fixed: int,
    window_ms: float,
    classes: Sequence[str],
    expected: Mapping[int, int],
) -> pd.DataFrame:
    """The curve over one axis.

    Parameters
    ----------
    probes
        Finished cells of one digest.
    fixed
        The extent of the other side, 2 in the paper.
    window_ms
        The analysis window.
    expected
        For each extent the cells asked for (folds times seeds); one with fewer is not
        ``complete``.

    Returns
    -------
    curve
        Sorted by ``extent`` (bins or frames): ``extent``, ``physical`` (Hz or ms), the scores of
        :func:`pooled_scores`, ``expected`` and ``complete``; empty when no cell lies on the axis.
    """
    on_axis = (probes[axis.fixed] == fixed) & (probes["window_ms"] == window_ms)
    rows = probes[on_axis]
    scores = pooled_scores(rows, [axis.varies, axis.physical], classes)
    scores["expected"] = [expected.get(extent, 0) for extent in scores[axis.varies]]
    scores["complete"] = scores["cells"] >= scores["expected"]
    return scores.rename(columns={axis.varies: "extent", axis.physical: "physical"}).sort_values(
        "extent", ignore_index=True
    )
