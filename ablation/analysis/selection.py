"""Rules that choose a shape from a curve."""

from dataclasses import dataclass

import pandas as pd

from ablation.errors import SelectionError


@dataclass(frozen=True)
class Choice:
    """A chosen extent, its score (0..1), and the reason as a sentence."""

    extent: int
    score: float
    reason: str


def choose_best(curve: pd.DataFrame, metric: str = "wa") -> Choice:
    """The extent of the highest score among complete shapes; of equal ones the smallest.

    Parameters
    ----------
    curve
        As :func:`ablation.analysis.curves.axis_curve` gives it.
    metric
        A score column: ``wa``, ``ua`` or ``acc_CLASS``.

    Raises
    ------
    SelectionError
        When no shape is complete.
    """
    complete = curve[curve["complete"]]
    if complete.empty:
        raise SelectionError(
            "no shape has finished all its folds and seeds", "finish the grid: ablate grid"
        )
    best = complete.sort_values([metric, "extent"], ascending=[False, True]).iloc[0]
    name = metric.removeprefix("acc_").upper() if metric in ("wa", "ua") else metric[4:]
    return Choice(
        extent=int(best["extent"]),
        score=float(best[metric]),
        reason=f"highest {name} of {len(complete)} complete shapes ({best[metric]:.1%})",
    )
