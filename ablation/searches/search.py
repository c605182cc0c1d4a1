"""An adaptive search: its plan, and its run, which trains the cells that the trials need."""

import json
import shlex
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ablation.errors.running import SearchRunning
from ablation.files import locked, make_folder, require_writable
from ablation.models.given import packed
from ablation.progress import Reporter
from ablation.results import ResultStore, Watch, run_record
from ablation.results.schema import OK, PROBES
from ablation.results.search_file import read_searches, usable
from ablation.results.search_record import (
    COMPLETE,
    PRUNED,
    SearchConfig,
    Searched,
    Trial,
    search_file,
)
from ablation.runs.collector import Tally
from ablation.runs.groups import cells_at_once
from ablation.runs.prepare import Prepared, check_speakers, fold_data, prepare
from ablation.runs.runner import InterruptedRun, check_devices, places_of, result_collector
from ablation.searches.schedule import Key, Row, Schedule
from ablation.searches.space import Point, Space, space_of
from ablation.searches.trials import Trials
from ablation.study import CellKind, SearchSpec, Study
from ablation.study.field_axes import as_value, value_text
from ablation.training.task import Cell, CellTask, FoldData


@dataclass(frozen=True)
class SearchPlan:
    """A requested search, and what exists of it."""

    prepared: Prepared
    space: Space
    config: SearchConfig
    wanted: int  # trials, including those of earlier runs
    ended: int  # trials that earlier runs have ended
    damaged: tuple[str, ...]


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
    check_speakers(prepared, study.training.speakers, "training.speakers")
    space = space_of(prepared)
    spec = study.search
    points = space.grid(spec.seed) if spec.drawn_by == "grid" else []
    config = SearchConfig(
        digest=prepared.digest,
        objective=tuple(spec.objective),
        sampler=spec.drawn_by,
        prune_p=spec.prune_p if spec.prune else None,
        seed=spec.seed,
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
    there = [one for one in found if one.config.name == config.name]
    ended = sum(trial.ended is not None for one in there for trial in one.trials)
    damaged = ResultStore(folder).read("probes", []).damaged
    wanted = min(trials, len(points)) if points else trials
    return SearchPlan(prepared, space, config, wanted, ended, tuple(damaged))


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
    path = search_file(folder)
    with locked(make_folder(folder) / ".search.lock", wait=False) as alone, usable(path):
        if not alone:  # each would take the other's trials for its own
            raise SearchRunning(folder)
        search = _Search(plan, results, Trials(path, plan.config, plan.space), reporter)
        try:
            search.run()
        except InterruptedRun:
            raise
        except KeyboardInterrupt as interrupt:  # while no worker was running
            raise InterruptedRun(search.tally) from interrupt
        return SearchRun(search.tally, search.trials.searched)


class _Search:
    """A running search."""

    def __init__(self, plan: SearchPlan, results: Path, trials: Trials, reporter: Reporter) -> None:
        self.plan, self.results, self.trials, self.reporter = plan, results, trials, reporter
        study = plan.prepared.study
        self.store = ResultStore(run_record.study_folder(results, study.name))
        self.tally = Tally(cells=0, stored=0)
        slots = places_of(study)
        self.together = cells_at_once(study, slots, len(plan.config.steps))
        self.schedule = Schedule(
            trials,
            wanted=plan.wanted,
            # How many workers a cluster will have is not known.
            workers=len(slots) if not study.cluster.used else 10**9,
            together=self.together,
            at_once=study.search.at_once,
            classes=plan.prepared.corpus.classes,
            stored=self._stored,
            ended=self._ended,
        )
        self._watch = Watch(self.store, "probes")
        self._rows: dict[Key, Row] = {}
        self._trained: set[Key] = set()
        self._data: dict[tuple[float, str], FoldData] = {}

    def run(self) -> None:
        self._save()
        due = self._due()
        if not due:
            self.store.compact()  # parts left by a run that could not
            return
        study = self.plan.prepared.study
        with result_collector(
            study, self.store.folder, self.tally, self.reporter, together=self.together
        ) as collector:
            collector.submit(due)
            with closing(collector.ended()) as every:  # stores what has ended, even on an error
                for ended in every:
                    for _, outcome in ended:
                        self.schedule.take(outcome.row)
                    collector.submit(self._due())

    def _due(self) -> list[CellTask]:
        due = self.schedule.due()
        self._trained.update(key for _, key in due)
        self.tally.cells = len(self._trained | self.schedule.rows.keys())
        self.tally.stored = len(self.schedule.rows.keys() - self._trained)
        return [self._task(point, key) for point, key in due]

    def _stored(self, key: Key) -> Row | None:
        """Return the row of a cell that is stored by now, by whichever run."""
        if key not in self._rows and key in self._watch.finished():
            rows = self.store.read("probes").rows.to_pylist()
            self._rows = {PROBES.key_of(row): row for row in rows if row["status"] == OK}
        return self._rows.get(key)

    def _task(self, point: Point, key: Key) -> CellTask:
        digest, _, _, window, seed, fold = key
        if not self._data:
            self._data = fold_data(self.plan.prepared, [window], self.reporter)
        classes = self.plan.prepared.corpus.classes
        number = point.variant.study.training.speakers
        return CellTask(
            cell=Cell(CellKind.PROBE, (point.shape,), window, seed, fold),
            study=point.variant.study,
            classes=classes,
            digest=digest,
            fold=self._data[window, fold].trained_on(number, seed, classes),
            model=packed(point.variant.study.probe.factory),
        )

    def _ended(self, trial: Trial) -> None:
        """Report a trial that has ended, and record the shape of a complete one."""
        config, best = self.plan.config, next(iter(self.trials.searched.complete), None)
        end = "failed"
        if trial.state == COMPLETE:
            end = f"{config.score.upper()} {trial.values[0]:.1%}"
            self._save()
        elif trial.state == PRUNED:
            unit = "folds" if len(config.seeds) == 1 else "cells"
            end = f"pruned after {len(trial.scores)} of {len(config.steps)} {unit}"
        so_far = "" if best is None else f"; best so far {best.point}, {best.values[0]:.1%}"
        self.reporter.say(
            f"trial {trial.number + 1} of {self.plan.wanted}: {trial.point}, {end}{so_far}"
        )

    def _save(self) -> None:
        """Write the settings of every variant, with the shapes that were completed."""
        complete = self.trials.searched.complete
        prepared, config = self.plan.prepared, self.plan.config
        studies = {v.digest: v.study for v in self.plan.space.variants}
        for digest, study in ({prepared.digest: prepared.study} | studies).items():
            request = run_record.Request(
                run_record.SEARCH,
                tuple(sorted(trial.shape for trial in complete if trial.digest == digest)),
                (config.window_ms,),
                config.seeds,
                run_record.now(),
                options_text(prepared.study.search),
                self.plan.wanted,
            )
            run = run_record.RunRecord(
                study=study,
                digest=digest,
                classes=prepared.corpus.classes,
                counts=tuple(prepared.corpus.counts().values()),
                folds=config.folds,
                requests=(request,),
                fingerprint=prepared.fingerprint,
                code=prepared.code,
                variant_of="" if digest == prepared.digest else prepared.digest,
            )
            run_record.save(self.results, run)


def options_text(spec: SearchSpec) -> str:
    """Return a search's settings as options of the command."""
    named = {"sampler", "objective", "prune", "seed", "choices"}
    given = spec.model_dump(mode="json", exclude_defaults=True, exclude=named)
    words = ["--sampler", spec.drawn_by, "--objective", ",".join(spec.objective)]
    words += ["--prune"] * spec.prune + ["--seed", str(spec.seed)]
    for name, value in given.items():
        words += ["--set", f"search.{name}={json.dumps(value, separators=(',', ':'))}"]
    for name, values in spec.choices.items():
        words += ["--axis", name, "--values", ",".join(value_text(as_value(v)) for v in values)]
    return shlex.join(words)
