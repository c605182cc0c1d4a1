"""What the stored probes of a study say, asked through analysis."""

from functools import cached_property
from pathlib import Path

from ablation.analysis import (
    METRICS,
    AxisEvidence,
    Counts,
    WindowReading,
    axis_evidence,
    named_counts,
    read_windows,
    seed_counts,
)
from ablation.analysis.axes import MOST_PAIRED
from ablation.analysis.budget import (
    Agreement,
    BudgetReading,
    agreement,
    budget_counts,
    read_budget,
)
from ablation.analysis.field_axes import AxesReading, read_axes
from ablation.analysis.loudness import LoudnessReading, read_loudness
from ablation.analysis.study_results import StudyResults
from ablation.analysis.verdicts import MARGIN
from ablation.errors.common import UnknownName
from ablation.errors.reading import NobodySpoke, ReferenceOffAxes, ReferencesShareAxis
from ablation.results.run_record import RunRecord, others
from ablation.study import AXES, Axis, CellKind, Shape
from ablation.study.axes import axes_of
from ablation.study.baselines import LOUDNESS

_PAPER = {"height": 100.0, "width": 80.0}  # Hz and ms: the extents of the paper's 10x2 and 2x8


class Evidence:
    """What can be said about the probes of a run, by one score.

    Parameters
    ----------
    references
        Pre-specified shapes, at most one per axis; None: the paper's extents of 100 Hz and 80 ms
        in the study's own bins (or mel bands, at the middle one) and frames. Coefficients of a
        cepstrum have no Hz, so their axis has no reference then.
    metric
        ``wa``, ``ua`` or a class.
    margin
        The difference (0..1) within which two shapes are practically equivalent.
    """

    def __init__(
        self,
        stored: StudyResults,
        references: tuple[Shape, ...] | None = None,
        metric: str = "wa",
        margin: float = MARGIN,
    ) -> None:
        self.stored, self.run = stored, stored.run
        self.metric = check_metric(metric, stored.run.classes)
        spoken = dict(zip(self.run.classes, self.run.counts, strict=True))
        if spoken.get(self.metric, 1) == 0:
            raise NobodySpoke("--metric", self.metric)
        self.references, self.margin = references, margin
        self._check_references()

    @cached_property
    def axes(self) -> dict[str, AxisEvidence]:
        """The axes by name, without those that have fewer than two complete shapes."""
        found = {}
        for axis in axes_of(self.run.study.features).values():
            shapes = self.stored.axis_shapes(axis)
            if len(shapes) > 1:
                found[axis.name] = self._of_axis(axis, shapes)
        return found

    @cached_property
    def windows(self) -> dict[str, WindowReading]:
        """The axes that have two complete shapes with each of two or more analysis windows."""
        found, features = {}, self.run.study.features
        for axis in axes_of(features).values():
            if not axis.physical_unit:  # a window has no extent in coefficients
                continue
            shapes = {w: self.stored.axis_shapes(axis, w) for w in self.stored.windows}
            shapes = {window: counts for window, counts in shapes.items() if len(counts) > 1}
            if len(shapes) > 1:
                found[axis.name] = read_windows(shapes, axis, features, self.metric)
        return found

    @cached_property
    def named_axes(self) -> list[AxesReading]:
        """What is stored over the axes along which these settings were varied."""
        return read_axes(self.stored, self.metric)

    @cached_property
    def shapes(self) -> dict[str, Counts]:
        """Every complete shape of the study's own window, by name."""
        return {str(shape): counts for shape, counts in self.stored.shapes().items()}

    @cached_property
    def on_axes(self) -> list[str]:
        """The complete shapes of the axes by name, at most 40 and then evenly spread."""
        names = dict.fromkeys(
            axis.name(extent) for axis in self.axes.values() for extent in axis.shapes
        )
        return list(names)[:: -(-len(names) // MOST_PAIRED) or 1]

    @cached_property
    def budget(self) -> BudgetReading | None:
        """Scores at shares of the training budget; None where none is stored."""
        rows = self.stored.checkpoints
        own = self.run.study.features.window_ms
        mine = (rows["kind"] == CellKind.PROBE) & (rows["window_ms"] == own)
        rows = rows[mine & rows["name"].isin(self.on_axes)]
        if rows.empty:
            return None
        found = budget_counts(rows, self.run.classes)
        ordered = {
            share: {name: counts[name] for name in self.on_axes if name in counts}
            for share, counts in found.items()
        }
        return read_budget(ordered, self.metric)

    @cached_property
    def agreement(self) -> Agreement | None:
        """How far the shapes of the axes answer alike; None for fewer than two."""
        return agreement(self.stored.answers(self.on_axes)) if len(self.on_axes) > 1 else None

    @cached_property
    def loudness(self) -> LoudnessReading | None:
        """What loudness alone scores beside the probes; None without its rows or any probe's."""
        alone = references_scores(self.stored).get(LOUDNESS)
        if alone is None:
            return None
        probes = {n: one for n, one in self.shapes.items() if one.speakers == alone.speakers}
        return read_loudness(alone, probes, self.margin) if probes else None

    @property
    def settled(self) -> bool:
        """Whether shapes answer differently, and their differences no longer change.

        Otherwise their differences are no measure of how small a difference could be shown.
        """
        alike = self.agreement is not None and self.agreement.alike
        return not alike and not (self.budget is not None and self.budget.depends)

    def _check_references(self) -> None:
        """Raise StudyError for a reference on neither axis, or two on one axis."""
        seen: dict[str, Shape] = {}
        for shape in self.references or ():
            axes = [
                axis.name
                for axis in AXES.values()
                if axis.fixed(shape) == axis.fixed_in(self.run.study.grid)
            ]
            if not axes or shape.filters is not None:
                grid = self.run.study.grid
                raise ReferenceOffAxes(str(shape), grid.fixed_height, grid.fixed_width)
            if all(name in seen for name in axes):
                raise ReferencesShareAxis(axes[0], [str(seen[axes[0]]), str(shape)])
            seen |= {name: shape for name in axes if name not in seen}

    def reference(self, axis: Axis) -> int | None:
        """Return the pre-specified extent of an axis, None where there is none."""
        if self.references is None:
            near = axis.count(_PAPER[axis.name], self.run.study.features)
            return None if near is None else max(1, round(near))
        fixed = axis.fixed_in(self.run.study.grid)
        on_axis = [axis.extent(s) for s in self.references if axis.fixed(s) == fixed]
        return on_axis[0] if on_axis else None

    def matched(self) -> dict[str, dict[str, Counts]]:
        """Return, for the best shape of each axis, the complete shapes with as many weights.

        Where the best shapes of both axes have equally many, they are given for the better one.
        """
        found: dict[str, dict[str, Counts]] = {}
        seen = set()
        for axis in sorted(self.axes.values(), key=lambda axis: -axis.choices["best"].score):
            best = axis.name(axis.best)
            same = {n: counts for n, counts in self.shapes.items() if _weights(n) == _weights(best)}
            if len(same) > 1 and _weights(best) not in seen:
                found[best] = same
            seen.add(_weights(best))
        return found

    def _of_axis(self, axis: Axis, shapes: dict[int, Counts]) -> AxisEvidence:
        fixed = axis.fixed_in(self.run.study.grid)
        rows = self.stored.probe_tally()
        by_name = dict(list(rows.groupby("name")))
        by_seed = {
            extent: seed_counts(by_name[axis.name_of(extent, fixed)], self.run.classes)
            for extent in shapes
        }
        curve = self.stored.curve(axis)
        reference = self.reference(axis)
        return axis_evidence(axis, fixed, self.metric, curve, shapes, by_seed, reference)


def references_scores(stored: StudyResults) -> dict[str, Counts]:
    """Return the baselines of which all folds are finished, as trained last, by their titles."""
    own = stored.run.study.features.window_ms
    rows, cells = stored.tallied, stored.references
    rows = rows[(rows["kind"] == CellKind.BASELINE) & (rows["window_ms"] == own)]
    cells = cells[cells["window_ms"] == own]
    cells = cells[cells["baseline_digest"].fillna("") == cells["reference"].map(stored.baselines)]
    folds = cells.groupby("reference")["fold"].nunique()
    whole = [name for name, number in folds.items() if number == len(stored.run.folds)]
    mine = rows["network_digest"].fillna("") == rows["name"].map(stored.baselines)
    return named_counts(rows[rows["name"].isin(whole) & mine], stored.run.classes)


def check_metric(metric: str, classes: tuple[str, ...], where: str = "--metric") -> str:
    """Return the score's name as analysis knows it. Raise :class:`UnknownName` for others."""
    name = metric.lower() if metric.lower() in METRICS else metric
    allowed = [*METRICS, *classes]
    if name not in allowed:
        raise UnknownName(where, metric, allowed)
    return name


def other_settings(results: Path, run: RunRecord) -> list[str]:
    """Return the other settings stored under the study's name, with the time of their last run."""
    return [f"{o.digest} (last run {o.last_run:%Y-%m-%d %H:%M})" for o in others(results, run)]


def _weights(name: str) -> int:
    return Shape.parse(name).weights
