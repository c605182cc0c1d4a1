"""Probes over any fields of the study: one axis, or every combination of several."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ablation.corpora.folds import make_folds
from ablation.errors.studies import SameSettings
from ablation.results import run_record
from ablation.results.axes_record import AxesRequest, StoredPoint
from ablation.runs.grid import plan_cells
from ablation.runs.plans import AxesPlan
from ablation.runs.prepare import Prepared, code_of, prepare
from ablation.runs.runner import check_devices
from ablation.study import Study, at_window
from ablation.study.field_axes import (
    AxisPoint,
    Value,
    axis_points,
    axis_values,
    point_text,
)


def plan_axes(
    study: Study,
    axes: Mapping[str, Sequence[Any]],
    results: Path,
    fresh: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> AxesPlan:
    """Check everything and list the cells of every combination of values; nothing is written.

    Parameters
    ----------
    axes
        The values of every axis by its name: ``height``, ``width`` or a field of the study.
    fresh, shard
        As of :func:`~ablation.runs.grid.plan_grid`.

    Raises
    ------
    AblationError
        Whatever is wrong with axes, study, corpus, folds or stored rows.
    """
    varied = axis_values(study, axes)
    points = axis_points(study, varied)
    check_devices(study)
    prepared = prepare(study)
    by_digest: dict[str, list[AxisPoint]] = {}
    variants: dict[str, Prepared] = {}
    stored: dict[tuple[Value, ...], StoredPoint] = {}
    for point in points:
        variant = _prepared_as(prepared, point.study)
        digest, window = variant.digest, point.study.features.window_ms
        by_digest.setdefault(digest, []).append(point)
        variants.setdefault(digest, variant)
        at = StoredPoint(digest, point.shape, window)
        if (same := next((v for v, other in stored.items() if other == at), None)) is not None:
            raise SameSettings(list(axes), point_text(same), point_text(point.values))
        stored[point.values] = at
    name = ",".join(axes)
    part, parts = shard
    plans = []
    for number, (digest, mine) in enumerate(by_digest.items()):
        windows = run_record.unique(point.study.features.window_ms for point in mine)
        shapes = run_record.unique(point.shape for point in mine)
        # Settings of few cells would else leave the last shards without any.
        turned = ((part + number) % parts, parts)
        variant = variants[digest]
        if study.features.window_ms in windows:
            own = at_window(variant.study, study.features.window_ms)
            variant = replace(variant, study=own)
        plans.append(plan_cells(variant, name, shapes, windows, results, fresh, turned))
    names, seeds = tuple(one.axis.name for one in varied), run_record.unique(study.grid.seeds)
    request = AxesRequest(names, stored, seeds, run_record.now())
    return AxesPlan(prepared, request, tuple(plans), shard)


def _prepared_as(prepared: Prepared, study: Study) -> Prepared:
    """Return the corpus as read before, with the folds and the model of these settings."""
    folds, spec, code = prepared.folds, study.folds, prepared.code
    if study.probe.factory != prepared.study.probe.factory:
        code = code_of(study.probe.factory)
    if spec != prepared.study.folds:
        made = make_folds(prepared.corpus, spec.scheme, spec.count, spec.seed, spec.pairs)
        folds = tuple(made)
    return replace(prepared, study=study, folds=folds, code=code)
