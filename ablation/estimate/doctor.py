"""``ablate doctor``: what a run here would use, what is missing, and how long a step takes."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ablation.errors import AblationError, counted
from ablation.estimate import machine
from ablation.executors import Slot, choose
from ablation.executors.cards import Cards, cards
from ablation.files import cache_folder
from ablation.progress import Reporter, duration, size
from ablation.runs.runner import slots_of
from ablation.study import Shape, Study

_SHAPES = (Shape(10, 2), Shape(100, 2))  # the paper's best height, and the tallest it tried
_REINSTALL = "install again: pip install -c constraints.txt -e ."
_FULL = 1e9  # free bytes below which a disk counts as almost full


@dataclass(frozen=True)
class Step:
    """How long a step of the probe takes on a device while ``workers`` run at once."""

    shape: str
    device: str
    workers: int
    seconds: float


@dataclass(frozen=True)
class Problem:
    """Something broken that every run needs, and what to do about it."""

    what: str
    remedy: str


@dataclass(frozen=True)
class Checkup:
    """Everything that the check-up found.

    Attributes
    ----------
    cards
        The GPUs that torch sees, with the faults of those that cannot be used.
    taken
        A line that says which devices the study's runs take on this machine.
    slots
        Where the study's cells would run on this machine; empty if they would not.
    cluster
        The cluster on which they would run instead; empty if none.
    lacking
        Optional parts that are not installed.
    problems
        What keeps runs from working here.
    """

    study: Study
    versions: Mapping[str, str | None]
    processor: machine.Processor
    memory_bytes: int | None
    cards: Cards
    taken: str
    places: Mapping[str, machine.Place]
    slots: tuple[Slot, ...]
    cluster: str
    steps: tuple[Step, ...]
    lacking: tuple[machine.Part, ...]
    problems: tuple[Problem, ...]


def check_up(study: Study, results: Path, reporter: Reporter) -> Checkup:
    """Check everything and measure a step; raise nothing for what is missing or broken."""
    problems = [Problem(fault, _REINSTALL) for fault in machine.unloadable()]
    places = {"results": machine.place(results), "cache": machine.place(cache_folder())}
    problems += [Problem(p.fault, p.remedy) for p in places.values() if p.fault]
    cluster = _cluster(study)
    slots: tuple[Slot, ...] = ()
    steps: tuple[Step, ...] = ()
    taken = ""
    if not cluster and not problems:
        try:
            taken = choose(study.execution.devices).line
            slots = tuple(slots_of(study.execution))
            steps = tuple(_steps(study, slots, reporter))
        except AblationError as error:
            problems.append(Problem(error.what, error.remedy))
    return Checkup(
        study=study,
        versions=machine.versions(),
        processor=machine.processor(),
        memory_bytes=machine.memory_bytes(),
        cards=cards(),
        taken=taken,
        places=places,
        slots=slots,
        cluster=cluster,
        steps=steps,
        lacking=tuple(machine.lacking()),
        problems=tuple(problems),
    )


def _cluster(study: Study) -> str:
    spec = study.cluster
    if not spec.used:
        return ""
    if spec.address is not None:
        return f"the scheduler at {spec.address}"
    return f"{counted(spec.jobs, 'job')} of {spec.system}, {counted(spec.processes, 'worker')} each"


def _steps(study: Study, slots: tuple[Slot, ...], reporter: Reporter) -> Iterator[Step]:
    """Measure a step of each shape on each device, on all of its slots at once."""
    # Loads torch.
    from ablation.estimate.measuring import Lengths, measure_shapes

    spec = study.features
    shapes = list(
        dict.fromkeys(Shape(min(h, spec.height), min(w, spec.width)) for h, w, _ in _SHAPES)
    )
    one_segment = (spec.width,) * 32
    for device in dict.fromkeys(slot.device for slot in slots):
        own = [slot for slot in slots if slot.device == device]
        with reporter.task(f"measured on {device}", unit="steps") as count:
            lengths = Lengths(one_segment, one_segment)
            paces = measure_shapes(study, ("a", "b", "c", "d"), shapes, lengths, own, count)
        for pace in paces.values():
            for shape, seconds in pace.step_seconds(shapes).items():
                yield Step(str(shape), device, len(own), seconds)


def lines(found: Checkup) -> Iterator[str]:
    """Yield the check-up as lines for people; reporting problems is left to the caller."""
    known = dict(found.versions)
    yield f"ablation {known.pop('ablation')}, Python {known.pop('python')} on {machine.system()}"
    yield "with " + ", ".join(f"{name} {number}" for name, number in known.items() if number)
    cpu = found.processor
    kernels = "no compiled kernels" if cpu.vector_bits is None else f"{cpu.vector_bits}-bit vectors"
    yield f"processor: {cpu.name}, {kernels}{', bfloat16 products' if cpu.bf16 else ''}"
    yield f"cores: {cpu.cores} of {cpu.cores_there} can be used"
    if found.memory_bytes is not None:
        yield f"memory: {size(found.memory_bytes)}"
    for card in found.cards.found:
        fault = f", cannot be used: {card.fault}" if card.fault else ""
        yield f"{card.device}: {card.name or 'a GPU'}, {size(card.memory_bytes)}{fault}"
    if not found.cards.found:
        yield f"CUDA: {found.cards.none}"
    if found.taken:
        yield found.taken
    for name, place in found.places.items():
        state = "cannot be written to" if place.fault else f"{size(place.free_bytes)} free"
        few = ", almost full" if place.free_bytes < _FULL and not place.fault else ""
        yield f"{name}: {place.folder}, {state}{few}"
    yield f"study {found.study.name}: {_where(found)}"
    yield from _step_lines(found)
    for part in found.lacking:
        yield f"not installed: {part.lacks}; to install: {machine.install_line(part)}"


def _where(found: Checkup) -> str:
    if found.cluster:
        return f"cells run on {found.cluster}"
    counts: dict[Slot, int] = {}
    for slot in found.slots:
        counts[slot] = counts.get(slot, 0) + 1
    listed = [
        f"{counted(n, 'worker')} of {counted(slot.threads, 'thread')} on {slot.device}"
        for slot, n in counts.items()
    ]
    return ", ".join(listed) or "cells cannot run here"


def _step_lines(found: Checkup) -> Iterator[str]:
    spec, training = found.study.features, found.study.training
    for step in found.steps:
        beside = f" ({step.workers} at once)" if step.workers > 1 else ""
        thousand = duration(1000 * step.seconds)
        yield (
            f"a step of the probe {step.shape} on {step.device}: {1000 * step.seconds:.1f} ms"
            f"{beside}, {counted(training.batch_size, 'segment')} of {spec.height} x {spec.width}; "
            f"1000 steps take {thousand}"
        )


def as_json(found: Checkup) -> dict[str, Any]:
    """Return the check-up for scripts; sizes in bytes, times in seconds."""
    return {
        "versions": dict(found.versions),
        "processor": asdict(found.processor),
        "memory_bytes": found.memory_bytes,
        "cuda": [asdict(card) for card in found.cards.found],
        "no_cuda": found.cards.none,
        "places": {name: asdict(place) for name, place in found.places.items()},
        "study": found.study.name,
        "cluster": found.cluster,
        "slots": [asdict(slot) for slot in found.slots],
        "steps": [asdict(step) for step in found.steps],
        "not_installed": [
            {"part": part.name, "lacks": part.lacks, "install": machine.install_line(part)}
            for part in found.lacking
        ],
        "problems": [asdict(problem) for problem in found.problems],
    }
