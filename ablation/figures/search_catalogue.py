"""The figure of a search: its history, and the points it tried."""

from collections.abc import Iterator

import pandas as pd

from ablation.analysis import search_front
from ablation.analysis.evidence import Evidence
from ablation.errors import counted
from ablation.figures import draw_search
from ablation.figures.drawing import Drawing, title_of
from ablation.results.search_record import COMPLETE, PRUNED, SAMPLERS, Searched
from ablation.study.axes import axes_of


def search_drawing(evidence: Evidence) -> Iterator[Drawing]:
    """Yield the history and the points of the last search."""
    searched = next(iter(evidence.stored.searches), None)
    if searched is None or not searched.complete:
        return
    data = _drawn(searched)
    label = searched.config.score.upper()
    best = searched.complete[0]
    marked = "highest" if len(searched.config.objective) == 1 else "Pareto front"
    title = title_of(evidence, f"search by {SAMPLERS[searched.config.sampler]}")
    yield Drawing(
        "search",
        f"Left: {label} of the trials in their order, and the highest so far. Right: the shapes "
        f"tried, in the same colours. Ring: {marked}. "
        + ("Hollow: pruned, the score is an estimate. " if searched.of(PRUNED) else "")
        + "As the best of many, the highest score is biased upwards.",
        f"{counted(len(data), 'trial')}, highest {label} {100 * best.values[0]:.1f} % "
        f"at {best.point}",
        data,
        lambda: draw_search(data, label, marked, title, axes_of(evidence.run.study.features)),
    )


def _drawn(searched: Searched) -> pd.DataFrame:
    """Return one row per trial, as the figure takes it."""
    marked = {trial.number for trial in search_front(searched) or searched.complete[:1]}
    data = pd.DataFrame(
        {
            "trial": trial.number + 1,
            "height": trial.shape.height,
            "width": trial.shape.width,
            "variant": trial.variant,
            "state": trial.state,
            "score": trial.known,
            "cost": trial.values[1] if len(trial.values) > 1 else None,
            "cells": len(trial.scores),
            "marked": trial.number in marked,
        }
        for trial in searched.trials
    ).astype({"score": float, "cost": float})
    complete = data["score"].where(data["state"] == COMPLETE)
    data.insert(8, "best", complete.cummax().ffill())
    return data
