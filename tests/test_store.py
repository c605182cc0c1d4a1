"""The store: nothing lost, nothing twice, nothing half-read."""

import json
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import invoke

from ablation.errors.running import NoResults
from ablation.files import atomic_write
from ablation.results import ResultStore, Watch, read_results
from ablation.results.schema import reason_of

CLASSES = ("neutral", "sad")
START = datetime(2026, 1, 1, tzinfo=UTC)


def row(height: int, fold: str, status: str = "ok", minute: int = 0, **more: object) -> dict:
    return {
        "study": "s",
        "digest": "d",
        "height": height,
        "width": 2,
        "window_ms": 40.0,
        "seed": 0,
        "fold": fold,
        "status": status,
        "started_at": START + timedelta(minutes=minute),
        **more,
    }


def stored(store: ResultStore) -> list[tuple[int, str]]:
    rows = store.read("probes").rows.to_pylist()
    return [(r["height"], r["fold"]) for r in rows]


def append(store: ResultStore, *rows: dict, classes: Sequence[str] = CLASSES) -> None:
    store.append(classes, {"probes": list(rows)})


def test_rows_come_back_typed_and_sorted(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    append(store, row(10, "b", n_sad=3, acc_sad=0.5))
    append(store, row(2, "a"))
    assert stored(store) == [(2, "a"), (10, "b")]
    rows = store.read("probes").rows
    assert rows.schema.field("acc_sad").type == pa.float64()
    assert rows.schema.field("started_at").type == pa.timestamp("ms", tz="UTC")
    assert rows["n_sad"].to_pylist() == [None, 3]


@settings(max_examples=25)
@given(
    cells=st.lists(
        st.tuples(st.sampled_from([2, 4, 8]), st.sampled_from("ab"), st.booleans()), max_size=12
    ),
    compact_after=st.sets(st.integers(0, 12)),
    tidy_after=st.sets(st.integers(0, 12)),
)
def test_each_cell_once_and_the_last_that_finished_before_a_failed_one(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list,
    compact_after: set[int],
    tidy_after: set[int],
) -> None:
    """Whatever the order, repeats and compactions."""
    store = ResultStore(tmp_path_factory.mktemp("store"))
    for minute, (height, fold, fine) in enumerate(cells):
        append(store, row(height, fold, "ok" if fine else "failed", minute, wa=float(minute)))
        if minute in tidy_after:
            store.tidy()
        if minute in compact_after:
            store.compact()
    rows = store.read("probes").rows.to_pylist()
    assert [(r["height"], r["fold"]) for r in rows] == sorted({(h, f) for h, f, _ in cells})
    for r in rows:
        history = [
            minute for minute, (h, f, fine) in enumerate(cells)
            if fine and (h, f) == (r["height"], r["fold"])
        ]  # fmt: skip
        assert r["status"] == ("ok" if history else "failed")
        assert not history or r["wa"] == history[-1]


def test_compaction_leaves_one_file_and_the_same_rows(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "new")
    assert store.read("probes").rows.num_rows == 0
    assert not store.folder.exists()  # reading makes nothing
    for index in range(10):
        append(store, row(index + 1, "a"))
    before = store.read("probes").rows
    store.tidy()
    first = store.parts("probes")
    append(store, row(10, "a"))
    assert len(first) == 1 and first[0] in store.parts("probes")
    store.compact()
    names = [path.name for path in store.folder.iterdir() if path.name[0] != "."]
    assert names == ["probes.parquet"]
    assert store.read("probes").rows == before
    stamp = (store.folder / "probes.parquet").stat().st_mtime_ns
    store.compact()
    assert (store.folder / "probes.parquet").stat().st_mtime_ns == stamp


def test_a_compaction_killed_before_it_removed_its_parts_doubles_nothing(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    append(store, row(2, "a"), row(4, "a"))
    part = next((tmp_path / "probes.parts").glob("*.parquet"))
    content = part.read_bytes()
    store.compact()
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(content)
    assert stored(store) == [(2, "a"), (4, "a")]
    store.compact()
    assert stored(store) == [(2, "a"), (4, "a")]


def test_studies_of_other_classes_share_a_folder(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    append(store, row(2, "a", acc_sad=0.5))
    append(store, row(2, "a", digest="e", acc_bored=0.25), classes=("bored",))
    store.compact()
    rows = store.read("probes").rows.to_pylist()
    assert [(r["acc_sad"], r["acc_bored"]) for r in rows] == [(0.5, None), (None, 0.25)]


@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_a_damaged_part_is_named_the_rest_read_and_nothing_removed(
    tmp_path: Path, damage: str
) -> None:
    store = ResultStore(tmp_path)
    for height in (2, 4, 6):
        append(store, row(height, "a"))
    part = store.parts("probes")[0]
    content = part.read_bytes()
    part.write_bytes({"cut": content[:-20], "noise": b"\1" * len(content), "empty": b""}[damage])
    for change in (None, store.tidy, store.compact):
        if change:
            change()
        assert part.exists()
        assert read_results(tmp_path).damaged == [str(part)]
        assert stored(store) == [(4, "a"), (6, "a")]


@pytest.mark.parametrize("together", ["compact", "tidy"])
def test_a_reader_beside_one_who_puts_parts_together_misses_nothing(
    tmp_path: Path, together: str
) -> None:
    store = ResultStore(tmp_path)
    written = 0
    done = threading.Event()

    def write() -> None:
        nonlocal written
        for index in range(40):
            append(store, row(index + 1, "a"))
            written = index + 1
            if index % 6 == 0:
                getattr(store, together)()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        at_least = written
        assert len(stored(store)) >= at_least
    thread.join()
    assert len(stored(store)) == 40


def test_read_results_gives_frames_with_failed_cells_apart(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    append(store, row(2, "a", wa=0.5), row(4, "a", "failed", error="ValueError: no"))
    results = read_results(tmp_path)
    assert results.probes["wa"].tolist() == [0.5]
    assert results.failed_probes["error"].tolist() == ["ValueError: no"]
    assert len(results.predictions) == len(results.networks) == 0


def test_read_results_of_the_folder_above_names_the_studies(tmp_path: Path) -> None:
    append(ResultStore(tmp_path / "demo"), row(2, "a"))
    with pytest.raises(NoResults) as caught:
        read_results(tmp_path)
    assert (caught.value.folder, caught.value.studies) == (tmp_path, ["demo"])


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_writer_killed_on_the_way_leaves_nothing_a_reader_sees(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from ablation.files import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as file:\n"
        "    file.write(b'x' * 100); file.flush(); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "probes.parts" / "part.parquet"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert len(list(path.parent.iterdir())) == 1  # the temporary file, by a name with a dot
    assert stored(ResultStore(tmp_path)) == []


def test_a_clock_that_jumps_back_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part's name begins with the time; two may have the same, and later ones an earlier."""
    store = ResultStore(tmp_path)
    for number, clock in enumerate([5, 5, 1, 0, 9, 5]):
        monkeypatch.setattr("ablation.results.store.time.time_ns", lambda clock=clock: clock)
        append(store, row(number + 1, "a", minute=clock))
        if number == 2:
            store.tidy()
        if number == 4:
            store.compact()
    assert [height for height, _ in stored(store)] == [1, 2, 3, 4, 5, 6]
    append(store, row(1, "a", "failed", minute=99))  # no failure of later outdoes what is finished
    assert store.read("probes").rows["status"].to_pylist() == ["ok"] * 6


def keys(watch: Watch) -> set[tuple[int, str]]:
    """Height and fold of what a watch sees now."""
    watch._looked = float("-inf")  # no moment is too soon
    return {(key[1], key[5]) for key in watch.finished()}


def test_a_watch_sees_what_others_store_however_it_moves(tmp_path: Path) -> None:
    mine, other = ResultStore(tmp_path), ResultStore(tmp_path)
    append(other, row(1, "a"))
    watch = Watch(mine, "probes")
    assert keys(watch) == {(1, "a")}
    append(other, row(2, "a"), row(3, "a", "failed"))
    append(mine, row(4, "a"))
    assert keys(watch) == {(1, "a"), (2, "a")}
    append(other, row(5, "a"))
    append(other, row(6, "a"))
    other.tidy()
    assert keys(watch) >= {(5, "a"), (6, "a")}
    append(other, row(7, "a"))
    other.compact()
    assert keys(watch) >= {(1, "a"), (2, "a"), (5, "a"), (6, "a"), (7, "a")}
    assert (3, "a") not in keys(watch)


OLD = Path(__file__).parent / "data" / "results-0.1"


def test_a_folder_of_the_first_version_killed_on_the_way_is_read_whole(tmp_path: Path) -> None:
    """Written by the first version with two engines fewer and four settings fewer than now."""
    folder = tmp_path / "results" / "old"
    shutil.copytree(OLD, folder)
    results = read_results(folder)
    assert results.damaged == []
    assert len(results.probes) == 8
    assert sorted(set(results.probes["height"])) == [2, 3, 5, 6]
    assert len(results.predictions) == 36  # those of a cell whose own row never came among them
    status = json.loads(invoke("status", "--study", study_of_old(tmp_path), "--json",
                               cwd=tmp_path).stdout)  # fmt: skip
    assert (status["done"], status["left"]) == (8, 4)
    drawn = invoke("plot", "--only", "figure2", "--study", study_of_old(tmp_path), cwd=tmp_path)
    assert "figure2.png" in drawn.stdout
    before = results.probes
    ResultStore(folder).compact()
    pd.testing.assert_frame_equal(read_results(folder).probes, before)


def study_of_old(folder: Path) -> Path:
    study = folder / "old.toml"
    study.write_text('name = "old"\n')
    return study


def test_the_reason_of_a_failed_cell_is_what_went_wrong_not_what_to_do() -> None:
    try:
        raise ValueError("no such shape\n  it is 3x3\ngive another one")
    except ValueError:
        assert reason_of(traceback.format_exc()) == "ValueError: no such shape"
    assert reason_of("the worker died 3 times") == "the worker died 3 times"
    assert reason_of("") == ""
