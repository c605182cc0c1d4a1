"""An adaptive search draws trials in rounds, gets their cells, and prunes or completes them."""

import json
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ablation.errors.running import SearchRunning
from ablation.files import locked, make_folder, require_writable
from ablation.progress import Reporter
from ablation.results import ResultStore, run_record
from ablation.results.search_file import read_searches
from ablation.results.search_record import (
    COMPLETE,
    PRUNED,
    SearchConfig,
    Searched,
    search_file,
)
from ablation.runs.collector import ResultCollector, Tally
from ablation.runs.prepare import Prepared, fold_data, prepare
from ablation.runs.runner import InterruptedRun, check_devices, result_collector
from ablation.search.batches import Batch, Candidate, Cells, Key
from ablation.search.space import Space, space_of
from ablation.search.trials import Trials
from ablation.study import CellKind, SearchSpec, Shape, Study
from ablation.training.task import Cell, CellTask, FoldData


@dataclass(frozen=True)
class SearchPlan:
    """A requested search, and what exists of it."""

    prepared: Prepared
    space: Space
    config: SearchConfig
    wanted: int  # trials, including those of earlier runs
    there: Searched | None
    damaged: tuple[str, ...]

    @property
    def ended(self) -> int:
        """The number of trials that earlier runs have ended."""
        return 0 if self.there is None else len(self.there.of("complete", "pruned", "failed"))


@dataclass
class SearchRun:
    """What a run did, and the state of the search after it."""

    tally: Tally
    searched: Searched


def plan_search(study: Study, trials: int, results: Path) -> SearchPlan:
    """Check everything; nothing is written.

    Parameters
    ----------
    trials
        Total number of trials, including those of earlier runs.

    Raises
    ------
    AblationError
        For anything wrong with study, corpus, folds, stored rows or the search's file.
    """
    check_devices(study)
    prepared = prepare(study)
    space = space_of(prepared)
    spec = study.search
    points = space.grid(spec.seed) if spec.drawn_by == "grid" else []
    config = SearchConfig(
        digest=prepared.digest,
        objective=tuple(spec.objective),
        sampler=spec.drawn_by,
        prune_p=spec.prune_p if spec.prune else None,
        seed=spec.seed,
        at_once=spec.at_once,
        heights=space.heights,
        widths=space.widths,
        choices=space.choices,
        grid=tuple(f"{point.shape} {point.variant.digest}" for point in points),
        window_ms=study.features.window_ms,
        seeds=run_record.unique(study.grid.seeds),
        folds=tuple(fold.name for fold in prepared.folds),
    )
    folder = run_record.study_folder(results, study.name)
    path = search_file(folder)
    found = read_searches(path) if path.exists() else []
    there = next((searched for searched in found if searched.config.name == config.name), None)
    damaged = ResultStore(folder).read("probes", []).damaged
    wanted = min(trials, len(points)) if points else trials
    return SearchPlan(prepared, space, config, wanted, there, tuple(damaged))


def run_search(plan: SearchPlan, results: Path, reporter: Reporter) -> SearchRun:
    """Run the plan's trials to their end, storing rows in ``results`` as they come.

    Raises
    ------
    InterruptedRun
        On an interrupt; finished cells are stored, and the search can be resumed.
    AblationError
        For a recording that cannot be used, a store or search file that cannot be written, or a
        folder in which another search is running.
    """
    folder = run_record.study_folder(results, plan.prepared.study.name)
    require_writable(folder)
    with _alone(make_folder(folder)):
        trials = Trials(search_file(folder), plan.config, plan.space)
        search = _Search(plan, results, trials, reporter)
        try:
            search.run()
        except InterruptedRun:
            raise
        except KeyboardInterrupt as interrupt:  # while no worker was running
            raise InterruptedRun(search.tally) from interrupt
        return SearchRun(search.tally, trials.searched)


class _Search:
    """A running search."""

    def __init__(self, plan: SearchPlan, results: Path, trials: Trials, reporter: Reporter) -> None:
        self.plan, self.results, self.trials, self.reporter = plan, results, trials, reporter
        self.folder = run_record.study_folder(results, plan.prepared.study.name)
        self.cells = Cells()
        self.tally = Tally(cells=0, stored=0)
        self.best: tuple[float, int, str] | None = None  # score, minus the size, point
        self._asked: set[Key] = set()
        self._data: dict[tuple[float, str], FoldData] = {}
        self._crew: ResultCollector | None = None
        self._stack = ExitStack()

    def run(self) -> None:
        self._save()
        at_once, wanted = self.plan.config.at_once, self.plan.wanted
        with self._stack:
            for first in range(0, wanted, at_once):
                self._round(range(first, min(first + at_once, wanted)))
        if self._crew is None:
            ResultStore(self.folder).compact()  # parts left by a run that could not

    def _round(self, numbers: range) -> None:
        drawn = self.trials.all
        for number in numbers:
            if number >= len(drawn):
                self.trials.draw(number)
        self.cells.read(ResultStore(self.folder), self.plan.config.window_ms)
        self.cells.failed.clear()  # failed cells of a point that is tried again are trained again
        running = Batch(self.trials, numbers, self.cells, self.plan.prepared.corpus.classes)
        if not running.candidates:
            return
        told: set[int] = set()
        needed = self._advance(running, told)
        if needed:
            collector = self._workers()
            collector.submit(needed)
            with closing(collector.ended()) as every:  # stores what has ended
                for ended in every:
                    for _, outcome in ended:
                        self.cells.take(outcome.row)
                    collector.submit(self._advance(running, told))
        running.tell()
        self._save()

    def _advance(self, running: Batch, told: set[int]) -> list[CellTask]:
        """Return the tasks that are due; report the trials that have ended."""
        due = [self._task(candidate, key) for candidate, key in running.advance()]
        for candidate in running.candidates:
            self._count(candidate)
            number = candidate.trial.number
            if candidate.state is not None and number not in told:
                told.add(number)
                self._say(candidate)
        return due

    def _task(self, candidate: Candidate, key: Key) -> CellTask:
        digest, _, _, seed, fold = key
        variant, window = candidate.point.variant, self.plan.config.window_ms
        if not self._data:
            self._data = fold_data(self.plan.prepared, [window], self.reporter)
        self._asked.add(key)
        self.tally.cells += 1
        return CellTask(
            cell=Cell(CellKind.PROBE, (candidate.point.shape,), window, seed, fold),
            study=variant.study,
            classes=self.plan.prepared.corpus.classes,
            digest=digest,
            fold=self._data[window, fold],
        )

    def _count(self, candidate: Candidate) -> None:
        """Count the cells that were read from the store."""
        answered = set(candidate.keys[: len(candidate.scores)]) - self._asked
        self._asked |= answered
        self.tally.cells += len(answered)
        self.tally.stored += len(answered)

    def _workers(self) -> ResultCollector:
        """Return the workers, which are started for the first cell that is not stored."""
        if self._crew is None:
            study = self.plan.prepared.study
            context = result_collector(study, self.folder, self.tally, self.reporter)
            self._crew = self._stack.enter_context(context)
        return self._crew

    def _say(self, candidate: Candidate) -> None:
        trial, config = candidate.trial, self.plan.config
        name = config.score.upper()
        again = "" if trial.repeats is None else f" again, as trial {trial.repeats + 1}"
        if candidate.state == COMPLETE:
            score = candidate.values[0]
            end = f"{name} {score:.1%}"
            rank = score, -trial.shape.weights
            if self.best is None or rank > self.best[:2]:
                self.best = *rank, trial.point
        elif candidate.state == PRUNED:
            unit = "folds" if len(config.seeds) == 1 else "cells"
            end = f"pruned after {len(candidate.scores)} of {len(candidate.keys)} {unit}"
        else:
            end = "failed"
        best = "" if self.best is None else f"; best so far {self.best[2]}, {self.best[0]:.1%}"
        self.reporter.say(
            f"trial {trial.number + 1} of {self.plan.wanted}: {trial.point}{again}, {end}{best}"
        )

    def _save(self) -> None:
        """Write the settings of every variant, with the shapes that were completed."""
        complete = self.trials.searched.complete
        if complete:
            first = complete[0]
            self.best = first.values[0], -first.shape.weights, first.point
        prepared = self.plan.prepared
        studies = {v.digest: v.study for v in self.plan.space.variants}
        for digest, study in ({prepared.digest: prepared.study} | studies).items():
            shapes = tuple(trial.shape for trial in complete if trial.digest == digest)
            run_record.save(
                self.results,
                run_record.RunRecord(
                    study=study,
                    digest=digest,
                    classes=prepared.corpus.classes,
                    counts=tuple(prepared.corpus.counts().values()),
                    folds=self.plan.config.folds,
                    requests=(self._request(shapes),),
                    fingerprint=prepared.fingerprint,
                    variant_of="" if digest == prepared.digest else prepared.digest,
                ),
            )

    def _request(self, shapes: tuple[Shape, ...]) -> run_record.Request:
        config = self.plan.config
        return run_record.Request(
            run_record.SEARCH,
            tuple(sorted(shapes)),
            (config.window_ms,),
            config.seeds,
            run_record.now(),
            options_text(self.plan.prepared.study.search),
            self.plan.wanted,
        )


def options_text(spec: SearchSpec) -> str:
    """Return a search's settings as options of the command."""
    named = {"sampler", "objective", "prune", "seed"}
    given = spec.model_dump(mode="json", exclude_defaults=True, exclude=named)
    words = ["--sampler", spec.drawn_by, "--objective", ",".join(spec.objective)]
    words += ["--prune"] * spec.prune + ["--seed", str(spec.seed)]
    for name, value in given.items():
        words += ["--set", f"search.{name}={json.dumps(value, separators=(',', ':'))}"]
    return shlex.join(words)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other searches out of the folder: each would take the other's trials for its own."""
    with locked(folder / ".search.lock", wait=False) as alone:
        if not alone:
            raise SearchRunning(folder)
        yield
