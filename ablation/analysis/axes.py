"""Everything the probes of one axis say: curve, choices, comparisons, noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from ablation.analysis.comparisons import Family, against_reference, all_pairs, speaker_gains
from ablation.analysis.curves import physical_extent
from ablation.analysis.extents import physical_columns
from ablation.analysis.intervals import Interval, score_interval
from ablation.analysis.selection import RULES, Choice, Rule
from ablation.analysis.speakers import Counts
from ablation.analysis.variance import Spread, spread
from ablation.study import Axis
from ablation.study.extents import joined_hz
from ablation.study.field_axes import FieldAxis

MOST_PAIRED = 40  # shapes of which all pairs are compared


AnyAxis = TypeVar("AnyAxis", Axis, FieldAxis)


@dataclass(frozen=True)
class AxisEvidence(Generic[AnyAxis]):
    """An axis with at least two complete shapes.

    Attributes
    ----------
    axis, fixed
        What varies, and the extent of the other side.
    metric
        The score that choices and comparisons go by: ``wa``, ``ua`` or a class.
    curve
        As of :func:`ablation.analysis.axis_curve`.
    shapes
        Counts of the complete extents, smallest first.
    choices
        The choice of every rule.
    pairs
        All pairs, tested as one family; None for more than 40 shapes.
    against
        All compared with the pre-specified reference; where it is not among them, None, or for more
        than 40 shapes compared with the smallest.
    noise
        Components of a difference between two of these shapes, each the median over pairs.
    """

    axis: AnyAxis
    fixed: int
    metric: str
    curve: pd.DataFrame
    shapes: Mapping[int, Counts]
    choices: Mapping[str, Choice]
    pairs: Family | None
    against: Family | None
    noise: Spread

    @property
    def speakers(self) -> int:
        """How many speakers were scored."""
        return self.noise.speakers

    @property
    def best(self) -> int:
        """The extent with the highest score."""
        return self.choices["best"].extent

    @property
    def plateau(self) -> int | None:
        """Where the plateau begins; None where the largest extent is still significantly better.

        None too on an axis of categories, which has no such rule.
        """
        choice = self.choices.get("plateau")
        return choice.extent if choice is not None and choice.extent < max(self.shapes) else None

    @property
    def smallest_p(self) -> float:
        """The smallest family-wise adjusted p: of all pairs, or where they are too many, of the
        comparisons with the reference; 1 where nothing was compared."""
        family = self.pairs or self.against
        return min((c.p_joint for c in family.comparisons), default=1.0) if family else 1.0

    @property
    def like_best(self) -> list[int]:
        """The other extents that are not significantly different from the best among all pairs."""
        if self.pairs is None:
            return []
        best = self.name(self.best)
        found = ((e, self.pairs.between(self.name(e), best)) for e in self.shapes)
        return [extent for extent, c in found if c is not None and not c.significant]

    def score(self, extent: int) -> Interval:
        """Return the score of an extent with its interval."""
        return score_interval(self.shapes[extent], self.metric)

    def name(self, extent: int) -> str:
        """Return the shape's name, "10x2"."""
        return self.axis.name_of(extent, self.fixed)

    def physical(self: "AxisEvidence[Axis]", extent: float) -> str:
        """Return an extent with its unit, "100 Hz"; of bands that at three places, and nothing of
        coefficients."""
        columns = physical_columns(self.curve)
        if len(columns) != 1:
            if not columns:
                return ""
            row = self.curve.loc[self.curve["extent"] == extent, columns].to_numpy(float)[0]
            band = self.axis.unit.removesuffix("s")
            return f"{joined_hz(row)} Hz at the lowest, middle and highest {band}"
        return f"{physical_extent(self.curve)(extent):g} {self.axis.physical_unit}"


def axis_evidence(
    axis: AnyAxis,
    fixed: int,
    metric: str,
    curve: pd.DataFrame,
    shapes: Mapping[int, Counts],
    by_seed: Mapping[int, Mapping[int, Counts]],
    reference: int | None,
    rules: Mapping[str, Rule] = RULES,
) -> AxisEvidence[AnyAxis]:
    """Return everything that the stored scores say of an axis.

    Parameters
    ----------
    shapes
        Counts of at least two complete extents.
    by_seed
        The same for each extent and seed apart.
    reference
        The pre-specified extent, whether or not it is among them.
    rules
        Those by which an extent is chosen.
    """
    named = {axis.name_of(extent, fixed): counts for extent, counts in shapes.items()}
    paired = len(named) <= MOST_PAIRED
    if reference not in shapes:  # of very many, something must be compared
        reference = None if paired else min(shapes)
    return AxisEvidence(
        axis=axis,
        fixed=fixed,
        metric=metric,
        curve=curve,
        shapes=shapes,
        choices={rule: choose(shapes, metric) for rule, choose in rules.items()},
        pairs=all_pairs(named, metric) if paired else None,
        against=(
            None
            if reference is None
            else against_reference(named, axis.name_of(reference, fixed), metric)
        ),
        noise=_noise(shapes, by_seed, metric),
    )


def _noise(
    shapes: Mapping[int, Counts], by_seed: Mapping[int, Mapping[int, Counts]], metric: str
) -> Spread:
    """Return median components over pairs of shapes, or over neighbours of very many shapes.

    They are taken over the seeds that all shapes have; where there is none, as for one seed.
    """
    seeds = sorted(set.intersection(*(set(counts) for counts in by_seed.values())))
    if not seeds:
        by_seed, seeds = {extent: {0: counts} for extent, counts in shapes.items()}, [0]
    extents = sorted(by_seed)
    pairs: Sequence[tuple[int, int]] = (
        list(combinations(extents, 2)) if len(extents) <= MOST_PAIRED else list(pairwise(extents))
    )
    found = [
        spread(np.stack([speaker_gains(by_seed[a][s], by_seed[b][s], metric) for s in seeds]))
        for a, b in pairs
    ]
    speaker, seed, rest = (
        float(np.median([getattr(one, part) for one in found]))
        for part in ("speaker", "seed", "rest")
    )
    return Spread(speaker, seed, rest, found[0].speakers, len(seeds))
