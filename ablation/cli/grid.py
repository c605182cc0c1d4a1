"""``ablate grid``: what varies, and training it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ablation.cli import completion
from ablation.cli.failures import finish, say
from ablation.cli.options import (
    DEMO,
    RESULTS,
    Changes,
    DryRun,
    Machines,
    NetworkOption,
    Repeats,
    ResultsOption,
    StudyOption,
    parse_factory,
    parse_numbers,
    parse_shapes,
    parse_words,
)
from ablation.errors.common import InvalidOption, OptionMissing, OptionsExclude
from ablation.errors.studies import NoMatchedShape

if TYPE_CHECKING:
    from ablation.runs.plans import Plan
    from ablation.study import Shape, Study
    from ablation.study.reading import Override

_LONG_S = 600  # of a run that says beforehand how long it takes
_SIDES = ("height", "width", "both", "product")


class ControlName(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    loudness = "loudness"


@dataclass(frozen=True)
class Cells:
    """The cells of a grid: an axis, or shapes or a control instead of one, and windows."""

    axis: Annotated[
        list[str] | None,
        Option(
            metavar="height|width|both|product|FIELD",
            help="What varies: a side of the filter, both one by one, their product, or any field "
            "of the study, e.g. features.window_ms. Repeated: every combination.",
            autocompletion=completion.axes,
        ),
    ] = None
    values: Annotated[
        list[str] | None,
        Option(help="Values of the axis, e.g. 2,4,8 or 1x1,2x1; the n-th are of the n-th --axis."),
    ] = None
    shapes: Annotated[str | None, Option(help="Shapes instead of an axis, e.g. 10x2,4x5.")] = None
    matched: Annotated[
        str | None,
        Option(metavar="HxW", help="Instead of an axis, all shapes with as many weights as HxW."),
    ] = None
    control: Annotated[
        ControlName | None,
        Option(help="Instead of an axis, whether loudness alone explains the scores (an SVM)."),
    ] = None
    windows: Annotated[str | None, Option(help="Analysis windows in ms, e.g. 20,40,80.")] = None
    network: NetworkOption = None

    @property
    def along(self) -> str | None:
        """The name of the axis, where only sides of the filter vary."""
        names = self.axis or []
        if sorted(names) == ["height", "width"]:
            return "product"
        return names[0] if len(names) == 1 and names[0] in _SIDES else None

    def overrides(self) -> list[Override]:
        """Return the fields of the study that these options set."""
        overrides: list[Override] = []
        if self.along is not None or not self.axis:
            overrides += self._extents()
        if self.windows is not None:
            overrides.append(("grid.windows", parse_numbers("--windows", self.windows, float)))
        if self.network is not None:
            overrides.append(("probe.factory", parse_factory(self.network)))
        return overrides

    def _extents(self) -> list[Override]:
        """Return the heights and widths that --values gives."""
        overrides: list[Override] = []
        names, given = self.axis or [], self.values or []
        _check_number(given, max(1, len(names)))
        for name, text in zip_longest(names[: len(given)], given):
            numbers = parse_numbers("--values", text, int)
            if min(numbers) < 1:
                expected = "numbers of rows (height) or frames (width) from 1 on"
                raise InvalidOption("--values", min(numbers), expected)
            if name != "width":
                overrides.append(("grid.heights", numbers))
            if name != "height":
                overrides.append(("grid.widths", numbers))
        return overrides

    def _axes(self, study: Study) -> dict[str, list[Any]]:
        """Return the values of every axis; those of a side that has none are the grid's."""
        from ablation.study import AXES
        from ablation.study.field_axes import find_axis

        names, given = self.axis or [], self.values or []
        _check_number(given, len(names))
        found: dict[str, list[Any]] = {}
        for number, name in enumerate(names):
            if name in found:
                raise InvalidOption("--axis", name, "each axis once")
            if name in ("both", "product"):
                raise InvalidOption("--axis", name, "height, width or a field beside another axis")
            axis = find_axis(name)
            words = parse_words(given[number]) if number < len(given) else []
            found[name] = [axis.read(word) for word in words]
            if not words and name in AXES:
                found[name] = list(getattr(study.grid, f"{name}s"))
        return found

    def requested(self, study: Study) -> str | tuple[Shape, ...] | dict[str, list[Any]]:
        """Return the axis or the control, the shapes given instead of one, or values by axis.

        ``--matched`` stands for all shapes with as many weights that fit the study's segments.
        Raises :class:`StudyError` when not exactly one of the four is given, or a shape cannot
        be read.
        """
        given = {
            "--axis": self.axis or None,
            "--shapes": self.shapes,
            "--matched": self.matched,
            "--control": self.control,
        }
        names = [name for name, value in given.items() if value is not None]
        if not names:
            raise OptionMissing(
                "shapes",
                ["--axis height|width|both|product|FIELD", "--shapes 10x2", "--matched 10x2"],
            )
        if len(names) > 1:
            raise OptionsExclude(names)
        if self.along is not None:
            return self.along
        if self.axis:
            if self.windows is not None:
                raise OptionsExclude(["--windows", f"--axis {self.axis[0]}"])
            return self._axes(study)
        if self.values:
            raise OptionsExclude(["--values", names[0]])
        if self.control is not None:
            if self.windows is not None:  # it hears the study's own
                raise OptionsExclude(["--windows", names[0]])
            return self.control.value
        chosen = parse_shapes(parse_words(self.shapes or self.matched or ""), names[0])
        for shape in chosen:
            if shape.filters is not None:
                expected = "HEIGHTxWIDTH alone (probe.filters says how many filters a probe has)"
                raise InvalidOption(names[0], str(shape), expected, "10x2")
        if self.matched is None:
            return chosen
        if len(chosen) != 1:
            raise InvalidOption("--matched", self.matched, "one shape", "10x2")
        return _matched(study, chosen[0])


def grid(
    *,
    study: StudyOption = DEMO,
    cells: Cells,
    repeats: Repeats,
    changes: Changes,
    machines: Machines,
    shard: Annotated[
        str | None,
        Option(
            metavar="I/N",
            help="Train only every N-th cell: one of N jobs that share a results folder.",
        ),
    ] = None,
    results: ResultsOption = RESULTS,
    fresh: Annotated[bool, Option("--fresh", help="Train stored cells again.")] = False,
    dry: DryRun,
) -> None:
    """Train the probes that are not stored yet, or a control.

    One cell is one shape, analysis window, fold and seed; each is stored once it is finished.
    """
    from ablation.cli import grid_printing, plan_printing
    from ablation.estimate.estimate import as_json, estimate_grid
    from ablation.estimate.rough import rough_seconds
    from ablation.progress import Reporter, duration
    from ablation.runs.axes import plan_axes
    from ablation.runs.grid import plan_grid, run_grid

    part = (0, 1) if shard is None else parse_shard(shard)
    given = changes.applied_to(
        study, [*cells.overrides(), *repeats.overrides(), *machines.overrides()]
    )
    wanted = cells.requested(given)
    plan: Plan
    if isinstance(wanted, dict):
        plan = plan_axes(given, wanted, results, fresh, part)
    else:
        plan = plan_grid(given, wanted, results, fresh, part)
    plan_printing.warn_damaged(plan.damaged)
    probes = not plan.parts[0].is_control
    if dry:
        plan_printing.print_dry_run(
            given,
            results,
            bool(plan.missing) and probes,
            lambda reporter: estimate_grid(plan, reporter),
            (lambda estimate: as_json(plan, estimate)) if dry.json_ else None,
            lambda estimate: grid_printing.print_plan(plan, estimate),
        )
        return
    grid_printing.say_plan(plan)
    seconds = rough_seconds(given, len(plan.missing), len(plan.prepared.corpus))
    ours = given.probe.factory is None  # nothing is known of the time of another model
    if seconds > _LONG_S and ours and probes:
        say(f"this takes roughly {duration(seconds)} on a CPU; --dry-run measures it")
    tally = run_grid(plan, results, Reporter())
    grid_printing.print_scores(plan, results)
    finish(tally)


def _check_number(values: Sequence[str], axes: int) -> None:
    """Raise :class:`InvalidOption` for more --values than axes."""
    if len(values) > axes:
        raise InvalidOption("--values", values[-1], "at most one list of values for every --axis")


def _matched(study: Study, shape: Shape) -> tuple[Shape, ...]:
    """Return all shapes with as many weights that fit the study's segments."""
    from ablation.study import matched_shapes

    height, width = study.features.height, study.features.width
    fitting = tuple(
        one for one in matched_shapes(shape) if one.height <= height and one.width <= width
    )
    if not fitting:
        raise NoMatchedShape(str(shape), height, width, study.features.row_unit)
    return fitting


def parse_shard(text: str) -> tuple[int, int]:
    """Return "0/4" as (0, 4); :class:`InvalidOption` for any other text."""
    index, _, count = text.partition("/")
    if not re.fullmatch("[0-9]{1,9}/[0-9]{1,9}", text) or int(index) >= int(count):
        raise InvalidOption("--shard", text, "I/N with I from 0 to N - 1", "0/4")
    return int(index), int(count)
