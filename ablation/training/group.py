"""Groups of cells on a card: the folds and seeds of one shape, trained together.

A cell's batches, their order and its weights are those that it would have alone, to the last bit;
a group shares launches, segments, and the sums behind batch statistics.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from ablation.features.batches import available_bytes, feeds
from ablation.features.segment_dataset import SegmentDataset
from ablation.models.probe import SinglePassProbe
from ablation.study import CellKind
from ablation.training.cell import (
    banks_of,
    budget_columns,
    build_model,
    compute_of,
    initial_probe,
    order_seed,
    train,
)
from ablation.training.checkpoint import EpochRecord
from ablation.training.fit import DivergedError, predict
from ablation.training.partway import shares_by_step
from ablation.training.rows import Trained
from ablation.training.schedule import averaging_decay, budget, learning_rate
from ablation.training.seeds import generator
from ablation.training.segment_moments import kept_bytes, moment_rows
from ablation.training.task import CellTask

if TYPE_CHECKING:  # needs Triton
    from ablation.models.probe.cuda.group import Schedule

_STEPS = 256  # that are scheduled at once: in between nothing waits for the card
_KEPT_SHARE = 0.5  # of the free memory, for the segments of a group
_TOGETHER = 64  # segments that are prepared at once


def train_group(tasks: Sequence[CellTask], device: str) -> list[Trained | DivergedError]:
    """Train cells; all at once if they are probes of one shape that a card's kernels take.

    Returns
    -------
    list
        For each cell its result, or the error of one that diverged.

    Raises
    ------
    torch.OutOfMemoryError
        If the device's memory does not suffice for all of them together.
    """
    group = Group.of(tasks, device)
    return group.trained() if group is not None else [_alone(task, device) for task in tasks]


def _alone(task: CellTask, device: str) -> Trained | DivergedError:
    try:
        return train(task, device)
    except DivergedError as error:
        return error


class Group:
    """Cells of one shape and one device, with the segments that they train on.

    Parameters
    ----------
    tasks
        Their tasks.
    probes
        Their untrained probes.
    sides
        The training and the test segments of each.
    device
        Where their tensors are.
    """

    def __init__(
        self,
        tasks: Sequence[CellTask],
        probes: Sequence[SinglePassProbe],
        sides: Sequence[tuple[SegmentDataset, SegmentDataset]],
        device: torch.device,
    ) -> None:
        from ablation.models.probe.cuda.group import ProbeGroup
        from ablation.models.probe.cuda.passes import CardPass

        self.tasks, self.probes, self.device = tasks, probes, device
        features, spec = tasks[0].study.features, tasks[0].training
        self.segments = _Segments([own for own, _ in sides], [test for _, test in sides], device)
        self.cells = [
            _Cell(task, rows, own) for task, rows, (own, _) in
            zip(tasks, self.segments.rows, sides, strict=True)
        ]  # fmt: skip
        size = (features.height, features.width)
        self.way = CardPass(probes[0].extent, size, probes[0].precision)
        values = math.prod(self.way.stored_size) * self.way.kind.itemsize
        kept = values * len(self.segments) <= _KEPT_SHARE * available_bytes(device)
        # Segments for which there is no room are brought for every step.
        brought = len(tasks) * spec.batch_size
        self.stored = self.way.room(len(self.segments) if kept else brought, device)
        self.places = None if kept else torch.arange(brought, dtype=torch.int32, device=device)
        self.group = ProbeGroup(probes, self.way, spec, self._prepared(kept))

    @classmethod
    def of(cls, tasks: Sequence[CellTask], device: str) -> "Group | None":
        """Return a group, or None if the cells are to be trained one by one.

        That depends on the cells alone, never on the memory that is free.
        """
        compute, augment = compute_of(tasks[0], device), tasks[0].training.augment
        if not compute.on_card or tasks[0].cell.kind != CellKind.PROBE or augment.used:
            return None
        if tasks[0].factory is not None:  # kernels and moments are the probe's alone
            return None
        probe = build_model(tasks[0], compute)
        if not isinstance(probe, SinglePassProbe) or not probe.on_kernels(compute.device):
            return None
        sides = [banks_of(task) for task in tasks]
        if not all(kept_bytes(probe, len(own), augment, on_card=True) for own, _ in sides):
            return None
        probes = [cast(SinglePassProbe, initial_probe(task, compute)) for task in tasks]
        return cls(tasks, probes, sides, compute.device)

    def trained(self) -> list[Trained | DivergedError]:
        """Train and score all cells."""
        spans = self._spans()
        schedule = self._schedule(*spans[0])
        for span, following in pairwise([*spans, (spans[-1][1], spans[-1][1])]):
            self._run(schedule)
            taken, schedule = len(schedule.counts), self._schedule(*following)
            loss, correct = self.group.results(taken)  # while the card worked, the next was drawn
            for number, cell in enumerate(self.cells):
                cell.note(loss[:, number].numpy(), correct[:, number].numpy())
                if span[1] in shares_by_step(cell.steps):
                    cell.partway[span[1]] = self._scores(number)[0].argmax(1).tolist()
        return [self._scored(number) for number in range(len(self.cells))]

    def _spans(self) -> list[tuple[int, int]]:
        """Return the first step of every span, and that after its last.

        A span ends where a cell has spent a share of its budget.
        """
        steps = max(cell.steps for cell in self.cells)
        asked = {at for cell in self.cells for at in shares_by_step(cell.steps)}
        return list(pairwise(sorted({*range(0, steps, _STEPS), *asked, steps})))

    def _prepared(self, kept: bool) -> torch.Tensor:
        """Return the moments of all segments, and store the segments themselves if ``kept``."""
        found = []
        for rows in torch.arange(len(self.segments)).split(_TOGETHER):
            segments = self.segments.batch(rows)
            if kept:
                self.way.put(segments[:, 0], self.stored, int(rows[0]))
            found.append(moment_rows(self.probes[0], segments))
        return torch.cat(found)

    def _schedule(self, first: int, end: int) -> "Schedule":
        """Return the steps from ``first`` to before ``end``."""
        from ablation.models.probe.cuda.group import Schedule

        parts = zip(*(cell.schedule(first, end - first) for cell in self.cells), strict=True)
        numbers, labels, counts, rates = (np.stack(part, 1) for part in parts)
        return Schedule(*map(torch.from_numpy, (numbers, labels, counts, rates)))

    def _run(self, schedule: "Schedule") -> None:
        def bring(step: int) -> None:
            if self.places is not None:
                rows = schedule.numbers[step].flatten().long()
                self.way.put(self.segments.batch(rows)[:, 0], self.stored)

        self.group.run(schedule, self.stored, self.places, bring)

    def _scored(self, number: int) -> Trained | DivergedError:
        """Return a cell's result."""
        cell, engine = self.cells[number], self.tasks[number].study.probe.engine
        records = cell.records()
        if isinstance(records, DivergedError):
            return records
        columns = budget_columns(records, cell.budget)
        return Trained(engine, *self._scores(number), columns, records, partway=cell.partway)

    def _scores(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of a cell's test utterances with its weights as they are."""
        self.group.unpack(number, self.probes[number])
        test, spec = self.segments.tests[number], self.tasks[number].training
        return predict(self.probes[number], test, spec)


class _Segments:
    """The training segments of all cells, each once; and feeds of what the cells are scored on.

    Folds share most utterances, and where nothing is learnt from the training side, their segments
    too. ``rows`` has for each cell the positions of its segments among all.
    """

    def __init__(
        self,
        banks: Sequence[SegmentDataset],
        tests: Sequence[SegmentDataset],
        device: torch.device,
    ) -> None:
        self.device = device
        self.rows: list[np.ndarray] = []
        ranges = dict.fromkeys(bank.corpus_range for bank in banks)
        unions = [_union([b for b in banks if b.corpus_range == known]) for known in ranges]
        every = feeds([*unions, *tests], device)
        self.feeds, self.tests = every[: len(unions)], every[len(unions) :]
        self.ends = np.cumsum([len(union) for union in unions])
        firsts = dict(zip(ranges, [0, *self.ends[:-1].tolist()], strict=True))
        places = [
            dict(zip(union.entries, _first_segments(union).tolist(), strict=True))
            for union in unions
        ]
        by_range = dict(zip(ranges, places, strict=True))
        for bank in banks:
            starts = by_range[bank.corpus_range]
            begins = np.array([starts[entry] for entry in bank.entries])[bank.utterance]
            own = _first_segments(bank)[bank.utterance]
            within = np.arange(len(bank)) - own
            self.rows.append((firsts[bank.corpus_range] + begins + within).astype(np.int32))

    def __len__(self) -> int:
        return int(self.ends[-1])

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the normalised segments ``rows`` (on the CPU), shape (n, 1, height, width)."""
        owners = np.searchsorted(self.ends, rows.numpy(), side="right")
        if (owners == owners[0]).all():
            return self._of(int(owners[0]), rows)
        parts = {owner: self._of(owner, rows[owners == owner]) for owner in set(owners.tolist())}
        first = next(iter(parts.values()))
        every = first.new_empty((len(rows), *first.shape[1:]))
        for owner, part in parts.items():
            every[torch.from_numpy(owners == owner).to(self.device)] = part
        return every

    def _of(self, owner: int, rows: torch.Tensor) -> torch.Tensor:
        first = 0 if owner == 0 else int(self.ends[owner - 1])
        (batch,) = self.feeds[owner].batches([rows - first])
        return batch.segments


def _union(banks: Sequence[SegmentDataset]) -> SegmentDataset:
    """Return a dataset of the utterances of all banks, each once; their labels do not matter."""
    entries = list(dict.fromkeys(entry for bank in banks for entry in bank.entries))
    first = banks[0]
    return SegmentDataset(entries, [0] * len(entries), first.spec, "train", first.corpus_range)


def _first_segments(bank: SegmentDataset) -> np.ndarray:
    """Return the number of the first segment of every utterance."""
    counts = np.bincount(bank.utterance, minlength=len(bank.entries))
    return np.cumsum(counts) - counts


class _Cell:
    """What one cell trains on, step by step, and what it has yielded.

    Parameters
    ----------
    rows
        The positions of the cell's segments among those of the group, int32.
    bank
        The cell's own segments.
    """

    def __init__(self, task: CellTask, rows: np.ndarray, bank: SegmentDataset) -> None:
        self.spec, self.rows = task.training, rows
        self.labels = bank.labels.numpy().astype(np.int32)
        self.budget = budget(self.spec, len(bank))
        self.steps = self.budget.steps
        self.partway: dict[int, list[int]] = {}
        self._order = generator("order", *order_seed(task))
        self._waiting: list[np.ndarray] = []  # batches that were drawn but not scheduled
        self._loss: list[np.ndarray] = []
        self._correct: list[np.ndarray] = []

    def schedule(
        self, first: int, steps: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return numbers, labels, counts and rates of the steps from ``first`` on, in order.

        Beyond the cell's budget a step has no segments.
        """
        left = min(steps, self.steps - first)
        while len(self._waiting) < left:
            order = torch.randperm(len(self.rows), generator=self._order)
            self._waiting += [part.numpy() for part in order.split(self.spec.batch_size)]
        numbers = np.zeros((steps, self.spec.batch_size), np.int32)
        labels, counts = np.zeros_like(numbers), np.zeros(steps, np.int32)
        rates = np.zeros((steps, 4))
        averaged = 1 - averaging_decay(self.spec, self.budget) if self.spec.averaging else 1.0
        for step in range(max(0, left)):
            own = self._waiting.pop(0)
            counts[step] = len(own)
            numbers[step, : len(own)], labels[step, : len(own)] = self.rows[own], self.labels[own]
            taken = first + step + 1
            rate = learning_rate(self.spec, first + step, self.budget)
            weight = 1.0 if taken == 1 else averaged
            rates[step] = rate, 1 - 0.9**taken, 1 - 0.999**taken, weight
        return numbers, labels, counts, rates

    def note(self, loss: np.ndarray, correct: np.ndarray) -> None:
        """Take a span's sums over each batch."""
        self._loss.append(loss.copy())
        self._correct.append(correct.copy())

    def records(self) -> list[EpochRecord] | DivergedError:
        """Return the records of all epochs, or the error of the first without a finite loss."""
        loss, correct = np.concatenate(self._loss), np.concatenate(self._correct)
        found = []
        for epoch in range(1, self.budget.epochs + 1):
            first = (epoch - 1) * self.budget.steps_per_epoch
            last = min(first + self.budget.steps_per_epoch, self.steps)
            n = min((last - first) * self.spec.batch_size, len(self.rows))
            rate = learning_rate(self.spec, last - 1, self.budget)
            total = float(loss[first:last].sum())
            if not math.isfinite(total):
                return DivergedError(epoch, rate)
            share = int(correct[first:last].sum()) / n
            found.append(EpochRecord(epoch, rate, total / n, share))
        return found
