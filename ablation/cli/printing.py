"""What the command prints: plans, curves, counts. Text in, text out; no option is read here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ablation.analysis import AXES, Axis, pooled_scores
from ablation.cli.failures import say
from ablation.drivers import settings
from ablation.drivers.grid import GridPlan
from ablation.drivers.progress import duration, size
from ablation.drivers.running import Tally
from ablation.drivers.status import Status
from ablation.drivers.stored import Stored
from ablation.errors import SelectionError, StudyError
from ablation.report import millions, points, show, wording
from ablation.study import shapes_text

if TYPE_CHECKING:
    from ablation.drivers.compare import Confirmed
    from ablation.drivers.estimate import Estimate
    from ablation.drivers.evidence import Evidence
    from ablation.drivers.predict import Heard
    from ablation.drivers.promote import PromotePlan
    from ablation.kept.record import Record
    from ablation.study import Study


def warn_damaged(files: Sequence[str]) -> None:
    for file in files:
        say(
            f"warning: {file} is damaged; all other rows are read. Remove it and run the grid "
            f"again: its cells are then trained again"
        )


def say_plan(plan: GridPlan) -> None:
    corpus, study = plan.prepared.corpus, plan.prepared.study
    counts = ", ".join(f"{n} {label}" for label, n in corpus.counts().items())
    say(
        f"study {study.name} ({plan.prepared.digest}): {corpus.name}, {len(corpus)} utterances "
        f"({counts}), {len(corpus.speakers)} speakers, {len(plan.prepared.folds)} folds"
    )
    for doubt in corpus.doubts():
        say(f"warning: {doubt}")
    shapes = len(plan.request.shapes)
    part, parts = plan.shard
    shard = f"shard {part} of {parts}, " if parts > 1 else ""
    say(
        f"{shard}{len(plan.cells)} cells: {shapes} shape{'s' * (shapes > 1)}, "
        f"{len(plan.cells) - len(plan.missing)} stored, {len(plan.missing)} to train"
    )


def print_plan(plan: GridPlan, estimate: Estimate) -> None:
    """What a dry run says."""
    say_plan(plan)
    print(f"shapes: {shapes_text(plan.request.shapes)}")
    print(f"windows: {', '.join(f'{window:g}' for window in plan.request.windows)} ms")
    for fold in plan.prepared.folds:
        members = ", ".join(fold.test_speakers)
        print(f"fold {fold.name}" + (f": {members}" if members != fold.name else ""))
    print(f"seeds: {', '.join(map(str, plan.request.seeds))}")
    print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
    if plan.missing:
        _print_estimate(estimate)


_BUSY = 0.8  # of a core's time: below, a step takes noticeably longer than it could


def _print_estimate(estimate: Estimate) -> None:
    memory, workers = estimate.memory, estimate.workers
    if memory is None:
        devices = ", ".join(estimate.devices)
        print(f"time: not known, there is no {devices} on this machine to measure it on")
        return
    spread = f"on {workers} worker{'s' * (workers > 1)}"
    alone = f" ({duration(estimate.worker_seconds)} of one)" if workers > 1 else ""
    where = "on this machine, not on the cluster" if estimate.elsewhere else "here"
    print(f"time: about {duration(estimate.seconds)} {spread}{alone}, measured {where}")
    print(
        f"memory: about {size(memory.worker)} a worker, {size(memory.total)} in all "
        f"({size(memory.shared)} of it libraries and spectrograms that workers share)"
    )
    if estimate.core_share < _BUSY:
        print(
            f"note: a worker had {estimate.core_share:.0%} of a core while this was measured; "
            f"where that is other programs' doing, the run is faster without them"
        )
    if memory.devices:
        print(f"memory of a card: about {size(memory.devices)} a worker")


def print_jobs(study: Study) -> None:
    """The script of a study's batch jobs, where it has any."""
    if study.cluster.system is None:
        return
    from ablation.drivers.clusters import script_of

    jobs = f"{study.cluster.jobs} job{'s' * (study.cluster.jobs > 1)}"
    print(f"{jobs} of {study.cluster.system}, each with this script:")
    print(script_of(study))


def print_curves(plan: GridPlan, results: Path) -> None:
    """WA and UA of the request's shapes, from all stored rows of these settings."""
    run = settings.take(results, plan.prepared.study.name, plan.prepared.digest)
    stored = Stored(results, run)
    for window in plan.request.windows:
        if len(plan.request.windows) > 1:
            print(f"window {window:g} ms")
        if plan.request.axis in ("product", "shapes"):
            # Of others, such as what a search gave up, not all folds need be there.
            asked = [(shape.height, shape.width, window) for shape in plan.request.shapes]
            _print_best(stored.rows_of(asked), run.classes)
        for axis in AXES.values():
            if plan.request.axis in (axis.name, "both"):
                _print_axis(stored.curve(axis, window), axis)
    print(f"majority class: {100 * run.majority:.1f} %")


def _print_axis(curve: pd.DataFrame, axis: Axis) -> None:
    print(f"{axis.name:>6} {axis.unit:>6} {'WA %':>6} {'UA %':>6}  cells")
    for row in curve[curve["cells"] > 0].to_dict("records"):
        lacking = "" if row["complete"] else f" of {row['expected']}"
        print(
            f"{row['extent']:>6} {row['physical']:>6g} {100 * row['wa']:>6.1f} "
            f"{100 * row['ua']:>6.1f}  {row['cells']}{lacking}"
        )


def _print_best(rows: pd.DataFrame, classes: Sequence[str]) -> None:
    """The best shapes of a product, at most twenty."""
    scores = pooled_scores(rows, ["height", "width"], classes)
    print(f"{'shape':>8} {'WA %':>6} {'UA %':>6}  cells")
    for row in scores.nlargest(20, "wa").to_dict("records"):
        name = f"{row['height']}x{row['width']}"
        print(f"{name:>8} {100 * row['wa']:>6.1f} {100 * row['ua']:>6.1f}  {row['cells']}")


def say_taken(run: settings.AsRun) -> None:
    say(
        f"study {run.study.name}: settings {run.digest}, last run {run.last_run:%Y-%m-%d %H:%M} UTC"
    )


def print_comparisons(evidence: Evidence, axis: str | None, pairs: bool) -> None:
    """An axis' comparisons, against the reference or of all pairs."""
    if axis is not None and axis not in AXES:
        raise StudyError(f"--axis {axis}", "allowed: height, width")
    found = [known for name, known in evidence.axes.items() if axis in (None, name)]
    if not found:
        raise SelectionError(
            f"study {evidence.run.study.name} has no such axis with two complete shapes",
            "run ablate grid --axis both with the same --study",
        )
    shown = [(known, known.pairs if pairs else known.against) for known in found]
    if not any(family for _, family in shown):
        stored = ", ".join(known.name(extent) for known in found for extent in known.shapes)
        raise SelectionError(
            "there are too many shapes for all pairs"
            if pairs
            else "no reference is among the complete shapes",
            f"name one by --reference{'' if pairs else ', or compare all by --pairs'}: {stored}",
        )
    for known, family in shown:
        if family is None:
            print(f"{known.axis.name}: not compared, its reference is not among the shapes stored")
            continue
        title = "all pairs" if pairs else f"against {family.reference}, fixed beforehand"
        print(f"{known.axis.name}: {title}; joint p, adjusted for {len(family.comparisons)}")
        for c in family.comparisons:
            mark = "*" if c.significant else " "
            print(
                f"{mark} {c.first:>7} - {c.second:<7} {points(c.difference):>22} points  "
                f"d_z {show(c.effect.estimate, 'number'):>6}  p {show(c.p, 'p'):>6}  "
                f"joint p {show(c.p_joint, 'p'):>6}"
            )
        for line in wording.limits(known):
            print(line)


def print_confirmed(confirmed: Confirmed) -> None:
    """A contrast and what the second study says of it."""
    contrast, found = confirmed.contrast, confirmed.found
    written = "written down now" if confirmed.new else "written down"
    print(f"contrast: {contrast.chosen} against {contrast.reference} ({contrast.metric})")
    print(
        f"chosen on {contrast.study} ({contrast.rule}: {contrast.reason}), where the difference is "
        f"{show(contrast.difference, 'points')} points"
    )
    print(f"{written} {contrast.written_at:%Y-%m-%d %H:%M} UTC: {confirmed.file}")
    if contrast.stored_before:
        print(
            f"{contrast.tested_on} had {contrast.stored_before} cells of these shapes before it "
            f"was written down: its scores may have been seen"
        )
    print(
        f"tested on {contrast.tested_on}, {confirmed.speakers} speakers: "
        f"{points(found.difference)} points, d_z {show(found.effect, 'number')}, "
        f"p = {show(found.p, 'p')}"
    )
    print(wording.confirmation(found, contrast.difference))
    for test in contrast.tests[:-1]:
        print(
            f"tested before, {test.at:%Y-%m-%d %H:%M} UTC on settings {test.digest}: "
            f"{show(test.difference, 'points')} points, p = {show(test.p, 'p')}; the first test is "
            f"the one to report"
        )
    if confirmed.standing > 1:
        print(
            f"{confirmed.standing} contrasts of these two studies stand written: judge each p by "
            f"5 % divided by {confirmed.standing}"
        )


def say_tally(tally: Tally) -> None:
    parts = [f"{tally.trained} trained", f"{tally.stored} were stored before"]
    if tally.failures:
        parts.append(f"{len(tally.failures)} failed")
    say(f"{tally.cells} cells: {', '.join(parts)}")
    if tally.failures:
        say("failed cells are tried again by the same command; ablate status lists them")


def say_promotion(plan: PromotePlan) -> None:
    """What is going to be cross-validated, and why with these shapes."""
    for line in plan.lines:
        manner = line.selection.manner
        if manner:
            continue
        chosen = next(iter(line.selection.by_fold.values()))
        for reason in chosen.reasons:
            say(reason)
        break
    for line in plan.lines:
        shapes = Counter(shapes_text(chosen.shapes) for chosen in line.selection.by_fold.values())
        listed = "; ".join(
            f"{text} in {n} fold{'s' * (n > 1)}" if len(shapes) > 1 else text
            for text, n in shapes.most_common()
        )
        cost = max((plan.costs[d] for d in line.digests.values()), key=lambda c: c.parameters)
        manner = f", {line.selection.manner}" if line.selection.manner else ""
        say(
            f"{line.title}{manner}: {listed}; {cost.parameters:,} parameters, "
            f"{millions(cost.multiply_adds)} multiply-adds a segment"
        )
    say(
        f"{len(plan.cells)} cells: {len(plan.cells) - len(plan.missing)} stored, "
        f"{len(plan.missing)} to train"
    )


def print_promotion(plan: PromotePlan) -> None:
    """What a dry run says."""
    print(f"networks: {', '.join(dict.fromkeys(line.title for line in plan.lines))}")
    print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
    if plan.seconds_left:
        print(f"time by the stored cells' own: {duration(plan.seconds_left)} of one worker")


def say_network(folder: Path, record: Record) -> None:
    scores = record.scores
    known = "" if scores is None else f", WA {scores.wa:.1%} on {scores.measured_on}"
    say(f"network {folder}: {record.title}{known}")


def print_heard(record: Record, heard: Iterable[Heard], segments: bool) -> int:
    """A line a recording: label, scores, file; below it its segments where they are wanted.

    Returns how many could not be used.
    """
    faults = 0
    width = max(len(label) for label in record.classes)
    for item in heard:
        if item.prediction is None:
            say(f"error: {item.fault}")
            faults += 1
            continue
        scores = _scores(item.prediction.scores)
        print(f"{item.prediction.label:{width}}  {scores}  {item.file}", flush=True)
        for part in item.prediction.segments if segments else ():
            times = f"{part.start:.2f} to {part.end:.2f} s"
            print(f"{'':{width}}  {_scores(part.scores)}  {times}")
    return faults


def _scores(scores: Mapping[str, float]) -> str:
    return "  ".join(f"{label} {score:6.2f}" for label, score in scores.items())


def print_heard_json(record: Record, heard: Iterable[Heard]) -> int:
    """One JSON object: the network, and an entry a recording. Returns how many have an error."""
    entries, faults = [], 0
    for item in heard:
        if item.prediction is None:
            say(f"error: {item.fault}")
            entries.append({"file": str(item.file), "error": str(item.fault)})
            faults += 1
        else:
            entries.append({"file": str(item.file)} | asdict(item.prediction))
    network = {
        "study": record.study,
        "title": record.title,
        "shapes": record.shapes,
        "network_digest": record.network_digest,
        "classes": record.classes,
    }
    print(json.dumps({"network": network, "recordings": entries}, indent=2, ensure_ascii=False))
    return faults


_MOST_SHAPES = 8  # that lack cells and are listed one by one


def print_status(
    run: settings.AsRun,
    others: Sequence[settings.AsRun],
    state: Status,
    files: Sequence[tuple[Path, str]],
) -> None:
    print(
        f"study {run.study.name}, settings {run.digest}, last run {run.last_run:%Y-%m-%d %H:%M} UTC"
    )
    print(
        f"probes: {state.done} of {state.asked} cells done, {state.failed} failed, "
        f"{state.left} left"
    )
    if state.worker_seconds_left and state.seconds_left:
        spread = f"on {state.workers} worker{'s' * (state.workers > 1)}"
        alone = f" ({duration(state.worker_seconds_left)} of one)" if state.workers > 1 else ""
        print(f"time left: about {duration(state.seconds_left)} {spread}{alone}")
        slowest = sorted(state.by_shape.items(), key=lambda item: -item[1].seconds)
        for shape, left in slowest[:_MOST_SHAPES]:
            print(f"  {shape}: {left.cells} cells, about {duration(left.seconds)} of one worker")
        if len(slowest) > _MOST_SHAPES:
            print(f"  and {len(slowest) - _MOST_SHAPES} more shapes")
    if state.cells_an_hour is not None:
        print(f"going on: {state.cells_an_hour:,.0f} cells an hour")
    if state.best is not None:
        name, wa = state.best
        print(f"best so far: {name}, WA {100 * wa:.1f} %")
    for failure in state.failures:
        print(f"  failed: {failure}")
    print(f"networks: {state.networks} folds stored")
    for other in others:
        print(f"other settings: {other.digest}, last run {other.last_run:%Y-%m-%d %H:%M} UTC")
    print("files of all settings:" if others else "files:")
    for path, meaning in files:
        print(f"  {path}{'  - ' + meaning if meaning else ''}")


def print_json(run: settings.AsRun, state: Status, files: Sequence[tuple[Path, str]]) -> None:
    print_object(
        {
            "study": run.study.name,
            "digest": run.digest,
            "last_run": run.last_run.isoformat(),
            "cells": state.asked,
            "done": state.done,
            "failed": state.failed,
            "left": state.left,
            "networks": state.networks,
            "seconds_left": state.seconds_left,
            "worker_seconds_left": state.worker_seconds_left,
            "workers": state.workers,
            "by_shape": {str(shape): vars(left) for shape, left in state.by_shape.items()},
            "best": None if state.best is None else {"shape": state.best[0], "wa": state.best[1]},
            "cells_an_hour": state.cells_an_hour,
            "failures": list(state.failures),
            "damaged": list(state.damaged),
            "files": [str(path) for path, _ in files],
        }
    )


def print_object(content: Mapping[str, Any]) -> None:
    """One JSON object."""
    print(json.dumps(content, indent=2, ensure_ascii=False))
