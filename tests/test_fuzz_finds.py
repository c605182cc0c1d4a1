"""What ``make fuzz`` found, each in its smallest form: an expected error now, or no fault."""

import json
import os
import struct
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import tomli_w
from storing import Drawn, store_study
from test_corpora import manifest_csv, manifest_rows

from ablation import load_corpus, load_study, read_results
from ablation.cli.grid import parse_shard
from ablation.errors import CorpusError, StudyError
from ablation.errors.audio import (
    NoHeader,
    NotFinite,
    TimeOutOfRange,
    TruncatedRecording,
    UnlikelyRate,
)
from ablation.errors.common import InvalidOption
from ablation.errors.corpora import (
    EmptyField,
    InvalidValue,
    LongRow,
    MissingRecording,
    UnreadableFile,
)
from ablation.errors.networks import NetworkChanged
from ablation.errors.running import UnreadableSettings
from ablation.errors.studies import InvalidField, NotUtf8, UnreadableStudy
from ablation.features.audio import read_audio
from ablation.results import ResultStore, run_record
from ablation.results.schema import PROBES, arrow_table
from ablation.runs.status import status_of
from ablation.saved import record
from ablation.study.reading import parse_override

# ---------------------------------------------------------------------------- studies


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        (f"x = {'[' * 600}{']' * 600}", UnreadableStudy, {}),
        (f"x = {'9' * 5000}", UnreadableStudy, {}),
        (f"[training]\nsteps = 0x{'f' * 5000}", InvalidField, {"field": "training.steps"}),
        (f"[features]\nsample_rate = {'9' * 400}", InvalidField, {"field": "features.sample_rate"}),
        ("[features]\nsegment_s = 1e308", InvalidField, {"field": "features.segment_s"}),
        (f"[corpus.options{'.a' * 300}]", InvalidField, {"field": "corpus"}),
        (f"[corpus.options]\na = 0x{'f' * 5000}", InvalidField, {"field": "corpus"}),
    ],
)
def test_a_study_file_with_too_much_of_something(
    tmp_path: Path, text: str, kind: type[StudyError], fields: dict[str, str]
) -> None:
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(kind) as caught:
        load_study(file).digest("corpus")
    assert len(str(caught.value)) < 1000
    assert fields.items() <= vars(caught.value).items()


@pytest.mark.parametrize("value", ["[" * 600, "9" * 5000, "x" * 5000])
def test_a_set_of_any_length_is_answered_in_a_line(value: str) -> None:
    with pytest.raises(InvalidField) as caught:
        load_study("demo", [parse_override(f"training.steps={value}")])
    assert caught.value.field == "training.steps"
    assert len(str(caught.value)) < 1000


def test_a_message_stays_one_line_whatever_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path / "a\nb\x1b[31m.toml")
    assert "a\\nb\\x1b[31m.toml" in caught.value.what
    assert caught.value.what.isprintable()


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "~nobody-is-called-so/x"])
def test_a_path_that_no_file_can_have(path: str) -> None:
    with pytest.raises(StudyError):
        load_study(path)
    for corpus in ("manifest", "emodb", "synthetic"):
        with pytest.raises(CorpusError):
            load_corpus(corpus, path)
    study = load_study("emodb", [("corpus.root", path)])
    assert study.corpus.root is not None


def test_bytes_that_are_no_text_cannot_be_written_into_settings(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff")
    for given in ({"overrides": [("corpus.name", odd)]}, {"corpus": odd}):
        with pytest.raises(NotUtf8):
            load_study("demo", **given)  # type: ignore[arg-type]
    with pytest.raises(InvalidField) as caught:
        load_study("demo", corpus_root=tmp_path / odd)
    assert (caught.value.field, caught.value.value) == ("corpus", "")


@pytest.mark.parametrize("text", ["0/" + "9" * 5000, "0/²", "²/3", "0/3\n"])
def test_a_shard_that_is_no_number(text: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        parse_shard(text)
    assert (caught.value.option, caught.value.value) == ("--shard", text)


# ---------------------------------------------------------------------------- settings as run


def test_the_status_of_a_run_that_has_stored_nothing_yet(tmp_path: Path) -> None:
    run = store_study(tmp_path, Drawn(lambda *_: 0.5, heights=(2,), widths=(2,), speakers=2))
    for path in (tmp_path / "results/drawn").rglob("*.parquet"):
        path.unlink()
    status = status_of(tmp_path / "results", run)
    assert (status.done, status.left) == (0, 2)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("asked", 0, "at"), datetime(2026, 1, 5)),  # a time without its zone
        (("asked", 0, "windows"), [float("nan")]),
        (("asked", 0, "seeds"), ["one"]),
        (("asked", 0, "axis"), 3),
        (("counts",), [0.5] * 4),
        (("classes",), [1, 2, 3, 4]),
        (("folds",), [["s00"]]),
        (("digest",), 1),
    ],
)
def test_settings_changed_by_hand_are_named(
    tmp_path: Path, path: tuple[Any, ...], value: Any
) -> None:
    run = store_study(tmp_path, Drawn(lambda *_: 0.5, heights=(2,), widths=(2,), speakers=2))
    file = tmp_path / "results/drawn/studies" / f"{run.digest}.toml"
    tables: Any = run_record.tomllib.loads(file.read_text())
    table = tables["as_run"]
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    file.write_text(tomli_w.dumps(tables))
    with pytest.raises(UnreadableSettings) as caught:
        run_record.find_run(tmp_path / "results", "drawn")
    assert caught.value.path == file


# ---------------------------------------------------------------------------- manifests


@pytest.mark.parametrize("name", ["x" * 300, "a\0b.wav", "y" * 5000])
def test_a_manifest_may_name_a_file_that_cannot_be(tmp_path: Path, name: str) -> None:
    rows = [*manifest_rows(tmp_path), {"file": name, "speaker": "a", "label": "calm"}]
    manifest = manifest_csv(tmp_path, rows)
    with pytest.raises(MissingRecording) as caught:
        load_corpus("manifest", manifest)
    assert (caught.value.origin, caught.value.file) == (f"{manifest}, row 8", tmp_path / name)


@pytest.mark.parametrize("column", ["file", "speaker", "label"])
def test_a_parquet_manifest_whose_texts_are_no_utf_8(tmp_path: Path, column: str) -> None:
    rows = manifest_rows(tmp_path)
    broken = pa.array([row[column].encode() + b"\x80" for row in rows]).view(pa.binary())
    texts = pa.StringArray.from_buffers(len(rows), *broken.buffers()[1:])
    table = pa.Table.from_pylist(rows)
    table = table.set_column(table.column_names.index(column), column, texts)
    file = tmp_path / "manifest.parquet"
    pq.write_table(table, file)
    with pytest.raises(UnreadableFile) as caught:
        load_corpus("manifest", file)
    assert caught.value.file == file
    assert "UTF8" in caught.value.reason  # pyarrow's word


@pytest.mark.parametrize("value", [["a"], [], {"a": 1}, b"a"])
@pytest.mark.parametrize("column", ["file", "speaker", "label", "start", "id"])
def test_a_parquet_manifest_whose_column_holds_no_texts(
    tmp_path: Path, column: str, value: Any
) -> None:
    rows = [row | {column: value} for row in manifest_rows(tmp_path)]
    file = tmp_path / "manifest.parquet"
    pd.DataFrame(rows).to_parquet(file)
    with pytest.raises(InvalidValue) as caught:
        load_corpus("manifest", file)
    assert (caught.value.origin, caught.value.column) == (f"{file}, row 1", column)


def test_fields_beyond_the_header_are_no_loss_only_when_empty(tmp_path: Path) -> None:
    file = manifest_csv(tmp_path)
    head, *rows = file.read_text().splitlines()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file.write_text("\n".join([head, *(f"{row}," for row in rows)]))
        assert len(load_corpus("manifest", file)) == len(rows)
        file.write_text("\n".join([head, *(f"{row},more" for row in rows)]))
        with pytest.raises(LongRow) as caught:
            load_corpus("manifest", file)
    error = caught.value
    assert (error.origin, error.fields, error.columns) == (f"{file}, row 2", 4, 3)
    assert len(error.also) == len(rows) - 1


def test_a_label_of_blanks_is_none(tmp_path: Path) -> None:
    rows = manifest_rows(tmp_path)
    rows[0]["label"] = "\t\u00a0"
    manifest = manifest_csv(tmp_path, rows)
    with pytest.raises(EmptyField) as caught:
        load_corpus("manifest", manifest)
    assert (caught.value.origin, caught.value.column) == (f"{manifest}, row 2", "label")


# ---------------------------------------------------------------------------- recordings


def recording(file: Path, **more: Any) -> Path:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, 1200)
    soundfile.write(file, samples, 8000, **more)
    return file


def test_samples_without_a_header(tmp_path: Path) -> None:
    file = tmp_path / "a.raw"
    file.write_bytes(bytes(1000))
    with pytest.raises(NoHeader) as caught:
        read_audio(file, 8000)
    assert caught.value.file == file


def test_a_header_that_promises_more_than_memory_holds(tmp_path: Path) -> None:
    file = recording(tmp_path / "a.mp3", format="MP3")
    content = bytearray(file.read_bytes())
    frames = content.index(b"Xing") + 8
    content[frames : frames + 4] = b"\x7f\xff\xff\xff"
    file.write_bytes(content)
    with pytest.raises(TruncatedRecording) as caught:
        read_audio(file, 8000)
    assert 1000 <= caught.value.found < 10_000
    assert 10**12 <= caught.value.expected < 10**13
    assert caught.value.unit == "samples"


@pytest.mark.parametrize("rate", [1, 999, 2**31 - 1])
def test_a_sampling_rate_that_no_recording_has(tmp_path: Path, rate: int) -> None:
    file = recording(tmp_path / "a.wav")
    content = bytearray(file.read_bytes())
    struct.pack_into("<I", content, 24, rate)
    file.write_bytes(content)
    with pytest.raises(UnlikelyRate) as caught:
        read_audio(file, 16000)
    assert caught.value.rate == rate


@pytest.mark.parametrize(("start", "end"), [(0.0, 1e308), (1e308, None), (-0.01, 0.1)])
def test_times_that_lie_in_no_recording(tmp_path: Path, start: float, end: float | None) -> None:
    file = recording(tmp_path / "a.wav")
    with pytest.raises(TimeOutOfRange) as caught:
        read_audio(file, 8000, start, end)
    assert (caught.value.start, caught.value.end) == (start, end)


def test_samples_as_good_as_infinite(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, np.full((100, 2), 3e38), 8000, subtype="FLOAT")
    with pytest.raises(NotFinite) as caught:
        read_audio(file, 8000)
    assert (caught.value.bad, caught.value.samples) == (100, 100)


# ---------------------------------------------------------------------------- results


def probe(fold: str) -> dict[str, Any]:
    key = {"digest": "0" * 12, "height": 2, "width": 2, "window_ms": 40.0, "seed": 0}
    return key | {"fold": fold, "status": "ok", "acc_sad": 0.5}


def spoilt(table: pa.Table, how: str) -> pa.Table:
    if how == "without status":
        return table.drop_columns(["status"])
    if how == "a column twice":
        return table.append_column("wa", table["wa"])
    if how == "a class' score as text":
        return table.set_column(
            table.column_names.index("acc_sad"), "acc_sad", pa.array(["half"], pa.string())
        )
    return table.append_column("_arrival", pa.array(["first"]))


HOWS = ["without status", "a column twice", "a class' score as text", "a column of ours within"]


@pytest.mark.parametrize("how", HOWS)
def test_a_foreign_table_among_the_parts_is_named_and_left_alone(tmp_path: Path, how: str) -> None:
    store = ResultStore(tmp_path)
    store.append(["sad"], {"probes": [probe("a")]})
    foreign = tmp_path / "probes.parts" / "foreign.parquet"
    pq.write_table(spoilt(arrow_table(PROBES, ["sad"], [probe("b")]), how), foreign)
    for _ in range(2):
        results = read_results(tmp_path)
        assert results.probes["fold"].tolist() == ["a"]
        assert results.damaged == [str(foreign)]
        store.compact()
    assert foreign.exists()


# ---------------------------------------------------------------------------- kept networks


def test_half_a_character_in_the_record_of_a_network(tmp_path: Path) -> None:
    kept = {
        "study": "\ud800", "title": "x", "pooling": "gap", "shapes": ["10x2"],
        "classes": ["a", "b"], "digest": "0", "network_digest": "1", "seed": 0, "fold": "",
        "corpus": {"name": "x", "fingerprint": "f", "utterances": 1, "train_speakers": [],
                   "test_speakers": []},
        "scores": None, "features": {}, "corpus_range": None, "network": {}, "trained_in": "x",
        "threads": 1, "parameters": 1, "multiply_adds": 1, "weights": "w",
    }  # fmt: skip
    (tmp_path / record.RECORD).write_text(json.dumps(kept))
    with pytest.raises(NetworkChanged) as caught:
        record.read(tmp_path)
    assert caught.value.file == tmp_path / record.RECORD
