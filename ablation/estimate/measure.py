"""The time and memory of training, measured by short cells on the workers that a run would use.

A short cell is trained on random spectrograms by the function that trains every cell
(:func:`~ablation.training.worker.train_cells`), on a card together with as many copies as a run
would train at once. Two numbers of steps tell a step from what else a cell does, and all workers
are busy as they are in a run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np

from ablation.errors.running import NothingMeasured
from ablation.executors import EXECUTORS, Slot
from ablation.features.cache import Entry
from ablation.features.segments import Purpose, segment_starts
from ablation.memory import own_memory
from ablation.models.given import packed
from ablation.results.schema import reason_of
from ablation.study import FeaturesSpec, Study
from ablation.training.task import Cell, CellTask, FoldData, Sample
from ablation.training.worker import train_cells

_BATCHES = 8  # of training segments in a short cell
_LONG_ENOUGH = 0.5  # seconds of steps, beside which what else varies is small
_FEWEST = 4  # steps to time
_FILES = 32  # of random spectrograms
_SLOW = 1e-6  # learning rate: weights hardly change, and no loss diverges


@dataclass(frozen=True)
class Lengths:
    """The lengths, in frames, of the utterances on both sides of a fold."""

    train: tuple[int, ...]
    test: tuple[int, ...]

    @property
    def utterances(self) -> int:
        return len(self.train) + len(self.test)

    def segments(self, spec: FeaturesSpec) -> int:
        """Return the number of training segments."""
        return sum(len(segment_starts(number, spec, "train")) for number in self.train)


@dataclass(frozen=True)
class Trial:
    """A cell to be measured with a fold like a part of these lengths, ``copies`` of it at once."""

    task: CellTask
    fold: Lengths
    copies: int = 1


@dataclass(frozen=True)
class Measured:
    """Seconds of a step and, for each utterance of the fold, of all else that a cell does.

    Of cells that are trained together, each has an equal part of the seconds. ``own_bytes`` are the
    worker's own memory, ``gpu_bytes`` the most that tensors took on a GPU.
    """

    step_seconds: float
    rest_seconds: float
    own_bytes: int
    gpu_bytes: int


def without_data(cell: Cell, study: Study, classes: Sequence[str]) -> CellTask:
    """Return a cell to be measured, for which data are made up."""
    task = CellTask(cell, study, tuple(classes), "", FoldData("", (), (), ()))
    return replace(task, model=packed(task.factory))


def measure(
    trials: Sequence[Trial],
    slots: Sequence[Slot],
    count: Callable[[int, int], None],
) -> dict[str, list[Measured]]:
    """Measure cells; return the means by device.

    Each is measured on every slot. GPUs are taken to be alike: the devices are "cpu" and "cuda".
    ``count`` is called with the number of measurements done and their total. Raises
    :class:`NothingMeasured` for a cell that cannot be trained on a device.
    """
    found: dict[str, list[Measured]] = {}
    done = 0
    for device in dict.fromkeys(map(device_of, slots)):
        own = [slot for slot in slots if device_of(slot) == device]
        every: list[list[Measured]] = [[] for _ in trials]
        for end in EXECUTORS["local"](own).run(train_briefly, [*trials] * len(own)):
            if end.crash is not None:
                raise NothingMeasured(end.crash)
            every[end.index % len(trials)].append(end.value)
            done += 1
            count(done, len(trials) * len(slots))
        found[device] = [_mean(same) for same in every]
    return found


def device_of(slot: Slot) -> str:
    """Return the kind of a slot's device, "cpu" or "cuda"."""
    return slot.device.partition(":")[0]


def _mean(found: Sequence[Measured]) -> Measured:
    return Measured(
        fmean(one.step_seconds for one in found),
        fmean(one.rest_seconds for one in found),
        max(one.own_bytes for one in found),
        max(one.gpu_bytes for one in found),
    )


def train_briefly(trial: Trial, device: str) -> Measured:
    """Train short cells of ``trial`` in a worker, the first one to load what all others share."""
    import torch

    task, whole = trial.task, trial.fold
    spec, size = task.study.features, task.training.batch_size
    apart = max(1, whole.segments(spec) // (_BATCHES * size))
    part = Lengths(whole.train[::apart], whole.test[::apart])
    once = -(-part.segments(spec) // size)  # after so many steps, segments' moments are known
    with TemporaryDirectory() as folder:
        samples = _samples([*part.train, *part.test], spec, Path(folder))
        fold = FoldData("", (), samples[: len(part.train)], samples[len(part.train) :])
        cells = [replace(task, fold=fold)] * trial.copies
        _seconds(cells, 1, device)
        least, more = _seconds(cells, once, device), _FEWEST
        while (took := _seconds(cells, once + more, device) - least) * trial.copies < _LONG_ENOUGH:
            more *= 4
    return Measured(
        step_seconds=took / more,
        rest_seconds=max(0.0, least - once * took / more) / part.utterances,
        own_bytes=own_memory()[0],
        gpu_bytes=torch.cuda.max_memory_allocated() if device.startswith("cuda") else 0,
    )


def _seconds(cells: Sequence[CellTask], steps: int, device: str) -> float:
    """Return how long each of equal cells takes with so many steps."""
    few: Mapping[str, object] = {
        "steps": steps, "epochs": None, "learning_rate": _SLOW, "schedule": "constant",
    }  # fmt: skip
    study = cells[0].study
    network = study.network.training.model_copy(update=few)
    short = study.model_copy(
        update={
            "training": study.training.model_copy(update=few),
            "network": study.network.model_copy(update={"training": network}),
        }
    )
    outcome = train_cells([replace(task, study=short) for task in cells], device)[0]
    if outcome.failed:
        raise NothingMeasured(reason_of(outcome.row["error"]))
    return outcome.row["train_seconds"]


def _samples(frames: Sequence[int], spec: FeaturesSpec, folder: Path) -> tuple[Sample, ...]:
    """Return random utterances of so many frames, a few files between them, in ``folder``."""
    longest = max(frames)
    columns = max(longest, spec.width)
    if spec.edges == "segment":
        sides: tuple[Purpose, ...] = ("train", "test")
        columns = spec.width * sum(len(segment_starts(longest, spec, side)) for side in sides)
    files = [folder / f"{number}.npy" for number in range(_FILES)]
    for file in files:
        np.save(file, np.random.default_rng(0).random((spec.height, columns), np.float32))
    return tuple(
        Sample("", "", 0, Entry(files[k % _FILES], number)) for k, number in enumerate(frames)
    )
