"""A figure of a study: what it shows, in words and numbers, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from ablation.analysis import METRICS
from ablation.analysis.evidence import Evidence
from ablation.errors import counted
from ablation.results.run_record import RunRecord


@dataclass(frozen=True)
class Drawing:
    """A figure that has its file's stem, texts for the reader, its numbers, and how to draw it."""

    name: str
    caption: str
    description: str
    data: pd.DataFrame
    draw: Callable[[], Figure]


def largest_classes(run: RunRecord, most: int) -> list[str]:
    """Return at most ``most`` classes, those with most utterances, in the study's order."""
    by_size = sorted(run.classes, key=dict(zip(run.classes, run.counts, strict=True)).__getitem__)
    kept = set(by_size[-most:])
    return [label for label in run.classes if label in kept]


def metric_label(metric: str) -> str:
    """Return "WA", "UA" or the class, as axes name it."""
    return metric.upper() if metric in METRICS else metric


def title_of(evidence: Evidence, what: str, window: bool = True) -> str:
    """Return a figure's title: study, what it shows, folds, seeds, and the window if only one.

    A model of the user's own in place of the probe is named after the study.
    """
    run = evidence.run
    seeds = len(run.seeds())
    return (
        f"{run.study.title}: {what}, {counted(len(run.folds), 'fold')}, {counted(seeds, 'seed')}"
        + (f", window {run.study.features.window_ms:g} ms" if window else "")
        + f" ({run.digest})"
    )
