"""Settings as run: what was asked of a study, kept beside its rows.

``results/<study>/studies/<digest>.toml`` is the study with every field, and a table ``[as_run]``
with the classes, the folds and each request, so that plots and counts need no corpus.
"""

import dataclasses
import math
import os
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w
from filelock import FileLock

from ablation.errors import StorageError, named
from ablation.files import make_folder, storage_error, write_text
from ablation.store import ResultStore
from ablation.study import Shape, Study, parse_study

SEARCH = "search"  # the axis of a search's request


@dataclass(frozen=True)
class Request:
    """Cells asked for in one command: every shape at every window, seed and fold.

    Of a search (axis ``search``) the shapes are those it has completed so far; ``options`` are its
    own on the command line, and ``trials`` how many it was to have.
    """

    axis: str
    shapes: tuple[Shape, ...]
    windows: tuple[float, ...]
    seeds: tuple[int, ...]
    at: datetime = field(compare=False)
    options: str = ""
    trials: int = 0

    def as_toml(self) -> dict[str, Any]:
        table = {
            "at": self.at,
            "axis": self.axis,
            "shapes": [str(shape) for shape in self.shapes],
            "windows": list(self.windows),
            "seeds": list(self.seeds),
        }
        search = {"options": self.options, "trials": self.trials}
        return table | search if self.axis == SEARCH else table

    def supersedes(self, earlier: "Request") -> bool:
        """Whether ``earlier`` is the same request, or the same search as it was some rounds ago."""
        grown = dataclasses.replace(self, shapes=earlier.shapes, trials=earlier.trials)
        return earlier in ((self, grown) if self.axis == SEARCH else (self,))

    @staticmethod
    def from_toml(table: dict[str, Any]) -> "Request":
        return Request(
            axis=table["axis"],
            shapes=tuple(Shape.parse(text) for text in table["shapes"]),
            windows=tuple(float(window) for window in table["windows"]),
            seeds=tuple(table["seeds"]),
            at=table["at"],
            options=table.get("options", ""),
            trials=table.get("trials", 0),
        )


@dataclass(frozen=True)
class RunRecord:
    """The settings of one digest."""

    study: Study
    digest: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]  # utterances of each class
    folds: tuple[str, ...]
    requests: tuple[Request, ...]
    fingerprint: str = ""  # of the corpus; empty where an older version ran it
    variant_of: str = ""  # the digest of the study whose search tried these settings, if only that

    @property
    def last_run(self) -> datetime:
        return max(request.at for request in self.requests)

    @property
    def majority(self) -> float:
        """WA of always naming the largest class, 0..1."""
        return max(self.counts) / sum(self.counts)

    def cell_keys(self) -> set[tuple[int, int, float, int, str]]:
        """All probe cells ever asked for: (height, width, window_ms, seed, fold)."""
        return {
            (shape.height, shape.width, window, seed, fold)
            for request in self.requests
            for shape in request.shapes
            for window in request.windows
            for seed in request.seeds
            for fold in self.folds
        }

    def seeds(self) -> set[int]:
        return {seed for request in self.requests for seed in request.seeds}


def study_folder(results: Path, name: str) -> Path:
    """Where a study's rows lie."""
    return results / name


def save(results: Path, run: RunRecord) -> None:
    """Write the settings, joined with the requests made earlier under the same digest."""
    path = _file(results, run.study.name, run.digest)
    with _alone(make_folder(path.parent)):
        _save(path, run)


def _save(path: Path, run: RunRecord) -> None:
    before = load(path) if path.exists() else None
    earlier = () if before is None else before.requests
    requests = [
        *(r for r in earlier if not any(new.supersedes(r) for new in run.requests)),
        *run.requests,
    ]
    tried_only = run.variant_of and (before is None or before.variant_of)
    tables = _tables(path, run.study)
    tables["as_run"] = {
        "digest": run.digest,
        "classes": list(run.classes),
        "counts": list(run.counts),
        "folds": list(run.folds),
        "fingerprint": run.fingerprint,
        # Settings that were run for their own sake stay so when a search tries them too.
        **({"variant_of": run.variant_of} if tried_only else {}),
        "asked": [request.as_toml() for request in requests],
    }
    write_text(path, tomli_w.dumps(tables))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No two runs write a folder's settings at once: each would forget the other's request."""
    lock = FileLock(folder / ".lock")
    try:
        with lock:
            yield
    except NotImplementedError:  # a disk that knows no locks
        yield
    except OSError as error:
        raise storage_error("write to", folder, error) from error


def save_network(path: Path, study: Study) -> None:
    """Write the settings with which a network was promoted."""
    write_text(path, tomli_w.dumps(_tables(path, study)))


def _tables(path: Path, study: Study) -> dict[str, Any]:
    """Every field of a study, as it stands in the file ``path``, whose folder is made."""
    tables = study.model_dump(mode="json", exclude_none=True)
    make_folder(path.parent)
    root = study.corpus.root
    if root is not None:  # relative, so that a tree of projects can move as a whole
        tables["corpus"]["root"] = os.path.relpath(root.absolute(), path.parent.absolute())
    return tables


# What a table may raise that is not as it was written; RecursionError when it is nested too deep.
_UNFIT = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


def load(path: Path) -> RunRecord:
    """Read settings as run. Raises :class:`StorageError` when the file cannot be used."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        run = tables.pop("as_run")
        root = tables["corpus"].get("root")
        if root is not None:
            tables["corpus"]["root"] = os.path.normpath(path.parent.absolute() / root)
        found = RunRecord(
            study=parse_study(tables, str(path)),
            digest=run["digest"],
            classes=tuple(run["classes"]),
            counts=tuple(run["counts"]),
            folds=tuple(run["folds"]),
            requests=tuple(Request.from_toml(table) for table in run["asked"]),
            fingerprint=run.get("fingerprint", ""),
            variant_of=run.get("variant_of", ""),
        )
        _check(found)
        return found
    except (*_UNFIT, OSError) as error:  # edited by hand
        raise StorageError(
            f"cannot read the settings {path}: {error}", "run ablate grid again to write them anew"
        ) from error


def _check(run: RunRecord) -> None:
    """Raise ValueError for a table [as_run] that cannot have been written here."""
    if not run.requests or not run.folds or not run.classes:
        raise ValueError("[as_run] lacks asked, folds or classes")
    texts = (run.digest, run.fingerprint, run.variant_of, *run.classes, *run.folds)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("[as_run] digest, fingerprint, classes and folds are texts")
    if not all(type(count) is int and 0 <= count < 2**31 for count in run.counts):
        raise ValueError("[as_run] counts are whole numbers")
    if len(run.counts) != len(run.classes) or not sum(run.counts) > 0:
        raise ValueError("[as_run] counts are not those of its classes")
    for request in run.requests:
        _check_request(request)


def _check_request(request: Request) -> None:
    if not (isinstance(request.at, datetime) and request.at.tzinfo is not None):
        raise ValueError("[as_run] asked: at is no time with its zone")
    if not (isinstance(request.axis, str) and isinstance(request.options, str)):
        raise ValueError("[as_run] asked: axis and options are texts")
    if not all(type(n) is int and 0 <= n < 2**31 for n in (*request.seeds, request.trials)):
        raise ValueError("[as_run] asked: seeds and trials are whole numbers")
    if not all(math.isfinite(window) and window > 0 for window in request.windows):
        raise ValueError("[as_run] asked: windows are milliseconds above 0")


def any_run(results: Path, name: str) -> bool:
    """Whether settings are stored under the study's name."""
    return any((study_folder(results, name) / "studies").glob("[!.]*.toml"))


def find_run(results: Path, name: str, digest: str | None = None, begun: bool = False) -> RunRecord:
    """The settings last run under the study's name, or those of ``digest`` (its beginning will do).

    A run of which nothing is stored (it ended at once, or has only begun) hides no other, unless
    ``begun`` asks for it.

    Raises
    ------
    StorageError
        When the study was never run, or no settings or several have that digest.
    """
    folder = study_folder(results, name) / "studies"
    files = sorted(folder.glob("[!.]*.toml"))
    if not files:
        raise StorageError(
            f"no results of study {name} in {results.absolute()}",
            "name the study by --study, run ablate grid with it first, or give the folder by "
            "--results",
        )
    if digest is not None:
        files = [file for file in files if file.stem.startswith(digest)]
        if len(files) != 1:
            known = named(sorted(file.stem for file in folder.glob("[!.]*.toml")), 9)
            what = "several digests begin" if files else "no digest begins"
            raise StorageError(f"{what} with {digest!r} in study {name}", f"there are: {known}")
    runs = [load(file) for file in files]
    # What was trained for nested selection, or tried by a search, is no run of the study's own.
    own = [
        run for run in runs if digest is not None or not (run.study.folds.pairs or run.variant_of)
    ]
    candidates = own or runs
    if len(candidates) > 1 and not begun:
        stored = _stored_digests(folder.parent)
        candidates = [run for run in candidates if run.digest in stored] or candidates
    return max(candidates, key=lambda run: run.last_run)


def _stored_digests(folder: Path) -> set[str]:
    """The settings of which some cell is stored."""
    store = ResultStore(folder)
    tables = [store.read(name, []).rows for name in ("probes", "networks")]
    return {str(digest) for table in tables for digest in table["digest"].to_pylist()}


def others(results: Path, run: RunRecord) -> list[RunRecord]:
    """The other settings stored under the study's name, last run first."""
    folder = study_folder(results, run.study.name) / "studies"
    runs = [load(file) for file in folder.glob("[!.]*.toml") if file.stem != run.digest]
    return sorted(runs, key=lambda other: other.last_run, reverse=True)


def others_text(results: Path, run: RunRecord) -> str:
    """Which other settings could be taken, as the end of a remedy; empty when there are none."""
    listed = [f"{o.digest} (last run {o.last_run:%Y-%m-%d %H:%M})" for o in others(results, run)]
    return f"; other settings stored: {named(listed, 4)}, taken by --digest" if listed else ""


def differing(run: RunRecord, given: Study) -> list[str]:
    """Fields of a study in which ``run`` differs from ``given``, of those that a probe's row
    depends on; a root that ``given`` leaves open is no difference."""
    ours, theirs = (
        dict(_fields(study.model_dump(mode="json", include=set(_OF_PROBES))))
        for study in (run.study, given)
    )
    if theirs.get("corpus.root") is None:
        ours.pop("corpus.root", None)
        theirs.pop("corpus.root", None)
    return [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]


_OF_PROBES = ("corpus", "features", "probe", "folds", "training")


def _fields(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every field by its path; labels and options, whose names are the user's, as a whole."""
    for name, value in table.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping) and path not in ("corpus.labels", "corpus.options"):
            yield from _fields(value, f"{path}.")
        else:
            yield path, value


def now() -> datetime:
    """The time of a request, to the millisecond: two runs in one second have an order."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def unique(values: Iterable[Any]) -> tuple[Any, ...]:
    """Values in their order, each once."""
    return tuple(dict.fromkeys(values))


def as_study(results: Path, run: RunRecord) -> str:
    """The option that names these very settings; the study's own file may differ from them."""
    return f"--study {shlex.quote(str(_file(results, run.study.name, run.digest)))}"


def _file(results: Path, name: str, digest: str) -> Path:
    return study_folder(results, name) / "studies" / f"{digest}.toml"
