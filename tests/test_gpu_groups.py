"""Groups of cells on a stand-in for a card: a cell's rows are its own, whatever is trained beside
it and however it ends."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from one_thread import one_thread  # noqa: F401 - used by every test
from running import assert_same, command, lasting, train
from tasks import killed_by_b
from torch.nn import functional

from ablation.device import CPU, INTERPRETER
from ablation.errors.execution import CellOutOfMemory
from ablation.executors import LocalExecutor, Slot
from ablation.features.cache import Entry
from ablation.models.probe import ReferenceProbe, SinglePassProbe
from ablation.results import ResultStore
from ablation.runs.collector import ResultCollector, Tally
from ablation.runs.groups import group_size, grouped
from ablation.study import CellKind, ExecutionSpec, Shape, Study, TrainingSpec
from ablation.training import group as grouping
from ablation.training.compute import Compute
from ablation.training.segment_moments import moment_rows
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
    return row, outcome.predictions, outcome.epochs, outcome.checkpoints


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


def ones_step(
    probe: SinglePassProbe, segments: torch.Tensor, labels: torch.Tensor, spec: TrainingSpec
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], float]:
    """Train a group of this probe alone for a step; return its gradients, its state and loss."""
    from ablation.models.probe.cuda.group import ProbeGroup, Schedule
    from ablation.models.probe.cuda.passes import CardPass

    n, (rows, columns) = len(segments), segments.shape[2:]
    way = CardPass(probe.conv.weight.shape[2:], (rows, columns), "float32")
    kept = way.room(n, segments.device)
    way.put(segments[:, 0], kept)
    group = ProbeGroup([probe], way, spec, moment_rows(probe, segments))
    places = torch.arange(n, dtype=torch.int32)[None, None].clone()
    count = torch.tensor([[n]], dtype=torch.int32)
    rates = torch.tensor([[[spec.learning_rate, 0.1, 0.001, 1.0]]], dtype=torch.float64)
    group.run(Schedule(places, labels.int()[None, None].clone(), count, rates), kept)
    loss, _ = group.results(1)
    gradients = group.gradients_of(0)
    after = SinglePassProbe(*way_sizes(probe))
    group.unpack(0, after)
    return gradients, after.state_dict(), float(loss) / n


def way_sizes(probe: ReferenceProbe) -> tuple[int, int, int, int, bool]:
    height, width = probe.conv.weight.shape[2:]
    filters, classes = probe.linear.in_features, probe.linear.out_features
    return height, width, filters, classes, probe.conv.bias is not None


@settings(max_examples=6)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(2, 5)),
    st.booleans(),
    st.sampled_from([0.0, 0.1]),
    st.integers(0, 2**32 - 1),
)
@example((16, 2, 16, 3), False, 0.0, 0)
@example((2, 12, 5, 2), True, 0.1, 1)
def test_a_step_is_that_of_autograd(
    sizes: tuple[int, int, int, int], bias: bool, smoothing: float, seed: int
) -> None:
    """Loss, gradients, running statistics and the weights after it, against float64.

    Sums in float32 of a few thousand terms are within 1e-5; a score that rounding may bring across
    0 would count for more, so no example has one.
    """
    height, width, filters, classes = sizes
    torch.manual_seed(seed)
    segments = torch.rand(3, 1, 12, 16) ** 2
    labels = torch.arange(3) % classes
    spec = TrainingSpec(
        steps=1, epochs=None, optimizer="sgd", learning_rate=0.1, weight_decay=0.01,
        label_smoothing=smoothing,
    )  # fmt: skip
    probe = SinglePassProbe(height, width, filters, classes, bias)
    with torch.no_grad():
        for parameter in probe.parameters():
            parameter.copy_(torch.randn(parameter.shape) / 2)
    truth = ReferenceProbe(height, width, filters, classes, bias).double()
    truth.load_state_dict(probe.state_dict())
    below: list[torch.Tensor] = []
    truth.norm.register_forward_hook(lambda _module, _given, score: below.append(score))
    loss = functional.cross_entropy(truth(segments.double()), labels, label_smoothing=smoothing)
    assume(float(below[0].detach().abs().min()) > 1e-5)
    loss.backward()
    expected = {name: p.grad.clone() for name, p in truth.named_parameters()}
    torch.optim.SGD(truth.parameters(), 0.1, 0.9, weight_decay=0.01, nesterov=True).step()

    gradients, after, found = ones_step(probe, segments, labels, spec)
    assert found == pytest.approx(float(loss), rel=1e-5)
    scale = max(float(gradient.norm()) for gradient in expected.values())
    for name, gradient in expected.items():
        assert (gradients[name].double().reshape(gradient.shape) - gradient).norm() <= 1e-5 * scale
    for name, value in truth.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(after[name].double(), value, rtol=1e-5, atol=1e-6 * scale), name


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


@pytest.mark.long
def test_a_cell_that_kills_its_worker_goes_alone(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of its group are trained, and have the rows that they have without it."""
    monkeypatch.setattr("ablation.executors.local.TRIES", 1)
    tasks = make()
    tally, said = Tally(cells=3, stored=0), []
    with LocalExecutor([Slot(INTERPRETER, 1)], print).pool(killed_by_b) as pool:
        collector = ResultCollector(pool, ResultStore(tmp_path), tally, said.append, together=3)
        collector.submit(tasks)
        ended = {task.cell.fold: outcome for batch in collector.ended() for task, outcome in batch}
    assert ended["b"].failed and len(said) == tally.trained - 1 == 1
    for task in (tasks[0], tasks[2]):
        assert bits(ended[task.cell.fold]) == bits(on_card([task])[0])


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


@pytest.fixture(scope="module")
def grid(tiny_study: Path) -> list[str]:
    return ["grid", "--study", str(tiny_study), "--axis", "height", "--values", "2", *RUN]


@pytest.fixture(scope="module")
def whole(grid: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one run, in groups of four."""
    folder = tmp_path_factory.mktemp("whole")
    train(*grid, cwd=folder)
    assert len(lasting(folder / "results/tiny")["probes"]) == 4
    return folder / "results/tiny"


def test_shards_are_the_whole(grid: list[str], whole: Path, tmp_path: Path) -> None:
    """Whose groups are others."""
    for part in ("0/2", "1/2"):
        train(*grid, "--shard", part, cwd=tmp_path)
    shards, all_of_it = lasting(tmp_path / "results/tiny"), lasting(whole)
    for table in ("probes", "predictions", "epochs"):
        assert all_of_it[table].equals(shards[table])


@pytest.mark.long
def test_two_runs_at_once_with_other_groups_lose_and_double_nothing(
    grid: list[str], whole: Path, tmp_path: Path
) -> None:
    """One of them hands out single cells."""
    runs = [
        subprocess.Popen(
            command([*grid, "--set", f"execution.group={most}"]), cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for most in (1, 16)
    ]  # fmt: skip
    for run in runs:
        said = run.communicate(timeout=240)[1]
        assert run.returncode == 0, said
    assert_same(whole, tmp_path / "results/tiny")


def killed(arguments: Sequence[str], table: str, folder: Path) -> None:
    """Start a run; driver and worker die by kill -9 after its first rows."""
    with subprocess.Popen(
        command(arguments), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:  # fmt: skip
        deadline = time.monotonic() + 240
        while not list(folder.glob(f"results/tiny/{table}*/*.parquet")):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGKILL)


def test_a_killed_run_goes_on(grid: list[str], whole: Path, tmp_path: Path) -> None:
    killed([*grid, "--set", "execution.group=2"], "probes", tmp_path)
    assert "were stored before" in train(*grid, cwd=tmp_path).stderr
    assert_same(whole, tmp_path / "results/tiny")


@pytest.mark.long
def test_a_killed_promotion_goes_on(tiny_study: Path, tmp_path: Path) -> None:
    """Networks are groups of one; those that were stored are not trained again."""
    promote = ["promote", "--study", str(tiny_study), "--shapes", "2x2", "--no-final", *RUN[:4]]
    both = [tmp_path / "killed", tmp_path / "whole"]
    for folder in both:
        folder.mkdir()
    killed(promote, "networks", both[0])
    for folder in both:
        train(*promote, cwd=folder)
    first, second = (lasting(folder / "results/tiny")["networks"] for folder in both)
    assert len(first) == 4 and first.equals(second)
    (engine,) = set(first["engine"])  # bf16 where this processor is fast at it
    assert engine.startswith("torch ") and engine.endswith(" captured")
