"""The tables that say which shapes a grid and a search try."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ablation.study.fields import Positive, PositiveFloat, Spec

HEIGHTS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 80, 100)
WIDTHS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 70, 80)


class GridSpec(Spec):
    """The shapes of the two axes in bins and frames, the analysis windows (ms) and the seeds."""

    heights: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=list(HEIGHTS), description="Heights to try, in rows: bins, bands or coefficients."
    )
    widths: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=list(WIDTHS), description="Widths to try, in frames."
    )
    fixed_height: Positive = Field(
        default=2, description="Height of the filters on the width axis, in rows."
    )
    fixed_width: Positive = Field(
        default=2, description="Width of the filters on the height axis, in frames."
    )
    windows: list[PositiveFloat] = Field(
        default=[], description="Analysis windows to try, in ms; empty: only features.window_ms."
    )
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)] = Field(
        default=[0], description="Seeds; each shape and fold is trained once per seed."
    )


SCORES, COSTS = ("wa", "ua"), ("params", "multiply-adds")  # to be raised, to be lowered


class SearchSpec(Spec):
    """What ``ablate search`` covers, and how.

    ``heights`` and ``widths`` are the lowest and highest extent (empty: those of the grid),
    ``filters``, ``dilations`` and ``choices`` what is chosen beside the shape (empty: as it is).
    A trial is drawn whenever a worker would have no cell, up to ``at_once`` at the same time: more
    keep more workers busy, each drawn with less known.
    """

    heights: list[Positive] = Field(
        default=[], description="Lowest and highest height; empty: those of the grid."
    )
    widths: list[Positive] = Field(
        default=[], description="Lowest and highest width; empty: those of the grid."
    )
    filters: list[Positive] = Field(
        default=[], description="Numbers of filters to choose from; empty: only probe.filters."
    )
    dilations: list[tuple[Positive, Positive]] = Field(
        default=[], description="Dilations to choose from; empty: only probe.dilation."
    )
    choices: dict[str, list[Any]] = Field(
        default={},
        description="Values to choose from, by field of [probe] or [training].",
    )
    sampler: Literal["tpe", "random", "nsga2", "grid"] | None = Field(
        default=None, description="Optuna sampler; default: tpe, or nsga2 with two objectives."
    )
    objective: Annotated[list[str], Field(min_length=1, max_length=2)] = Field(
        default=["wa"],
        description="wa or ua, maximised; optionally params or multiply-adds, minimised.",
    )
    prune: bool = Field(default=False, description="Stop trials that are worse fold by fold.")
    prune_p: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.3, description="p below which a trial is pruned."
    )
    at_once: Positive = Field(
        default=4,
        description="Most trials that run at the same time, if there are as many workers.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=0, description="Seed of the sampler, not of training."
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
                f"objective = {','.join(self.objective)}: expected {' or '.join(SCORES)}, "
                f"optionally with {' or '.join(COSTS)}, for example wa,params"
            )
        if cost and self.prune:
            raise ValueError(
                "prune cannot be combined with two objectives, because a trial that scores less "
                "may also cost less; leave out one of them"
            )
        return self
