"""Power cuts: whatever a disk has not kept, no finished cell is lost and the next run goes on.

A run of the tests reads and plans 2,400 states; ``make powercut`` all that differ in one thing, and
many more.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from powercut import Inspection, Recording, Shown, View
from powercut_recorder import KilledError, recorded
from powercut_views import (
    STORED,
    VIEWS,
    corpus_read_once,
    features,
    grid_plan,
    promising,
    promotion_plan,
    synthetic_corpus,
    table_view,
)
from running import VOLATILE, train
from test_store import CLASSES, row

from ablation import files, read_results
from ablation.corpora import load_corpus
from ablation.corpora.fingerprints import content_digests
from ablation.corpora.synthetic import make_corpus
from ablation.features.cache import FeatureCache
from ablation.features.frame_features import FrameSpec
from ablation.results import ResultStore
from ablation.results import store as stored
from ablation.results.schema import TABLES
from ablation.runs.file_transfer import FeatureSupply
from ablation.runs.promote import PromoteOptions
from ablation.study import Shape, load_study

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="calls are recorded with Linux's /proc"
)
STATES = int(os.environ.get("POWERCUT_STATES", "800"))  # of each of three recordings
SEED = int(os.environ.get("POWERCUT_SEED", "0"))


@dataclass(frozen=True, repr=False)
class Recorded:
    """What was recorded in ``folder``, which is left as it was at the end.

    ``again`` is the command that completes any of its states, in a folder of its own.
    """

    folder: Path
    recording: Recording
    views: tuple[View, ...]
    again: Callable[[Path], object] = lambda _folder: None

    def inspect(self, recording: Recording | None = None, enough: int = 5) -> Inspection:
        with corpus_read_once():
            inspection = Inspection(recording or self.recording, self.views, self.folder)
            return inspection.run(STATES, SEED, enough)


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="powercut-", dir=place) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def grid(disk: Path, tiny_study: Path) -> Recorded:
    """Two grids, the second one larger, with merging of parts during each and at its end."""
    folder = disk / "grid"
    folder.mkdir()

    def run(values: str, cwd: Path) -> None:
        train("grid", "--axis", "height", "--values", values, "--study", tiny_study, cwd=cwd)

    with pytest.MonkeyPatch.context() as patch, recorded(folder) as recorder, promising(recorder):
        patch.setattr("ablation.runs.collector._TIDY_EVERY", 3)
        run("2,3", folder)
        run("2,3,4", folder)
    plan = grid_plan(load_study(tiny_study, [("grid.heights", [2, 3, 4])]))
    return Recorded(folder, recorder.recording(), (*VIEWS, plan), lambda cwd: run("2,3,4", cwd))


@pytest.fixture(scope="module")
def promotion(disk: Path, tiny_study: Path) -> Recorded:
    """Folds of a network and of baselines, the network of all speakers, its field, and Table 1."""
    folder = disk / "promotion"
    folder.mkdir()

    def run(cwd: Path) -> None:
        steps = ("--set", "network.training.steps=9")
        train(
            "promote", "--shapes", "2x2", "--pooling", "gap", *steps, "--study", tiny_study, cwd=cwd
        )

    with recorded(folder) as recorder, promising(recorder):
        run(folder)
    options = PromoteOptions(
        shapes=(Shape(2, 2),), poolings=("gap",), overrides=(("network.training.steps", 9),)
    )
    views = (*VIEWS, promotion_plan(tiny_study, options))
    return Recorded(folder, recorder.recording(), views, run)


@pytest.fixture(scope="module")
def caches(disk: Path, tiny_manifest: Path) -> Recorded:
    """Spectrograms, features of frames, some sent by another machine, and a synthetic corpus."""
    folder = disk / "caches"
    folder.mkdir()
    corpus = load_corpus("manifest", tiny_manifest)
    utterances, digests = corpus.utterances[:8], content_digests(corpus)
    kinds = [FeatureCache(load_study("demo").features, folder / "features")]
    kinds.append(FeatureCache(FrameSpec("lee2015"), folder / "features"))
    options = {"utterances": 80}
    with pytest.MonkeyPatch.context() as patch, recorded(folder) as recorder:
        patch.setenv("ABLATION_CACHE", str(folder))
        for cache in kinds:
            cache.ensure(utterances, digests)
        for entry in kinds[0].index().values():
            sent = Path("/elsewhere") / "a0" / entry.path.name
            FeatureSupply().write(str(sent), entry.path.read_bytes())
        make_corpus(folder / "synthetic", options)
        view = synthetic_corpus(folder / "synthetic", options)
        recorder.promise("corpus", view.find(folder))
    return Recorded(folder, recorder.recording(), (features(kinds, utterances, digests), view))


@pytest.mark.parametrize("name", ["grid", "promotion", "caches"])
def test_nothing_reported_as_stored_is_lost_and_nothing_is_half_written(
    name: str, request: pytest.FixtureRequest
) -> None:
    kind: Recorded = request.getfixturevalue(name)
    began = time.monotonic()
    seen = kind.inspect()
    print(f"{name}: {seen.count} states in {time.monotonic() - began:.1f} s")
    faults = seen.faults
    assert faults == []
    assert seen.count >= min(STATES, 800)


@pytest.mark.parametrize("name", ["grid", "promotion"])
def test_the_same_command_completes_what_a_power_cut_left(
    name: str, request: pytest.FixtureRequest, disk: Path
) -> None:
    kind: Recorded = request.getfixturevalue(name)
    some = islice(kind.recording.states(STATES, SEED), 0, None, 80)
    for number, state in enumerate(some):
        folder = disk / f"{name}-{number}"
        folder.mkdir()
        Shown(folder).show(state.files)
        kind.again(folder)
        first, second = read_results(folder / STORED), read_results(kind.folder / STORED)
        assert first.damaged == []
        for table in TABLES:
            pd.testing.assert_frame_equal(
                *(results.rows(table).drop(columns=VOLATILE, errors="ignore")
                  for results in (first, second)),
                check_exact=True,
            )  # fmt: skip


FORGOTTEN = {
    "content of a part": ("grid", "results/tiny/probes.parts/.*"),
    "name of a part": ("grid", "results/tiny/probes.parts"),
    "content of a merged table": ("grid", "results/tiny/.probes.parquet.*"),
    "name of a merged table, of a folder of parts": ("grid", "results/tiny"),
    "name of the study's folder": ("grid", "results"),
    "content of the settings": ("grid", "results/tiny/studies/.*.toml.*"),
    "content of a network's settings": ("promotion", "results/tiny/studies/networks/.*"),
    "content of a checkpoint": ("promotion", "results/tiny/checkpoints/.*"),
    "weights of a network": ("promotion", "*/.network.safetensors.*"),
    "record of a network": ("promotion", "*/.network.json.*"),
    "names of a network's files": ("promotion", "results/tiny/networks/*-seed0-*"),
    "name of a network's folder": ("promotion", "results/tiny/networks"),
    "content of a field": ("promotion", "*/.field.json.*"),
    "content of Table 1": ("promotion", "results/tiny/.table1.csv.*"),
    "content of a spectrogram": ("caches", "features/*.npy.*"),
    "content of a recording": ("caches", "synthetic/*/.*.wav.*"),
    "name of a recording": ("caches", "synthetic/f01"),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_each_sync_is_needed(what: str, request: pytest.FixtureRequest) -> None:
    """Of the same recordings, without the syncs of some files or folders."""
    name, pattern = FORGOTTEN[what]
    kind: Recorded = request.getfixturevalue(name)
    forgetful = kind.recording.without(lambda op: fnmatchcase(op.path, pattern))
    assert kind.inspect(forgetful, enough=1).faults != []


def plainly(path: Path) -> BinaryIO:
    """What would do without power cuts and kills."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


def merge_that_removes_first(
    store: ResultStore, name: str, parts: list[Path], target: Path, more: list
) -> None:
    rows = store.read(name).rows
    for part in parts:
        part.unlink()
    stored._write(target, rows)


def append_backwards(store: ResultStore, classes: Sequence[str], rows: dict) -> None:
    _append(store, classes, dict(reversed(rows.items())))


_append = ResultStore.append
PLANTED: dict[str, tuple[object, str, object]] = {
    "nothing": (stored, "_write", stored._write),
    "files written in place": (stored, "atomic_write", plainly),
    "folders not synced after a rename": (
        stored,
        "atomic_write",
        partial(files.atomic_write, durable=False),
    ),
    "folders not synced when they are made": (
        files,
        "make_folder",
        lambda p: p.mkdir(parents=True, exist_ok=True),
    ),
    "rows of cells before those of their predictions": (ResultStore, "append", append_backwards),
    "parts removed before their rows are elsewhere": (
        ResultStore,
        "_merge",
        merge_that_removes_first,
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_planted_in_the_store_is_found(
    fault: str, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(tempfile.mkdtemp(dir=disk))
    monkeypatch.setattr(*PLANTED[fault])
    with recorded(folder) as recorder, promising(recorder):
        store = ResultStore(folder / STORED)
        for height in range(1, 5):
            store.append(CLASSES, _cell(height))
            if height == 2:
                store.tidy()
        store.compact()
        store.append(CLASSES, _cell(5))
    kind = Recorded(folder, recorder.recording(), STORE_VIEWS)
    assert bool(kind.inspect(enough=1).faults) == (fault != "nothing")


@pytest.mark.parametrize("calls", range(24))
def test_a_power_cut_after_a_run_that_was_killed_loses_nothing_of_the_next(
    calls: int, disk: Path
) -> None:
    """Of what the killed one left, nothing need be on the disk, not even the folders."""
    folder = Path(tempfile.mkdtemp(dir=disk))
    with recorded(folder) as recorder, promising(recorder):
        recorder.calls_left = calls
        with suppress(KilledError):
            ResultStore(folder / STORED).append(CLASSES, _cell(1))
        recorder.calls_left = math.inf
        ResultStore(folder / STORED).append(CLASSES, _cell(2))
    faults = Recorded(folder, recorder.recording(), STORE_VIEWS).inspect(enough=1).faults
    assert faults == []


STORE_VIEWS = tuple(map(table_view, ("probes", "predictions")))


def _cell(height: int) -> dict[str, list[dict]]:
    """The rows of a probe of that height."""
    own = row(height, "a")
    named = {k: own[k] for k in ("study", "digest", "window_ms", "seed", "fold")}
    detail = named | {"kind": "probe", "name": f"{height}x2", "utterance": "u"}
    return {"predictions": [detail], "probes": [own]}


def test_what_is_written_unseen_is_no_recording(tmp_path: Path) -> None:
    with recorded(tmp_path) as recorder:
        pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")  # Arrow opens it itself
    with pytest.raises(RuntimeError, match=r"not recorded: a\.parquet"):
        recorder.recording()
