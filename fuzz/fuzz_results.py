"""Results folders: damaged and foreign parts, odd rows, and what stands beside them."""

import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from storing import CLASSES, Drawn, store_study
from strategies import damaged, integers, texts
from trials import Trials, Unfit

from ablation import read_results
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.figures.plot import plot, remarks
from ablation.reports.sections.table1 import Line
from ablation.reports.study_report import report
from ablation.results import ResultStore, Watch
from ablation.results.run_record import RunRecord
from ablation.results.schema import NETWORKS, TABLES, VERSION_KEY, schema
from ablation.runs.status import status_of

DRAWN = Drawn(
    accuracy=lambda shape, _: 0.5 + 0.02 * shape.height,
    heights=(2, 4, 10),
    widths=(2, 8),
    speakers=3,
    utterances=8,
    failed=[("2x8", "s00")],
)
STUDY = "drawn"


def made(folder: Path) -> tuple[RunRecord, dict[str, pa.Table]]:
    """A stored study and its tables."""
    run = store_study(folder, DRAWN)
    store = ResultStore(folder / "results" / STUDY)
    store.compact()
    return run, {name: store.read(name).rows for name in TABLES}


def content_of(table: pa.Table) -> bytes:
    """A table as a parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


OTHER_TYPES = (pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.null(), pa.binary())


@st.composite
def foreign(draw: st.DrawFn, tables: Sequence[pa.Table]) -> bytes:
    """A table with columns missing, renamed, doubled, without values or of another type."""
    table = draw(st.sampled_from(tables))
    table = table.slice(0, draw(st.integers(0, 4)))
    for _ in range(draw(st.integers(0, 3))):
        if not table.num_columns:
            break
        number = draw(st.integers(0, table.num_columns - 1))
        name = table.column_names[number]
        change = draw(st.sampled_from(["drop", "rename", "double", "null", "type", "encode"]))
        if change == "drop":
            table = table.remove_column(number)
        elif change == "rename":
            names = list(table.column_names)
            names[number] = draw(texts | st.sampled_from(["acc_sad", "status", "_arrival"]))
            table = table.rename_columns(names)
        elif change == "double":
            table = table.append_column(name, table[number])
        elif change == "null":
            table = table.set_column(
                number, name, pa.nulls(table.num_rows, table.schema.types[number])
            )
        elif change == "type":
            kind = draw(st.sampled_from(OTHER_TYPES))
            table = table.set_column(number, name, pa.nulls(table.num_rows, kind))
        elif pa.types.is_string(table.schema.types[number]):
            table = table.set_column(number, name, table[number].dictionary_encode())
    version = draw(st.sampled_from([b"0", b"1", b"2", b"x", b"9" * 5000, b"", b"\xff"]))
    return content_of(table.replace_schema_metadata({VERSION_KEY: version}))


def fuzz_parts(fuzz: Trials, folder: Path) -> None:
    """Files that are no parts of ours: read, compacted and read again, nothing sound is lost."""
    _, tables = made(folder / "model")
    whole = {name: content_of(table) for name, table in tables.items()}
    classes = tables["probes"].slice(0, 2).to_pylist()
    files = (
        damaged([*whole.values(), content_of(tables["probes"].slice(0, 0))])
        | foreign([tables["probes"], tables["predictions"], tables["epochs"]])
        | st.just(None)  # a folder
    )
    places = st.sampled_from(["{}.parquet", "{}.parts/1.parquet", "{}.parts/2.parquet", "{}.parts"])
    names = st.sampled_from(["probes", "probes", "predictions", "epochs", "networks"])
    added = st.lists(st.tuples(names, places, files), min_size=1, max_size=3)
    study = folder / "study"

    def attempt(example: tuple[bool, list[tuple[str, str, bytes | None]]]) -> None:
        sound, others = example
        shutil.rmtree(study, ignore_errors=True)
        if sound:
            put(study / "probes.parts/0.parquet", whole["probes"])
        for name, place, content in others:
            put(study / place.format(name), content)
        store = ResultStore(study)
        before = {name: store.read(name) for name in TABLES}
        if sound and before["probes"].rows.num_rows < tables["probes"].num_rows:
            raise Unfit("rows of a sound part are not read")
        Watch(store, "probes").finished()
        results = read_results(study)
        store.compact()
        for name, content in before.items():
            if not content.damaged and not store.read(name).rows.equals(content.rows):
                raise Unfit(f"compaction changes {name}")
        if len(results.probes) > len(read_results(study).probes):
            raise Unfit("compaction loses probes")
        store.append(CLASSES, {"probes": classes})
        store.tidy()
        read_results(study)

    fuzz(st.tuples(st.booleans(), added), attempt)


def put(path: Path, content: bytes | None) -> None:
    """A file, or where there is no content a folder; what stands there stays."""
    if path.parent.is_file() or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)


ODD = {
    pa.string(): st.none() | texts | st.sampled_from(["ok", "failed", "s00", "sad", "probe"]),
    pa.int32(): st.none() | integers.map(lambda n: (n + 2**31) % 2**32 - 2**31),
    pa.float64(): st.none() | st.just(float("nan")) | st.floats(0, 1e6),
    pa.timestamp("ms", tz="UTC"): st.none() | st.datetimes().map(lambda t: t.replace(tzinfo=UTC)),
}


# A shape's key, its extents and its counts are not among them: nobody writes parquet by hand, and
# bytes that change on a disk are noticed by the pages' checksums.
LOOSE = (
    "study", "seed", "fold", "test_speakers", "status", "error", "started_at", "version", "device",
    "engine", "threads", "train_seconds", "train_loss", "epochs", "steps", "window_ms", "epoch",
    "lr", "train_wa", "network", "pooling", "shapes", "network_digest", "kind", "name",
)  # fmt: skip


@st.composite
def odd_rows(draw: st.DrawFn, name: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of cells that failed, of other seeds, folds and windows, with odd remarks."""
    columns = schema(TABLES[name], CLASSES)
    found = [dict(row) for row in draw(st.lists(st.sampled_from(rows), max_size=3))]
    for row in found:
        for _ in range(draw(st.integers(0, 3))):
            column = draw(st.sampled_from([c for c in columns if c.name in LOOSE]))
            if column.type in ODD:
                row[column.name] = draw(ODD[column.type])
    return found


def network_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a network like those of a probe."""
    mine = {"network_digest": "n" * 12, "network": "CNN_TF_GAP", "pooling": "gap", "shapes": "10x2"}
    columns = schema(NETWORKS, CLASSES).names
    return [{k: v for k, v in (row | mine).items() if k in columns} for row in rows]


def detail_of_network(row: dict[str, Any]) -> dict[str, Any]:
    """A probe's prediction as the network's."""
    return row | {"kind": "network", "name": "CNN_TF_GAP", "network_digest": "n" * 12}


def stored_rows(
    folder: Path,
) -> tuple[RunRecord, st.SearchStrategy[dict[str, list[dict[str, Any]]]]]:
    """A run, and rows of it to be stored beside its own."""
    run, tables = made(folder / "model")
    rows = {name: table.to_pylist() for name, table in tables.items()}
    mine = [row for row in rows["predictions"] if row["name"] == "10x2"]
    networks = network_rows([row for row in rows["probes"] if row["height"] == 10])
    network = {"networks": networks, "predictions": [detail_of_network(row) for row in mine]}
    odd = st.fixed_dictionaries(
        {
            "epochs": odd_rows("epochs", rows["epochs"]),
            "networks": odd_rows("networks", networks),
            "probes": odd_rows("probes", rows["probes"]),
        }
    )
    whole = st.sampled_from([{}, network])
    both = st.tuples(odd, whole).map(
        lambda pair: {k: [*pair[1].get(k, []), *pair[0].get(k, [])] for k in rows}
    )
    return run, both


def fresh(folder: Path) -> Path:
    """The model's results again, as they were made."""
    shutil.rmtree(folder / "results", ignore_errors=True)
    shutil.copytree(folder / "model" / "results", folder / "results")
    return folder / "results"


def fuzz_rows(fuzz: Trials, folder: Path) -> None:
    """Rows that no cell can have written: status, choices and remarks."""
    run, rows = stored_rows(folder)

    def attempt(added: dict[str, list[dict[str, Any]]]) -> None:
        results = fresh(folder)
        ResultStore(results / STUDY).append(CLASSES, added)
        status_of(results, run)
        evidence = Evidence(StudyResults(results, run))
        remarks(evidence)
        evidence.matched()
        _ = evidence.windows

    fuzz(rows, attempt)


def fuzz_report(fuzz: Trials, folder: Path) -> None:
    """The whole report, on odd rows and beside files that were changed by hand."""
    run, rows = stored_rows(folder)
    model = folder / "model" / "results"
    report(model, folder / "figures", run)
    beside: dict[str, Sequence[bytes]] = {
        f"studies/{run.digest}.table1.json": [table1()],
        "contrasts/other-height-best-wa.json": [contrast()],
        f"networks/x-{'n' * 12}/network.json": [
            json.dumps({"network_digest": "n" * 12, "parameters": 5, "multiply_adds": 7}).encode()
        ],
        f"networks/x-{'n' * 12}/network.safetensors": [b"\x08\0\0\0\0\0\0\0{}      ", b"\x02" * 30],
    }
    extra = st.dictionaries(st.sampled_from(list(beside)), st.integers(0), max_size=3).flatmap(
        lambda names: st.fixed_dictionaries({n: damaged(beside[n], most=2) for n in names})
    )
    takers: list[Callable[[Path], object]] = [
        lambda results: report(results, folder / "figures", run),
        lambda results: plot(results, folder / "figures", run),
    ]

    def attempt(example: tuple[Any, dict[str, bytes], Callable[[Path], object]]) -> None:
        added, files, taker = example
        results = fresh(folder)
        for name, content in files.items():
            put(results / STUDY / name, content)
        ResultStore(results / STUDY).append(CLASSES, added)
        try:
            taker(results)
        finally:
            plt.close("all")

    fuzz(st.tuples(rows, extra, st.sampled_from(takers)), attempt)


def table1() -> bytes:
    """The lines of Table 1 as ``ablate promote`` writes them."""
    digests = {"a": "n" * 12, "b": "m" * 12}
    line = Line("CNN_TF_GAP", "nested", "10x2 + 2x8", 5, 7, digests, [0, 1])
    return json.dumps([asdict(line), asdict(replace(line, manner="", parameters=None))]).encode()


def contrast() -> bytes:
    """A contrast as ``ablate compare`` writes it."""
    test = {
        "at": datetime(2026, 1, 5, tzinfo=UTC).isoformat(), "digest": "0" * 12, "speakers": 3,
        "difference": 0.1, "low": 0.0, "high": 0.2, "p": 0.04,
    }  # fmt: skip
    content = {
        "study": STUDY, "digest": "0123456789ab", "tested_on": "other", "axis": "height",
        "rule": "best", "metric": "wa", "chosen": "10x2", "reference": "2x2", "reason": "best",
        "difference": 0.2, "written_at": datetime(2026, 1, 5, tzinfo=UTC).isoformat(),
        "stored_before": 0, "tests": [test],
    }  # fmt: skip
    return json.dumps(content).encode()
