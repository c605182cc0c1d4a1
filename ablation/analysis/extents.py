"""The extents of a curve in Hz where bands differ in width."""

import pandas as pd

from ablation.study import Axis, Study

PHYSICAL = ("physical_low", "physical", "physical_high")


def with_extents(curve: pd.DataFrame, axis: Axis, study: Study) -> pd.DataFrame:
    """Return a curve whose ``physical`` is that of the study's front end.

    Of mel bands it is the extent at the middle band, and there are ``physical_low`` and
    ``physical_high``, those at the lowest and highest band; of coefficients it is nan.
    """
    features = study.features
    if axis.name != "height" or features.kind == "linear" or curve.empty:
        return curve
    spans = [study.probe.extent(int(extent), 1)[0] for extent in curve["extent"]]
    found = [features.extents_hz(span) for span in spans]
    if None in found:
        return curve.assign(physical=float("nan"))
    low, middle, high = zip(*filter(None, found), strict=True)
    return curve.assign(physical=middle, physical_low=low, physical_high=high)


def physical_columns(curve: pd.DataFrame) -> list[str]:
    """Return the columns of extents in Hz or ms: one, three, or none where rows have no Hz."""
    return [name for name in PHYSICAL if name in curve and curve[name].notna().any()]
