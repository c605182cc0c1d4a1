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

from collections import Counter
from math import inf
from typing import TYPE_CHECKING

import pandas as pd

from ablation.analysis.comparisons import against_reference, all_pairs
from ablation.analysis.curves import AXES, Axis, axis_curve
from ablation.analysis.speakers import METRICS
from ablation.analysis.tallies import named_counts, tally
from ablation.errors.common import UnknownName
from ablation.errors.reading import NoProbes, NoProbesWith, ReferenceNotComplete, SeveralStored

if TYPE_CHECKING:
    from ablation.results import Results
    from ablation.results.reading import Asked


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
    probes, kind = _probes(results, window_ms, digest), _axis(axis)
    asked, first = _asked(results, probes), probes.iloc[0]
    fixed = _fixed(asked, kind) if fixed is None else fixed
    window, failed = float(first["window_ms"]), results.failed_probes
    failed = failed[(failed["digest"] == first["digest"]) & (failed["window_ms"] == window)]
    if asked is not None:
        probes, failed = asked.named(probes), asked.named(failed)
    mine, failed = _on_axis(probes, kind, fixed), failed[failed[kind.fixed] == fixed]
    expected = _expected(mine, asked, kind, fixed, window)
    failures = Counter(failed[kind.varies].tolist())
    tallied = tally(_predictions(results, probes))
    return axis_curve(mine, tallied, kind, fixed, window, _classes(probes), expected, failures)


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
    probes = _probes(results, window_ms, digest)
    asked = _asked(results, probes)
    named = probes if asked is None else asked.named(probes)
    if axis is not None:
        kind = _axis(axis)
        named = _on_axis(named, kind, _fixed(asked, kind) if fixed is None else fixed)
    classes = _classes(probes)
    metric = metric.lower() if metric.lower() in METRICS else metric
    if metric not in (*METRICS, *classes):
        raise UnknownName("metric", metric, [*METRICS, *classes])
    tallied = tally(_predictions(results, probes))
    counts = named_counts(tallied, classes)
    models = {name: counts[name] for name in _complete(named, asked, tallied)}
    if reference is not None and reference not in models:
        raise ReferenceNotComplete("reference", reference, list(models))
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


def _axis(name: str) -> Axis:
    if name not in AXES:
        raise UnknownName("axis", name, list(AXES))
    return AXES[name]


def _probes(results: "Results", window_ms: float | None, digest: str | None) -> pd.DataFrame:
    """Return the finished probes of one digest and one window."""
    if results.probes.empty:
        raise NoProbes()
    return _only(_only(results.probes, "digest", digest), "window_ms", window_ms)


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


def _on_axis(rows: pd.DataFrame, axis: Axis, fixed: int) -> pd.DataFrame:
    found = rows[rows[axis.fixed] == fixed]
    if found.empty:
        raise NoProbesWith(axis.fixed, fixed, sorted(rows[axis.fixed].unique().tolist()))
    return found


def _asked(results: "Results", probes: pd.DataFrame) -> "Asked | None":
    return results.asked.get(str(probes["digest"].iloc[0]))


def _fixed(asked: "Asked | None", axis: Axis) -> int:
    """Return the extent of the side that an axis does not vary, 2 where no settings are stored."""
    return 2 if asked is None else asked.fixed[axis.fixed]


def _expected(
    probes: pd.DataFrame, asked: "Asked | None", axis: Axis, fixed: int, window: float
) -> dict[int, int]:
    """Return how many cells were asked for of each extent of an axis."""
    if asked is None:
        cells = Counter(probes[axis.varies].tolist())
        return dict.fromkeys(cells, max(cells.values()))
    expected = {}
    for height, width, planned_window in asked.planned:
        extent, other = (height, width) if axis.name == "height" else (width, height)
        if (other, planned_window) == (fixed, window):
            expected[extent] = asked.cells[height, width, planned_window]
    return expected


def _complete(probes: pd.DataFrame, asked: "Asked | None", tallied: pd.DataFrame) -> list[str]:
    """Return the names of the shapes of which every cell and every prediction is there."""
    groups = probes.groupby(["height", "width", "window_ms"])
    cells, scored = groups.size(), groups["n_test"].sum()
    predicted = tallied.groupby("name")["n"].sum().to_dict()
    found = []
    most = int(cells.max()) if len(cells) else 0
    rows = cells.index.to_frame(index=False).assign(cells=cells.values, scored=scored.values)
    for height, width, window, number, n in rows.itertuples(index=False, name=None):
        wanted = most if asked is None else asked.cells.get((height, width, window), inf)
        if number >= wanted and predicted.get(f"{height}x{width}") == n:
            found.append(f"{height}x{width}")
    return found


def _predictions(results: "Results", probes: pd.DataFrame) -> pd.DataFrame:
    rows, first = results.predictions, probes.iloc[0]
    return rows[
        (rows["digest"] == first["digest"])
        & (rows["kind"] == "probe")
        & (rows["window_ms"] == first["window_ms"])
    ]


def _classes(probes: pd.DataFrame) -> tuple[str, ...]:
    return tuple(c.removeprefix("acc_") for c in probes.columns if c.startswith("acc_"))
