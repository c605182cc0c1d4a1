"""What the fields of a study's tables have in common: their types and their bounds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ablation.study.shapes import PATTERN

# Bounded, so that no product of two settings leaves the range of its type.
Positive = Annotated[int, Field(ge=1, lt=2**31)]
PositiveFloat = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
FACTORY = r"^\w+(\.\w+)*:\w+$"  # of a network of the user's own
Share = Annotated[float, Field(ge=0, lt=1)]
ShapeText = Annotated[str, Field(pattern=PATTERN)]


class Spec(BaseModel):
    """A table of a study: unknown fields are refused, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
