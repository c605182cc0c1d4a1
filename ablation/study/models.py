"""The tables of probe, training and full network."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ablation.errors import counted
from ablation.study.fields import (
    FACTORY,
    NotNegative,
    Positive,
    PositiveFloat,
    ShapeText,
    Share,
    Spec,
    check_options,
)


class ProbeSpec(Spec):
    """The probe: one convolution, batch norm, ReLU, global average pooling, linear.

    ``factory`` ("module:function") makes a model of your own for every shape instead; then only
    ``options`` counts beside it.
    """

    filters: Positive = Field(default=16, description="Number of filters, all of one shape.")
    bias: bool = Field(
        default=False, description="A bias in the convolution; batch norm cancels it."
    )
    dilation: tuple[Positive, Positive] = Field(
        default=(1, 1), description="Bins and frames between neighbouring taps of a filter."
    )
    engine: Literal["single-pass", "reference"] = Field(
        default="single-pass",
        description="The fast engine, or the plain module that computes the same function.",
    )
    precision: Literal["float32", "bf16"] = Field(
        default="float32", description="Precision of the single pass' products."
    )
    factory: Annotated[str, Field(pattern=FACTORY)] | None = Field(
        default=None, description="A model of your own in place of the probe, as module:function."
    )
    options: dict[str, Any] = Field(
        default={}, description="Settings of your own model, which its factory reads."
    )

    @property
    def spacing(self) -> tuple[int, int]:
        """The bins and frames between neighbouring taps of a filter."""
        return self.dilation if self.factory is None else (1, 1)

    def without_effect(self) -> list[str]:
        """Return the fields that were given but do not count, because of ``factory``."""
        own, given = {"factory", "options"}, self.model_dump(exclude_defaults=True)
        return [name for name in given if (name in own) == (self.factory is None)]

    def extent(self, height: int, width: int) -> tuple[int, int]:
        """Return the bins and frames that a filter of ``height`` x ``width`` taps spans."""
        down, along = self.spacing
        return (height - 1) * down + 1, (width - 1) * along + 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.precision != "float32" and self.engine != "single-pass":
            raise ValueError(f'precision = "{self.precision}" requires engine = "single-pass"')
        check_options(self.options)
        return self


class AugmentSpec(Spec):
    """Random changes of training segments; each is off at 0.

    They are drawn anew for every segment and step, uniformly up to the extent given, from a seed
    of the cell. Test segments are never changed.
    """

    gain_db: NotNegative = Field(
        default=0.0,
        description='Largest gain or attenuation in dB; no effect with scope = "segment".',
    )
    frequency_warp: Share = Field(
        default=0.0, description="Largest stretch of the frequency axis, as a share."
    )
    time_warp: Share = Field(
        default=0.0, description="Largest stretch of the time axis, as a share."
    )
    time_shift: Share = Field(
        default=0.0,
        description="Largest shift in time, as a share of the segment; filled with zeros.",
    )
    frequency_mask: Share = Field(
        default=0.0, description="Widest band set to 0, as a share of the height."
    )
    time_mask: Share = Field(
        default=0.0, description="Longest span of time set to 0, as a share of the width."
    )
    masks: Positive = Field(default=1, description="Number of masks of each kind.")

    @property
    def warped(self) -> bool:
        """Whether segments are stretched or moved."""
        return bool(self.frequency_warp or self.time_warp or self.time_shift)

    @property
    def used(self) -> bool:
        """Whether anything is changed; if not, a segment is the same in every epoch."""
        return bool(self.gain_db or self.warped or self.frequency_mask or self.time_mask)


class TrainingSpec(Spec):
    """Optimiser, schedule and budget (paper, section 3.1). The last epoch is scored.

    The budget is given in ``epochs`` or in optimiser ``steps``. Milestones are epochs counted from
    1; those beyond the budget have no effect.
    """

    epochs: Positive | None = Field(
        default=50, description="Epochs over all training segments; or give steps."
    )
    steps: Positive | None = Field(default=None, description="Optimiser steps; or give epochs.")
    speakers: Positive | None = Field(
        default=None,
        description="Number of speakers trained on, drawn by seed; default: all but the held-out.",
    )
    batch_size: Positive = Field(default=64, description="Segments per step.")
    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        default="sgd", description="Optimiser; the paper uses sgd with Nesterov momentum."
    )
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=0.05, description="Learning rate, before its schedule."
    )
    schedule: Literal["milestones", "cosine", "one-cycle", "constant"] = Field(
        default="milestones", description="Schedule of the learning rate."
    )
    milestones: list[Positive] = Field(
        default=[21, 31, 41],
        description="Epochs, counted from 1, after which the learning rate is multiplied by decay.",
    )
    decay: PositiveFloat = Field(
        default=0.1, description="Factor of the learning rate at each milestone."
    )
    warmup: Share = Field(
        default=0.2,
        description="Share of the budget in which one-cycle raises the learning rate from 0.",
    )
    momentum: Share = Field(default=0.9, description="Nesterov momentum; only for sgd.")
    weight_decay: NotNegative = Field(default=1e-4, description="Weight decay.")
    label_smoothing: Share = Field(default=0.0, description="Label smoothing.")
    averaging: Share = Field(
        default=0.0,
        description="Decay per step of the running mean of the weights that is scored; 0: none. "
        "Its window of 1 / (1 - averaging) steps is at most a tenth of the budget.",
    )
    augment: AugmentSpec = Field(
        default=AugmentSpec(), description="Random changes of training segments."
    )
    score: Literal["logit", "posterior"] = Field(
        default="logit", description="What is averaged over the segments of an utterance."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("steps") is not None:
            if data.get("epochs") is not None:
                raise ValueError("epochs and steps cannot be combined; give one of them")
            return data | {"epochs": None}
        return data

    @model_validator(mode="after")
    def _some_budget(self) -> Self:
        if self.epochs is None and self.steps is None:
            raise ValueError("no training length: give epochs or steps")
        return self


NETWORK_NAMES = {  # the paper's, in Table 1, by pooling; below them those it does not have
    "attention": "CNN_TF_Att.pooling",
    "gap": "CNN_TF_GAP",
    "bilinear": "CNN_TF_Bilinear",
    "attention-sum": "CNN_TF_Att.sum",
    "attention-class": "CNN_TF_Att.class",
    "max": "CNN_TF_Max",
    "statistics": "CNN_TF_Statistics",
}
PAPER_POOLINGS = ("gap", "bilinear", "attention")  # the rows of Table 1, in its order
Pooling = Literal[
    "attention", "gap", "bilinear", "attention-sum", "attention-class", "max", "statistics"
]


class NetworkSpec(Spec):
    """The full network (paper, figure 1 and section 3.3), trained as ``network.training`` says.

    ``conv1`` fixes the filter shapes ("10x2", or "10x2:12" for twelve of them); empty, they are
    chosen by ``ablate promote``. ``factory`` ("module:function") builds a network of your own
    instead; then only ``conv1``, ``options``, ``precision``, ``layout`` and ``training`` count.
    """

    conv1: list[ShapeText] = Field(
        default=[],
        description="Shapes of Conv1, e.g. 10x2 or 10x2:12; empty: `ablate promote` chooses.",
    )
    filters: Positive = Field(
        default=8, description="Filters of each shape in Conv1 that does not name a number."
    )
    channels: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=[32, 48, 64, 80], description="Channels of Conv2 and the layers after it."
    )
    pools: list[Positive] = Field(
        default=[2, 3], description="Layers followed by 2x2 max-pooling; 1 is Conv1."
    )
    bias: bool = Field(
        default=False, description="A bias in every convolution; batch norm cancels it."
    )
    pooling: Pooling = Field(
        default="attention", description="How the last feature map is pooled into one vector."
    )
    attention: Literal["weighted", "literal"] = Field(
        default="weighted",
        description="The weighted sum, or literal: also divided by H*W, as the paper prints it.",
    )
    attention_maps: Literal["plain", "batchnorm-relu"] = Field(
        default="plain",
        description="What follows the two convolutions of attention pooling.",
    )
    bilinear_order: Literal["sqrt-l2", "l2-sqrt"] = Field(
        default="sqrt-l2",
        description="Order of signed square root and L2 normalisation in bilinear pooling.",
    )
    factory: Annotated[str, Field(pattern=FACTORY)] | None = Field(
        default=None, description="A network of your own, as module:function."
    )
    options: dict[str, Any] = Field(
        default={}, description="Settings of your own network, which its factory reads."
    )
    precision: Literal["auto", "float32", "bf16"] = Field(
        default="auto",
        description="Precision of products in training; auto: bf16 where it is faster.",
    )
    layout: Literal["auto", "channels_last", "contiguous"] = Field(
        default="auto", description="Memory layout of feature maps; auto: the faster one."
    )
    training: TrainingSpec = Field(
        default=TrainingSpec(), description="Training of the full network."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_options(self.options)
        layers = range(1, 2 + len(self.channels))
        for pool in self.pools:
            if pool not in layers:
                raise ValueError(
                    f"pools names Conv{pool}; with {counted(len(self.channels), 'channel')} the "
                    f"layers are Conv1 to Conv{layers[-1]}"
                )
        return self
