"""Values known for some filter shapes, interpolated for others."""

from collections.abc import Iterable, Mapping

import numpy as np

Extents = tuple[int, int]  # height and width


def over_shapes(known: Mapping[Extents, float], wanted: Iterable[Extents]) -> dict[Extents, float]:
    """Return positive values of the ``wanted`` shapes from those of at least one ``known`` shape.

    All is in logarithms, since seconds and bytes grow by factors: a trend over the number of
    weights, which never falls and also extrapolates, plus the interpolated residuals of the known
    shapes. A known shape keeps its value.
    """
    wanted = list(wanted)
    values = {shape: known[shape] for shape in wanted if shape in known}
    unknown = [shape for shape in wanted if shape not in known]
    if not unknown:
        return values
    places, there = np.log(list(unknown)), np.log(list(known))
    found = np.log(list(known.values()))
    slope, level = _trend(there.sum(1), found)
    apart = _interpolated(there, found - slope * there.sum(1) - level, places)
    carried = np.exp(slope * places.sum(1) + level + apart).tolist()
    return values | dict(zip(unknown, carried, strict=True))


def _trend(areas: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the slope, at least 0, and the level of the line through the points."""
    centred = areas - areas.mean()
    spread = float(centred @ centred)
    slope = max(0.0, float(centred @ values) / spread) if spread > 1e-9 else 0.0
    return slope, float(values.mean() - slope * areas.mean())


def _interpolated(there: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    if len(there) == 1:
        return np.full(len(places), values[0])
    # Takes a good part of a second to import, which a command that knows every shape can save.
    from scipy.interpolate import RBFInterpolator

    return RBFInterpolator(there, values, kernel="linear", degree=0)(places)
