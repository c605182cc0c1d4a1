"""The stored rows of one digest, read once, and the counts and curves made from them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pandas as pd

from ablation.analysis import Axis, Counts, axis_curve, named_counts, tally
from ablation.errors import StorageError
from ablation.results import ResultStore
from ablation.results.run_record import SEARCH, RunRecord, as_study, study_folder
from ablation.results.schema import OK
from ablation.results.search_record import Searched, search_file
from ablation.study import Shape

Key = tuple[int, int, float]  # height, width, window in ms


class StudyResults:
    """The stored rows of a run's digest.

    Attributes
    ----------
    probes, failed
        Finished and failed probe cells.
    damaged
        Files that were found damaged so far.
    as_study
        The option that names these settings to a command.
    """

    def __init__(self, results: Path, run: RunRecord) -> None:
        self.run = run
        self.folder = study_folder(results, run.study.name)
        self.as_study = as_study(results, run)
        self.damaged: list[str] = []
        self._shapes: dict[float, dict[Shape, Counts]] = {}
        rows = self._read("probes")
        finished = rows["status"] == OK
        self.probes, self.failed = rows[finished], rows[~finished]

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
    def epochs(self) -> pd.DataFrame:
        """One row per epoch of every cell."""
        return self._read("epochs", ["lr", "train_loss", "train_wa"])

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
    def expected(self) -> Counter[Key]:
        """The number of cells requested for each shape and window."""
        return Counter(
            (height, width, window) for height, width, window, *_ in self.run.cell_keys()
        )

    @cached_property
    def complete(self) -> set[Key]:
        """The shapes and windows of which every requested cell is finished."""
        there = _keys(self.probes)
        return {key for key, wanted in self.expected.items() if there[key] >= wanted}

    @cached_property
    def named(self) -> pd.DataFrame:
        """Finished cells of the shapes that were named before any score was seen.

        Shapes that only a search tried are left out, complete or pruned: it chose them by the
        scores of others, so no axis and no test may rest on them.
        """
        return self.probes[self._named(self.probes)]

    def _named(self, rows: pd.DataFrame) -> pd.Series:
        """Return for each row whether its shape was named by a request."""
        searched = any(request.axis == SEARCH for request in self.run.requests)
        found = [not searched or key in self._asked_by_name for key in _key_list(rows)]
        return pd.Series(found, rows.index, dtype=bool)

    def rows_of(self, shapes: Iterable[Key]) -> pd.DataFrame:
        """Return the finished cells of some shapes."""
        wanted = set(shapes)
        found = [key in wanted for key in _key_list(self.probes)]
        return self.probes[pd.Series(found, self.probes.index, dtype=bool)]

    @cached_property
    def _asked_by_name(self) -> set[Key]:
        return {
            (shape.height, shape.width, window)
            for request in self.run.requests
            if request.axis != SEARCH
            for shape in request.shapes
            for window in request.windows
        }

    @cached_property
    def done(self) -> int:
        """The number of requested cells that are finished."""
        there = _keys(self.probes)
        return sum(min(there[key], wanted) for key, wanted in self.expected.items())

    @cached_property
    def windows(self) -> list[float]:
        """Analysis windows (ms) of the finished cells, the study's own first."""
        own = self.run.study.features.window_ms
        return sorted(self.probes["window_ms"].unique(), key=lambda window: (window != own, window))

    def curve(self, axis: Axis, window_ms: float | None = None) -> pd.DataFrame:
        """Return the curve of an axis; ``window_ms`` is the study's own unless given."""
        fixed = fixed_side(self.run, axis)
        window_ms = window_ms or self.run.study.features.window_ms
        named = self._asked_by_name
        expected = Counter({key: n for key, n in self.expected.items() if key in named})
        failed = self.failed[self._named(self.failed)]
        return axis_curve(
            self.named,
            self.tallied,
            axis,
            fixed,
            window_ms,
            self.run.classes,
            _on_axis(expected, axis, fixed, window_ms),
            _on_axis(_keys(failed), axis, fixed, window_ms),
        )

    def shapes(self, window_ms: float | None = None) -> dict[Shape, Counts]:
        """Return counts by speaker of every complete shape of a window, smallest first."""
        window_ms = window_ms or self.run.study.features.window_ms
        if window_ms not in self._shapes:
            counts = named_counts(self.probe_tally(window_ms), self.run.classes)
            whole = sorted((h, w) for h, w, window in self.complete if window == window_ms)
            self._shapes[window_ms] = {
                Shape(h, w): counts[f"{h}x{w}"]
                for h, w in whole
                if (h, w, window_ms) not in self.unsound
            }
        return self._shapes[window_ms]

    @cached_property
    def unsound(self) -> set[Key]:
        """Complete shapes with fewer or more stored predictions than their cells scored."""
        names = ["height", "width", "window_ms"]
        scored = self.probes.groupby(names)["n_test"].sum()
        mine = self.tallied[self.tallied["kind"] == "probe"]
        found = mine.groupby(["name", "window_ms"])["n"].sum().to_dict()
        return {
            (height, width, window)
            for height, width, window in self.complete
            if found.get((f"{height}x{width}", window)) != scored[height, width, window]
        }

    def probe_tally(self, window_ms: float | None = None) -> pd.DataFrame:
        """Return the counted predictions of the probes of a window."""
        window_ms = window_ms or self.run.study.features.window_ms
        rows = self.tallied
        return rows[(rows["kind"] == "probe") & (rows["window_ms"] == window_ms)]

    def axis_shapes(self, axis: Axis, window_ms: float | None = None) -> dict[int, Counts]:
        """Return the complete shapes of an axis by extent, smallest first."""
        fixed = fixed_side(self.run, axis)
        window_ms = window_ms or self.run.study.features.window_ms
        return {
            getattr(shape, axis.varies): counts
            for shape, counts in self.shapes(window_ms).items()
            if getattr(shape, axis.fixed) == fixed
            and (shape.height, shape.width, window_ms) in self._asked_by_name
        }

    def _read(self, table: str, columns: list[str] | None = None) -> pd.DataFrame:
        content = ResultStore(self.folder).read(table, columns)
        self.damaged += content.damaged
        rows = content.frame()
        return rows[rows["digest"] == self.run.digest]


def fixed_side(run: RunRecord, axis: Axis) -> int:
    """Return the extent of the side that an axis does not vary."""
    grid = run.study.grid
    return grid.fixed_width if axis.name == "height" else grid.fixed_height


def axis_shape(run: RunRecord, axis: Axis, extent: int) -> Shape:
    """Return the shape with an extent on an axis."""
    return Shape.parse(axis.name_of(extent, fixed_side(run, axis)))


def _keys(rows: pd.DataFrame) -> Counter[Key]:
    return Counter(_key_list(rows))


def _key_list(rows: pd.DataFrame) -> list[Key]:
    names = ("height", "width", "window_ms")
    return list(zip(*(rows[name].tolist() for name in names), strict=True))


def _on_axis(cells: Counter[Key], axis: Axis, fixed: int, window_ms: float) -> dict[int, int]:
    """Return the number of cells by extent."""
    counts: Counter[int] = Counter()
    for (height, width, window), number in cells.items():
        extent, other = (height, width) if axis.name == "height" else (width, height)
        if (other, window) == (fixed, window_ms):
            counts[extent] += number
    return dict(counts)
