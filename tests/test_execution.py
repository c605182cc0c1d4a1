"""One contract over all executors: every task once, whatever happens to its worker."""

import importlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from clusters import Cluster, cluster, kill_tree
from distributed import Client
from tasks import (
    HUNGRY,
    alone,
    attend_lightly,
    die_once,
    fail,
    hoard,
    hungry,
    initialise_lightly,
    nap,
    note,
    poison,
    set_status,
    square,
    threads,
)

from ablation import memory
from ablation.errors import AblationError
from ablation.errors.common import InvalidOption
from ablation.errors.execution import (
    CellOutOfMemory,
    ConnectionLost,
    NoScheduler,
    WorkerLacksGpu,
    WorkerLacksPackage,
    WorkerVersionsDiffer,
)
from ablation.executors import (
    EXECUTORS,
    Executor,
    InProcessExecutor,
    LocalExecutor,
    Slot,
    make_slots,
)
from ablation.executors.cards import has_driver
from ablation.executors.dask import ClusterExecutor
from ablation.executors.dask_connection import connect_to
from ablation.features.cache import Entry
from ablation.memory import own_memory
from ablation.study import CellKind, Shape, Study, override_study
from ablation.training.task import Cell, CellTask, FoldData, Sample
from ablation.version import __version__

SLOTS = [Slot("cpu", 1), Slot("cpu", 1)]
Make = Callable[..., Executor]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two workers for the tests of this file."""
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def deserted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster without workers; a test kills those that it adds."""
    with cluster(tmp_path_factory.mktemp("deserted"), workers=0) as made:
        yield made


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers start without torch."""
    monkeypatch.setattr("ablation.executors.process.initialise_worker", initialise_lightly)
    monkeypatch.setattr("ablation.executors.dask.attend", attend_lightly)


@pytest.fixture(params=[*EXECUTORS, "cluster"])
def make(request: pytest.FixtureRequest, light: None) -> Make:
    """Makes the executor of each name, of the slots given."""
    return _maker(request)


@pytest.fixture(params=[*EXECUTORS, "cluster"])
def make_earnestly(request: pytest.FixtureRequest) -> Make:
    """As ``make``; workers start as those of a run do."""
    return _maker(request)


@pytest.fixture(params=["local", "cluster"])
def apart(request: pytest.FixtureRequest, light: None) -> Make:
    """As ``make``, of the executors whose tasks run in processes of their own."""
    return _maker(request)


def _maker(request: pytest.FixtureRequest) -> Make:
    if request.param == "cluster":
        return on(request.getfixturevalue("running"))
    return EXECUTORS[request.param]


def on(running: Cluster) -> Make:
    return partial(ClusterExecutor, connect=partial(connect_to, running.address))


def test_a_worker_does_not_keep_what_its_tasks_have_freed() -> None:
    """The allocator keeps memory for the next operator; a worker that trains networks for hours
    would keep all that ever fitted nowhere."""
    made = LocalExecutor([SLOTS[0]]).run(hoard, [1, 1, 400, 1])
    before = [end.value for end in sorted(made, key=lambda end: end.index)]
    assert before[-1] < before[1] + (100 << 20)


def test_every_task_ends_once_with_its_own_result(make: Make) -> None:
    finished = list(make(SLOTS).run(square, range(7)))
    assert sorted(f.index for f in finished) == list(range(7))
    assert all(f.value[:2] == (f.index**2, "cpu") and f.crash is None for f in finished)
    assert all(f.task == f.index for f in finished)
    assert list(make(SLOTS).run(square, [])) == []


def test_a_bug_in_a_task_is_raised_here(make: Make) -> None:
    with pytest.raises(ValueError) as caught:
        list(make([SLOTS[0]]).run(fail, range(2)))
    assert caught.value.args[0] in ("task 0", "task 1")


def test_a_task_has_the_threads_of_its_slot(make_earnestly: Make) -> None:
    before = torch.get_num_threads()
    try:
        assert [f.value for f in make_earnestly([Slot("cpu", 3)]).run(threads, [0])] == [3]
    finally:
        torch.set_num_threads(before)


def test_tasks_are_taken_when_a_worker_is_free_and_more_may_come(make: Make) -> None:
    taken: list[int] = []

    def tasks(numbers: Sequence[int]) -> Iterator[int]:
        for number in numbers:
            taken.append(number)
            yield number

    with make(SLOTS).pool(square) as pool:
        pool.submit(tasks(range(50)))
        ended = pool.finished()
        first = next(ended)
        assert len(taken) < 50
        pool.submit([100])
        seen = [end.task for end in first] + [end.task for ends in ended for end in ends]
        assert sorted(seen) == [*range(50), 100]
        pool.submit([200])
        assert [end.value[0] for ends in pool.finished() for end in ends] == [40000]


def test_what_finds_no_memory_even_alone_is_reported_and_the_others_end(make: Make) -> None:
    finished = {f.index: f for f in make([SLOTS[0]]).run(hungry, range(3))}
    assert [finished[i].value for i in (0, 2)] == [0, 2]
    assert finished[1].crash == str(HUNGRY)


def test_closing_early_stops_the_workers(apart: Make) -> None:
    results = apart(SLOTS).run(nap, [0.0, 600.0, 600.0])
    assert next(results).task == 0.0
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 60


def test_a_task_whose_worker_dies_is_tried_again(apart: Make, tmp_path: Path) -> None:
    tasks = [(number, str(tmp_path)) for number in range(5)]
    finished = list(apart(SLOTS).run(die_once, tasks))
    assert sorted(f.value for f in finished) == list(range(5))


def test_a_task_that_always_kills_its_worker_is_reported_and_the_others_end(apart: Make) -> None:
    finished = {f.index: f for f in apart(SLOTS).run(poison, range(4))}
    assert [finished[i].value for i in (0, 1, 3)] == [0, 1, 3]
    crash = finished[2].crash
    assert crash is not None
    assert "3 times" in crash


def test_workers_work_side_by_side(apart: Make) -> None:
    pids = {f.value[2] for f in apart(SLOTS).run(square, range(200))}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_nothing_of_the_working_folder_is_a_workers_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where Python starts, nor where the folder is on the path as in a notebook."""
    for name in ("random", "signal", "threading", "statistics", "numpy", "torch"):
        (tmp_path / f"{name}.py").write_text(f"open('executed', 'a').write('{name} ')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    ends = list(LocalExecutor([SLOTS[0]]).run(threads, [1]))
    assert ends[0].value == 1
    assert not (tmp_path / "executed").exists()
    assert sys.path[0] == "" and "PYTHONSAFEPATH" not in os.environ


def test_a_path_given_on_purpose_is_a_workers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light: None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "given.py").write_text("def task(task, device): return 7\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    ends = list(LocalExecutor([SLOTS[0]]).run(importlib.import_module("given").task, [1]))
    assert ends[0].value == 7


def test_in_process_means_this_process() -> None:
    assert {f.value[2] for f in InProcessExecutor(SLOTS).run(square, [1])} == {os.getpid()}


def test_a_device_short_of_memory_goes_on_with_fewer_workers(tmp_path: Path, light: None) -> None:
    said: list[str] = []
    slots = [Slot("cpu", 1)] * 3
    tasks = [(number, str(tmp_path)) for number in range(6)]
    finished = list(LocalExecutor(slots, said.append).run(alone, tasks))
    assert sorted(f.value for f in finished) == list(range(6))
    assert said == [
        "cpu: out of memory; 2 workers on it from now on",
        "cpu: out of memory; 1 worker on it from now on",
    ]


def in_little_memory(task: tuple[CellTask, int], device: str) -> object:
    """A cell in a process that may take so many bytes more than it has, and no more."""
    from ablation.training.worker import train_cell

    cell, spare = task
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + spare
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return train_cell(cell, device)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_a_cell_that_finds_no_memory_says_so_and_one_that_does_is_trained(tmp_path: Path) -> None:
    """The plain module keeps 16 maps of every segment: some 330 MB and more of a batch of 64."""
    path = tmp_path / f"{0:032x}-400.npy"
    np.save(path, np.random.default_rng(0).random((400, 400), dtype=np.float32))
    samples = tuple(Sample(f"u{k}", "s", k % 2, Entry(path, 400)) for k in range(32))
    fold = FoldData("s", ("s",), samples, samples[:2])
    study = override_study(Study(), [("training.steps", 1), ("probe.engine", "reference")])
    cell = Cell(CellKind.PROBE, (Shape(2, 2),), 40.0, 0, "s")
    task = CellTask(cell, study, ("a", "b"), "d", fold)
    tasks = [(task, 250 << 20), (task, 8 << 30)]
    finished = {f.index: f for f in LocalExecutor([SLOTS[0]]).run(in_little_memory, tasks)}
    crash = finished[0].crash
    assert crash is not None
    assert crash == str(CellOutOfMemory("2x2", "training.batch_size"))
    assert finished[1].value.row["status"] == "ok"


def test_workers_may_leave_a_cluster_and_join_it(deserted: Cluster, light: None) -> None:
    """The only worker is killed at its task; one that joins later does all of them."""
    first = deserted.add_worker()
    results = on(deserted)(SLOTS).run(nap, [0.0, 1.5, 0.1, 0.1])
    assert next(results).task == 0.0
    threading.Timer(0.5, lambda: (kill_tree(first), deserted.add_worker())).start()
    assert sorted(f.task for f in results) == [0.1, 0.1, 1.5]
    kill_tree(deserted.workers[-1])


def test_a_lost_cluster_is_an_expected_error_and_its_cells_end_with_it(
    tmp_path: Path, light: None
) -> None:
    with cluster(tmp_path / "own", workers=1) as own:
        results = on(own)(SLOTS).run(nap, [0.0, 30.0, 30.0])
        pid = next(results).value
        own.stop()
        with pytest.raises(ConnectionLost) as caught:
            next(results)
    assert caught.value.address == own.address
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()


def test_a_worker_that_dask_pauses_ends_its_task_and_gets_no_other_until_it_is_resumed(
    deserted: Cluster, light: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second task waits; a line says why."""
    monkeypatch.setattr("ablation.executors.dask._WAIT_FOR_WORKERS", 0.5)
    worker = deserted.add_worker("--memory-limit", "0")  # so that dask does not resume it itself
    begun = [tmp_path / "first", tmp_path / "second"]
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "1 worker paused" in text:
            client.run(set_status, "running")

    def pause() -> None:
        while not begun[0].exists():
            time.sleep(0.02)
        client.run(set_status, "paused")

    executor = ClusterExecutor([SLOTS[0]], say, connect=partial(connect_to, deserted.address))
    with Client(deserted.address, set_as_default=False) as client, executor.pool(note) as pool:
        pool.submit([(str(begun[0]), 2.5)])
        beside = threading.Thread(target=pause)
        beside.start()
        assert [end.index for ends in pool.finished() for end in ends] == [0]
        beside.join()
        pool.submit([(str(begun[1]), 0.0)])
        assert [end.index for ends in pool.finished() for end in ends] == [1]
    kill_tree(worker)
    assert [file.read_text() for file in begun] == ["begun\n", "begun\n"]
    assert any("1 worker paused" in text for text in said)


@pytest.mark.parametrize(
    ("address", "kind", "remedy"),
    [
        ("tcp://127.0.0.1:9", NoScheduler, "dask scheduler"),
        ("here", InvalidOption, "tcp://host:8786"),
        ("tpc://host:8786", InvalidOption, "tcp://host:8786"),
    ],
)
def test_a_scheduler_that_does_not_answer_is_an_expected_error(
    address: str, kind: type[AblationError], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablation.executors.dask_connection._ANSWER_SECONDS", 1)
    executor = ClusterExecutor(SLOTS, connect=partial(connect_to, address))
    with pytest.raises(kind) as caught:
        list(executor.run(square, [1]))
    assert address in caught.value.what
    assert remedy in caught.value.remedy


def test_workers_of_other_versions_are_refused(
    running: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablation.executors.dask.versions", lambda: {"ablation": "0.0.1"})
    with pytest.raises(WorkerVersionsDiffer) as caught:
        list(on(running)(SLOTS).run(square, [1]))
    assert caught.value.versions == {"ablation": (__version__, "0.0.1")}
    assert caught.value.worker.startswith("tcp://127.0.0.1:")


def test_a_worker_that_offers_a_gpu_and_cannot_use_one_is_one_error(deserted: Cluster) -> None:
    if has_driver():
        pytest.skip("this machine may have a GPU")
    worker = deserted.add_worker("--resources", "GPU=1")
    with pytest.raises(WorkerLacksGpu) as caught:
        list(on(deserted)([Slot("cuda", 1)]).run(square, [1, 2, 3]))
    kill_tree(worker)
    assert caught.value.reason == "there is no NVIDIA driver"


def test_a_worker_without_our_package_is_named(deserted: Cluster, tmp_path: Path) -> None:
    """Of a worker whose Python does not find the package."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'ablation':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
    )
    worker = deserted.add_worker(environment={"PYTHONPATH": str(tmp_path)})
    with pytest.raises(WorkerLacksPackage) as caught:
        list(on(deserted)(SLOTS).run(square, [1]))
    kill_tree(worker)
    assert caught.value.package == "ablation"
    assert caught.value.address == deserted.address


def test_memory_is_known_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS: the peak counts, with what is shared with others."""
    own, mapped = own_memory()
    monkeypatch.setattr(memory, "Path", lambda _: Path("/nowhere"))
    peak, none = own_memory()
    assert none == 0
    assert peak > own
    if mapped:
        assert peak < 1 << 40  # bytes, not some other unit


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="macOS binds no process to cores")
def test_cores_are_those_of_the_process_and_not_of_the_machine() -> None:
    code = "from ablation.executors.devices import core_count; print(core_count())"
    first = min(os.sched_getaffinity(0))
    bound = f"import os; os.sched_setaffinity(0, {{{first}}}); {code}"
    done = subprocess.run([sys.executable, "-c", bound], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_a_task_of_slurm_takes_the_cores_that_it_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr("loky.cpu_count", lambda: 8)
    assert len(make_slots(["cpu"], threads=1)) == 8
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert len(make_slots(["cpu"], threads=1)) == 3
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "64")
    assert len(make_slots(["cpu"], threads=1)) == 8
