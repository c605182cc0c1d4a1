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

from typing import TYPE_CHECKING

import pandas as pd

from ablation.analysis.comparisons import against_reference, all_pairs
from ablation.analysis.curves import AXES, axis_curve
from ablation.analysis.speakers import METRICS
from ablation.analysis.tallies import named_counts, tally
from ablation.errors import SelectionError, StudyError, suggestion

if TYPE_CHECKING:
    from ablation.store import Results


_COLUMNS = [
    "first", "second", "difference", "low", "high", "effect", "p", "p_joint", "significant",
]  # fmt: skip


def curves(
    results: "Results",
    axis: str = "height",
    fixed: int = 2,
    window_ms: float | None = None,
    digest: str | None = None,
) -> pd.DataFrame:
    """Scores over an axis with 95 % intervals by speaker (the paper's Figure 2).

    Parameters
    ----------
    results
        As of :func:`ablation.read_results`.
    axis
        ``height`` (frequency) or ``width`` (time).
    fixed
        Extent of the other side, in frames or bins.
    window_ms
        The analysis window; None: the only one there is.
    digest
        The settings; None: the only ones there are.

    Returns
    -------
    curve
        As of :func:`ablation.analysis.axis_curve`: a row an extent with ``wa``, ``ua``,
        ``acc_CLASS`` (0..1), the ends of their intervals and ``complete``, which is measured by the
        shape that has the most cells.

    Raises
    ------
    StudyError
        For an unknown axis.
    SelectionError
        When there are several settings or windows and none is named, or no row is left.
    """
    if axis not in AXES:
        raise StudyError(f"axis {axis!r}", suggestion(axis, AXES))
    probes, window = _probes(results, window_ms, digest)
    kind = AXES[axis]
    mine = probes[probes[kind.fixed] == fixed]
    if mine.empty:
        raise SelectionError(f"no probe of {kind.fixed} {fixed} is stored", "see results.probes")
    cells = mine.groupby(kind.varies).size()
    expected = {int(str(extent)): int(cells.max()) for extent in cells.index}
    tallied = tally(_predictions(results, probes, window))
    return axis_curve(mine, tallied, kind, fixed, window, _classes(probes), expected)


def compare(
    results: "Results",
    reference: str | None = None,
    metric: str = "wa",
    axis: str | None = None,
    fixed: int = 2,
    window_ms: float | None = None,
    digest: str | None = None,
) -> pd.DataFrame:
    """Shapes compared by speaker, with p-values adjusted for the whole family.

    Parameters
    ----------
    reference
        A shape that was fixed before looking, such as "10x2"; all others are held against it.
        None: all pairs.
    metric
        ``wa``, ``ua`` or a class.
    axis
        ``height`` or ``width``: only shapes of that axis, as a report compares them; None: all.
    results, fixed, window_ms, digest
        As of :func:`curves`.

    Returns
    -------
    comparisons
        ``first``, ``second``, ``difference`` (0..1, first less second, paired by speaker) with
        ``low`` and ``high`` (its own 95 % interval), ``effect`` (d_z), ``p`` (two-sided sign flips,
        alone), ``p_joint`` (adjusted) and ``significant`` (jointly, at 5 %). Shapes with fewer
        cells than the others are left out.

    Raises
    ------
    StudyError
        For an unknown reference, metric or axis.
    SelectionError
        As :func:`curves`.
    """
    probes, window = _probes(results, window_ms, digest)
    if axis is not None:
        if axis not in AXES:
            raise StudyError(f"axis {axis!r}", suggestion(axis, AXES))
        probes = probes[probes[AXES[axis].fixed] == fixed]
        if probes.empty:
            raise SelectionError(f"no probe of {AXES[axis].fixed} {fixed} is stored", "")
    classes = _classes(probes)
    metric = metric.lower() if metric.lower() in METRICS else metric
    if metric not in (*METRICS, *classes):
        raise StudyError(f"metric {metric!r}", suggestion(metric, [*METRICS, *classes]))
    names = probes["height"].astype(str) + "x" + probes["width"].astype(str)
    cells = names.value_counts()
    whole = cells.index[cells == cells.max()]
    tallied = tally(_predictions(results, probes, window))
    models = named_counts(tallied[tallied["name"].isin(whole)], classes)
    if reference is not None and reference not in models:
        raise StudyError(f"reference {reference!r}", suggestion(reference, models))
    family = (
        all_pairs(models, metric)
        if reference is None
        else against_reference(models, reference, metric)
    )
    return pd.DataFrame(
        [
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
        ],
        columns=_COLUMNS,
    )


def _probes(
    results: "Results", window_ms: float | None, digest: str | None
) -> tuple[pd.DataFrame, float]:
    rows = results.probes
    rows = _only(rows, "digest", digest, "digest=")
    rows = _only(rows, "window_ms", window_ms, "window_ms=")
    return rows, float(rows["window_ms"].iloc[0])


def _only(rows: pd.DataFrame, column: str, wanted: object, option: str) -> pd.DataFrame:
    """The rows of the value wanted, or of the only one."""
    values = rows[column].unique().tolist()
    if wanted is None and len(values) > 1:
        listed = ", ".join(map(str, values))
        raise SelectionError(f"the probes are of several {column}s", f"give {option}: {listed}")
    rows = rows if wanted is None else rows[rows[column] == wanted]
    if rows.empty:
        raise SelectionError(
            f"no probe with {option}{wanted}" if values else "no probe is stored",
            f"there are: {', '.join(map(str, values))}" if values else "run ablate grid",
        )
    return rows


def _predictions(results: "Results", probes: pd.DataFrame, window: float) -> pd.DataFrame:
    rows = results.predictions
    return rows[
        (rows["digest"] == probes["digest"].iloc[0])
        & (rows["kind"] == "probe")
        & (rows["window_ms"] == window)
    ]


def _classes(probes: pd.DataFrame) -> tuple[str, ...]:
    return tuple(c.removeprefix("acc_") for c in probes.columns if c.startswith("acc_"))
