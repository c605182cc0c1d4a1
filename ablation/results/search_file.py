"""The SQLite file of a study's searches, by optuna: created atomically, checked, and read."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ablation.errors import first_line
from ablation.errors.running import SearchFileUnusable
from ablation.results.search_record import (
    COMPLETE,
    FAILED,
    PRUNED,
    RUNNING,
    SearchConfig,
    Searched,
    Trial,
)

_STATES = {
    TrialState.RUNNING: RUNNING,
    TrialState.WAITING: RUNNING,
    TrialState.COMPLETE: COMPLETE,
    TrialState.PRUNED: PRUNED,
    TrialState.FAIL: FAILED,
}
CONFIG = "terms"  # the study attribute that holds a search's configuration
_TABLES = {"studies", "trials", "version_info"}  # in every file of optuna
_PATIENCE = 60.0  # seconds to wait for a reader's lock


def make(path: Path) -> None:
    """Create an empty optuna file, which gets its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    open_storage(new)
    new.replace(path)


def open_storage(path: Path, read_only: bool = False) -> BaseStorage:
    if read_only or path.exists():
        _recover(path)
        _check(path)
    mode = "ro" if read_only else "rwc"

    def connect() -> sqlite3.Connection:
        return _connect(path, mode)

    engine = {"creator": connect, "poolclass": NullPool}
    try:
        return get_storage(RDBStorage("sqlite://", engine_kwargs=engine))
    except RuntimeError as error:  # tables of another version of optuna
        raise SearchFileUnusable(path, str(error)) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE, check_same_thread=False)


def _recover(path: Path) -> None:
    """Let SQLite roll back what a killed search left half-written, which a reader may not do."""
    if path.with_name(f"{path.name}-journal").exists():
        with closing(_connect(path, "rw")) as connection:
            connection.execute("SELECT name FROM sqlite_master").fetchone()


def _check(path: Path) -> None:
    """Raise for a damaged file, or one that is not optuna's: it would get optuna's tables."""
    with closing(_connect(path, "ro")) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        state = connection.execute("PRAGMA quick_check(1)").fetchone()
    if not names >= _TABLES:
        raise sqlite3.DatabaseError("it is not an optuna file")
    if state != ("ok",):
        raise sqlite3.DatabaseError("it is damaged")


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise errors of the file as :class:`SearchFileUnusable`."""
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error, OSError) as error:
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        reason = first_line(root)
        transient = isinstance(root, (sqlite3.OperationalError, OSError))
        raise SearchFileUnusable(path, reason, transient) from error


def read_searches(path: Path) -> list[Searched]:
    """Return every search in a file, which is only read; a search may be running.

    Raises
    ------
    SearchFileUnusable
        When the file is damaged, or not an optuna file.
    """
    with usable(path):
        storage = open_storage(path, read_only=True)
        found = []
        for study in storage.get_all_studies():
            config = _config(study.user_attrs.get(CONFIG))
            if config is not None:
                number = storage.get_study_id_from_name(study.study_name)
                trials = storage.get_all_trials(number, deepcopy=False)
                found.append(Searched(config, tuple(map(trial_of, trials))))
        return found


def importances(searched: Searched) -> dict[str, float]:
    """Return the share of each parameter in the variance of the score (fANOVA), largest first.

    Pruned trials are included with their estimates, because complete trials alone have similar
    scores. Empty where all scores are equal.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    study = optuna.create_study(direction="maximize")
    for trial in searched.of(COMPLETE, PRUNED):
        value = trial.values[0] if trial.values else trial.estimate
        distributions = _by_params(searched.config, trial.params)
        study.add_trial(
            create_trial(params=dict(trial.params), distributions=distributions, value=value)
        )
    values = {trial.value for trial in study.get_trials(deepcopy=False)}
    if len(values) < 2:
        return {}
    return {
        name: float(share)
        for name, share in get_param_importances(
            study, evaluator=FanovaImportanceEvaluator(seed=0)
        ).items()
    }


def open_read_only(path: Path) -> BaseStorage:
    """Return the file as optuna's storage, opened read-only.

    Raises as :func:`read_searches`.
    """
    with usable(path):
        return open_storage(path, read_only=True)


def _config(table: Any) -> SearchConfig | None:
    """Return a search's configuration; None for a study of optuna that is no search of ours."""
    try:
        return SearchConfig.from_json(table)
    except (TypeError, KeyError):
        return None


def trial_of(frozen: FrozenTrial) -> Trial:
    notes = frozen.user_attrs
    state = _STATES[frozen.state]
    return Trial(
        number=frozen.number,
        params=frozen.params,
        digest=notes.get("digest", ""),
        state=state,
        values=tuple(frozen.values) if state == COMPLETE else (),
        scores=frozen.intermediate_values,
        estimate=notes.get("estimate"),
        repeats=notes.get("repeats"),
        ended=frozen.datetime_complete,
    )


def _by_params(config: SearchConfig, params: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    every = distributions_of(config.heights, config.widths, config.choices)
    return {name: every[name] for name in params}


def distributions_of(
    heights: tuple[int, int], widths: tuple[int, int], choices: Mapping[str, Sequence[Any]]
) -> dict[str, BaseDistribution]:
    return {
        "height": IntDistribution(*heights, log=True),
        "width": IntDistribution(*widths, log=True),
        **{name: CategoricalDistribution(tuple(values)) for name, values in choices.items()},
    }
