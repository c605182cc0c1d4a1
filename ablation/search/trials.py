"""A search's trials in optuna: drawn, scored, pruned and told.

The file is an SQLite database with one search as its only writer. What is drawn and pruned depends
on the configuration and the batches before, never on the order in which cells finish: a new sampler
with its own seed draws every trial, and sees the trials of the round as running, whether they have
ended or not.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import WilcoxonPruner
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from ablation.results.search_file import (
    CONFIG,
    distributions_of,
    make,
    open_storage,
    trial_of,
    usable,
)
from ablation.results.search_record import (
    COMPLETE,
    PRUNED,
    SearchConfig,
    Searched,
    Trial,
)
from ablation.search.space import Point, Space
from ablation.training.seeds import derived_seed

_POPULATION = 16  # of NSGA-II: with its default of 50, most searches would only be random

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Trials:
    """The trials of one search, in a file that is created if it does not exist.

    Raises
    ------
    SearchFileUnusable
        By every method, when the file cannot be read or written.
    """

    def __init__(self, path: Path, config: SearchConfig, space: Space) -> None:
        self.path, self.config, self.space = path, config, space
        with usable(path):
            if not path.exists():
                make(path)
            self.storage = open_storage(path)
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=config.name,
                directions=_directions(config),
                load_if_exists=True,
            )
            self.id = self.storage.get_study_id_from_name(config.name)
            if CONFIG not in self.study.user_attrs:
                self.study.set_user_attr(CONFIG, config.as_json())
        self._ids: dict[int, int] = {}
        self._grid = space.grid(config.seed) if config.sampler == "grid" else []

    @property
    def all(self) -> list[Trial]:
        with usable(self.path):
            return [trial_of(frozen) for frozen in self._frozen()]

    @property
    def searched(self) -> Searched:
        return Searched(self.config, tuple(self.all))

    def draw(self, number: int) -> None:
        """Add the next trial, which has this number, atomically."""
        with usable(self.path):
            point, notes = self._drawn(number)
            params = self.space.params(point)
            earlier = next((t.number for t in self._frozen() if t.params == params), None)
            attributes = {"digest": point.variant.digest, "repeats": earlier}
            self.study.add_trial(
                create_trial(
                    state=TrialState.RUNNING,
                    params=params,
                    distributions=_distributions(self.space),
                    user_attrs={key: v for key, v in attributes.items() if v is not None},
                    system_attrs=notes,
                )
            )

    def score(self, number: int, step: int, value: float) -> None:
        """Note the score of a step of a running trial."""
        with usable(self.path):
            self.storage.set_trial_intermediate_value(self._id_of(number), step, value)

    def give_up(self, number: int, estimate: float) -> None:
        """Note that a running trial is pruned; it ends with its round."""
        with usable(self.path):
            self.storage.set_trial_user_attr(self._id_of(number), "estimate", estimate)

    def tell(self, number: int, state: str, values: Sequence[float] = ()) -> None:
        """End a running trial.

        A pruned trial is recorded as pruned, not as complete with its estimate, as optuna's pruner
        also allows: TPE then ranks it below every complete trial, as the test has found, and it
        can never be mistaken for the best.
        """
        with usable(self.path):
            if state == COMPLETE:
                self.study.tell(number, list(values))
            else:
                told = TrialState.PRUNED if state == PRUNED else TrialState.FAIL
                self.study.tell(number, state=told)

    def _frozen(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _id_of(self, number: int) -> int:
        if number not in self._ids:
            ask = self.storage.get_trial_id_from_study_id_trial_number
            self._ids[number] = ask(self.id, number)
        return self._ids[number]

    def _drawn(self, number: int) -> tuple[Point, dict[str, Any]]:
        """Return a point, and what its sampler notes for later trials."""
        if self.config.sampler == "grid":
            return self._grid[number], {}
        mirror = self._mirror(number - number % self.config.at_once)
        mirror.sampler = _sampler(self.config, number)
        asked = mirror.ask(_distributions(self.space))
        notes = mirror.get_trials(deepcopy=False)[-1].system_attrs
        return self.space.point(asked.params), {k: v for k, v in notes.items() if "tpe" not in k}

    def _mirror(self, first: int) -> Study:
        """Return a copy of the study in memory, with the trials from ``first`` on as running."""
        mirror = optuna.create_study(directions=_directions(self.config))
        for trial in self._frozen():
            mirror.add_trial(trial if trial.number < first else _as_running(trial))
        return mirror


class Pruner:
    """Wilcoxon's signed-rank test of a trial against the best one, over the steps they share.

    Optuna's pruner gets differences to the best trial. On the scores themselves, its safeguard (a
    trial that is better on average is not pruned) would compare the mean over some folds with the
    mean over all, and the easier folds may come first.
    """

    def __init__(self, p: float) -> None:
        # n steps, all worse, have a one-sided p of 2^-n.
        self.least = next(n for n in range(1, 64) if 2.0**-n < p)
        with _accepted():
            self.pruner = WilcoxonPruner(p_threshold=p, n_startup_steps=self.least)

    def should_prune(self, differences: Sequence[float]) -> bool:
        """Return whether a trial with these differences to the best one is to be pruned."""
        # Rounded, so that equal differences have equal ranks.
        steps = {step: round(value, 9) for step, value in enumerate(differences)}
        study = optuna.create_study(direction="maximize")
        study.add_trial(create_trial(value=0.0, intermediate_values=dict.fromkeys(steps, 0.0)))
        trial = create_trial(state=TrialState.RUNNING, intermediate_values=steps)
        return self.pruner.prune(study, trial)


def _as_running(trial: FrozenTrial) -> FrozenTrial:
    return create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        system_attrs=trial.system_attrs,
    )


def _directions(config: SearchConfig) -> list[StudyDirection]:
    return [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE][: len(config.objective)]


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    return distributions_of(space.heights, space.widths, space.choices)


def _sampler(config: SearchConfig, number: int) -> BaseSampler:
    seed = derived_seed("search", config.sampler, config.seed, number) % 2**32
    if config.sampler == "random":
        return RandomSampler(seed=seed)
    if config.sampler == "nsga2":
        return NSGAIISampler(seed=seed, population_size=max(_POPULATION, config.at_once))
    with _accepted():
        return TPESampler(seed=seed, multivariate=True, constant_liar=True)


@contextmanager
def _accepted() -> Iterator[None]:
    """Suppress optuna's warnings about experimental classes, as versions are pinned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
