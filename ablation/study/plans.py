"""The tables of which shapes are tried: by a grid, and by a search."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ablation.study.fields import Positive, PositiveFloat, Spec

HEIGHTS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 80, 100)
WIDTHS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 70, 80)


class GridSpec(Spec):
    """The shapes of the two axes in bins and frames, the analysis windows (ms) and the seeds."""

    heights: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=list(HEIGHTS), description="Heights to try, in bins."
    )
    widths: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=list(WIDTHS), description="Widths to try, in frames."
    )
    fixed_height: Positive = Field(
        default=2, description="Height of the filters whose widths are tried."
    )
    fixed_width: Positive = Field(
        default=2, description="Width of the filters whose heights are tried."
    )
    windows: list[PositiveFloat] = Field(
        default=[], description="Analysis windows to try, in ms; empty: features.window_ms alone."
    )
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)] = Field(
        default=[0], description="Seeds; every cell is trained once with each."
    )


SCORES, COSTS = ("wa", "ua"), ("params", "multiply-adds")  # to be raised, to be lowered


class SearchSpec(Spec):
    """What ``ablate search`` looks through, and how.

    ``heights`` and ``widths`` are the lowest and the highest extent (empty: of the grid's axis),
    ``filters`` and ``dilations`` choices in place of the probe's own (empty: that alone).
    ``at_once`` trials are drawn at a time, before any of them is scored, so that the points do not
    depend on the number of workers.
    """

    heights: list[Positive] = Field(
        default=[], description="Lowest and highest height; empty: of the grid's."
    )
    widths: list[Positive] = Field(
        default=[], description="Lowest and highest width; empty: of the grid's."
    )
    filters: list[Positive] = Field(
        default=[], description="Numbers of filters to choose from; empty: the probe's own."
    )
    dilations: list[tuple[Positive, Positive]] = Field(
        default=[], description="Dilations to choose from; empty: the probe's own."
    )
    sampler: Literal["tpe", "random", "nsga2", "grid"] | None = Field(
        default=None, description="What draws the points; left out: tpe, of two objectives nsga2."
    )
    objective: Annotated[list[str], Field(min_length=1, max_length=2)] = Field(
        default=["wa"],
        description="wa or ua; beside it params or multiply-adds, as cheap as can be.",
    )
    prune: bool = Field(default=False, description="Give up points that are worse fold by fold.")
    prune_p: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.3, description="p below which a point is given up."
    )
    at_once: Positive = Field(
        default=4, description="Points drawn at a time, before any of them is scored."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=0, description="Of what is drawn, not of training."
    )

    @property
    def drawn_by(self) -> str:
        """The sampler, chosen by the number of objectives where none is given."""
        return self.sampler or ("tpe" if len(self.objective) == 1 else "nsga2")

    @model_validator(mode="after")
    def _objectives_known(self) -> Self:
        score, *cost = self.objective
        if score not in SCORES or not set(cost) <= set(COSTS):
            raise ValueError(
                f"objective = {','.join(self.objective)}: allowed are {' or '.join(SCORES)}, and "
                f"beside it {' or '.join(COSTS)}, as in wa,params"
            )
        if cost and self.prune:
            raise ValueError(
                "prune: a trial of two objectives is never given up, since what scores less may "
                "cost less too; leave out one of the objectives, or prune"
            )
        return self
