"""What a factory of the user's own is told about the model that it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from ablation.study import FeaturesSpec, Shape
from ablation.study.fields import Option


@dataclass(frozen=True)
class ModelSpec:
    """A model to be made: from segments (n, 1, ``bins``, ``frames``) to scores (n, ``classes``).

    A factory of the user's own is called with it, by ``ablate grid --network`` for every shape and
    by ``ablate promote --network`` with all shapes chosen.

    Attributes
    ----------
    shapes
        The filter shapes as (height, width), in bins and frames; one in a grid.
    classes
        The number of scores.
    features
        The settings of spectrogram and segments.
    options
        The study's ``[probe.options]`` (grid) or ``[network.options]`` (promote).
    """

    shapes: list[tuple[int, int]]
    classes: int
    features: FeaturesSpec
    options: Mapping[str, Option] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        shapes: Sequence[Shape],
        classes: int,
        features: FeaturesSpec,
        options: Mapping[str, Option],
    ) -> Self:
        """Return the spec of a model with these shapes."""
        sizes = [(shape.height, shape.width) for shape in shapes]
        return cls(sizes, classes, features, dict(options))

    @property
    def bins(self) -> int:
        """The height of a segment, in frequency bins."""
        return self.features.height

    @property
    def frames(self) -> int:
        """The width of a segment, in frames."""
        return self.features.width
