"""What is known of some filter shapes, carried over to others."""

from collections.abc import Iterable, Mapping

import numpy as np

Extents = tuple[int, int]  # height and width


def over_shapes(known: Mapping[Extents, float], wanted: Iterable[Extents]) -> dict[Extents, float]:
    """Positive values of the ``wanted`` shapes from those of the ``known`` ones, at least one.

    All in logarithms, since seconds and bytes grow by factors: a trend over the number of weights,
    never falling, which also leads beyond the outermost known shapes, and what the known ones
    differ from it, interpolated. A known shape keeps its value.
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
    """Slope, at least 0, and level of the line through the points."""
    centred = areas - areas.mean()
    spread = float(centred @ centred)
    slope = max(0.0, float(centred @ values) / spread) if spread > 1e-9 else 0.0
    return slope, float(values.mean() - slope * areas.mean())


def _interpolated(there: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    if len(there) == 1:
        return np.full(len(places), values[0])
    # Costs a good part of a second, which a command that knows every shape need not spend.
    from scipy.interpolate import RBFInterpolator

    return RBFInterpolator(there, values, kernel="linear", degree=0)(places)
