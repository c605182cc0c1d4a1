"""One contract over all executors: every task once, whatever happens to its worker."""

import os
import signal
import time
from pathlib import Path

import pytest

from ablation.errors import StudyError
from ablation.execution import EXECUTORS, InProcessExecutor, LocalExecutor, Slot, make_slots
from ablation.execution.devices import core_count

SLOTS = [Slot("cpu", 1), Slot("cpu", 1)]


def square(task: int, device: str) -> tuple[int, str, int]:
    return task * task, device, os.getpid()


def fail(task: int, device: str) -> int:
    raise ValueError(f"task {task}")


def die_once(task: tuple[int, str], device: str) -> int:
    number, folder = task
    flag = Path(folder) / f"died-{number}"
    if number % 3 == 0 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def poison(task: int, device: str) -> int:
    if task == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def threads(task: int, device: str) -> int:
    import torch

    return torch.get_num_threads()


def nap(task: float, device: str) -> float:
    time.sleep(task)
    return task


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_task_ends_once_with_its_own_result(name: str) -> None:
    finished = list(EXECUTORS[name](SLOTS).run(square, range(7)))
    assert sorted(f.index for f in finished) == list(range(7))
    assert all(f.value[:2] == (f.index**2, "cpu") and f.crash is None for f in finished)


@pytest.mark.parametrize("name", EXECUTORS)
def test_no_tasks_is_no_work(name: str) -> None:
    assert list(EXECUTORS[name](SLOTS).run(square, [])) == []


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_bug_in_a_task_is_raised_here(name: str) -> None:
    with pytest.raises(ValueError, match="task 0"):
        list(EXECUTORS[name]([SLOTS[0]]).run(fail, range(2)))


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_task_has_the_threads_of_its_slot(name: str) -> None:
    assert [f.value for f in EXECUTORS[name]([Slot("cpu", 2)]).run(threads, [0])] == [2]
    assert [f.value for f in EXECUTORS[name]([Slot("cpu", 1)]).run(threads, [0])] == [1]


def test_in_process_means_this_process() -> None:
    assert {f.value[2] for f in InProcessExecutor(SLOTS).run(square, [1])} == {os.getpid()}


def test_local_workers_work_side_by_side() -> None:
    pids = {f.value[2] for f in LocalExecutor(SLOTS).run(square, range(40))}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_a_task_whose_worker_dies_is_tried_again(tmp_path: Path) -> None:
    tasks = [(number, str(tmp_path)) for number in range(5)]
    finished = list(LocalExecutor(SLOTS).run(die_once, tasks))
    assert sorted(f.value for f in finished) == list(range(5))


def test_a_task_that_always_kills_its_worker_is_reported_and_the_others_end() -> None:
    finished = {f.index: f for f in LocalExecutor(SLOTS).run(poison, range(4))}
    assert [finished[i].value for i in (0, 1, 3)] == [0, 1, 3]
    assert finished[2].crash is not None
    assert "died 3 times" in finished[2].crash


def test_closing_early_stops_the_workers() -> None:
    results = LocalExecutor(SLOTS).run(nap, [0.0, 600.0, 600.0])
    assert next(results).value == 0.0
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 60


def test_slots() -> None:
    assert make_slots(["cpu"], threads=1, workers=3) == [Slot("cpu", 1)] * 3
    assert len(make_slots(["cpu"], threads=1)) == core_count()
    assert make_slots(["cpu"], threads=10_000) == [Slot("cpu", 10_000)]
    assert Slot("cuda:3", 1).visible_device == "cuda:0"


@pytest.mark.parametrize("device", ["gpu", "cuda", "cuda:x", "cuda:99"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(StudyError, match=device):
        make_slots([device], threads=1)
