"""Types and bounds that the fields of a study's tables share."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from ablation.study.shapes import PATTERN as SHAPE

# Bounded, so that no product of two settings leaves the range of its type.
Positive = Annotated[int, Field(ge=1, lt=2**31)]
PositiveFloat = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
FACTORY = r"^\w+(\.\w+)*:\w+$"
MEMORY = r"^\d+(\.\d+)? ?[KMGT]i?B$"
WALLTIME = r"^\d+(-\d\d)?:\d\d(:\d\d)?$"
FORMS = {  # how a text of each pattern looks
    SHAPE: "HEIGHTxWIDTH, for example 10x2, or 10x2:12 for twelve filters",
    NAME: "letters, digits, '.', '_' and '-', beginning with a letter or digit",
    FACTORY: "MODULE:FACTORY, for example mynet:build",
    MEMORY: "a size, for example 4GB",
    WALLTIME: "a time, for example 04:00:00",
}
Option = bool | int | float | str
"""A value of a free table, such as ``corpus.options``."""

Share = Annotated[float, Field(ge=0, lt=1)]
ShapeText = Annotated[str, Field(pattern=SHAPE)]


class Spec(BaseModel):
    """A table of a study. Unknown fields are refused; values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def named_fields(cls) -> dict[str, FieldInfo]:
        """Return the fields by their names in a study file."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ValueError for a value of a table ``options`` that no study file could hold."""
    for name, value in options.items():
        if not isinstance(value, Option):
            raise ValueError(f"options.{name} must be a string or a number")
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ValueError(f"options.{name} must be below 2**63")
