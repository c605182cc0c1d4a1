"""Studies stored without training: outcomes drawn with accuracies that are given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ablation.results import ResultStore, run_record
from ablation.study import Shape, parse_study

CLASSES = ("neutral", "happy", "angry", "sad")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)

Accuracy = Callable[[Shape, float], float]  # of a shape under an analysis window (ms)

FAULT = (
    'Traceback (most recent call last):\n  File "cell.py", line 1, in train\n    fit()\n'
    "RuntimeError: <b>no memory</b>\nuse a smaller batch"
)


@dataclass(frozen=True)
class Drawn:
    """What is asked for and how outcomes come about.

    ``failed`` and ``missing`` are cells (shape, fold); a cell that is missing has no row at all.
    """

    accuracy: Accuracy
    heights: Sequence[int] = (2, 4, 10, 20, 40)
    widths: Sequence[int] = (2, 4, 8, 20, 40)
    axis: str = "both"
    windows: Sequence[float] = (40.0,)
    seeds: Sequence[int] = (0,)
    speakers: int = 10
    utterances: int = 24
    failed: Sequence[tuple[str, str]] = ()
    missing: Sequence[tuple[str, str]] = ()
    name: str = "drawn"
    classes: Sequence[str] = CLASSES
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"


def store_study(folder: Path, drawn: Drawn) -> run_record.RunRecord:
    """Write settings and rows of a study below ``folder``/results; returns what was written."""
    run = _as_run(drawn)
    store = ResultStore(folder / "results" / drawn.name)
    run_record.save(folder / "results", run)
    rng = np.random.default_rng(0)
    ease = rng.normal(0, 0.5, (drawn.speakers, drawn.utterances))  # the same for every shape
    for shape in run.requests[0].shapes:
        for window in drawn.windows:
            for seed in drawn.seeds:
                rows = [
                    _cell(run, drawn, shape, window, seed, number, ease[number], rng)
                    for number, fold in enumerate(run.folds)
                    if (str(shape), fold) not in drawn.missing
                ]
                tables = {
                    name: [row for parts in rows for row in parts[name]]
                    for name in ("predictions", "epochs", "probes")
                }
                store.append(drawn.classes, tables)
    return run


def _as_run(drawn: Drawn) -> run_record.RunRecord:
    study = parse_study({"name": drawn.name, **drawn.options}, "test")
    heights = [Shape(height, 2) for height in drawn.heights]
    widths = [Shape(2, width) for width in drawn.widths]
    shapes = {"height": heights, "width": widths, "both": heights + widths}[drawn.axis]
    request = run_record.Request(
        drawn.axis, run_record.unique(shapes), tuple(drawn.windows), tuple(drawn.seeds), START
    )
    each = drawn.speakers * drawn.utterances // len(drawn.classes)
    folds = tuple(f"s{k:02d}" for k in range(drawn.speakers))
    return run_record.RunRecord(
        study,
        "0123456789ab",
        tuple(drawn.classes),
        (each,) * len(drawn.classes),
        folds,
        (request,),
        f"recordings of {drawn.name}",
    )


def _cell(
    run: run_record.RunRecord,
    drawn: Drawn,
    shape: Shape,
    window: float,
    seed: int,
    number: int,
    ease: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, list[dict[str, Any]]]:
    fold = run.folds[number]
    base = {
        "study": drawn.name, "digest": run.digest, "window_ms": window, "seed": seed, "fold": fold,
    }  # fmt: skip
    row = base | {
        "height": shape.height, "width": shape.width, "height_hz": 10.0 * shape.height,
        "width_ms": 10.0 * shape.width, "test_speakers": fold, "train_seconds": 36.0,
        "device": drawn.device, "engine": "single-pass", "threads": 1, "version": "0.1.0",
        "started_at": START + timedelta(minutes=1),
    }  # fmt: skip
    if (str(shape), fold) in drawn.failed:
        failed = row | {"status": "failed", "error": FAULT}
        return {"predictions": [], "epochs": [], "probes": [failed]}
    detail = base | {"kind": "probe", "name": str(shape), "network_digest": None}
    level = (
        np.log(p / (1 - p)) if 0 < (p := drawn.accuracy(shape, window)) < 1 else 20 * (2 * p - 1)
    )
    right = rng.random(drawn.utterances) < 1 / (1 + np.exp(-(level + ease)))
    labels = [drawn.classes[k % len(drawn.classes)] for k in range(drawn.utterances)]
    predicted = [
        label if ok else drawn.classes[(k + 1) % len(drawn.classes)]
        for k, (label, ok) in enumerate(zip(labels, right, strict=True))
    ]
    predictions = [
        detail
        | {"utterance": f"{fold}-{k}", "speaker": fold, "label": a, "predicted": b, "n_segments": 2}
        for k, (a, b) in enumerate(zip(labels, predicted, strict=True))
    ]
    epochs = [
        detail | {"epoch": e, "lr": 0.1, "train_loss": 1.4 / e, "train_wa": 0.3 + 0.1 * e}
        for e in (1, 2, 3)
    ]
    row |= {
        "n_test": drawn.utterances, "n_correct": int(right.sum()), "wa": float(right.mean()),
        "ua": float(right.mean()), "train_loss": 0.5, "epochs": 3, "steps": 9, "status": "ok",
    }  # fmt: skip
    for k, label in enumerate(drawn.classes):
        mine = right[k :: len(drawn.classes)]
        row |= {f"n_{label}": len(mine), f"correct_{label}": int(mine.sum())}
        row[f"acc_{label}"] = float(mine.mean())
    return {"predictions": predictions, "epochs": epochs, "probes": [row]}
