"""Run records: the settings a study was run with and what was requested, stored with its rows.

``results/<study>/studies/<digest>.toml`` is the study with every field, and a table ``[as_run]``
with the classes, the folds and each request, so that plots and counts need no corpus.
"""

import dataclasses
import math
import os
import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from ablation.errors import StudyError
from ablation.errors.running import (
    StudyNotRun,
    UnreadableSettings,
    WrongDigest,
)
from ablation.files import is_folder, locked, make_folder, write_text
from ablation.results.axes_record import AxesRequest
from ablation.results.store import ResultStore
from ablation.study import CellKey, Shape, ShapeKey, Study, parse_study, shape_keys
from ablation.study.differences import difference

SEARCH = "search"  # the axis of a search's request
_DIGEST = re.compile("[0-9a-f]{12}")


@dataclass(frozen=True)
class Request:
    """The cells requested by one command: every shape at every window, seed and fold.

    The shapes of a search (axis ``search``) are those it has completed so far; ``options`` are its
    options on the command line, and ``trials`` is how many trials were requested.
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

    @property
    def filters(self) -> list[ShapeKey]:
        """Every shape at every window."""
        return [ShapeKey(s.height, s.width, w) for s in self.shapes for w in self.windows]

    def supersedes(self, earlier: "Request") -> bool:
        """Return whether ``earlier`` is the same request, or an earlier state of this search."""
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
    """The settings and requests stored under one digest."""

    study: Study
    digest: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]  # utterances of each class
    folds: tuple[str, ...]
    requests: tuple[Request, ...]
    fingerprint: str = ""  # of the corpus; empty where an older version ran it
    code: str = ""  # digest of the source of the user's own model in place of the probe
    variant_of: str = ""  # the digest of the study whose search or axis has these, if only that
    axes: tuple[AxesRequest, ...] = ()  # over which these settings were varied

    @property
    def last_run(self) -> datetime:
        return max(request.at for request in (*self.requests, *self.axes))

    @property
    def digests(self) -> set[str]:
        """Of these settings, and of those that vary them along an axis."""
        return {self.digest, *(p.digest for axes in self.axes for p in axes.points.values())}

    @property
    def majority(self) -> float:
        """WA (0..1) of always predicting the largest class."""
        return max(self.counts) / sum(self.counts)

    @cached_property
    def cells(self) -> frozenset[CellKey]:
        """All probe cells ever requested."""
        return frozenset(
            CellKey(*key, seed, fold)
            for request in self.requests
            for key in request.filters
            for seed in request.seeds
            for fold in self.folds
        )

    @cached_property
    def expected(self) -> Counter[ShapeKey]:
        """The number of cells requested for each shape and window."""
        return Counter(cell.filter for cell in self.cells)

    @cached_property
    def planned(self) -> frozenset[ShapeKey]:
        """The shapes and windows that were named before any score was seen.

        What only a search has tried is left out, complete or pruned: it chose them by the scores of
        others, so no axis and no test may rest on them.
        """
        return frozenset(
            key for request in self.requests if request.axis != SEARCH for key in request.filters
        )

    def named(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the shapes that are not of a search alone."""
        if all(request.axis != SEARCH for request in self.requests):
            return rows
        found = [key in self.planned for key in shape_keys(rows)]
        return rows[pd.Series(found, rows.index, dtype=bool)]

    def seeds(self) -> set[int]:
        return {seed for request in self.requests for seed in request.seeds}


def study_folder(results: Path, name: str) -> Path:
    """Return the results folder of a study."""
    return results / name


def save(results: Path, run: RunRecord) -> None:
    """Write the settings, with the requests made earlier under the same digest."""
    path = _file(results, run.study.name, run.digest)
    # No two runs write a folder's settings at once: each would forget the other's request.
    with locked(make_folder(path.parent) / ".lock"):
        _save(path, run)


def _save(path: Path, run: RunRecord) -> None:
    before = load(path) if path.exists() else None
    earlier = () if before is None else before.requests
    requests = [
        *(r for r in earlier if not any(new.supersedes(r) for new in run.requests)),
        *run.requests,
    ]
    axes = [*(a for a in (before.axes if before else ()) if a not in run.axes), *run.axes]
    tried_only = run.variant_of and (before is None or before.variant_of)
    tables = _tables(path, run.study)
    tables["as_run"] = {
        "digest": run.digest,
        "classes": list(run.classes),
        "counts": list(run.counts),
        "folds": list(run.folds),
        "fingerprint": run.fingerprint,
        **({"code": run.code} if run.code else {}),
        # Settings that were run in their own right remain so when a search tries them too.
        **({"variant_of": run.variant_of} if tried_only else {}),
        "asked": [request.as_toml() for request in requests],
        **({"axes": [request.as_toml() for request in axes]} if axes else {}),
    }
    write_text(path, tomli_w.dumps(tables))


def save_network(path: Path, study: Study) -> None:
    """Write the settings that a network was promoted with, unless they are there already."""
    if not path.exists():
        write_text(path, tomli_w.dumps(_tables(path, study)))


def _tables(path: Path, study: Study) -> dict[str, Any]:
    """Return every field of a study as written to ``path``; make its folder."""
    tables = study.model_dump(mode="json", exclude_none=True)
    make_folder(path.parent)
    root = study.corpus.root
    if root is not None:  # relative, so that a tree of projects can move as a whole
        tables["corpus"]["root"] = os.path.relpath(root.absolute(), path.parent.absolute())
    return tables


# What reading a table may raise that was changed; RecursionError when it is nested too deep.
_UNFIT = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


def load(path: Path) -> RunRecord:
    """Read a file of settings. Raises :class:`UnreadableSettings` when it cannot be used.

    The study's name is that of the folder, which may have been renamed since.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        run = tables.pop("as_run")
        root = tables["corpus"].get("root")
        if root is not None:
            tables["corpus"]["root"] = os.path.normpath(path.parent.absolute() / root)
        found = RunRecord(
            study=parse_study(tables, path.name).model_copy(update={"name": _home(path).name}),
            digest=run["digest"],
            classes=tuple(run["classes"]),
            counts=tuple(run["counts"]),
            folds=tuple(run["folds"]),
            requests=tuple(Request.from_toml(table) for table in run["asked"]),
            fingerprint=run.get("fingerprint", ""),
            code=run.get("code", ""),
            variant_of=run.get("variant_of", ""),
            axes=tuple(AxesRequest.from_toml(table) for table in run.get("axes", ())),
        )
        _check(found)
        return found
    except StudyError as error:  # edited by hand, or written by a newer version
        raise UnreadableSettings(path, error.what) from error
    except (*_UNFIT, OSError) as error:
        reason = f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        raise UnreadableSettings(path, reason) from error


def _home(path: Path) -> Path:
    """Return the results folder of the study that a file of settings belongs to."""
    return path.absolute().parents[1]


def _check(run: RunRecord) -> None:
    """Raise ValueError for a table [as_run] that :func:`save` cannot have written."""
    if not run.requests or not run.folds or not run.classes:
        raise ValueError("[as_run] lacks asked, folds or classes")
    texts = (run.digest, run.fingerprint, run.code, run.variant_of, *run.classes, *run.folds)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("[as_run] digest, fingerprint, classes and folds must be strings")
    if not all(type(count) is int and 0 <= count < 2**31 for count in run.counts):
        raise ValueError("[as_run] counts must be whole numbers")
    if len(run.counts) != len(run.classes) or not sum(run.counts) > 0:
        raise ValueError("[as_run] counts must have one number per class")
    for request in run.requests:
        _check_request(request)


def _check_request(request: Request) -> None:
    if not (isinstance(request.at, datetime) and request.at.tzinfo is not None):
        raise ValueError("[as_run] asked: at must be a time with a time zone")
    if not (isinstance(request.axis, str) and isinstance(request.options, str)):
        raise ValueError("[as_run] asked: axis and options must be strings")
    if not all(type(n) is int and 0 <= n < 2**31 for n in (*request.seeds, request.trials)):
        raise ValueError("[as_run] asked: seeds and trials must be whole numbers")
    if not all(math.isfinite(window) and window > 0 for window in request.windows):
        raise ValueError("[as_run] asked: windows must be above 0 ms")


def any_run(results: Path, name: str) -> bool:
    """Return whether any settings are stored under the study's name."""
    return bool(_files(results, name))


def latest_settings(folder: Path, digest: str | None = None) -> Path | None:
    """Return the file of :func:`find_run`'s settings where ``folder`` is a study's results.

    None for any other folder. Raises as :func:`find_run`.
    """
    results, name = folder.parent, folder.name
    if not is_folder(folder) or not any(_DIGEST.fullmatch(f.stem) for f in _files(results, name)):
        return None
    return _file(results, name, find_run(results, name, digest).digest)


def find_run(results: Path, name: str, digest: str | None = None, begun: bool = False) -> RunRecord:
    """Return the settings last run under the study's name, or those whose digest begins so.

    A run without stored cells (it ended at once, or has only begun) is taken only if there is no
    other, or with ``begun``. Files that cannot be read are ignored (:func:`unreadable` names them)
    unless ``digest`` asks for them or there are no others.

    Raises
    ------
    StorageError
        When the study was never run, when no or several settings have that digest, or when the
        file cannot be read.
    """
    files = _files(results, name)
    if not files:
        raise StudyNotRun(name, results.absolute())
    if digest is not None:
        return load(_with_digest(files, name, digest))
    runs = _readable(files) or [load(files[0])]  # which says what is wrong with it
    # Settings run only for nested selection, by a search or on an axis are no runs of the study.
    own = [run for run in runs if not (run.study.folds.pairs or run.variant_of)]
    candidates = own or runs
    if len(candidates) > 1 and not begun:
        stored = _stored_digests(study_folder(results, name))
        candidates = [run for run in candidates if run.digests & stored] or candidates
    return max(candidates, key=lambda run: run.last_run)


def _with_digest(files: Sequence[Path], name: str, digest: str) -> Path:
    """Return the one file of settings whose digest begins with ``digest``."""
    found = [file for file in files if file.stem.startswith(digest)]
    if len(found) != 1:
        runs = sorted(_readable(files), key=lambda run: run.last_run)
        said = {run.digest: difference(runs[-1].study, run.study) for run in runs[:-1]}
        raise WrongDigest(name, digest, [file.stem for file in files], said)
    return found[0]


def _readable(files: Iterable[Path]) -> list[RunRecord]:
    """Return the settings in those files that can be read."""
    found = []
    for file in files:
        with suppress(UnreadableSettings):
            found.append(load(file))
    return found


def unreadable(results: Path, run: RunRecord) -> list[UnreadableSettings]:
    """Return the faults of other settings of the same study, which are passed over."""
    found = []
    for file in _files(results, run.study.name):
        try:
            load(file)
        except UnreadableSettings as error:
            found.append(error)
    return found


def _stored_digests(folder: Path) -> set[str]:
    """Return the digests of which any cell is stored."""
    store = ResultStore(folder)
    tables = [store.read(name, []).rows for name in ("probes", "networks")]
    return {str(digest) for table in tables for digest in table["digest"].to_pylist()}


def others(results: Path, run: RunRecord) -> list[RunRecord]:
    """Return the other readable settings stored under the study's name, last run first."""
    files = [file for file in _files(results, run.study.name) if file.stem != run.digest]
    return sorted(_readable(files), key=lambda other: other.last_run, reverse=True)


def variants(results: Path, run: RunRecord) -> list[RunRecord]:
    """Return the readable settings that vary those of ``run`` along an axis, without them."""
    digests = sorted(run.digests - {run.digest})
    return _readable(_file(results, run.study.name, digest) for digest in digests)


def now() -> datetime:
    """Return the present time to the millisecond, which orders two runs within a second."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def unique(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return the values without repetitions, in order."""
    return tuple(dict.fromkeys(values))


def as_study(results: Path, run: RunRecord) -> str:
    """Return the option that names exactly these settings; the study file may differ from them."""
    return f"--study {shlex.quote(str(_file(results, run.study.name, run.digest)))}"


def _files(results: Path, name: str) -> list[Path]:
    """Return the files of all settings stored under a study's name."""
    return sorted((study_folder(results, name) / "studies").glob("[!.]*.toml"))


def _file(results: Path, name: str, digest: str) -> Path:
    return study_folder(results, name) / "studies" / f"{digest}.toml"
