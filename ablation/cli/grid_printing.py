"""What ``ablate grid`` says before it trains, and the scores that it ends with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ablation.cli.failures import say
from ablation.errors import counted, named
from ablation.study.field_axes import value_text

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ablation.analysis.study_results import StudyResults
    from ablation.estimate.estimate import Estimate
    from ablation.runs.plans import GridPlan, Plan
    from ablation.study import Axis, Study


def say_plan(plan: Plan) -> None:
    """Say what is trained, on which corpus, and what may be doubted."""
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
    _say_model(study)
    if study.features.decibels and study.features.mu:
        say('note: with features.scale = "log" there is no mu-law: features.mu is not used')
    part, parts = plan.shard
    shard = f"shard {part} of {parts}, " if parts > 1 else ""
    say(
        f"{shard}{counted(len(plan.cells), 'cell')}: {plan.what}, "
        f"{len(plan.cells) - len(plan.missing)} stored, {len(plan.missing)} to train"
    )


def _say_model(study: Study) -> None:
    """Say which model is trained in place of the probe, and which fields do not count."""
    probe, own = study.probe, study.probe.factory
    if own is None and study.network.factory is not None:
        say(f"note: network.factory ({study.network.factory}) is for promote; a grid trains probes")
    if own is not None:
        options = "".join(f", {name} = {value!r}" for name, value in probe.options.items())
        say(f"model in place of the probe: {own}{options}")
    if unused := [f"probe.{name}" for name in probe.without_effect()]:
        why = f"on {own}" if own is not None else "without probe.factory (--network)"
        say(f"note: {named(unused)} {'have' if len(unused) > 1 else 'has'} no effect {why}")


def print_plan(plan: Plan, estimate: Estimate) -> None:
    """Print the plan of a dry run."""
    from ablation.cli.plan_printing import print_estimate
    from ablation.runs.plans import GridPlan
    from ablation.study import shapes_text

    say_plan(plan)
    request = plan.request
    if not isinstance(plan, GridPlan):
        print(f"axes: {plan.what}")
    elif not plan.is_control:
        print(f"shapes: {shapes_text(plan.request.shapes)}")
    if isinstance(plan, GridPlan):
        print(f"windows: {', '.join(f'{window:g}' for window in plan.request.windows)} ms")
    for fold in plan.prepared.folds:
        members = ", ".join(fold.test_speakers)
        print(f"fold {fold.name}" + (f": {members}" if members != fold.name else ""))
    control = plan.parts[0].is_control
    if not control:
        print(f"seeds: {', '.join(map(str, request.seeds))}")
    print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
    if control:
        print("time: seconds")
    elif plan.missing:
        print_estimate(estimate)


def print_scores(plan: Plan, results: Path) -> None:
    """Print WA and UA of what was requested, from all stored rows of these settings."""
    from ablation.analysis.study_results import StudyResults
    from ablation.results import run_record
    from ablation.runs.plans import AxesPlan

    run = run_record.find_run(results, plan.prepared.study.name, plan.prepared.digest)
    stored = StudyResults(results, run)
    if isinstance(plan, AxesPlan):
        _print_points(stored, plan.request.axes)
    else:
        _print_curves(plan, stored)
    print(f"majority class: {100 * run.majority:.1f} %")


def _print_points(stored: StudyResults, axes: Sequence[str]) -> None:
    """Print the scores of every point of some axes."""
    from ablation.analysis.field_axes import read_axes

    reading = next(one for one in read_axes(stored) if one.axes == tuple(axes))
    table = reading.table
    texts = [
        [axis, *(value_text(values[k]) for values in reading.points)] for k, axis in enumerate(axes)
    ]
    widths = [max(map(len, column)) for column in texts]
    head, *rows = zip(*texts, strict=True)
    line = "  ".join(f"{text:>{width}}" for text, width in zip(head, widths, strict=True))
    print(f"{line}  {'WA %':>6} {'UA %':>6}  cells")
    for row, scores in zip(rows, table.to_dict("records"), strict=True):
        if not scores["cells"]:
            continue
        line = "  ".join(f"{text:>{width}}" for text, width in zip(row, widths, strict=True))
        lacking = "" if scores["complete"] else f" of {scores['expected']}"
        print(
            f"{line}  {100 * scores['wa']:>6.1f} {100 * scores['ua']:>6.1f}  "
            f"{scores['cells']}{lacking}"
        )


def _print_curves(plan: GridPlan, stored: StudyResults) -> None:
    """Print the scores over the axes that were requested, or the best of other shapes."""
    from ablation.study import AXES
    from ablation.study.baselines import CONTROLS

    run = stored.run
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
