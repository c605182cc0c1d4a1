"""The stored rows of one digest, read once, and the counts and curves made from them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pandas as pd

from ablation.analysis import Counts, axis_curve, named_counts, tally
from ablation.analysis.extents import with_extents
from ablation.errors import StorageError
from ablation.results import ResultStore
from ablation.results.reading import Results, read_results
from ablation.results.run_record import RunRecord, as_study, study_folder
from ablation.results.schema import OK
from ablation.results.search_record import Searched, search_file
from ablation.study import Axis, CellKind, Shape, ShapeKey, shape_keys


class StudyResults:
    """The stored rows of a run's digest, read from its folder or taken from ``tables``.

    Attributes
    ----------
    probes, failed
        Finished and failed probe cells.
    damaged
        Files that were found damaged so far.
    as_study
        The option that names these settings to a command.
    """

    def __init__(self, results: Path, run: RunRecord, tables: Results | None = None) -> None:
        self.run, self.results = run, results
        self._tables = tables
        self.folder = study_folder(results, run.study.name)
        self.as_study = as_study(results, run)
        self.damaged: list[str] = []
        self._shapes: dict[float, dict[Shape, Counts]] = {}
        rows = self._read("probes")
        finished = rows["status"] == OK
        self.probes, self.failed = rows[finished], rows[~finished]

    @cached_property
    def _every(self) -> Results:
        return self._tables or read_results(self.folder)

    def of(self, digest: str) -> "StudyResults | None":
        """Return the rows of other settings of the same study; None where these are not stored."""
        if digest == self.run.digest:
            return self
        run = self._every.runs.get(digest)
        return None if run is None else StudyResults(self.results, run, self._every)

    @cached_property
    def tallied(self) -> pd.DataFrame:
        """Counted predictions of all kinds of cells (:func:`ablation.analysis.tally`)."""
        rows = self._read("predictions", ["speaker", "label", "predicted"])
        return tally(rows[rows["label"].isin(list(self.run.classes))])

    @cached_property
    def networks(self) -> pd.DataFrame:
        """Network cells, finished and failed."""
        return self._read("networks")

    @cached_property
    def references(self) -> pd.DataFrame:
        """Finished cells of the baselines."""
        rows = self._read("references")
        return rows[rows["status"] == OK]

    @cached_property
    def baselines(self) -> dict[str, str]:
        """The settings of each baseline that were trained last: its digest by its title.

        The digest is empty for a baseline without settings.
        """
        rows = self.references.sort_values("started_at")
        return dict(zip(rows["reference"], rows["baseline_digest"].fillna(""), strict=True))

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """One row per epoch of every cell."""
        return self._read("epochs", ["lr", "train_loss", "train_wa"])

    @cached_property
    def checkpoints(self) -> pd.DataFrame:
        """One row per cell and share of its budget; none of cells that older versions trained."""
        return self._read("checkpoints")

    def answers(self, names: Sequence[str], window_ms: float | None = None) -> pd.DataFrame:
        """Return what the probes ``names`` of a window predicted for each utterance."""
        rows = self._read("predictions", ["utterance", "label", "predicted"])
        own = window_ms or self.run.study.features.window_ms
        mine = (rows["kind"] == CellKind.PROBE) & (rows["window_ms"] == own)
        return rows[mine & rows["name"].isin(list(names))]

    @cached_property
    def searches(self) -> list[Searched]:
        """Searches of these settings, the last one first; their file is only read."""
        path = search_file(self.folder)
        if not path.exists():
            return []
        from ablation.results.search_file import read_searches  # loads optuna

        try:
            found = read_searches(path)
        except StorageError:
            self.damaged.append(str(path))
            return []
        mine = [one for one in found if one.config.digest == self.run.digest and one.trials]
        return sorted(mine, key=lambda one: one.last or datetime.min, reverse=True)

    @cached_property
    def cells(self) -> Counter[ShapeKey]:
        """How many cells of each shape and window are finished."""
        return Counter(shape_keys(self.probes))

    @cached_property
    def failures(self) -> Counter[ShapeKey]:
        """How many cells of each shape and window failed."""
        return Counter(shape_keys(self.failed))

    @cached_property
    def complete(self) -> set[ShapeKey]:
        """The shapes and windows of which every requested cell is finished."""
        return {key for key, wanted in self.run.expected.items() if self.cells[key] >= wanted}

    @cached_property
    def named(self) -> pd.DataFrame:
        """Finished cells of the shapes that were named before any score was seen."""
        return self.run.named(self.probes)

    def rows_of(self, shapes: Iterable[ShapeKey]) -> pd.DataFrame:
        """Return the finished cells of some shapes."""
        wanted = set(shapes)
        found = [key in wanted for key in shape_keys(self.probes)]
        return self.probes[pd.Series(found, self.probes.index, dtype=bool)]

    @cached_property
    def done(self) -> int:
        """The number of requested cells that are finished."""
        return sum(min(self.cells[key], wanted) for key, wanted in self.run.expected.items())

    @cached_property
    def windows(self) -> list[float]:
        """Analysis windows (ms) of the finished cells, the study's own first."""
        own = self.run.study.features.window_ms
        return sorted(self.probes["window_ms"].unique(), key=lambda window: (window != own, window))

    def curve(
        self, axis: Axis, window_ms: float | None = None, fixed: int | None = None
    ) -> pd.DataFrame:
        """Return the curve of an axis; window and fixed side are the study's own unless given."""
        fixed = axis.fixed_in(self.run.study.grid) if fixed is None else fixed
        window_ms = window_ms or self.run.study.features.window_ms
        failed = Counter(shape_keys(self.run.named(self.failed)))
        expected = {key: self.run.expected[key] for key in self.run.planned}

        def by_extent(cells: Mapping[ShapeKey, int]) -> dict[int, int]:
            return {
                axis.extent(key.shape): number
                for key, number in cells.items()
                if (axis.fixed(key.shape), key.window_ms) == (fixed, window_ms)
            }

        curve = axis_curve(
            self.named,
            self.tallied,
            axis,
            fixed,
            window_ms,
            self.run.classes,
            by_extent(expected),
            by_extent(failed),
        )
        return with_extents(curve, axis, self.run.study)

    def shapes(self, window_ms: float | None = None) -> dict[Shape, Counts]:
        """Return counts by speaker of every complete shape of a window, smallest first."""
        window_ms = window_ms or self.run.study.features.window_ms
        if window_ms not in self._shapes:
            counts = named_counts(self.probe_tally(window_ms), self.run.classes)
            sound = sorted(self.complete - self.unsound)
            self._shapes[window_ms] = {
                key.shape: counts[str(key.shape)] for key in sound if key.window_ms == window_ms
            }
        return self._shapes[window_ms]

    @cached_property
    def unsound(self) -> set[ShapeKey]:
        """Complete shapes with fewer or more stored predictions than their cells scored."""
        names = ["height", "width", "window_ms"]
        scored = self.probes.groupby(names)["n_test"].sum()
        mine = self.tallied[self.tallied["kind"] == CellKind.PROBE]
        found = mine.groupby(["name", "window_ms"])["n"].sum().to_dict()
        return {
            key
            for key in self.complete
            if found.get((str(key.shape), key.window_ms)) != scored[tuple(key)]
        }

    def probe_tally(self, window_ms: float | None = None) -> pd.DataFrame:
        """Return the counted predictions of the probes of a window."""
        window_ms = window_ms or self.run.study.features.window_ms
        rows = self.tallied
        return rows[(rows["kind"] == CellKind.PROBE) & (rows["window_ms"] == window_ms)]

    def named_shapes(self, window_ms: float | None = None) -> dict[Shape, Counts]:
        """Return those of :meth:`shapes` that were named before any score was seen."""
        window_ms = window_ms or self.run.study.features.window_ms
        return {
            shape: counts
            for shape, counts in self.shapes(window_ms).items()
            if ShapeKey(shape.height, shape.width, window_ms) in self.run.planned
        }

    def axis_shapes(
        self, axis: Axis, window_ms: float | None = None, fixed: int | None = None
    ) -> dict[int, Counts]:
        """Return the complete shapes of an axis by extent, smallest first."""
        fixed = axis.fixed_in(self.run.study.grid) if fixed is None else fixed
        return {
            axis.extent(shape): counts
            for shape, counts in self.named_shapes(window_ms).items()
            if axis.fixed(shape) == fixed
        }

    def _read(self, table: str, columns: list[str] | None = None) -> pd.DataFrame:
        if self._tables is not None:
            rows = self._tables.rows(table)
        else:
            content = ResultStore(self.folder).read(table, columns)
            self.damaged += content.damaged
            rows = content.frame()
        return rows[rows["digest"] == self.run.digest]
