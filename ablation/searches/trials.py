"""A search's trials in optuna: asked for and told, in a file that only this search writes."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ablation.results.search_file import CONFIG, distributions, open_storage, searched
from ablation.results.search_record import (
    COMPLETE,
    PRUNED,
    RUNNING,
    SearchConfig,
    Searched,
    Trial,
)
from ablation.searches.space import Point, Space
from ablation.training.seeds import derived_seed

_POPULATION = 16  # of NSGA-II: with its default of 50, most searches would only be random


class Trials:
    """The trials of one search, in a file that is created if it does not exist.

    Raises
    ------
    SearchFileUnusable
        When the file is damaged, or not an optuna file.
    """

    def __init__(self, path: Path, config: SearchConfig, space: Space) -> None:
        self.config, self.space = config, space
        self.storage = open_storage(path)
        directions = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE][: len(config.objective)]
        self.study = optuna.create_study(
            storage=self.storage,
            study_name=config.name,
            directions=directions,
            load_if_exists=True,
        )
        self.study.set_user_attr(CONFIG, config.as_json())
        self._distributions = distributions(space.heights, space.widths, space.choices)
        self._grid = space.grid(config.seed) if config.sampler == "grid" else []
        for trial in self._of(TrialState.RUNNING):
            if len(trial.params) < len(self._distributions):  # killed while it was drawn
                self.storage.set_trial_state_values(self._id(trial.number), TrialState.WAITING)

    @property
    def searched(self) -> Searched:
        """The state of the search."""
        return searched(self.study, self.config)

    @property
    def running(self) -> list[Trial]:
        """Trials that were asked for and not told."""
        return self.searched.of(RUNNING)

    def ask(self) -> Trial:
        """Draw the next trial.

        Every trial has a sampler of its own, seeded by its number: a search that goes on draws as
        one that was never interrupted.
        """
        waiting = [trial.number for trial in self._of(TrialState.WAITING)]
        number = min(waiting, default=len(self.study.get_trials(deepcopy=False)))
        if self._grid and not waiting:
            self.study.enqueue_trial(self.space.params(self._grid[number]))
        self.study.sampler = _sampler(self.config, number)
        self.study.ask(self._distributions)
        return self._trial(number)

    def tell(
        self,
        number: int,
        point: Point,
        state: str,
        scores: Sequence[float],
        values: Sequence[float] = (),
        estimate: float | None = None,
    ) -> Trial:
        """End a running trial and return it.

        A pruned trial is recorded as pruned, not as complete with its estimate: TPE then ranks it
        below every complete trial, and it can never be mistaken for the best.
        """
        key = self._id(number)
        for step, score in enumerate(scores):
            self.storage.set_trial_intermediate_value(key, step, score)
        notes = {"digest": point.variant.digest, "estimate": estimate}
        if (params := self.space.params(point)) != self._trial(number).params:
            notes["clipped"] = params
        for name, value in notes.items():
            if value is not None:
                self.storage.set_trial_user_attr(key, name, value)
        if state == COMPLETE:
            self.study.tell(number, list(values))
        else:
            told = TrialState.PRUNED if state == PRUNED else TrialState.FAIL
            self.study.tell(number, state=told)
        return self._trial(number)

    def _of(self, state: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(state,))

    def _id(self, number: int) -> int:
        study = self.storage.get_study_id_from_name(self.config.name)
        return self.storage.get_trial_id_from_study_id_trial_number(study, number)

    def _trial(self, number: int) -> Trial:
        return next(trial for trial in self.searched.trials if trial.number == number)


def _sampler(config: SearchConfig, number: int) -> BaseSampler:
    seed = derived_seed("search", config.sampler, config.seed, number) % 2**32
    if config.sampler in ("random", "grid"):  # the grid's points are given
        return RandomSampler(seed=seed)
    if config.sampler == "nsga2":
        return NSGAIISampler(seed=seed, population_size=_POPULATION)
    with warnings.catch_warnings():  # versions are pinned
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, constant_liar=True)
