"""Shared ground of the tests: a cache of their own, real speech where it is at hand."""

import os
import shutil
import signal
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tomli_w
from filelock import FileLock
from hypothesis import settings
from running import ablate, train

# Tests run side by side: operators that share a core wait for each other's threads longer than they
# take. Before torch is loaded; workers have threads of their own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Of tests that run in the background of a shell, all that they start would ignore interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A card's kernels run in Triton's interpreter, here and in the workers that tests start.
os.environ["TRITON_INTERPRET"] = "1"

# A busy machine is no reason to fail: time is measured in benchmarks, not in tests.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


# Tests neither read nor fill the user's cache. Kernels look for theirs when they are imported,
# before any fixture; the processes of a parallel run have it from the one that starts them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["ABLATION_CACHE"] = tempfile.mkdtemp(prefix="ablation-tests-")
COMMON = Path(os.environ["ABLATION_CACHE"])


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(COMMON, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of each process' own; kernels are compiled once for all."""
    folder = tmp_path_factory.mktemp("cache")
    (COMMON / "kernels").mkdir(exist_ok=True)
    (folder / "kernels").symlink_to(COMMON / "kernels")
    os.environ["ABLATION_CACHE"] = str(folder)
    yield folder
    os.environ["ABLATION_CACHE"] = str(COMMON)


@pytest.fixture(scope="session", autouse=True)
def measured_for_a_moment() -> Iterator[None]:
    """What estimates rest on is not measured as long as a user's would be, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ablation.estimate.measure._LONG_ENOUGH", 0.001)
        yield


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of real recordings; tests that need it are skipped where it is absent."""
    given = os.environ.get("ABLATION_TEST_DATA")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "emodb").is_dir():
        pytest.skip("no real speech here (set ABLATION_TEST_DATA to a folder with emodb/)")
    return folder


PARALLEL = "PYTEST_XDIST_WORKER" in os.environ


def common(factory: pytest.TempPathFactory) -> Path:
    """The folder of the whole run, over those of its processes."""
    base = factory.getbasetemp()
    return base.parent if PARALLEL else base


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first process of a parallel run makes and all of them read.

    It lies as deep in the run's folder as a test's own, so that relative paths in a copy of it
    still lead to the run's folder.
    """
    base = common(factory) / "shared" if PARALLEL else common(factory)
    return _made(base / name, make)


def _made(folder: Path, make: Callable[[Path], None]) -> Path:
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            folder.mkdir()
            try:
                make(folder)
            except BaseException:
                shutil.rmtree(folder)
                raise
    return folder


@pytest.fixture(scope="session")
def tiny_manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four speakers, two classes, three short recordings of each: noise below, or above, 500 Hz."""
    return _made(common(tmp_path_factory) / "tiny", _make_tiny) / "manifest.csv"


def _make_tiny(folder: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["file,speaker,label"]
    for speaker in "abcd":
        for label, (low, high) in {"dark": (100, 450), "bright": (550, 900)}.items():
            for take in range(3):
                name = f"{speaker}_{label}_{take}.wav"
                soundfile.write(folder / name, _noise(rng, low, high), 8000, subtype="PCM_16")
                lines.append(f"{name},{speaker},{label}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


def _noise(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Half a second of noise between two frequencies (Hz), 8 kHz."""
    spectrum = np.fft.rfft(rng.standard_normal(4000))
    frequencies = np.fft.rfftfreq(4000, 1 / 8000)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    noise = np.fft.irfft(spectrum)
    return 0.3 * noise / np.abs(noise).max()


TINY = [
    "features.sample_rate=8000",
    "features.n_fft=128",
    "features.window_ms=16",
    "features.max_hz=1000",
    "features.segment_s=0.3",
    "features.train_hop_s=0.2",
    "features.test_hop_s=0.1",
    "probe.filters=4",
    "training.steps=6",
    "training.batch_size=8",
    "network.channels=[4,4]",
    "network.pools=[2]",
    "network.filters=2",
    "network.training.steps=3",
    "network.training.batch_size=8",
]


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory, tiny_manifest: Path) -> Path:
    """A study of the tiny corpus that trains a cell in a blink."""
    tables: dict = {"name": "tiny", "corpus": {"name": "manifest", "root": str(tiny_manifest)}}
    for text in TINY:
        path, _, value = text.partition("=")
        *folders, field = path.split(".")
        table = tables
        for folder in folders:
            table = table.setdefault(folder, {})
        table[field] = tomllib.loads(f"v = {value}")["v"]
    study = tmp_path_factory.mktemp("study") / "tiny.toml"
    study.write_text(tomli_w.dumps(tables))
    return study


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_study: Path) -> Path:
    """A folder in which both axes were run undisturbed, on two workers; not to be written to."""
    grid = ("grid", "--axis", "both", "--study", tiny_study, "--values", "2,3,5", "--workers", "2")
    return once(tmp_path_factory, "done", lambda folder: ablate(*grid, cwd=folder))


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run that only plans: what it measures is tested with estimates."""
    from ablation.estimate import estimate

    found = estimate.Estimate(workers=1, devices=("cpu",))
    for kind in ("estimate_grid", "estimate_promotion"):
        monkeypatch.setattr(estimate, kind, lambda *_: found)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports with an empty picture for each figure: nine tenths of their time are matplotlib's."""
    from ablation.reports import study_report
    from ablation.reports.document import Picture

    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>'
    monkeypatch.setattr(
        study_report, "_picture", lambda d: Picture(d.name, d.caption, d.description, svg)
    )


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory, done: Path, tiny_study: Path) -> Path:
    """The tiny study promoted with three poolings and two seeds, plain and nested; read only."""
    promote = ("promote", "--best", "--nested", "--pooling", "all", "--seeds", "0,1")

    def make(folder: Path) -> None:
        shutil.copytree(done, folder, dirs_exist_ok=True)
        train(*promote, "--study", tiny_study, "--workers", "1", cwd=folder)

    return once(tmp_path_factory, "promoted", make)
