"""The state of a search: its configuration and its trials, without the sampler."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from ablation.study import Shape

SAMPLERS = {
    "tpe": "TPE",
    "random": "random sampling",
    "nsga2": "NSGA-II",
    "grid": "the shuffled grid",
}
RUNNING, COMPLETE, PRUNED, FAILED = "running", "complete", "pruned", "failed"


@dataclass(frozen=True)
class SearchConfig:
    """What one search is; another configuration is another search beside it in the same file.

    Attributes
    ----------
    digest
        The digest of the study's settings.
    objective
        A score to maximise and, if there are two, a cost to minimise.
    prune_p
        The p-value below which a trial is pruned; None: none is.
    heights, widths, choices
        The space: lowest and highest extents (bins, frames), and the other choices.
    grid
        The points of the sampler ``grid``, as texts; empty for others.
    window_ms, seeds, folds
        What each point is scored on: every seed and fold, at one analysis window.
    """

    digest: str
    objective: tuple[str, ...]
    sampler: str
    prune_p: float | None
    seed: int
    heights: tuple[int, int]
    widths: tuple[int, int]
    choices: Mapping[str, Sequence[Any]]
    grid: tuple[str, ...]
    window_ms: float
    seeds: tuple[int, ...]
    folds: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the search in its file."""
        text = json.dumps(asdict(self), sort_keys=True)
        rest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        prune = "all folds" if self.prune_p is None else "pruned"
        return f"{self.digest} {','.join(self.objective)} {self.sampler} {prune} {rest}"

    @property
    def steps(self) -> tuple[tuple[int, str], ...]:
        """The seeds and folds that a point is scored on, in order."""
        return tuple((seed, fold) for seed in self.seeds for fold in self.folds)

    @property
    def score(self) -> str:
        return self.objective[0]

    def as_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))

    @staticmethod
    def from_json(table: Mapping[str, Any]) -> "SearchConfig":
        """Return the configuration written by :meth:`as_json`.

        Raises TypeError or KeyError for anything else.
        """
        found: dict[str, Any] = {}
        for name in (own.name for own in fields(SearchConfig)):
            found[name] = tuple(table[name]) if isinstance(table[name], list) else table[name]
        return SearchConfig(**found)


@dataclass(frozen=True)
class Trial:
    """A trial of one point.

    Attributes
    ----------
    number
        Its number, from 0.
    params
        ``height``, ``width`` and the other choices.
    digest
        The digest of the point's rows; empty while the trial is running.
    values
        One per objective for a complete trial; the score is pooled over all folds and seeds.
    scores
        The scores of the finished steps, by their index in :attr:`SearchConfig.steps`.
    estimate
        The estimated score of a pruned trial: that of the best trial plus the mean difference.
    """

    number: int
    params: Mapping[str, Any]
    digest: str
    state: str
    values: tuple[float, ...] = ()
    scores: Mapping[int, float] = field(default_factory=dict)
    estimate: float | None = None
    ended: datetime | None = None

    @property
    def shape(self) -> Shape:
        return Shape(self.params["height"], self.params["width"])

    @property
    def variant(self) -> str:
        """The choices besides the shape, such as "dilation 2x1"; empty if there are none."""
        rest = [f"{k} {v}" for k, v in self.params.items() if k not in ("height", "width")]
        return " ".join(rest)

    @property
    def point(self) -> str:
        """The shape and the other choices, such as "10x8" or "10x8 dilation 2x1"."""
        return f"{self.shape} {self.variant}".strip()

    @property
    def known(self) -> float | None:
        """The score of a complete trial, the estimate of a pruned one."""
        return self.values[0] if self.values else self.estimate


@dataclass(frozen=True)
class Searched:
    """A search: its configuration and its trials."""

    config: SearchConfig
    trials: tuple[Trial, ...]

    def of(self, *states: str) -> list[Trial]:
        return [trial for trial in self.trials if trial.state in states]

    @property
    def complete(self) -> list[Trial]:
        """Complete trials of different points, best first, the smaller one where scores tie."""
        first = {trial.point: trial for trial in reversed(self.of(COMPLETE))}
        return sorted(first.values(), key=lambda t: (-t.values[0], t.shape.weights, t.number))

    @property
    def pruned(self) -> list[Trial]:
        """Points that were pruned and never completed, the highest estimate first."""
        whole = {trial.point for trial in self.of(COMPLETE)}
        first = {t.point: t for t in reversed(self.of(PRUNED)) if t.point not in whole}
        return sorted(first.values(), key=lambda trial: (-(trial.estimate or 0), trial.number))

    @property
    def repeated(self) -> int:
        """The number of trials whose point an earlier one had tried."""
        return len(self.trials) - len({trial.point for trial in self.trials})

    @property
    def cells(self) -> int:
        """The number of distinct cells that complete and pruned trials were scored on."""
        every = range(len(self.config.steps))
        ended = self.of(COMPLETE, PRUNED)
        return len({(t.point, step) for t in ended for step in (every if t.values else t.scores)})

    @property
    def cells_of_all(self) -> int:
        """The number of distinct cells of the same trials without pruning."""
        points = {trial.point for trial in self.of(COMPLETE, PRUNED)}
        return len(points) * len(self.config.steps)

    @property
    def last(self) -> datetime | None:
        """When the last trial ended."""
        return max((t.ended for t in self.trials if t.ended is not None), default=None)


def search_file(folder: Path) -> Path:
    """Return the path of the file with all searches of a study."""
    return folder / "search.db"
