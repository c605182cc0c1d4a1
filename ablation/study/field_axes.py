"""Any field of a study as an axis: which there are, how values are written, a study at a point.

Height and width are axes too, with the same methods (:class:`~ablation.study.axes.Axis`); a value
of theirs is a side of the filter, a value of a field makes another study, with a digest of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ablation.errors.studies import NoValues, UnknownAxis
from ablation.study.axes import AXES, Axis
from ablation.study.reading import override_study, toml_value
from ablation.study.schema import study_fields
from ablation.study.shapes import Shape
from ablation.study.specs import Study

Value = bool | int | float | str | tuple[int, ...]
"""A value of an axis, as it is stored and compared."""

TABLES = ("features", "probe", "folds", "training")  # whose fields change a probe's row
_NOT = (  # fields of those tables that cannot be compared along an axis
    "folds.pairs",  # scores every speaker several times
    "training.milestones",  # a list
    "probe.options",  # a table, whose own fields are
)
_OPTIONS = "probe.options."  # of a model of the user's own
_UNITS = {"ms": "ms", "s": "s", "hz": "Hz", "db": "dB"}


@dataclass(frozen=True)
class FieldAxis:
    """A field of the study that varies.

    Attributes
    ----------
    name
        As ``--set`` names it, such as ``features.window_ms``.
    """

    name: str

    @property
    def unit(self) -> str:
        """What its values count: ms, s, Hz or dB by the field's name, or an empty text."""
        return _UNITS.get(self.name.rpartition("_")[2], "")

    def read(self, word: str) -> Any:
        """Return a value from the command line: as in TOML, a bare word, or "2x1" for a pair."""
        if re.fullmatch(r"\d{1,6}x\d{1,6}", word):
            return [int(part) for part in word.split("x")]
        return toml_value(word)

    def at(self, study: Study, shape: Shape, value: Any) -> tuple[Study, Shape]:
        """Return study and shape with this value of the field.

        Raises :class:`~ablation.errors.StudyError` for a value that the field cannot take.
        """
        given = list(value) if isinstance(value, tuple) else value
        return override_study(study, [(self.name, given)]), shape

    def name_of(self, extent: int, fixed: int) -> str:  # noqa: ARG002 - as of an Axis
        """Return the name of a value."""
        return str(extent)

    def own(self, study: Study, shape: Shape) -> Value:  # noqa: ARG002 - as of an Axis
        """Return the study's value of the field."""
        found: Any = study.model_dump(mode="json")
        for part in self.name.split("."):
            found = found.get(part)  # an option of the user's own model need not be there
        return as_value(found)


AnyAxis = Axis | FieldAxis


@dataclass(frozen=True)
class AxisValues:
    """An axis with the values that are tried, in their order."""

    axis: AnyAxis
    values: tuple[Value, ...]


@dataclass(frozen=True)
class AxisPoint:
    """A point of one or several axes: its values, and what is trained there."""

    values: tuple[Value, ...]
    study: Study
    shape: Shape


def axis_fields() -> Iterator[str]:
    """Yield the fields that can be axes, as ``--axis`` names them."""
    for name, _ in study_fields():
        if name.startswith(tuple(f"{table}." for table in TABLES)) and not name.endswith("."):
            yield from () if name in _NOT else (name,)


def find_axis(name: str) -> AnyAxis:
    """Return the axis of that name: ``height``, ``width`` or a field of the study.

    Raises
    ------
    UnknownAxis
        For any other name, and for fields on which no row of a probe depends.
    """
    if name in AXES:
        return AXES[name]
    if name not in axis_fields() and not (name.startswith(_OPTIONS) and name > _OPTIONS):
        raise UnknownAxis("--axis", name, [*AXES, *axis_fields()])
    return FieldAxis(name)


def axis_values(study: Study, given: Mapping[str, Sequence[Any]]) -> tuple[AxisValues, ...]:
    """Return axes with their values as the study knows them, each once.

    ``given`` has the values of every axis by its name.

    Raises
    ------
    StudyError
        For an unknown axis, no values, or a value that a field cannot take.
    """
    found = []
    for name, values in given.items():
        axis, shape = find_axis(name), _fixed(study)
        if not values:
            raise NoValues(name)
        known = (axis.own(*axis.at(study, shape, value)) for value in values)
        found.append(AxisValues(axis, tuple(dict.fromkeys(known))))
    return tuple(found)


def axis_points(study: Study, axes: Sequence[AxisValues]) -> list[AxisPoint]:
    """Return every combination of the axes' values, the last axis varying fastest.

    A side that is no axis is the one that the study's grid fixes. Raises
    :class:`~ablation.errors.StudyError` for values that do not go together.
    """
    points = []
    for values in product(*(one.values for one in axes)):
        there, shape = study, _fixed(study)
        for one, value in zip(axes, values, strict=True):
            there, shape = one.axis.at(there, shape, value)
        points.append(AxisPoint(values, there, shape))
    return points


def point_text(values: Sequence[Value]) -> str:
    """Return a point's values as a message has them: "20, 10"."""
    return ", ".join(map(value_text, values))


def is_ordered(values: Sequence[Value]) -> bool:
    """Return whether values are numbers, so that one is larger than another."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def value_text(value: Value) -> str:
    """Return a value as the command line has it: "40", "2x1", "true", "log"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_value(stored: Any) -> Value:
    """Return a value from JSON or TOML, where a pair is a list."""
    return tuple(stored) if isinstance(stored, list) else stored


def _fixed(study: Study) -> Shape:
    return Shape(study.grid.fixed_height, study.grid.fixed_width)
