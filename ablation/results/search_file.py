"""The SQLite file of a study's searches, by optuna: created atomically, checked, and read."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ablation.errors import first_line
from ablation.errors.running import SearchFileUnusable
from ablation.files import storage_error
from ablation.results.search_record import (
    COMPLETE,
    FAILED,
    PRUNED,
    RUNNING,
    SearchConfig,
    Searched,
    Trial,
)

CONFIG = "terms"  # the study attribute that holds a search's configuration
_STATES = {TrialState.COMPLETE: COMPLETE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED}
_TABLES = {"studies", "trials", "version_info"}  # in every file of optuna
_PATIENCE = 60.0  # seconds to wait for a reader's lock

optuna.logging.set_verbosity(optuna.logging.ERROR)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise errors of the file as :class:`SearchFileUnusable`."""
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error) as error:
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        transient = isinstance(root, sqlite3.OperationalError)
        raise SearchFileUnusable(path, first_line(root), transient) from error


def open_storage(path: Path, read_only: bool = False) -> RDBStorage:
    """Return the file as optuna's storage; without ``read_only`` it is made if it does not exist.

    Raises
    ------
    SearchFileUnusable
        When the file is damaged, or not an optuna file; nothing of it is changed.
    """
    with usable(path):
        if not read_only and not path.exists():
            _make(path)
        _recover(path)
        _check(path)
        return _storage(path, "ro" if read_only else "rw")


def _make(path: Path) -> None:
    """Create an empty optuna file, which gets its name only when it is complete."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        _storage(new, "rwc")
        new.replace(path)
    except OSError as error:
        raise storage_error("write to", path, error) from error


def _storage(path: Path, mode: str) -> RDBStorage:
    engine = {"creator": lambda: _connect(path, mode), "poolclass": NullPool}
    try:
        return RDBStorage("sqlite://", engine_kwargs=engine)
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


def read_searches(path: Path) -> list[Searched]:
    """Return every search in a file, which is only read; a search may be running.

    Raises
    ------
    SearchFileUnusable
        When the file is damaged, or not an optuna file.
    """
    storage = open_storage(path, read_only=True)
    with usable(path):
        found = []
        for summary in storage.get_all_studies():
            try:
                config = SearchConfig.from_json(summary.user_attrs[CONFIG])
            except (TypeError, KeyError):
                continue  # a study of optuna that is no search of ours
            study = optuna.load_study(study_name=summary.study_name, storage=storage)
            found.append(searched(study, config))
        return found


def searched(study: optuna.Study, config: SearchConfig) -> Searched:
    """Return the state of one search of an open file."""
    drawn = len(distributions(config.heights, config.widths, config.choices))
    # A trial lacks parameters while it is drawn, and for good if the search was killed then.
    frozen = [t for t in study.get_trials(deepcopy=False) if len(t.params) == drawn]
    return Searched(config, tuple(map(_trial, frozen)))


def _trial(frozen: FrozenTrial) -> Trial:
    notes = frozen.user_attrs
    state = _STATES.get(frozen.state, RUNNING)
    return Trial(
        number=frozen.number,
        params=frozen.params | notes.get("clipped", {}),
        digest=notes.get("digest", ""),
        state=state,
        values=tuple(frozen.values) if state == COMPLETE else (),
        scores=frozen.intermediate_values,
        estimate=notes.get("estimate"),
        ended=frozen.datetime_complete,
    )


def distributions(
    heights: tuple[int, int], widths: tuple[int, int], choices: Mapping[str, Sequence[Any]]
) -> dict[str, BaseDistribution]:
    """Return a search space as optuna's distributions, extents on a logarithmic scale."""
    return {
        "height": IntDistribution(*heights, log=True),
        "width": IntDistribution(*widths, log=True),
        **{name: CategoricalDistribution(tuple(values)) for name, values in choices.items()},
    }


def importances(searched: Searched) -> dict[str, float]:
    """Return the share of each parameter in the variance of the score (fANOVA), largest first.

    Pruned trials are included with their estimates, because complete trials alone have similar
    scores. Empty where all scores are equal.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    trials, config = searched.of(COMPLETE, PRUNED), searched.config
    if len({trial.known for trial in trials}) < 2:
        return {}
    space = distributions(config.heights, config.widths, config.choices)
    study = optuna.create_study(direction="maximize")
    for trial in trials:
        params = dict(trial.params)
        study.add_trial(create_trial(params=params, distributions=space, value=trial.known))
    evaluator = FanovaImportanceEvaluator(seed=0)
    shares = get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()}
