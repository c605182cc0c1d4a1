"""A disk without locks, as NFS whose lock daemon does not run: every user of a lock goes on."""

import errno
import os
from pathlib import Path

import pytest
from running import invoke, train

from ablation import read_results
from ablation.corpora.download import fetch
from ablation.corpora.download.downloading import Downloads
from ablation.errors.running import FileAccessFailed
from ablation.files import locked
from ablation.progress import Reporter
from ablation.results import ResultStore
from ablation.runs.runner import _order
from ablation.vectors import _cache_directory, kernel

fcntl = pytest.importorskip("fcntl")


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_file: int, _operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("no_locks")
def test_a_grid_and_a_search_are_run_and_their_rows_compacted(
    tiny_study: Path, tmp_path: Path
) -> None:
    train("grid", "--shapes", "2x2", "--study", tiny_study, cwd=tmp_path)
    fields = ("--set", "search.heights=[2,3]", "--set", "search.widths=[2,2]")
    train("search", "--trials", "1", *fields, "--study", tiny_study, cwd=tmp_path)
    folder = tmp_path / "results" / "tiny"
    assert len(read_results(folder).probes) >= 4
    assert not list(folder.glob("*.parts"))
    ResultStore(folder).tidy()


@pytest.mark.usefixtures("no_locks")
def test_synthetic_speech_is_rendered(tmp_path: Path) -> None:
    invoke("corpus", "synthesize", tmp_path / "speech", "--set", "utterances=80", cwd=tmp_path)
    assert (tmp_path / "speech" / "manifest.csv").exists()


@pytest.mark.usefixtures("no_locks")
def test_a_corpus_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_fetch", lambda *_: 7)
    downloads = Downloads(Reporter(quiet=True))
    fetched = fetch.fetch_corpus("ravdess", tmp_path / "ravdess", lambda _: None, downloads)
    assert (fetched.recordings, fetched.new) == (7, True)


def twice(value: float) -> float:
    return 2 * value


@pytest.mark.usefixtures("no_locks")
def test_a_kernel_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path))
    _cache_directory.cache_clear()
    assert kernel(twice)(3.0) == 6.0
    assert list(tmp_path.rglob("*.nbc"))
    assert list(tmp_path.rglob("*.nbi"))


def test_a_lock_that_is_held_is_seen_and_told(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path) as mine:
        with locked(path, wait=False) as other:
            assert (mine, other) == (True, False)
        with locked(path, wait=False) as other:  # leaving without it has not released it
            assert not other
    with locked(path, wait=False) as mine:
        assert mine


def test_a_run_beside_another_starts_at_the_other_end(tmp_path: Path) -> None:
    tasks = [1, 2, 3]
    with _order(tmp_path, tasks) as first, _order(tmp_path, tasks) as second:  # type: ignore[arg-type]
        assert (first, second) == ([1, 2, 3], [3, 2, 1])


def test_a_lock_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileAccessFailed) as caught, locked(tmp_path / "file" / ".lock"):
        pass
    assert caught.value.path == tmp_path / "file" / ".lock"
    assert caught.value.code in (errno.ENOTDIR, errno.EEXIST)


def test_locks_are_taken_in_one_place() -> None:
    package = Path(__file__).parents[1] / "ablation"
    users = [file for file in package.rglob("*.py") if "filelock" in file.read_text("utf-8")]
    assert users == [package / "files.py"]
