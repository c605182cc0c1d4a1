"""What the package finds in a folder, and what it reports as stored while it works there."""

import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from powercut import View
from powercut_recorder import Recorder

from ablation.corpora import load_corpus, synthetic
from ablation.corpora.fingerprints import content_digests, corpus_fingerprint
from ablation.features.cache import FeatureCache, open_entry
from ablation.progress import Reporter
from ablation.results import ResultStore, run_record
from ablation.results.field_record import read_field
from ablation.results.schema import OK, TABLES, arrow_table
from ablation.runs import field as measured
from ablation.runs import grid, network_plan
from ablation.runs.prepare import prepare
from ablation.runs.promote import PromoteOptions, find_settings, plan_promotion
from ablation.saved import saver
from ablation.saved.record import read, read_weights
from ablation.study import CellKey, Study, parse_study

STORED = Path("results") / "tiny"


@contextmanager
def promising(recorder: Recorder) -> Iterator[None]:
    """Note as promised what the package has reported as stored: its writing returned."""

    def after(owner: Any, name: str, note: Callable[..., None]) -> None:
        call = getattr(owner, name)

        def noted(*arguments: Any) -> Any:
            result = call(*arguments)
            note(*arguments)
            return result

        patch.setattr(owner, name, noted)

    def rows(_store: ResultStore, classes: Any, tables: Any) -> None:
        stored = {}
        for name, found in tables.items():
            finished = [row for row in found if row.get("status", OK) == OK]
            stored[name] = _rows(arrow_table(TABLES[name], classes, finished))
            recorder.promise(name, stored[name])
            if name in _planned:
                recorder.promise("plan", frozenset(map(_planned[name], finished)))
        recorder.companions += [
            (own, stored[own], detail, stored[detail])
            for own in stored.keys() & _planned.keys()
            for detail in stored.keys() - _planned.keys()
        ]

    def network(folder: Path, *_: Any) -> None:
        recorder.promise("saved networks", frozenset([folder.name]))

    with pytest.MonkeyPatch.context() as patch:
        after(ResultStore, "append", rows)
        after(run_record, "save", lambda _, run: recorder.promise("settings", _requests(run)))
        after(
            run_record,
            "save_network",
            lambda path, _: recorder.promise("settings", frozenset([path.stem])),
        )
        after(saver, "write", network)
        after(
            measured,
            "write_field",
            lambda folder, _: recorder.promise("fields", frozenset([folder.name])),
        )
        yield


_planned: dict[str, Callable[[Any], Any]] = {
    "probes": CellKey.of,
    "networks": lambda row: ("", row["network_digest"], row["seed"], row["fold"]),
    "references": lambda row: (
        row["reference"],
        row.get("baseline_digest") or "",
        row["seed"],
        row["fold"],
    ),
}


def _rows(table: pa.Table) -> frozenset:
    return frozenset(
        tuple((name, value) for name, value in sorted(row.items()) if value is not None)
        for row in table.to_pylist()
    )


def _requests(run: run_record.RunRecord) -> frozenset:
    return frozenset((run.digest, request) for request in run.requests)


def table_view(name: str) -> View:
    """The rows of a table, each once and none damaged."""

    def find(root: Path) -> frozenset:
        content = ResultStore(root / STORED).read(name)
        assert content.damaged == []
        key = TABLES[name].key
        keys = list(zip(*(content.rows[column].to_pylist() for column in key), strict=True))
        assert len(set(keys)) == len(keys), "a row came twice"
        return _rows(content.rows)

    return View(name, _under(f"{STORED}/{name}.par"), find)


def _settings(root: Path) -> frozenset:
    folder = root / STORED / "studies"
    found: set[Any] = set()
    for file in folder.glob("[!.]*.toml"):
        found |= _requests(run_record.load(file))
    for file in folder.glob("*/[!.]*.toml"):
        parse_study(tomllib.loads(file.read_text()), file.name)
        found.add(file.stem)
    return frozenset(found)


def _networks(root: Path) -> frozenset:
    """Saved networks, their weights those of their records."""
    found = set()
    for file in root.glob(f"{STORED}/networks/*/network.json"):
        read_weights(file.parent, read(file.parent))
        found.add(file.parent.name)
    return frozenset(found)


def _fields(root: Path) -> frozenset:
    files = list(root.glob(f"{STORED}/networks/*/field.json"))
    assert all(read_field(file.parent) is not None for file in files)
    return frozenset(file.parent.name for file in files)


def _under(*beginnings: str) -> Callable[[str], bool]:
    return lambda path: path.startswith(beginnings)


VIEWS = (
    *map(table_view, TABLES),
    View("settings", _under(f"{STORED}/studies"), _settings),
    View("saved networks", _under(f"{STORED}/networks/"), _networks),
    View("fields", _under(f"{STORED}/networks/"), _fields),
)


def grid_plan(study: Study) -> View:
    """The cells that the next ``ablate grid`` does not train."""

    def find(root: Path) -> frozenset:
        plan = grid.plan_grid(study, "height", root / "results")
        assert plan.damaged == ()
        return frozenset(cell.key for cell in {*plan.cells} - {*plan.missing})

    return View("plan", _under(f"{STORED}/probes."), find)


def promotion_plan(study: Path, options: PromoteOptions) -> View:
    """The folds of networks and baselines that the next ``ablate promote`` does not train."""

    def find(root: Path) -> frozenset:
        results = root / "results"
        settings = find_settings(study, results, options)
        plan = plan_promotion(settings, results, options, Reporter())
        done = ({*plan.cells} - {*plan.missing}, {*plan.baselines} - {*plan.missing_baselines})
        return frozenset(request.key for requests in done for request in requests)

    return View(
        "plan", _under(*(f"{STORED}/{n}" for n in ("networks.", "references.", "studies"))), find
    )


@contextmanager
def corpus_read_once() -> Iterator[None]:
    """Plans whose corpus, which lies elsewhere, is not read again for each of them."""
    known: dict[Any, Any] = {}

    def once(study: Study, code: str | None = None) -> Any:
        key = study.model_dump_json(), code
        if key not in known:
            known[key] = prepare(study, code)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "prepare", once)
        patch.setattr(network_plan, "prepare", once)
        yield


def features(caches: Iterable[FeatureCache], utterances: Any, digests: Any) -> View:
    """The utterances whose features are not computed again; all that are stored can be opened."""

    def find(_root: Path) -> frozenset:
        found = set()
        for cache in caches:
            for entry in cache.index().values():
                open_entry(entry)
            lacking = cache.lacking(utterances, digests)
            found |= {(cache.folder.name, u.id) for u in utterances if u not in lacking}
        return frozenset(found)

    return View("features", _under("features"), find)


def synthetic_corpus(folder: Path, options: Any) -> View:
    """The fingerprint of a rendered corpus that is complete; another one's is a fault."""

    def fingerprint() -> str:
        corpus = load_corpus("synthetic", folder)
        return corpus_fingerprint(corpus, content_digests(corpus))

    right = fingerprint()

    def find(_root: Path) -> frozenset:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(synthetic, "atomic_write", _incomplete)
            try:
                synthetic.make_corpus(folder, options)
            except _IncompleteError:
                return frozenset()
        assert fingerprint() == right, "another corpus"
        return frozenset([right])

    return View("corpus", _under("synthetic"), find)


class _IncompleteError(Exception):
    pass


def _incomplete(*_: Any, **_more: Any) -> Any:
    raise _IncompleteError
