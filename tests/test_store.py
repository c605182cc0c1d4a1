"""The store: nothing lost, nothing twice, nothing half-read."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import invoke

from ablation.errors.running import NewerFile, NoResults
from ablation.files import atomic_write
from ablation.results import ResultStore, Watch, read_results
from ablation.results.schema import SCHEMA_VERSION, TABLES, VERSION_KEY, arrow_table, schema

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


def test_an_empty_folder_is_an_empty_table(tmp_path: Path) -> None:
    assert ResultStore(tmp_path / "new").read("probes").rows.num_rows == 0
    assert not (tmp_path / "new").exists()


def test_a_column_that_is_unknown_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="colour"):
        append(ResultStore(tmp_path), row(2, "a", colour="red"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    cells=st.lists(
        st.tuples(st.sampled_from([2, 4, 8]), st.sampled_from("ab"), st.booleans()), max_size=12
    ),
    compact_after=st.sets(st.integers(0, 12)),
)
def test_each_cell_once_and_a_finished_one_before_a_failed_one(
    tmp_path_factory: pytest.TempPathFactory, cells: list, compact_after: set[int]
) -> None:
    """Whatever the order, repeats and compactions."""
    store = ResultStore(tmp_path_factory.mktemp("store"))
    for minute, (height, fold, fine) in enumerate(cells):
        append(store, row(height, fold, "ok" if fine else "failed", minute))
        if minute in compact_after:
            store.compact()
    rows = store.read("probes").rows.to_pylist()
    assert [(r["height"], r["fold"]) for r in rows] == sorted({(h, f) for h, f, _ in cells})
    for r in rows:
        history = [fine for h, f, fine in cells if (h, f) == (r["height"], r["fold"])]
        assert r["status"] == ("ok" if any(history) else "failed")


def test_the_latest_of_two_finished_rows_counts(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    append(store, row(2, "a", minute=5, wa=0.7))
    append(store, row(2, "a", minute=1, wa=0.3))
    store.compact()
    assert store.read("probes").rows["wa"].to_pylist() == [0.7]


def test_compaction_leaves_one_file_and_the_same_rows(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    for index in range(20):
        append(store, row(index + 1, "a"))
    before = store.read("probes").rows
    store.compact()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name[0] != ".") == ["probes.parquet"]
    assert store.read("probes").rows == before
    stamp = (tmp_path / "probes.parquet").stat().st_mtime_ns
    store.compact()
    assert (tmp_path / "probes.parquet").stat().st_mtime_ns == stamp


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
    append(store, row(2, "a"))
    append(store, row(4, "a"))
    part = min((tmp_path / "probes.parts").glob("*.parquet"))
    content = part.read_bytes()
    part.write_bytes({"cut": content[:-20], "noise": b"\1" * len(content), "empty": b""}[damage])
    assert store.read("probes").damaged == [str(part)]
    assert stored(store) == [(4, "a")]
    store.compact()
    assert part.exists()
    assert stored(store) == [(4, "a")]
    results = read_results(tmp_path)
    assert results.damaged == [str(part)]


def test_a_damaged_main_file_is_never_written_over(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    append(store, row(2, "a"))
    store.compact()
    main = tmp_path / "probes.parquet"
    main.write_bytes(main.read_bytes()[:100])
    append(store, row(4, "a"))
    store.compact()
    assert main.stat().st_size == 100
    assert store.read("probes").damaged == [str(main)]
    assert stored(store) == [(4, "a")]


def test_a_newer_schema_is_refused_with_a_remedy(tmp_path: Path) -> None:
    table = arrow_table(TABLES["probes"], CLASSES, [row(2, "a")])
    pq.write_table(table.replace_schema_metadata({VERSION_KEY: b"99"}), tmp_path / "probes.parquet")
    with pytest.raises(NewerFile) as caught:
        ResultStore(tmp_path).read("probes")
    assert caught.value.path == tmp_path / "probes.parquet"
    assert (caught.value.found, caught.value.known) == (99, SCHEMA_VERSION)


def test_every_table_has_its_key_among_its_columns() -> None:
    for table in TABLES.values():
        assert set(table.key) <= set(schema(table, CLASSES).names)


def test_a_reader_beside_writer_and_compaction_never_misses_a_stored_row(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    written = 0
    done = threading.Event()

    def write() -> None:
        nonlocal written
        for index in range(60):
            append(store, row(index + 1, "a"))
            written = index + 1
            if index % 7 == 0:
                store.compact()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    reads = 0
    while not done.is_set():
        at_least = written
        assert len(stored(store)) >= at_least
        reads += 1
    thread.join()
    assert reads > 5
    assert len(stored(store)) == 60


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


def test_small_parts_are_put_together_and_those_put_together_stay(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    for index in range(6):
        append(store, row(index + 1, "a"))
    store.tidy()
    first = store.parts("probes")
    assert len(first) == 1
    for index in range(6, 9):
        append(store, row(index + 1, "a"))
    store.tidy()
    assert len(store.parts("probes")) == 2
    assert first[0] in store.parts("probes")
    assert [height for height, _ in stored(store)] == list(range(1, 10))
    store.compact()
    assert store.parts("probes") == []
    assert [height for height, _ in stored(store)] == list(range(1, 10))


def test_a_damaged_part_stays_where_it_is_when_parts_are_put_together(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    for index in range(3):
        append(store, row(index + 1, "a"))
    torn = store.parts("probes")[1]
    torn.write_bytes(torn.read_bytes()[:-10])
    store.tidy()
    assert torn in store.parts("probes")
    assert [height for height, _ in stored(store)] == [1, 3]


def test_a_reader_beside_one_who_puts_parts_together_misses_nothing(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    written = 0
    done = threading.Event()

    def write() -> None:
        nonlocal written
        for index in range(60):
            append(store, row(index + 1, "a"))
            written = index + 1
            if index % 5 == 0:
                store.tidy()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        at_least = written
        assert len(stored(store)) >= at_least
    thread.join()
    assert len(stored(store)) == 60


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
    drawn = invoke("plot", "--study", study_of_old(tmp_path), cwd=tmp_path)
    assert "figure2.png" in drawn.stdout
    invoke("report", "--study", study_of_old(tmp_path), cwd=tmp_path)
    before = results.probes
    ResultStore(folder).compact()
    pd.testing.assert_frame_equal(read_results(folder).probes, before)


def study_of_old(folder: Path) -> Path:
    study = folder / "old.toml"
    study.write_text('name = "old"\n')
    return study


def test_a_hundred_thousand_rows_of_two_runs_are_read_each_once(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    rows = [row(height, f"f{fold}") for height in range(1, 101) for fold in range(1000)]
    for start in range(0, 100_000, 20_000):
        append(store, *rows[start : start + 20_000])
    append(store, *rows[:1000])
    store.compact()
    found = store.read("probes", ["wa"]).rows
    assert found.num_rows == 100_000
    assert found.column_names[:2] == ["digest", "height"]
