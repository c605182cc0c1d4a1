"""The tables of which shapes are tried: by a grid, and by a search."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ablation.study.fields import Positive, PositiveFloat, Spec

HEIGHTS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 80, 100)
WIDTHS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 70, 80)


class GridSpec(Spec):
    """The shapes of the two axes in bins and frames, the analysis windows (ms) and the seeds."""

    heights: Annotated[list[Positive], Field(min_length=1)] = list(HEIGHTS)
    widths: Annotated[list[Positive], Field(min_length=1)] = list(WIDTHS)
    fixed_height: Positive = 2
    fixed_width: Positive = 2
    windows: list[PositiveFloat] = []  # empty: features.window_ms alone
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)] = [0]


SCORES, COSTS = ("wa", "ua"), ("params", "multiply-adds")  # to be raised, to be lowered


class SearchSpec(Spec):
    """What ``ablate search`` looks through, and how.

    ``heights`` and ``widths`` are the lowest and the highest extent (empty: of the grid's axis),
    ``filters`` and ``dilations`` choices in place of the probe's own (empty: that alone).
    ``at_once`` trials are drawn at a time, before any of them is scored, so that the points do not
    depend on the number of workers.
    """

    heights: list[Positive] = []
    widths: list[Positive] = []
    filters: list[Positive] = []
    dilations: list[tuple[Positive, Positive]] = []
    sampler: Literal["tpe", "random", "nsga2", "grid"] | None = None  # None: by the objectives
    objective: Annotated[list[str], Field(min_length=1, max_length=2)] = ["wa"]
    prune: bool = False
    prune_p: Annotated[float, Field(gt=0, lt=1)] = 0.3  # below which a trial is given up
    at_once: Positive = 4
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

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
