"""How far a measured receptive field reaches along frequency and time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ablation.analysis.networks import StoredNetwork
from ablation.analysis.study_results import StudyResults
from ablation.results.field_record import FieldRecord, read_field

MASS = 0.95  # of a field, that its extent holds


@dataclass(frozen=True)
class Extent:
    """The extents of a field along one side, in bins or frames.

    Attributes
    ----------
    half
        From the first to the last at which its sum over the other side is half the largest one.
    mass
        The fewest neighbours that hold 95 % of its sum.
    """

    half: int
    mass: int


def extents(field: np.ndarray) -> tuple[Extent, Extent]:
    """Return the extents of a field (bins, frames) along frequency and along time.

    A field of zeros, of a unit that never fires, has extents of 0.
    """
    return _extent(field.sum(axis=1)), _extent(field.sum(axis=0))


def _extent(profile: np.ndarray) -> Extent:
    if not profile.any():
        return Extent(0, 0)
    high = np.flatnonzero(profile >= profile.max() / 2)
    below = np.concatenate([[0.0], np.cumsum(profile)])
    enough = below + (MASS - 1e-12) * below[-1]  # what must be reached from each first one
    ends = np.searchsorted(below, enough, side="left")
    lengths = (ends - np.arange(len(below)))[ends < len(below)]
    return Extent(int(high[-1] - high[0] + 1), int(lengths.min()))


def stored_field(
    stored: StudyResults, networks: Sequence[StoredNetwork]
) -> tuple[str, FieldRecord] | None:
    """Return label and measured field of the best complete network (by WA) that has one.

    The network trained on all speakers comes first.
    """
    order = sorted(
        (network for network in networks if network.complete),
        key=lambda network: -network.counts.score("wa"),
    )
    for network in order:
        places = stored.folder.glob(f"networks/*-{network.digest}")
        for place in sorted(places, key=lambda path: ("-all-" not in path.name, path)):
            if (record := read_field(place)) is not None:
                return network.label, record
    return None
