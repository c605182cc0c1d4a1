"""The best shape so far, updated as rows come in."""

from collections.abc import Iterable, Mapping
from typing import Any

from ablation.results.schema import OK
from ablation.study import ShapeKey


class BestSoFar:
    """The best of those shapes of which every requested cell is stored.

    A shape with missing folds is left out, as the others' speakers may be the easier ones.

    Parameters
    ----------
    expected
        Number of cells requested for each shape and window.
    """

    def __init__(self, expected: Mapping[ShapeKey, int]) -> None:
        self.expected = expected
        self._cells: dict[ShapeKey, dict[tuple[int, str], tuple[int, int]]] = {}
        self._best: tuple[float, tuple[float, ...]] | None = None

    def add(self, row: Mapping[Any, Any]) -> None:
        """Add a probe's row; it replaces an earlier row of the same cell.

        Failed cells and cells that were not requested are ignored.
        """
        key = ShapeKey(row["height"], row["width"], row["window_ms"])
        if row["status"] != OK or key not in self.expected:
            return
        cells = self._cells.setdefault(key, {})
        again = (row["seed"], row["fold"]) in cells
        cells[row["seed"], row["fold"]] = row["n_correct"], row["n_test"]
        if again:
            self._best = None
            for other in self._cells:
                self._consider(other)
        else:
            self._consider(key)

    def after(self, rows: Iterable[Mapping[Any, Any]]) -> str:
        """Add some rows; return :attr:`text` afterwards."""
        for row in rows:
            self.add(row)
        return self.text

    @property
    def best(self) -> tuple[str, float] | None:
        """The best shape and its WA (0..1), pooled over its cells; None while there is none."""
        if self._best is None:
            return None
        wa, (_, height, width, window) = self._best
        several = len({key[2] for key in self.expected}) > 1
        return f"{height:g}x{width:g}" + (f" at {window:g} ms" if several else ""), wa

    @property
    def text(self) -> str:
        """A text such as "best so far 10x2 63.4 %"; empty until a shape is complete."""
        if self.best is None:
            return ""
        name, wa = self.best
        return f"best so far {name} {100 * wa:.1f} %"

    def _consider(self, key: ShapeKey) -> None:
        """Make a shape the best if it is complete and better, or as good and smaller."""
        cells = self._cells[key]
        if len(cells) < self.expected[key]:
            return
        correct, tested = (sum(counts) for counts in zip(*cells.values(), strict=True))
        rank = correct / tested, (-key[0] * key[1], *key)
        if self._best is None or rank > self._best:
            self._best = rank
