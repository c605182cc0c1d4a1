"""A round of a search: which cells its trials need next, and how each trial ends.

Every trial continues as soon as its own cells are finished. What it needs next and how it ends
depend on its scores in the order of the steps, not on the order in which cells finish.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ablation.analysis import pooled_scores, probe_cost
from ablation.results import ResultStore
from ablation.results.schema import OK
from ablation.results.search_record import COMPLETE, FAILED, PRUNED, RUNNING, Trial
from ablation.search.space import Point
from ablation.search.trials import Pruner, Trials
from ablation.study import COSTS

Key = tuple[str, int, int, int, str]  # digest, height, width, seed, fold
Row = Mapping[str, Any]


@dataclass
class Cells:
    """The rows of finished cells, the failed cells, and those being trained."""

    rows: dict[Key, Row] = field(default_factory=dict)
    failed: set[Key] = field(default_factory=set)
    waiting: set[Key] = field(default_factory=set)

    def read(self, store: ResultStore, window_ms: float) -> list[str]:
        """Read what is stored by now; return the files that are damaged."""
        content = store.read("probes")
        for row in content.rows.to_pylist():
            if row["status"] == OK and row["window_ms"] == window_ms:
                self.rows.setdefault(key_of(row), row)
        return content.damaged

    def take(self, row: Row) -> None:
        """Add the row of a cell that has ended."""
        key = key_of(row)
        self.waiting.discard(key)
        if row["status"] == OK:
            self.rows[key] = row
        else:
            self.failed.add(key)


def key_of(row: Row) -> Key:
    return row["digest"], row["height"], row["width"], row["seed"], row["fold"]


@dataclass
class Candidate:
    """A trial of the round and the point it tries.

    Attributes
    ----------
    keys
        The cells of its steps.
    scores
        The scores of the steps considered so far.
    state
        None while it is running.
    """

    trial: Trial
    point: Point
    keys: tuple[Key, ...]
    scores: list[float] = field(default_factory=list)
    state: str | None = None
    values: tuple[float, ...] = ()


class Batch:
    """The running trials of a round.

    Parameters
    ----------
    numbers
        The trials of the round, all drawn.
    classes
        The classes of the study.
    """

    def __init__(
        self, trials: Trials, numbers: Sequence[int], cells: Cells, classes: Sequence[str]
    ) -> None:
        self.trials, self.cells, self.classes = trials, cells, classes
        self.config = trials.config
        every = trials.all
        # A trial is not compared with those of its own round, which may happen to end before it.
        first = numbers[0] - numbers[0] % self.config.at_once
        earlier = [trial for trial in every[:first] if trial.state == COMPLETE]
        self.whole = {trial.point for trial in earlier}
        self.best = max(earlier, key=lambda t: (t.values[0], -t.number), default=None)
        p = self.config.prune_p
        self.pruner = None if p is None or self.best is None else Pruner(p)
        running = [every[number] for number in numbers if every[number].state == RUNNING]
        self.candidates = [self._candidate(trial) for trial in running]

    def advance(self) -> Iterator[tuple[Candidate, Key]]:
        """Take in what is known by now; yield the cells to be trained next, each once."""
        for candidate in self.candidates:
            for key in self._needed(candidate) if candidate.state is None else ():
                if key not in self.cells.rows and key not in self.cells.waiting:
                    self.cells.waiting.add(key)
                    yield candidate, key

    def tell(self) -> None:
        """End the trials, in the order of their numbers."""
        for candidate in self.candidates:
            number, state = candidate.trial.number, candidate.state
            if state is None:
                raise RuntimeError(f"trial {number} has not ended")
            self.trials.tell(number, state, candidate.values)

    def _candidate(self, trial: Trial) -> Candidate:
        point = self.trials.space.point(trial.params)
        height, width, _ = point.shape
        keys = tuple((trial.digest, height, width, seed, fold) for seed, fold in self.config.steps)
        decided = None if trial.estimate is None else PRUNED  # before a kill
        return Candidate(
            trial, point, keys, list(trial.scores.values()) if decided else [], decided
        )

    def _needed(self, candidate: Candidate) -> Sequence[Key]:
        """Return the cells that a trial waits for; none when it has ended."""
        keys, rows, scores = candidate.keys, self.cells.rows, candidate.scores
        if not self.cells.failed.isdisjoint(keys):
            candidate.state = FAILED
            return ()
        while len(scores) < len(keys) and keys[len(scores)] in rows:
            self._take(candidate, rows[keys[len(scores)]][self.config.score])
            if self._given_up(candidate):
                candidate.state = PRUNED
                return ()
        if len(scores) == len(keys):
            candidate.state, candidate.values = COMPLETE, self._values(candidate)
            return ()
        pruner = self._tested(candidate)
        if pruner is None:
            return keys[len(scores) :]
        # As many as pruning needs, then one by one.
        return keys[len(scores) : max(pruner.least, len(scores) + 1)]

    def _take(self, candidate: Candidate, score: float) -> None:
        step = len(candidate.scores)
        candidate.scores.append(score)
        if step not in candidate.trial.scores and len(self.config.objective) == 1:
            self.trials.score(candidate.trial.number, step, score)

    def _tested(self, candidate: Candidate) -> Pruner | None:
        """Return the pruner of a trial; None where its point was completed before."""
        return None if candidate.trial.point in self.whole else self.pruner

    def _given_up(self, candidate: Candidate) -> bool:
        """Prune a trial that is worse than the best one on the steps it has; return whether."""
        pruner, best, taken = self._tested(candidate), self.best, len(candidate.scores)
        if pruner is None or best is None or not pruner.least <= taken < len(candidate.keys):
            return False
        gains = [score - best.scores[step] for step, score in enumerate(candidate.scores)]
        if not pruner.should_prune(gains):
            return False
        self.trials.give_up(candidate.trial.number, best.values[0] + sum(gains) / taken)
        return True

    def _values(self, candidate: Candidate) -> tuple[float, ...]:
        rows = pd.DataFrame([self.cells.rows[key] for key in candidate.keys])
        pooled = pooled_scores(rows, ["height", "width"], self.classes).iloc[0]
        height, width, _ = candidate.point.shape
        cost = probe_cost(candidate.point.variant.study, height, width, len(self.classes))
        named = dict(zip(COSTS, cost, strict=True))
        score, *costs = self.config.objective
        return float(pooled[score]), *(float(named[name]) for name in costs)
