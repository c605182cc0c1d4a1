"""Groups of cells on a stand-in for a card: a cell's rows are its own, whatever is trained beside
it and however it ends."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from one_thread import one_thread  # noqa: F401 - used by every test
from running import lasting, train

from ablation.device import CPU, INTERPRETER
from ablation.errors.execution import CellOutOfMemory
from ablation.executors import Slot
from ablation.features.cache import Entry
from ablation.runs.groups import group_size, grouped
from ablation.study import CellKind, ExecutionSpec, Shape, Study
from ablation.training import group as grouping
from ablation.training.compute import Compute
from ablation.training.task import Cell, CellTask, FoldData, Outcome, Sample
from ablation.training.worker import train_cells

pytest.importorskip("triton", reason="Triton is made for Linux alone")
pytest.importorskip("interpreting")

SMALL = {  # segments of 16 x 24
    "sample_rate": 8000, "n_fft": 160, "window_ms": 20, "hop_ms": 40, "max_hz": 800,
    "segment_s": 0.96, "train_hop_s": 0.96, "test_hop_s": 2, "normalise": "minmax",
}  # fmt: skip
CLASSES = ("low", "middle", "high")
SPEAKERS = ("a", "b", "c")

Make = Callable[..., list[CellTask]]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Noise that is louder in one of three bands; speakers have different numbers of segments."""
    folder, rng = tmp_path_factory.mktemp("spectrograms"), np.random.default_rng(0)
    found = []
    for number in range(9):
        frames, label = int(rng.integers(24, 80)), number % 3
        array = rng.random((16, frames), np.float32) ** 3
        array[5 * label : 5 * label + 5] *= np.float32(1.4)
        path = folder / f"{number:032x}-{frames}.npy"
        np.save(path, array)
        found.append(Sample(f"u{number}", SPEAKERS[number % 3], label, Entry(path, frames)))
    return found


@pytest.fixture(scope="module")
def make(samples: list[Sample]) -> Make:
    def make(
        shape: tuple[int, int] = (4, 2),
        seeds: tuple[int, ...] = (0,),
        features: dict[str, object] | None = None,
        probe: dict[str, object] | None = None,
        **training: object,
    ) -> list[CellTask]:
        usual = {
            "steps": 3, "batch_size": 3, "schedule": "constant", "learning_rate": 0.05,
        }  # fmt: skip
        study = Study.model_validate(
            {
                "features": SMALL | (features or {}),
                "probe": {"filters": 4} | (probe or {}),
                "training": usual | training,
            }
        )

        def fold(name: str) -> FoldData:
            train = tuple(s for s in samples if s.speaker != name)
            test = tuple(s for s in samples if s.speaker == name)
            return FoldData(name, (name,), train, test)

        return [
            CellTask(
                Cell(CellKind.PROBE, (Shape(*shape),), 20.0, seed, name),
                study,
                CLASSES,
                "d",
                fold(name),
            )
            for seed in seeds
            for name in SPEAKERS
        ]

    return make


def bits(outcome: Outcome) -> tuple[object, ...]:
    """All of a cell that two runs must agree on to the last bit."""
    assert not outcome.failed, outcome.row["error"]
    row = {k: v for k, v in outcome.row.items() if k not in ("started_at", "train_seconds")}
    return row, outcome.predictions, outcome.epochs


def on_card(tasks: list[CellTask]) -> list[Outcome]:
    return train_cells(tasks, INTERPRETER)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "averaging": 0.9, "label_smoothing": 0.1},
        {"optimizer": "adamw", "epochs": 1, "steps": None},  # folds end after different steps
        {"shape": (2, 5), "probe": {"bias": True, "dilation": [1, 2]}},
        {"features": {"scope": "corpus"}},
        {"probe": {"precision": "bf16"}, "optimizer": "adam"},
    ],
    ids=["sgd", "epochs", "dilated", "corpus", "bf16"],
)
def test_rows_do_not_depend_on_the_group(make: Make, settings: dict[str, object]) -> None:
    """Alone, in another order with another seed beside them, or all together."""
    tasks = make(**settings)
    together = on_card(tasks)
    alone = on_card(tasks[1:2])
    seeds = make(**settings, seeds=(1, 0))
    mixed = on_card([seeds[0], tasks[2], tasks[0]])
    assert bits(together[1]) == bits(alone[0])
    assert bits(together[2]) == bits(mixed[1])
    assert bits(together[0]) == bits(mixed[2])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_group_learns_what_the_cpu_learns(make: Make, optimizer: str) -> None:
    """Whose gradients are autograd's; a few steps, in which nothing grows apart."""
    settings = {"optimizer": optimizer, "averaging": 0.5, "weight_decay": 0.1}
    tasks = make(**settings)[:2]
    for ours, cpu in zip(on_card(tasks), train_cells(tasks, CPU), strict=True):
        assert ours.row["train_loss"] == pytest.approx(cpu.row["train_loss"], rel=1e-5)
        for one, other in zip(ours.predictions, cpu.predictions, strict=True):
            assert one["score_low"] == pytest.approx(other["score_low"], rel=1e-3, abs=1e-5)


def test_segments_without_room_are_brought_for_every_step(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = make()[:2]
    kept = on_card(tasks)
    monkeypatch.setattr(grouping, "available_bytes", lambda _device: 1000)
    brought = on_card(tasks)
    assert [bits(one) for one in kept] == [bits(one) for one in brought]


def lost_in(fold: str, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the probes of one fold begin with a weight that is not a number."""
    initial = grouping.initial_probe

    def broken(task: CellTask, compute: Compute) -> torch.nn.Module:
        probe = initial(task, compute)
        if task.cell.fold == fold:
            with torch.no_grad():
                getattr(probe, layer).weight.view(-1)[0] = float("nan")
        return probe

    monkeypatch.setattr(grouping, "initial_probe", broken)


def test_a_cell_that_diverges_goes_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others have the bits that they have without it, and it says what it says alone."""
    tasks = make()
    whole = on_card(tasks)
    lost_in("b", "linear", monkeypatch)
    together, (alone,) = on_card(tasks), on_card(tasks[1:2])
    assert together[1].failed and alone.failed
    assert together[1].row["error"] == alone.row["error"]
    assert "DivergedError" in alone.row["error"]
    assert [bits(together[k]) for k in (0, 2)] == [bits(whole[k]) for k in (0, 2)]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("shape", [(4, 2), (16, 9)], ids=str)
@pytest.mark.parametrize("layer", ["conv", "norm"])
def test_what_is_lost_below_a_relu_reaches_the_loss(
    make: Make, monkeypatch: pytest.MonkeyPatch, layer: str, shape: tuple[int, int], precision: str
) -> None:
    """In kernels of both kinds: no such score is above a threshold, nor below."""
    lost_in("b", layer, monkeypatch)
    (outcome,) = on_card(make(shape=shape, probe={"precision": precision}, steps=1)[1:2])
    assert "DivergedError" in outcome.row["error"]


def test_a_cell_without_its_data_goes_alone(make: Make) -> None:
    """A spectrogram that only one fold needs cannot be read."""
    tasks = make()
    whole = on_card(tasks[:1])
    fold = tasks[1].fold
    missing = Sample("gone", "z", 0, Entry(Path("/nowhere/0-30.npy"), 30))
    without = FoldData(fold.name, fold.test_speakers, (*fold.train, missing), fold.test)
    task = CellTask(tasks[1].cell, tasks[1].study, CLASSES, "d", without)
    first, second = on_card([tasks[0], task])
    assert bits(first) == bits(whole[0])
    assert second.failed
    assert "DamagedSpectrogram" in second.row["error"]


def test_memory_for_fewer_cells_makes_smaller_groups(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = make()
    whole = on_card(tasks)
    trained, most = grouping.Group.trained, 2

    def limited(group: grouping.Group) -> Sequence[object]:
        if len(group.tasks) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return trained(group)

    monkeypatch.setattr(grouping.Group, "trained", limited)
    assert [bits(one) for one in on_card(tasks)] == [bits(one) for one in whole]
    most = 0
    with pytest.raises(CellOutOfMemory):
        on_card(tasks)


def test_what_a_group_is_made_of(make: Make) -> None:
    """Cells of one shape and one study, in their order, taken as they are needed."""
    one, other = make(seeds=(0, 1)), make(shape=(5, 2))
    taken: list[CellTask] = []

    def stream() -> Iterator[CellTask]:
        for task in [*one, *other]:
            taken.append(task)
            yield task

    groups = grouped(stream(), 4)
    assert next(groups) == tuple(one[:4])
    assert len(taken) == 5
    assert [list(group) for group in groups] == [one[4:], other]
    networks = [
        CellTask(Cell(CellKind.NETWORK, (), 20.0, 0, t.cell.fold), t.study, CLASSES, "d", t.fold)
        for t in one[:2]
    ]
    assert [len(group) for group in grouped(networks, 4)] == [1, 1]


def test_every_card_gets_work() -> None:
    cards = [Slot("cuda:0", 1), Slot("cuda:1", 1)]
    assert group_size(ExecutionSpec(), cards, 10) == 5
    assert group_size(ExecutionSpec(), cards, 270) == ExecutionSpec().group
    assert group_size(ExecutionSpec(group=3), cards, 270) == 3
    assert group_size(ExecutionSpec(), [*cards, Slot(CPU, 1)], 270) == 1


RUN = [
    *("--devices", INTERPRETER, "--workers", "1", "--set", "features.segment_s=0.24"),
    *("--set", "features.test_hop_s=0.24", "--set", "training.batch_size=4"),
    *("--set", "training.steps=1"),
]


def test_a_run_whole_and_in_shards(tmp_path: Path, tiny_study: Path) -> None:
    """Whose groups are others."""
    options = ("grid", "--study", tiny_study, "--axis", "height", "--values", "2", *RUN)
    for name, parts in {"whole": [()], "shards": [("--shard", "0/2"), ("--shard", "1/2")]}.items():
        (tmp_path / name).mkdir()
        for part in parts:
            train(*options, *part, cwd=tmp_path / name)
    whole, shards = (lasting(tmp_path / name / "results/tiny") for name in ("whole", "shards"))
    assert len(whole["probes"]) == 4
    for table in ("probes", "predictions", "epochs"):
        assert whole[table].equals(shards[table])
