"""``ablate grid``: its shapes, its plan, and the curves that it ends with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ablation.cli.failures import finish, say
from ablation.cli.options import (
    DEMO,
    RESULTS,
    Changes,
    DryRun,
    Machines,
    Repeats,
    ResultsOption,
    StudyOption,
    parse_numbers,
    parse_shapes,
    parse_words,
)
from ablation.errors import counted
from ablation.errors.common import InvalidOption, OptionMissing, OptionsExclude
from ablation.errors.studies import NoMatchedShape

_LONG_S = 600  # of a run that says beforehand how long it takes

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ablation.analysis.study_results import StudyResults
    from ablation.estimate.estimate import Estimate
    from ablation.runs.grid import GridPlan
    from ablation.study import Axis, Shape, Study
    from ablation.study.reading import Override


class AxisName(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    height = "height"
    width = "width"
    both = "both"
    product = "product"


class ControlName(str, Enum):  # noqa: UP042 - as above
    loudness = "loudness"


@dataclass(frozen=True)
class Cells:
    """The cells of a grid: an axis, or shapes or a control instead of one, and windows."""

    axis: Annotated[
        AxisName | None, Option(help="both: the two axes; product: every height with every width.")
    ] = None
    values: Annotated[str | None, Option(help="Extents in rows or frames, e.g. 2,4,8.")] = None
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

    @property
    def along(self) -> str | None:
        """The name of the axis."""
        return None if self.axis is None else self.axis.value

    def overrides(self) -> list[Override]:
        """Return the fields of the study that these options set."""
        overrides: list[Override] = []
        if self.values is not None:
            numbers = parse_numbers("--values", self.values, int)
            if min(numbers) < 1:
                expected = "numbers of rows (height) or frames (width) from 1 on"
                raise InvalidOption("--values", min(numbers), expected)
            if self.along != "width":
                overrides.append(("grid.heights", numbers))
            if self.along != "height":
                overrides.append(("grid.widths", numbers))
        if self.windows is not None:
            overrides.append(("grid.windows", parse_numbers("--windows", self.windows, float)))
        return overrides

    def requested(self, study: Study) -> str | tuple[Shape, ...]:
        """Return the axis or the control, or the shapes given instead of one.

        ``--matched`` stands for all shapes with as many weights that fit the study's segments.
        Raises :class:`StudyError` when not exactly one of the four is given, or a shape cannot
        be read.
        """
        given = {
            "--axis": self.along,
            "--shapes": self.shapes,
            "--matched": self.matched,
            "--control": self.control,
        }
        names = [name for name, value in given.items() if value is not None]
        if not names:
            raise OptionMissing(
                "shapes",
                ["--axis height|width|both|product", "--shapes 10x2,4x5", "--matched 10x2"],
            )
        if len(names) > 1:
            raise OptionsExclude(names)
        if self.along is not None:
            return self.along
        if self.values is not None:
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
    from ablation.cli import plan_printing
    from ablation.estimate.estimate import as_json, estimate_grid
    from ablation.estimate.rough import rough_seconds
    from ablation.progress import Reporter, duration
    from ablation.runs.grid import plan_grid, run_grid

    part = (0, 1) if shard is None else parse_shard(shard)
    given = changes.applied_to(
        study, [*cells.overrides(), *repeats.overrides(), *machines.overrides()]
    )
    plan = plan_grid(given, cells.requested(given), results, fresh, part)
    plan_printing.warn_damaged(plan.damaged)
    if dry:
        plan_printing.print_dry_run(
            given,
            results,
            bool(plan.missing) and not plan.is_control,
            lambda reporter: estimate_grid(plan, reporter),
            (lambda estimate: as_json(plan, estimate)) if dry.json_ else None,
            lambda estimate: _print_plan(plan, estimate),
        )
        return
    _say_plan(plan)
    seconds = rough_seconds(given, len(plan.missing), len(plan.prepared.corpus))
    if seconds > _LONG_S and not plan.is_control:
        say(f"this takes roughly {duration(seconds)} on a CPU; --dry-run measures it")
    tally = run_grid(plan, results, Reporter())
    _print_curves(plan, results)
    finish(tally)


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


def _say_plan(plan: GridPlan) -> None:
    corpus, study = plan.prepared.corpus, plan.prepared.study
    counts = ", ".join(f"{n} {label}" for label, n in corpus.counts().items())
    say(
        f"study {study.name} ({plan.prepared.digest}): {corpus.name}, "
        f"{counted(len(corpus), 'utterance')} ({counts}), "
        f"{counted(len(corpus.speakers), 'speaker')}, "
        f"{counted(len(plan.prepared.folds), 'fold')}"
    )
    for doubt in plan.prepared.doubts():
        say(f"warning: {doubt}")
    if study.network.factory is not None:
        say(f"note: network.factory ({study.network.factory}) is for promote; a grid trains probes")
    if study.features.decibels and study.features.mu:
        say('note: with features.scale = "log" there is no mu-law: features.mu is not used')
    what = counted(len(plan.request.shapes), "shape")
    if plan.is_control:
        what = f"{plan.request.axis} alone"
    part, parts = plan.shard
    shard = f"shard {part} of {parts}, " if parts > 1 else ""
    say(
        f"{shard}{counted(len(plan.cells), 'cell')}: {what}, "
        f"{len(plan.cells) - len(plan.missing)} stored, {len(plan.missing)} to train"
    )


def _print_plan(plan: GridPlan, estimate: Estimate) -> None:
    """Print the plan of a dry run."""
    from ablation.cli.plan_printing import print_estimate
    from ablation.study import shapes_text

    _say_plan(plan)
    if not plan.is_control:
        print(f"shapes: {shapes_text(plan.request.shapes)}")
    print(f"windows: {', '.join(f'{window:g}' for window in plan.request.windows)} ms")
    for fold in plan.prepared.folds:
        members = ", ".join(fold.test_speakers)
        print(f"fold {fold.name}" + (f": {members}" if members != fold.name else ""))
    if not plan.is_control:
        print(f"seeds: {', '.join(map(str, plan.request.seeds))}")
    print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
    if plan.is_control:
        print("time: seconds")
    elif plan.missing:
        print_estimate(estimate)


def _print_curves(plan: GridPlan, results: Path) -> None:
    """Print WA and UA of the requested shapes, from all stored rows of these settings."""
    from ablation.analysis.study_results import StudyResults
    from ablation.results import run_record
    from ablation.study import AXES
    from ablation.study.baselines import CONTROLS

    run = run_record.find_run(results, plan.prepared.study.name, plan.prepared.digest)
    stored = StudyResults(results, run)
    if plan.is_control:
        _print_control(stored, CONTROLS[plan.request.axis])
    for window in plan.request.windows:
        if len(plan.request.windows) > 1:
            print(f"window {window:g} ms")
        if plan.request.axis in ("product", "shapes"):
            # Other shapes, such as those that a search pruned, may lack folds.
            asked = [key for key in plan.request.filters if key.window_ms == window]
            _print_best(stored.rows_of(asked), run.classes)
        for axis in AXES.values():
            if plan.request.axis in (axis.name, "both"):
                _print_axis(stored.curve(axis, window), axis)
    print(f"majority class: {100 * run.majority:.1f} %")


def _print_control(stored: StudyResults, title: str) -> None:
    """Print WA and UA of a control of which every fold is finished."""
    from ablation.analysis.evidence import references_scores

    counts = references_scores(stored).get(title)
    if counts is not None:
        print(f"{title}: WA {100 * counts.score('wa'):.1f} %, UA {100 * counts.score('ua'):.1f} %")
    say(f"ablate report {stored.as_study} compares it with the probes")


def _print_axis(curve: pd.DataFrame, axis: Axis) -> None:
    """Print a curve; of bands, extents in Hz at the lowest, middle and highest one."""
    from ablation.analysis.extents import physical_columns

    columns = physical_columns(curve)
    units = [axis.physical_unit] * len(columns)
    if len(columns) > 1:
        units = [f"{place} {axis.physical_unit}" for place in ("low", "mid", "top")]
    print("".join(f"{text:>6} " for text in (axis.name, *units, "WA %", "UA %")) + " cells")
    for row in curve[curve["cells"] > 0].to_dict("records"):
        lacking = "" if row["complete"] else f" of {row['expected']}"
        digits = "g" if len(columns) == 1 else ".4g"
        physical = "".join(f"{row[name]:>6{digits}} " for name in columns)
        print(
            f"{row['extent']:>6} {physical}{100 * row['wa']:>6.1f} "
            f"{100 * row['ua']:>6.1f}  {row['cells']}{lacking}"
        )


def _print_best(rows: pd.DataFrame, classes: Sequence[str]) -> None:
    """Print the best shapes of a product, at most twenty."""
    from ablation.analysis import pooled_scores

    scores = pooled_scores(rows, ["height", "width"], classes)
    print(f"{'shape':>8} {'WA %':>6} {'UA %':>6}  cells")
    for row in scores.nlargest(20, "wa").to_dict("records"):
        name = f"{row['height']}x{row['width']}"
        print(f"{name:>8} {100 * row['wa']:>6.1f} {100 * row['ua']:>6.1f}  {row['cells']}")
