"""The search space: filter shapes within bounds, for one or several variants of the probe."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ablation.errors.common import InvalidOption
from ablation.errors.networks import NotOfOwnModel
from ablation.errors.running import EmptySearchGrid
from ablation.results.run_record import unique
from ablation.runs.prepare import Prepared, check_model, check_shapes
from ablation.study import COSTS, SearchSpec, Shape, Study
from ablation.study.field_axes import Value, axis_points, axis_values, value_text
from ablation.training.seeds import derived_seed


@dataclass(frozen=True)
class Variant:
    """The study with one choice of every field that is searched, and the digest of its rows.

    ``chosen`` has the choices as parameters of a point: filters, dilation ("2x1") and fields.
    """

    study: Study
    digest: str
    chosen: Mapping[str, Any]

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
        Only the study's own, unless filters, dilations or other fields are searched too.
    """

    heights: tuple[int, int]
    widths: tuple[int, int]
    variants: tuple[Variant, ...]

    @property
    def choices(self) -> dict[str, tuple[Any, ...]]:
        """The choices besides extents, of which there are several: filters, dilation, fields."""
        found = {
            name: unique(variant.chosen[name] for variant in self.variants)
            for name in self.variants[0].chosen
        }
        return {name: values for name, values in found.items() if len(values) > 1}

    def params(self, point: Point) -> dict[str, Any]:
        """Return the point as an optuna trial's parameters."""
        chosen = {name: point.variant.chosen[name] for name in self.choices}
        return {"height": point.shape.height, "width": point.shape.width} | chosen

    def point(self, params: Mapping[str, Any]) -> Point:
        """Return the point of a trial's parameters, with extents clipped to those that fit."""
        variant = next(
            variant
            for variant in self.variants
            if all(params.get(name, own) == own for name, own in variant.chosen.items())
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
    fields = {
        "filters": ("probe.filters", spec.filters or [probe.filters]),
        "dilation": ("probe.dilation", spec.dilations or [probe.dilation]),
    } | {name: (name, values) for name, values in spec.choices.items()}
    for name in spec.choices:
        if not name.startswith(_CHOSEN):
            raise InvalidOption("search.choices", name, "fields of [probe] or [training]")
    axes = axis_values(study, {field: list(values) for field, values in fields.values()})
    variants = []
    for point in axis_points(study, axes):
        digest = point.study.digest(prepared.fingerprint, prepared.code)
        chosen = dict(zip(fields, map(_parameter, point.values), strict=True))
        variants.append(Variant(point.study, digest, chosen))
    heights, widths = spec.heights or study.grid.heights, spec.widths or study.grid.widths
    space = Space((min(heights), max(heights)), (min(widths), max(widths)), tuple(variants))
    _check(space)
    ends = [Shape(min(heights), min(widths)), Shape(max(heights), max(widths))]
    check_model(study, len(prepared.corpus.classes), ends)
    if spec.drawn_by == "grid" and not space.grid(spec.seed):
        raise EmptySearchGrid(space.heights, space.widths)
    return space


_CHOSEN = ("probe.", "training.")  # others need spectrograms or folds of their own


def _parameter(value: Value) -> bool | int | float | str:
    """Return a value as optuna stores it, a pair as "2x1"."""
    return value_text(value) if isinstance(value, tuple) else value


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
