"""Bad input through the command line: one clear line, exit code 1, nothing half-written."""

import errno
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from click.testing import Result
from running import expected_error, fill, mounted
from typer.testing import CliRunner

from ablation import read_results
from ablation.cli import app
from ablation.errors import AblationError, AudioError, nearest
from ablation.errors import corpora as faults
from ablation.errors.audio import CutBeyondEnd, NotFinite, TruncatedRecording, UnusableRecording
from ablation.errors.common import InvalidOption, UnknownName
from ablation.errors.folds import ClassNotInTraining, OneSpeaker, TooManyFolds
from ablation.errors.running import FileAccessFailed, FilterTooLarge, NewerFile, StudyNotRun
from ablation.errors.studies import InvalidField, StudyNotFound, UnknownField, UnreadableStudy
from ablation.executors import EXECUTORS
from ablation.results import ResultStore
from ablation.results.schema import SCHEMA_VERSION, VERSION_KEY

Kind = TypeVar("Kind", bound=AblationError)

RATE = 8000
SETTINGS = (
    f"features.sample_rate={RATE}",
    "features.n_fft=128",
    "features.window_ms=16",
    "features.max_hz=1000",
    "features.segment_s=0.3",
    "features.train_hop_s=0.2",
    "features.test_hop_s=0.2",
    "training.steps=2",
    "training.batch_size=4",
    "probe.filters=2",
    'probe.engine="reference"',  # no kernels to compile
)
SPEAKERS, LABELS, TAKES = "abc", ("dark", "bright"), 2


# ---------------------------------------------------------------------------- ground


def sound(seed: int, seconds: float = 0.4) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * RATE))


@pytest.fixture(scope="module")
def model_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three speakers, two labels, two recordings of each, and their manifest."""
    folder = tmp_path_factory.mktemp("corpus")
    lines = ["file,speaker,label"]
    for speaker in SPEAKERS:
        for label in LABELS:
            for take in range(TAKES):
                name = f"{speaker}_{label}_{take}.wav"
                soundfile.write(folder / name, sound(len(lines)), RATE, subtype="PCM_16")
                lines.append(f"{name},{speaker},{label}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


@dataclass(frozen=True)
class Bench:
    """A corpus that may be spoilt, a study without settings, a results folder not made yet."""

    folder: Path
    corpus: Path
    study: Path
    results: Path

    @property
    def manifest(self) -> Path:
        return self.corpus / "manifest.csv"

    @property
    def first(self) -> Path:
        """The recording of the manifest's row 2."""
        return self.corpus / "a_dark_0.wav"

    def edit(self, change: Callable[[list[str]], Sequence[str]]) -> None:
        """Change the manifest's lines; the header is the first."""
        lines = self.manifest.read_text().splitlines()
        self.manifest.write_text("\n".join(change(lines)) + "\n", errors="surrogateescape")

    def grid(self, *options: object, sets: Sequence[str] = (), **more: object) -> Result:
        """``ablate grid`` over two heights of the tiny study, unless options say otherwise."""
        given = {"axis": "height", "values": "2,3", "workers": 1} | more
        given = {"study": self.study, "results": self.results} | given
        given = {"corpus": "manifest", "corpus_root": self.manifest} | given
        arguments = ["grid", *options]
        for name, value in given.items():
            if value is not None:
                arguments += [f"--{name.replace('_', '-')}", value]
        for text in (*SETTINGS, *sets):
            arguments += ["--set", text]
        return ablate(*arguments)


@pytest.fixture
def bench(tmp_path: Path, model_corpus: Path) -> Bench:
    corpus = Path(shutil.copytree(model_corpus, tmp_path / "corpus"))
    study = tmp_path / "tiny.toml"
    study.write_text("# all settings come from the command line\n")
    return Bench(tmp_path, corpus, study, tmp_path / "results")


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train without worker processes, which take seconds to start."""
    monkeypatch.setitem(EXECUTORS, "local", EXECUTORS["in-process"])


def ablate(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(result: Result, *said: str) -> str:
    """Check that a command ended in an expected error that says all of ``said``; return it.

    One line, at most one more with the remedy, exit code 1, no traceback.
    """
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1, result.stderr
    assert "Traceback" not in result.stderr
    before, error, text = result.stderr.partition("error: ")
    assert error, result.stderr
    assert not before or before.endswith("\n")
    lines = text.rstrip("\n").split("\n")
    assert len(lines) <= 2, text
    assert all(line.startswith("  ") and line.strip() for line in lines[1:]), text
    for part in said:
        assert part in text, f"{part!r} is not in: {text}"
    return text


def ended_by(result: Result, kind: type[Kind]) -> Kind:
    """Check as :func:`refused` does that an error of this type ended a command; return it."""
    refused(result)
    error = expected_error(result.exception)
    assert type(error) is kind, repr(error)
    return error


def files_below(folder: Path) -> list[str]:
    """Every file, hidden and temporary ones too."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def shown(result: Result) -> str:
    assert result.exit_code == 0, f"{result.stderr}\n{result.exception!r}"
    return result.stderr


# ---------------------------------------------------------------------------- the study


FAULTY_STUDIES = [
    ("[training]\nepohcs = 3", UnknownField, {"field": "training.epohcs", "nearest": "epochs"}),
    ("[trainin]\nepochs = 3", UnknownField, {"field": "trainin", "nearest": "training"}),
    (
        "[network.training]\nstep = 3",
        UnknownField,
        {"field": "network.training.step", "nearest": "steps"},
    ),
    ("[training]\nepochs = 'five'", InvalidField, {"field": "training.epochs", "value": "'five'"}),
    ("[training]\nepochs = 0", InvalidField, {"field": "training.epochs", "value": "0"}),
    ("[training]\nlearning_rate = nan", InvalidField, {"field": "training.learning_rate"}),
    ("[features]\nwindow = 'box'", InvalidField, {"field": "features.window", "value": "'box'"}),
    ("[grid]\nheights = [2, 'x']", InvalidField, {"field": "grid.heights.1", "value": "'x'"}),
    ("[grid]\nheights = []", InvalidField, {"field": "grid.heights", "value": "[]"}),
    ("training = 5", InvalidField, {"field": "training", "value": "5"}),
    ("name = '../elsewhere'", InvalidField, {"field": "name", "value": "'../elsewhere'"}),
    ("[features]\nwindow_ms = 500", InvalidField, {"value": "", "field": "features"}),
    ("[features]\nmax_hz = 9000", InvalidField, {"value": "", "field": "features"}),
    ("[network]\npools = [9]", InvalidField, {"value": "", "field": "network"}),
    ("[training]\nepochs = 3\nsteps = 4", InvalidField, {"value": "", "field": "training"}),
    ("[training\nepochs = 3", UnreadableStudy, {}),
    ("\udcff", UnreadableStudy, {}),
    ("[training]\nepochs == 3", UnreadableStudy, {}),
]


@pytest.mark.parametrize(("text", "kind", "fields"), FAULTY_STUDIES)
def test_a_faulty_study_names_its_file_and_field(
    bench: Bench, text: str, kind: type[AblationError], fields: dict[str, str]
) -> None:
    bench.study.write_text(text + "\n", errors="surrogateescape")
    result = ablate("grid", "--axis", "both", "--study", bench.study, "--results", bench.results)
    error = ended_by(result, kind)
    assert str(bench.study) in error.what
    assert {name: getattr(error, name) for name in fields} == fields
    assert not bench.results.exists()


def test_a_study_that_is_not_there_lists_those_shipped(bench: Bench) -> None:
    missing = bench.folder / "nosuch.toml"
    result = ablate("grid", "--axis", "both", "--study", missing, "--results", bench.results)
    error = ended_by(result, StudyNotFound)
    assert error.path == missing
    assert {"demo", "paper"} <= set(error.shipped)


@pytest.mark.parametrize(
    ("text", "kind", "field"),
    [
        ("=5", InvalidOption, None),
        ("a..b=1", InvalidOption, None),
        ("nonsense", InvalidOption, None),
        ("foo=1", UnknownField, "foo"),
        ("training.batchsize=1", UnknownField, "training.batchsize"),
        ("training.batch_size=many", InvalidField, "training.batch_size"),
        ("training.batch_size.x=1", InvalidField, "batch_size"),
        ("folds.scheme=leave", InvalidField, "folds.scheme"),
        ("features=abc", InvalidField, "features"),
    ],
)
def test_a_set_that_makes_no_sense_is_named(
    bench: Bench, text: str, kind: type[Any], field: str | None
) -> None:
    error = ended_by(bench.grid(sets=[text]), kind)
    if field is None:
        assert (error.option, error.value) == ("--set", text)
    else:
        assert error.field == field
    assert str(bench.study) not in str(error)  # who is told of a file looks for the fault in it
    assert not bench.results.exists()


@pytest.mark.parametrize(
    ("option", "text", "kind", "value"),
    [
        ("values", "2,x", InvalidOption, "x"),
        ("values", "2,,3", InvalidOption, ""),
        ("values", "0", InvalidOption, 0),
        ("values", "2.5", InvalidOption, "2.5"),
        ("folds", "x", InvalidOption, "x"),
        ("seeds", "-1", InvalidOption, -1),
        ("seeds", "3000000000", InvalidOption, 3000000000),
        ("windows", "20,q", InvalidOption, "q"),
        ("windows", "500", InvalidField, None),
        ("folds", "1", InvalidField, None),
        ("folds", "7", TooManyFolds, None),
        ("devices", "tpu", UnknownName, None),
        ("corpus", "emobd", UnknownName, None),
    ],
)
def test_a_faulty_option_is_named(
    bench: Bench, option: str, text: str, kind: type[Any], value: object
) -> None:
    error = ended_by(bench.grid(**{option: text}), kind)
    if kind is InvalidOption:
        assert (error.option, error.value) == (f"--{option}", value)
        assert error.expected
    if kind is UnknownName:
        assert error.name == text
    assert not files_below(bench.results)


@pytest.mark.parametrize(
    ("axis", "values", "shape"),
    [("height", "17", "17x2"), ("height", "2,500", "500x2"), ("width", "2,31", "2x31")],
)
def test_a_filter_larger_than_the_spectrogram(
    bench: Bench, axis: str, values: str, shape: str
) -> None:
    error = ended_by(bench.grid(axis=axis, values=values), FilterTooLarge)
    assert (error.shape, error.segment, error.largest) == (shape, (16, 30), (16, 30))
    assert not bench.results.exists()


def test_settings_of_the_corpus_act_on_the_corpus_given_beside_them(bench: Bench) -> None:
    """``--corpus`` replaces what the study says; ``--set corpus...`` is about the replacement."""
    bench.study.write_text("[corpus]\nname = 'emodb'\nlabels = 'all'\n")
    merged = "corpus.labels={dark='low', bright='high'}"
    assert "6 low, 6 high" in shown(bench.grid("--dry-run", sets=[merged]))
    error = ended_by(bench.grid(sets=["corpus.options.x=1"]), UnknownField)
    assert (error.origin, error.field) == ("corpus manifest", "corpus.options.x")


# ---------------------------------------------------------------------------- the corpus


def write_text(file: Path) -> None:
    file.write_text("This is a text, whatever its name says.\n" * 50)


def write_nothing(file: Path) -> None:
    file.write_bytes(b"")


def write_no_samples(file: Path) -> None:
    soundfile.write(file, np.zeros(0), RATE)


def write_nan(file: Path) -> None:
    soundfile.write(file, np.full(3200, np.nan, np.float32), RATE, subtype="FLOAT")


def write_one_infinite(file: Path) -> None:
    samples = sound(0).astype(np.float32)
    samples[100] = np.inf
    soundfile.write(file, samples, RATE, subtype="FLOAT")


def write_silence(file: Path) -> None:
    soundfile.write(file, np.zeros(3200), RATE)


def cut_wav(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:3000])


def cut_flac(file: Path) -> None:
    """Half of a FLAC; libsndfile goes by the content, not by the name."""
    whole = file.with_suffix(".flac")
    soundfile.write(whole, sound(0, seconds=5), RATE, format="FLAC")
    file.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


SPOILT = [
    (write_text, UnusableRecording, {"fault": "not audio"}),
    (write_nothing, UnusableRecording, {"fault": "empty file"}),
    (write_no_samples, UnusableRecording, {"fault": "no samples"}),
    (write_nan, NotFinite, {"bad": 3200, "samples": 3200}),
    (write_one_infinite, NotFinite, {"bad": 1, "samples": 3200}),
    (write_silence, UnusableRecording, {"fault": "silent"}),
    (cut_wav, TruncatedRecording, {"found": 2956, "expected": 6400, "unit": "bytes of audio"}),
    # Its header was read: to say that it is no audio would send the user looking elsewhere.
    (cut_flac, UnusableRecording, {"fault": "damaged"}),
]


@pytest.mark.parametrize(
    ("spoil", "kind", "values"), SPOILT, ids=[spoil.__name__ for spoil, *_ in SPOILT]
)
def test_a_recording_that_cannot_be_used_is_named_with_its_row(
    bench: Bench, spoil: Callable[[Path], None], kind: type[AudioError], values: dict[str, object]
) -> None:
    spoil(bench.first)
    result = bench.grid()
    text = refused(result, f"{bench.manifest}, row 2")
    assert text.startswith(f"{bench.first}: ")
    assert len(text.splitlines()) == 2, "a remedy is due"
    error = ended_by(result, kind)
    assert {name: getattr(error, name) for name in values} == values
    assert vars(error)["file"] == bench.first
    assert not bench.results.exists()


def test_corpus_check_names_every_recording_that_cannot_be_used(bench: Bench) -> None:
    """All at once, on as many lines; what can be counted is counted all the same."""
    faults = {"a_dark_0.wav": write_silence, "b_bright_1.wav": cut_wav, "c_dark_1.wav": write_text}
    for name, spoil in faults.items():
        spoil(bench.corpus / name)
    arguments = ["--study", bench.study, "--corpus", "manifest", "--corpus-root", bench.manifest]
    result = ablate("corpus", "check", *arguments)
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    for name, line in zip(faults, errors, strict=True):
        assert str(bench.corpus / name) in line
    assert "12 utterances, 3 speakers" in result.stdout
    assert "Traceback" not in result.stderr


HEADER = "file,speaker,label"


def no_text(lines: list[str]) -> list[str]:
    return ["\udcff\udcfe", *lines]


@pytest.mark.parametrize(
    ("change", "kind", "row"),
    [
        (lambda lines: [HEADER.replace("label", "emotion"), *lines[1:]], faults.MissingColumn, 0),
        (no_text, faults.UnreadableFile, 0),
        (lambda lines: lines[:1], faults.EmptyCorpus, 0),
        (lambda lines: [x.replace("b_dark_1", "b_drak_1") for x in lines],
         faults.MissingRecording, 7),
        (lambda lines: [*lines, lines[2]], faults.DuplicateRow, 14),
        (lambda lines: [*lines[:4], f"{lines[4]},more", *lines[5:]], faults.LongRow, 5),
        (lambda lines: lines[:5], OneSpeaker, 0),
        (lambda lines: [x for x in lines if "bright" not in x], faults.SingleClass, 0),
        (lambda lines: [x for x in lines if "bright" not in x or x.startswith("b_")],
         ClassNotInTraining, 0),
    ],
)  # fmt: skip
def test_a_faulty_manifest_is_named_with_its_row(
    bench: Bench, change: Callable[[list[str]], list[str]], kind: type[AblationError], row: int
) -> None:
    bench.edit(change)
    error = ended_by(bench.grid(), kind)
    if row:
        assert vars(error)["origin"] == f"{bench.manifest}, row {row}"
    assert not bench.results.exists()


def test_a_label_that_the_map_does_not_know(bench: Bench) -> None:
    bench.edit(lambda lines: [*lines[:7], "b_bright_0.wav,b,brigth", *lines[8:]])
    labels = "corpus.labels={dark='dark', bright='bright'}"
    error = ended_by(bench.grid(sets=[labels]), faults.UnknownLabel)
    assert (error.origin, error.label) == (f"{bench.manifest}, row 8", "brigth")
    assert nearest(error.label, error.allowed) == "bright"
    error = ended_by(bench.grid(sets=["corpus.labels={}"]), faults.NoLabelUsed)
    assert error.corpus == "manifest"


def test_a_cut_beyond_the_recording_names_the_row(bench: Bench) -> None:
    bench.edit(lambda lines: [lines[0] + ",start,end", *(f"{x},0.1,0.35" for x in lines[1:])])
    bench.edit(lambda lines: [*lines[:3], lines[3].replace("0.35", "3.5"), *lines[4:]])
    result = bench.grid()
    refused(result, f"{bench.manifest}, row 4")
    error = ended_by(result, CutBeyondEnd)
    assert (error.start, error.end, error.seconds) == (0.1, 3.5, 0.4)


# ---------------------------------------------------------------------------- the disk


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_results_below_a_regular_file(bench: Bench, below: str) -> None:
    bench.results.write_text("mine")
    result = bench.grid(results=bench.results / below)
    error = ended_by(result, FileAccessFailed)
    assert (error.path, error.code) == (bench.results / below / "tiny", errno.ENOTDIR)
    assert bench.results.read_text() == "mine"


def test_results_on_a_read_only_disk(bench: Bench) -> None:
    with mounted(bench.folder / "disk", "ro") as disk:
        error = ended_by(bench.grid(results=disk / "r"), FileAccessFailed)
        assert (error.path, error.code) == (disk / "r" / "tiny", errno.EROFS)


def test_a_read_only_cache_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(bench.folder / "disk", "ro") as disk:
        monkeypatch.setenv("ABLATION_CACHE", str(disk / "cache"))
        error = ended_by(bench.grid(), FileAccessFailed)
        assert error.path.is_relative_to(disk / "cache" / "features")
        assert error.code == errno.EROFS
    assert not bench.results.exists()


def test_results_on_a_disk_that_fills_up(bench: Bench) -> None:
    """Rows stored before are kept, and the same command completes once there is space."""
    with mounted(bench.folder / "disk", "size=1m") as disk:
        results = disk / "r"
        filler = fill(disk, leaving=80_000)
        error = ended_by(bench.grid(results=results), FileAccessFailed)
        assert error.path.is_relative_to(results / "tiny")
        assert error.code == errno.ENOSPC
        assert not [file for file in files_below(results) if file.endswith(".tmp")]
        kept = read_results(results / "tiny")
        assert 1 <= len(kept.probes) < 6
        assert kept.damaged == []
        counted = ablate("status", "--study", bench.study, "--results", results)
        assert f"{len(kept.probes)} of 6 cells done" in counted.stdout

        filler.unlink()
        done = shown(bench.grid(results=results))
        assert f"{6 - len(kept.probes)} trained, {len(kept.probes)} were stored before" in done
        rows = read_results(results / "tiny").probes
        assert len(rows) == 6
        before = rows.merge(kept.probes, on=["height", "fold", "started_at", "wa"])
        assert len(before) == len(kept.probes), "a row stored before was changed"


# Arrays smaller and larger than a file's buffer: numpy writes the larger ones past it.
@pytest.mark.parametrize("sets", [(), ("features.max_hz=4000", "features.segment_s=2")])
def test_a_cache_on_a_disk_that_fills_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, sets: Sequence[str]
) -> None:
    """The fault is named, nothing half-made is left, and the same command completes."""
    with mounted(bench.folder / "disk", "size=1m") as disk:
        monkeypatch.setenv("ABLATION_CACHE", str(disk / "cache"))
        filler = fill(disk, leaving=16_384)
        result = bench.grid(values="2", sets=sets)
        error = ended_by(result, FileAccessFailed)
        assert error.path.is_relative_to(disk / "cache" / "features")
        assert error.code == errno.ENOSPC
        assert not bench.results.exists()
        left = [file for file in files_below(disk) if file != "filler"]
        assert all(file.endswith(".npy") and "/." not in file for file in left)

        filler.unlink()
        assert "3 cells: 3 trained" in shown(bench.grid(values="2", sets=sets))


def test_synthetic_speech_on_a_disk_that_fills_up(bench: Bench) -> None:
    """A corpus half made is made anew by the same command; a complete one needs no writing."""
    with mounted(bench.folder / "disk", "size=8m") as disk:
        filler = fill(disk, leaving=200_000)
        command = ("corpus", "synthesize", disk / "speech", "--set", "utterances=80")
        error = ended_by(ablate(*command), FileAccessFailed)
        assert error.path.is_relative_to(disk / "speech")
        assert error.code == errno.ENOSPC
        assert not (disk / "speech" / "manifest.csv").exists()
        filler.unlink()
        assert ablate(*command).exit_code == 0
        assert len((disk / "speech" / "manifest.csv").read_text().splitlines()) == 81
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert str(disk / "speech" / "manifest.csv") in ablate(*command).stdout


# ---------------------------------------------------------------------------- stored rows


@pytest.fixture(scope="module")
def stored(model_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the tiny grid, 2 heights x 3 folds, trained once."""
    folder = tmp_path_factory.mktemp("stored")
    study = folder / "tiny.toml"
    study.write_text("")
    bench = Bench(folder, model_corpus, study, folder / "results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXECUTORS, "local", EXECUTORS["in-process"])
        shown(bench.grid())
    return bench.results


def as_parts(folder: Path) -> list[Path]:
    """Part the table of probes into a file a row, as while a run goes on."""
    main = folder / "probes.parquet"
    table = pq.read_table(main)
    parts = []
    for index in range(table.num_rows):
        part = folder / "probes.parts" / f"{index:020d}.parquet"
        part.parent.mkdir(exist_ok=True)
        pq.write_table(table.slice(index, 1), part)
        parts.append(part)
    main.unlink()
    return parts


def test_damaged_parts_are_named_and_only_their_cells_trained_again(
    bench: Bench, stored: Path
) -> None:
    shutil.copytree(stored, bench.results)
    whole = read_results(bench.results / "tiny").probes.set_index(["height", "fold"])
    parts = as_parts(bench.results / "tiny")
    random = np.random.default_rng(3)
    parts[1].write_bytes(parts[1].read_bytes()[:-200])
    parts[4].write_bytes(random.bytes(parts[4].stat().st_size))
    lost = [whole.index[1], whole.index[4]]

    read = read_results(bench.results / "tiny")
    assert read.damaged == [str(parts[1]), str(parts[4])]
    rest = read.probes.set_index(["height", "fold"])
    assert sorted(rest.index) == sorted(set(whole.index) - set(lost))
    assert rest["wa"].equals(whole["wa"].drop(lost))

    status = ablate("status", "--study", bench.study, "--results", bench.results)
    assert "4 of 6 cells done" in status.stdout
    told = shown(bench.grid())
    for part in (parts[1], parts[4]):
        for said in (status.stderr, told):
            assert f"warning: {part} is damaged; all other rows are read. Remove it" in said
    assert "6 cells: 2 trained, 4 were stored before" in told

    again = read_results(bench.results / "tiny").probes.set_index(["height", "fold"])
    changed = again["started_at"] != whole["started_at"]
    assert sorted(again.index[changed]) == sorted(lost)
    assert again["wa"].equals(whole["wa"]), "the same cell gave another result"
    assert parts[1].exists(), "a damaged file is the user's to remove"
    assert parts[4].exists()


def test_a_part_with_some_bytes_changed_never_lies(stored: Path, tmp_path: Path) -> None:
    """It is named as damaged, or its values are those stored; all other rows are read."""
    folder = Path(shutil.copytree(stored / "tiny", tmp_path / "tiny"))
    truth = {(r["height"], r["fold"]): r for r in rows_of(folder)[:2]}
    # As the store itself writes a part: each row appended anew.
    (folder / "probes.parquet").unlink()
    store = ResultStore(folder)
    for row in truth.values():
        store.append(LABELS, {"probes": [row]})
    part, _ = sorted((folder / "probes.parts").iterdir())
    content = part.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(100):
        spoilt = bytearray(content)
        at, size = int(random.integers(len(content))), int(random.choice([1, 1, 64]))
        spoilt[at : at + size] = random.bytes(len(spoilt[at : at + size]))
        part.write_bytes(spoilt)
        read = store.read("probes")
        found = {(r["height"], r["fold"]): r for r in read.rows.to_pylist()}
        assert set(found) <= set(truth), at
        assert len(found) == 2 or read.damaged == [str(part)], at
        assert list(truth)[1] in found, at
        for key, row in found.items():
            for column, value in truth[key].items():
                assert row.get(column) in (None, value), (at, column)


def rows_of(folder: Path) -> list[dict]:
    return ResultStore(folder).read("probes").rows.to_pylist()


def test_a_damaged_table_is_named_and_left_alone(bench: Bench, stored: Path) -> None:
    """Compaction must not write over what may yet be rescued."""
    shutil.copytree(stored, bench.results)
    main = bench.results / "tiny" / "probes.parquet"
    torn = main.read_bytes()[:-100]
    main.write_bytes(torn)
    told = shown(bench.grid(values="2"))
    assert f"warning: {main} is damaged" in told
    assert "3 cells: 3 trained, 0 were stored before" in told
    assert main.read_bytes() == torn
    assert len(read_results(bench.results / "tiny").probes) == 3


def test_results_of_a_newer_version_are_refused_and_left_alone(bench: Bench, stored: Path) -> None:
    shutil.copytree(stored, bench.results)
    main = bench.results / "tiny" / "probes.parquet"
    newer = SCHEMA_VERSION + 1
    table = pq.read_table(main)
    pq.write_table(table.replace_schema_metadata({VERSION_KEY: str(newer).encode()}), main)
    before = {file: (bench.results / file).read_bytes() for file in files_below(bench.results)}
    there = ("--study", bench.study, "--results", bench.results)
    for result in (
        bench.grid("--fresh"),
        ablate("status", *there),
        ablate("plot", "--figures", bench.folder / "figures", *there),
    ):
        error = ended_by(result, NewerFile)
        assert (error.path, error.found, error.known) == (main, newer, SCHEMA_VERSION)
    with pytest.raises(NewerFile):
        read_results(bench.results / "tiny")
    after = {file: (bench.results / file).read_bytes() for file in files_below(bench.results)}
    assert after == before


def test_results_that_are_not_there_say_how_to_make_them(bench: Bench) -> None:
    for command in (["status"], ["plot"], ["promote", "--best"]):
        result = ablate(*command, "--study", bench.study, "--results", bench.results)
        error = ended_by(result, StudyNotRun)
        assert (error.study, error.results) == ("tiny", bench.results)
    assert not bench.results.exists()
