"""What ``ablate promote`` and ``ablate predict`` print."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ablation.cli.failures import say
from ablation.cli.plan_printing import print_estimate
from ablation.errors import counted
from ablation.report import millions
from ablation.study import shapes_text

if TYPE_CHECKING:
    from ablation.estimate.estimate import Estimate
    from ablation.runs.promote import PromotePlan
    from ablation.saved.predict import RecordingPrediction
    from ablation.saved.record import Record


def say_promotion(plan: PromotePlan) -> None:
    """Print which networks will be cross-validated, and why with these shapes."""
    for line in plan.variants:
        manner = line.selection.manner
        if manner:
            continue
        chosen = next(iter(line.selection.by_fold.values()))
        for reason in chosen.reasons:
            say(reason)
        break
    for line in plan.variants:
        shapes = Counter(shapes_text(chosen.shapes) for chosen in line.selection.by_fold.values())
        listed = "; ".join(
            f"{text} in {counted(n, 'fold')}" if len(shapes) > 1 else text
            for text, n in shapes.most_common()
        )
        cost = max((plan.costs[d] for d in line.digests.values()), key=lambda c: c.parameters)
        manner = f", {line.selection.manner}" if line.selection.manner else ""
        say(
            f"{line.title}{manner}: {listed}; {cost.parameters:,} parameters, "
            f"{millions(cost.multiply_adds)} multiply-adds per segment"
        )
    say(
        f"{counted(len(plan.cells), 'cell')}: {len(plan.cells) - len(plan.missing)} stored, "
        f"{len(plan.missing)} to train"
    )


def print_promotion(plan: PromotePlan, estimate: Estimate) -> None:
    """Print what a dry run reports."""
    print(f"networks: {', '.join(dict.fromkeys(line.title for line in plan.variants))}")
    print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
    if plan.missing:
        print_estimate(estimate)


def say_network(folder: Path, record: Record) -> None:
    """Print which network is used and its score."""
    scores = record.scores
    known = "" if scores is None else f", WA {scores.wa:.1%} on {scores.measured_on}"
    say(f"network {folder}: {record.title}, settings {record.digest}{known}")


def print_predictions(
    record: Record, predictions: Iterable[RecordingPrediction], segments: bool
) -> int:
    """Print a line per recording (label, scores, file), and below it its segments if asked for.

    Return how many recordings could not be used.
    """
    faults = 0
    width = max(len(label) for label in record.classes)
    for item in predictions:
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


def print_predictions_json(record: Record, predictions: Iterable[RecordingPrediction]) -> int:
    """Print one JSON object: the network, and an entry per recording; return how many failed."""
    entries, faults = [], 0
    for item in predictions:
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
