"""The search space: filter shapes within bounds, for one or several variants of the probe."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablation.errors.networks import NotOfOwnModel
from ablation.errors.running import EmptySearchGrid
from ablation.results.run_record import unique
from ablation.runs.prepare import Prepared, check_model, check_shapes
from ablation.study import COSTS, SearchSpec, Shape, Study, override_study
from ablation.training.seeds import derived_seed


@dataclass(frozen=True)
class Variant:
    """The study with one choice of filters and dilation, and the digest of its rows."""

    study: Study
    digest: str

    @property
    def dilation(self) -> str:
        """The dilation as a parameter of a point, such as "2x1"."""
        return "x".join(map(str, self.study.probe.dilation))

    @property
    def highest(self) -> Shape:
        """The largest extents that fit into a segment."""
        features, (down, along) = self.study.features, self.study.probe.spacing
        return Shape((features.height - 1) // down + 1, (features.width - 1) // along + 1)


@dataclass(frozen=True)
class Point:
    """A point that a trial tries."""

    shape: Shape
    variant: Variant


@dataclass(frozen=True)
class Space:
    """All points of a search.

    Attributes
    ----------
    heights, widths
        The lowest and the highest extent, in bins and in frames.
    variants
        Only the study's own, unless filters or dilations are searched too.
    """

    heights: tuple[int, int]
    widths: tuple[int, int]
    variants: tuple[Variant, ...]

    @property
    def choices(self) -> dict[str, tuple[Any, ...]]:
        """The choices besides extents: filters and dilation, where there are several."""
        found = {
            "filters": unique(variant.study.probe.filters for variant in self.variants),
            "dilation": unique(variant.dilation for variant in self.variants),
        }
        return {name: values for name, values in found.items() if len(values) > 1}

    def params(self, point: Point) -> dict[str, Any]:
        """Return the point as an optuna trial's parameters."""
        own = {"filters": point.variant.study.probe.filters, "dilation": point.variant.dilation}
        chosen = {name: own[name] for name in self.choices}
        return {"height": point.shape.height, "width": point.shape.width} | chosen

    def point(self, params: Mapping[str, Any]) -> Point:
        """Return the point of a trial's parameters, with extents clipped to those that fit."""
        variant = next(
            variant
            for variant in self.variants
            if params.get("filters", variant.study.probe.filters) == variant.study.probe.filters
            and params.get("dilation", variant.dilation) == variant.dilation
        )
        most = variant.highest
        shape = Shape(min(params["height"], most.height), min(params["width"], most.width))
        return Point(shape, variant)

    def grid(self, seed: int) -> list[Point]:
        """Return the points of the study's grid in the space that fit, in random order."""
        grid = self.variants[0].study.grid
        points = [
            Point(Shape(height, width), variant)
            for variant in self.variants
            for height in unique(grid.heights)
            for width in unique(grid.widths)
            if self.heights[0] <= height <= min(self.heights[1], variant.highest.height)
            and self.widths[0] <= width <= min(self.widths[1], variant.highest.width)
        ]
        random.Random(derived_seed("search", "grid", seed)).shuffle(points)
        return points

    def __str__(self) -> str:
        (low, high), (narrow, wide) = self.heights, self.widths
        parts = [f"heights {low} to {high}", f"widths {narrow} to {wide}"]
        parts += [f"{name} {', '.join(map(str, values))}" for name, values in self.choices.items()]
        return "; ".join(parts)


def space_of(prepared: Prepared) -> Space:
    """Return the space that a study's table [search] describes.

    Raises
    ------
    StudyError
        When extents or dilations do not fit into a segment, or a grid has no point in the space.
    """
    study = prepared.study
    spec, probe = study.search, study.probe
    if probe.factory is not None:
        _refuse_probe_only(spec, probe.factory)
    variants = []
    for filters in unique(spec.filters or [probe.filters]):
        for down, along in unique(spec.dilations or [probe.dilation]):
            choice = [("probe.filters", filters), ("probe.dilation", [down, along])]
            variant = override_study(study, choice)
            variants.append(Variant(variant, variant.digest(prepared.fingerprint, prepared.code)))
    heights, widths = spec.heights or study.grid.heights, spec.widths or study.grid.widths
    space = Space((min(heights), max(heights)), (min(widths), max(widths)), tuple(variants))
    _check(space)
    ends = [Shape(min(heights), min(widths)), Shape(max(heights), max(widths))]
    check_model(study, len(prepared.corpus.classes), ends)
    if spec.drawn_by == "grid" and not space.grid(spec.seed):
        raise EmptySearchGrid(space.heights, space.widths)
    return space


def _refuse_probe_only(spec: SearchSpec, factory: str) -> None:
    """Raise :class:`NotOfOwnModel` for a search of what a model of the user's own does not have."""
    costs = [f"objective {cost}" for cost in spec.objective if cost in COSTS]
    asked = {"search.filters": spec.filters, "search.dilations": spec.dilations}
    for what in [*costs, *(name for name, values in asked.items() if values)]:
        raise NotOfOwnModel(factory, what)


def _check(space: Space) -> None:
    """Check that the smallest point fits every variant, and each largest extent some variant."""
    lowest = Shape(space.heights[0], space.widths[0])
    for variant in space.variants:
        check_shapes(variant.study, [lowest])
    least = space.variants[0]
    if all(variant.highest.height < space.heights[1] for variant in space.variants):
        check_shapes(least.study, [Shape(space.heights[1], lowest.width)])
    if all(variant.highest.width < space.widths[1] for variant in space.variants):
        check_shapes(least.study, [Shape(lowest.height, space.widths[1])])
