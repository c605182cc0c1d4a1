"""The tables of what is trained: probe, training and the full network."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ablation.study.fields import (
    FACTORY,
    NotNegative,
    Positive,
    PositiveFloat,
    ShapeText,
    Share,
    Spec,
)


class ProbeSpec(Spec):
    """The probe: one convolution, batch norm, ReLU, global average pooling, linear."""

    filters: Positive = 16
    bias: bool = False  # batch norm cancels it
    dilation: tuple[Positive, Positive] = (1, 1)  # bins and frames from one tap to the next
    engine: Literal["single-pass", "reference"] = "single-pass"
    precision: Literal["float32", "bf16"] = "float32"  # of the single pass' products

    def extent(self, height: int, width: int) -> tuple[int, int]:
        """Bins and frames that a filter of ``height`` x ``width`` taps reaches over."""
        down, along = self.dilation
        return (height - 1) * down + 1, (width - 1) * along + 1

    @model_validator(mode="after")
    def _precision_of_engine(self) -> Self:
        if self.precision != "float32" and self.engine != "single-pass":
            raise ValueError(f'precision = "{self.precision}" needs engine = "single-pass"')
        return self


class AugmentSpec(Spec):
    """Random changes of the segments that a model is trained on; each is off at 0.

    Drawn anew for every segment of every step, uniformly up to the extent given, from a seed of
    the cell's own. Segments that are scored are never changed.
    """

    gain_db: NotNegative = 0.0  # louder or softer by up to so much; not with scope = "segment"
    frequency_warp: Share = 0.0  # the frequency axis stretched or squeezed by up to this share
    time_warp: Share = 0.0  # the time axis likewise
    time_shift: Share = 0.0  # moved by up to this share of the segment, zeros behind
    frequency_mask: Share = 0.0  # a band of up to this share of the height set to 0
    time_mask: Share = 0.0  # a stretch of up to this share of the width set to 0
    masks: Positive = 1  # of either kind


class TrainingSpec(Spec):
    """Optimiser, schedule and budget (paper, section 3.1); the last epoch is what counts.

    The budget is ``epochs`` or ``steps`` (optimiser steps), whichever is given; milestones are
    epochs counted from 1, and those beyond the budget never come.
    """

    epochs: Positive | None = 50
    steps: Positive | None = None
    batch_size: Positive = 64
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.05
    schedule: Literal["milestones", "cosine", "one-cycle", "constant"] = "milestones"
    milestones: list[Positive] = [21, 31, 41]
    decay: PositiveFloat = 0.1  # factor on the learning rate at a milestone
    warmup: Share = 0.2  # of the budget, in which one-cycle raises the learning rate from 0
    momentum: Share = 0.9  # Nesterov; of SGD alone
    weight_decay: NotNegative = 1e-4
    label_smoothing: Share = 0.0
    averaging: Share = 0.0  # decay a step of the running mean of the weights that counts; 0: none
    augment: AugmentSpec = AugmentSpec()
    score: Literal["logit", "posterior"] = "logit"  # what is averaged over segments

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("steps") is not None:
            if data.get("epochs") is not None:
                raise ValueError("epochs and steps are both given; give one of them")
            return data | {"epochs": None}
        return data

    @model_validator(mode="after")
    def _some_budget(self) -> Self:
        if self.epochs is None and self.steps is None:
            raise ValueError("neither epochs nor steps is given; give one of them")
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
    """The full network (paper, figure 1 and section 3.3), trained by ``network.training``.

    ``conv1`` fixes the filter shapes ("10x2", or "10x2:12" for twelve of them); empty, they are
    chosen by ``ablate promote``. ``factory`` ("module:function") makes a network of the user's own
    in place of this one; then only ``conv1``, ``precision``, ``layout`` and ``training`` count.
    """

    conv1: list[ShapeText] = []
    filters: Positive = 8  # of each shape in Conv1 that does not say its own number
    channels: Annotated[list[Positive], Field(min_length=1)] = [32, 48, 64, 80]  # Conv2..Conv5
    pools: list[Positive] = [2, 3]  # 2x2 max-pooling after these of Conv1..Conv5
    bias: bool = False
    pooling: Pooling = "attention"
    attention: Literal["weighted", "literal"] = "weighted"  # literal: divided by H*W once more
    attention_maps: Literal["plain", "batchnorm-relu"] = "plain"
    bilinear_order: Literal["sqrt-l2", "l2-sqrt"] = "sqrt-l2"
    factory: Annotated[str, Field(pattern=FACTORY)] | None = None
    precision: Literal["auto", "float32", "bf16"] = "auto"  # of the products in training
    layout: Literal["auto", "channels_last", "contiguous"] = "auto"
    training: TrainingSpec = TrainingSpec()

    @model_validator(mode="after")
    def _pools_follow_layers(self) -> Self:
        layers = range(1, 2 + len(self.channels))
        for pool in self.pools:
            if pool not in layers:
                raise ValueError(
                    f"pools names Conv{pool}; with {len(self.channels)} channels the layers are "
                    f"Conv1 to Conv{layers[-1]}"
                )
        return self
