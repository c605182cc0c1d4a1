"""``ablate doctor``: what a run here would use, what is missing, and how long a step takes."""

import platform
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ablation.errors import AblationError, StorageError, counted
from ablation.estimate import machine
from ablation.estimate.measure import Lengths, Trial, measure, without_data
from ablation.executors import Slot, choose
from ablation.executors.cards import Cards, cards
from ablation.executors.devices import core_count
from ablation.files import cache_folder, require_writable
from ablation.progress import Reporter, duration, size
from ablation.runs.groups import cells_at_once
from ablation.runs.runner import slots_of
from ablation.study import CellKind, Shape, Study
from ablation.training.task import Cell

_REINSTALL = "install again: pip install -c constraints.txt -e ."
_FULL = 1e9  # free bytes below which a disk counts as almost full


@dataclass(frozen=True)
class Problem:
    """Something broken that every run needs, and what to do about it."""

    what: str
    remedy: str


@dataclass(frozen=True)
class Checkup:
    """Everything that the check-up found; sizes are in bytes, times in seconds.

    ``slots`` are where the study's cells would run on this machine: none if they run on a cluster
    or cannot run. ``step_seconds`` is how long a step of a small probe takes by device ("cpu",
    "cuda") with all slots busy, each training ``cells_at_once`` of them, and ``problems`` are what
    keeps runs from working here.
    """

    study: str
    versions: Mapping[str, str | None]
    processor: str
    cores: int
    memory_bytes: int | None
    cards: Cards
    free_bytes: Mapping[str, int]
    devices: str
    slots: tuple[Slot, ...]
    step_seconds: Mapping[str, float]
    cells_at_once: int
    not_installed: tuple[machine.Part, ...]
    problems: tuple[Problem, ...]


def check_up(study: Study, results: Path, reporter: Reporter) -> Checkup:
    """Check everything and measure a step; raise nothing for what is missing or broken."""
    problems = [Problem(fault, _REINSTALL) for fault in machine.unloadable()]
    for folder in (results, cache_folder()):
        try:
            require_writable(folder.absolute())
        except StorageError as error:
            problems.append(Problem(error.what, error.remedy))
    slots, steps, at_once = [], {}, 1
    devices = "cells run on the study's cluster"
    if not study.cluster.used:
        devices = "cells cannot run here"
        try:
            devices = choose(study.execution.devices).line
            slots = slots_of(study.execution)
            at_once = cells_at_once(study, slots, study.execution.group * len(slots))
            steps = {} if problems else _steps(study, slots, at_once, reporter)
        except AblationError as error:
            problems.append(Problem(error.what, error.remedy))
    return Checkup(
        study=study.name,
        versions=machine.versions(),
        processor=machine.processor(),
        cores=core_count(),
        memory_bytes=machine.memory_bytes(),
        cards=cards(),
        free_bytes={
            str(folder): machine.free_bytes(folder) for folder in (results, cache_folder())
        },
        devices=devices,
        slots=tuple(slots),
        step_seconds=steps,
        cells_at_once=at_once,
        not_installed=machine.lacking(),
        problems=tuple(problems),
    )


def _steps(study: Study, slots: list[Slot], at_once: int, reporter: Reporter) -> dict[str, float]:
    spec = study.features
    shape = Shape(min(10, spec.height), min(2, spec.width))  # the paper's best height
    cell = Cell(CellKind.PROBE, (shape,), spec.window_ms, 0, "")
    segments = (spec.width,) * 4 * study.training.batch_size
    task = without_data(cell, study, ("a", "b", "c", "d"))
    trial = Trial(task, Lengths(segments, segments[:8]), at_once)
    with reporter.task("measured", unit="cells") as count:
        measured = measure([trial], slots, count)
    return {device: found[0].step_seconds for device, found in measured.items()}


def lines(found: Checkup) -> Iterator[str]:
    """Yield the check-up as lines for people; reporting problems is left to the caller."""
    known = dict(found.versions)
    yield f"ablation {known.pop('ablation')}, Python {known.pop('python')} at {sys.executable}"
    yield "with " + ", ".join(f"{name} {number}" for name, number in known.items() if number)
    yield f"system: {platform.platform()}"
    yield f"processor: {found.processor}; {counted(found.cores, 'core')} can be used"
    if found.memory_bytes is not None:
        yield f"memory: {size(found.memory_bytes)}"
    for card in found.cards.found:
        fault = f", cannot be used: {card.fault}" if card.fault else ""
        yield f"{card.device}: {card.name or 'a GPU'}, {size(card.memory_bytes)}{fault}"
    if not found.cards.found:
        yield f"CUDA: {found.cards.none}"
    for folder, free in found.free_bytes.items():
        yield f"disk: {size(free)} free for {folder}{', almost full' if free < _FULL else ''}"
    yield f"study {found.study}: {found.devices}"
    for slot, number in Counter(found.slots).items():
        threads = counted(slot.threads, "thread")
        yield f"{counted(number, 'worker')} of {threads} on {slot.device}"
    for device, seconds in found.step_seconds.items():
        several, took = found.cells_at_once > 1, seconds * found.cells_at_once
        what = f"{found.cells_at_once} small probes at once" if several else "a small probe"
        yield (
            f"a step of {what} on {device}: {1000 * took:.1f} ms with all workers busy; "
            f"1000 steps take {duration(1000 * took)}"
        )
    for part in found.not_installed:
        yield f"not installed: {part.lacks}; to install: {part.command}"


def as_json(found: Checkup) -> dict[str, Any]:
    """Return the check-up for scripts; sizes in bytes, times in seconds."""
    parts = [{"lacks": part.lacks, "install": part.command} for part in found.not_installed]
    return {**asdict(found), "not_installed": parts}
