"""Which cells a search needs next, when it draws another trial, and how each trial ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from ablation.analysis import pooled_scores, probe_cost
from ablation.results.schema import OK, PROBES
from ablation.results.search_record import COMPLETE, FAILED, PRUNED, Trial
from ablation.searches.space import Point
from ablation.searches.trials import Trials
from ablation.study import COSTS

Row = Mapping[str, Any]
Key = tuple[Any, ...]  # of the table of probes


@dataclass
class Candidate:
    """A running trial: its number, its point, and its cells with the scores taken in so far."""

    number: int
    point: Point
    keys: tuple[Key, ...]
    scores: list[float] = field(default_factory=list)


class Schedule:
    """The running trials of a search.

    With one worker, everything depends on the configuration alone; with several, also on the order
    in which cells end.

    Parameters
    ----------
    wanted
        The number of trials, including those of earlier runs.
    workers
        Another trial is drawn as soon as one of so many workers may have nothing to do.
    together
        The most cells of a trial that a worker trains at once.
    at_once
        The most trials that run at the same time.
    classes
        The classes of the study.
    stored
        Returns the row of a finished cell; None if it is not stored.
    ended
        Called with every trial that ends.
    """

    def __init__(
        self,
        trials: Trials,
        wanted: int,
        workers: int,
        together: int,
        at_once: int,
        classes: Sequence[str],
        stored: Callable[[Key], Row | None],
        ended: Callable[[Trial], None],
    ) -> None:
        self.trials, self.config, self.classes = trials, trials.config, classes
        self.wanted, self.workers, self.together, self.at_once = wanted, workers, together, at_once
        self.stored, self.ended = stored, ended
        self.rows: dict[Key, Row] = {}  # that trials were scored on
        self._failed: set[Key] = set()
        self._training: set[Key] = set()
        there = trials.searched
        self._best = next(iter(there.complete), None)
        self._drawn = len(there.trials)
        self._running = [self._candidate(trial) for trial in trials.running]

    def due(self) -> list[tuple[Point, Key]]:
        """Bring the trials forward, drawing others; return the cells to be trained now, once each.

        None are left to train when this returns nothing and all of the earlier ones have ended.
        """
        due = []
        while True:
            for candidate in tuple(self._running):
                due += self._advance(candidate)
            if (
                self._drawn >= self.wanted
                or len(self._training) > (self.workers - 1) * self.together
                or len(self._running) >= self.at_once
            ):
                return due
            self._running.append(self._candidate(self.trials.ask()))
            self._drawn += 1

    def take(self, row: Row) -> None:
        """Take in the row of a cell that has ended."""
        key = PROBES.key_of(row)
        self._training.discard(key)
        if row["status"] == OK:
            self.rows[key] = row
        else:
            self._failed.add(key)

    def _candidate(self, trial: Trial) -> Candidate:
        point, window = self.trials.space.point(trial.params), self.config.window_ms
        cell = point.variant.digest, point.shape.height, point.shape.width, window
        keys = tuple((*cell, seed, fold) for seed, fold in self.config.steps)
        return Candidate(trial.number, point, keys)

    def _advance(self, candidate: Candidate) -> list[tuple[Point, Key]]:
        """Take in scores in the order of the steps; return the cells the trial needs next."""
        keys, scores = candidate.keys, candidate.scores
        while len(scores) < len(keys) and (row := self._row(keys[len(scores)])) is not None:
            scores.append(row[self.config.score])
            if len(scores) < len(keys) and (estimate := self._given_up(scores)) is not None:
                self._end(candidate, PRUNED, estimate=estimate)
                return []
        if len(scores) == len(keys):
            self._end(candidate, COMPLETE, self._values(candidate))
            return []
        if not self._failed.isdisjoint(keys):
            self._end(candidate, FAILED)
            return []
        needed = keys[len(scores) : self._upto(scores)]
        due = [k for k in needed if k not in self._training and self._row(k) is None]
        self._training.update(due)
        return [(candidate.point, key) for key in due]

    def _row(self, key: Key) -> Row | None:
        if key not in self.rows and (row := self.stored(key)) is not None:
            self.rows[key] = row
        return self.rows.get(key)

    def _upto(self, scores: Sequence[float]) -> int:
        """Return up to which step cells are trained at once: as many as can decide, then singly.

        A worker that trains several at once is given as many again: for one more it would take
        about as long, and of all cells of a trial at most half are trained in vain.
        """
        if self.config.prune_p is None or self._best is None:
            return len(self.config.steps)
        more = max(1, min(len(scores), self.together))
        return max(least_steps(self.config.prune_p), len(scores) + more)

    def _given_up(self, scores: Sequence[float]) -> float | None:
        """Return the estimated score of a trial that is to be pruned; None if it goes on."""
        p, best = self.config.prune_p, self._best
        if p is None or best is None:
            return None
        differences = [score - best.scores[step] for step, score in enumerate(scores)]
        return best.values[0] + float(np.mean(differences)) if is_worse(differences, p) else None

    def _end(
        self,
        candidate: Candidate,
        state: str,
        values: tuple[float, ...] = (),
        estimate: float | None = None,
    ) -> None:
        self._running.remove(candidate)
        number, point, scores = candidate.number, candidate.point, candidate.scores
        trial = self.trials.tell(number, point, state, scores, values, estimate)
        if state == COMPLETE:
            self._best = self.trials.searched.complete[0]
        self.ended(trial)

    def _values(self, candidate: Candidate) -> tuple[float, ...]:
        rows = pd.DataFrame([self.rows[key] for key in candidate.keys])
        pooled = pooled_scores(rows, ["height", "width"], self.classes).iloc[0]
        height, width, _ = candidate.point.shape
        cost = probe_cost(candidate.point.variant.study, height, width, len(self.classes))
        named = dict(zip(COSTS, cost, strict=True))
        score, *costs = self.config.objective
        return float(pooled[score]), *(float(named[name]) for name in costs)


def least_steps(p: float) -> int:
    """Return how many steps it takes to prune: of n, all worse, the one-sided p is 2^-n."""
    return next(n for n in range(2, 64) if 2.0**-n < p)


def is_worse(differences: Sequence[float], p: float) -> bool:
    """Return whether a trial with these differences to the best one is to be pruned.

    Wilcoxon's signed-rank test, one-sided, over the steps that both trials have. A trial that is
    as good on average is never pruned.
    """
    if len(differences) < least_steps(p):
        return False
    rounded = np.round(differences, 9)  # so that equal differences have equal ranks
    if rounded.mean() >= 0:
        return False
    found: Any = wilcoxon(rounded, alternative="less", zero_method="zsplit")
    return bool(found.pvalue < p)
