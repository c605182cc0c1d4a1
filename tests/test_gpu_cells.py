"""Cells on a stand-in for a card: its kernels interpreted, its data kept apart, as on a card."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from emodb_fold import CLASSES, emodb_fold
from one_thread import one_thread  # noqa: F401 - used by every test

from ablation.device import CPU, INTERPRETER
from ablation.features import batches as feeding
from ablation.features.batches import HostFeed, ResidentFeed, StreamedFeed, feeds
from ablation.features.cache import Entry
from ablation.features.segment_dataset import SegmentDataset
from ablation.models.probe import SinglePassProbe
from ablation.models.probe.moments import MomentSums
from ablation.study import CellKind, FeaturesSpec, Shape, Study
from ablation.training import group as grouping
from ablation.training import segment_moments as moments
from ablation.training.task import Cell, CellTask, FoldData, Outcome
from ablation.training.worker import train_cell

pytest.importorskip("triton", reason="Triton is made for Linux alone")
pytest.importorskip("interpreting")

SMALL = {  # segments of 16 x 24
    "sample_rate": 8000,
    "n_fft": 160,
    "window_ms": 20,
    "hop_ms": 40,
    "max_hz": 800,
    "segment_s": 0.96,
    "train_hop_s": 0.96,
    "test_hop_s": 2,
    "normalise": "minmax",
}


def study(**training: object) -> Study:
    fast = {
        "steps": 5,
        "batch_size": 4,
        "schedule": "constant",
        "optimizer": "adam",
        "learning_rate": 0.05,
    }
    tables = {"corpus": {"name": "emodb"}, "features": SMALL, "probe": {"filters": 8}}
    return Study.model_validate(tables | {"training": fast | {"learning_rate": 0.05} | training})


@pytest.fixture(scope="module")
def whole(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> FoldData:
    return emodb_fold(speech, study().features, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def fold(whole: FoldData) -> FoldData:
    """Of few recordings: interpreted kernels are slow, and most of what follows asks about bits."""
    return replace(whole, train=whole.train[::8], test=whole.test[::12])


USUAL = Shape(4, 2)


def cell(fold: FoldData, device: str, shape: Shape = USUAL, **training: object) -> Outcome:
    task = CellTask(
        Cell(CellKind.PROBE, (shape,), 20.0, 0, fold.name), study(**training), CLASSES, "d", fold
    )
    outcome = train_cell(task, device)
    assert not outcome.failed, outcome.row["error"]
    assert outcome.row["device"] == device
    return outcome


def bits(outcome: Outcome) -> tuple[object, ...]:
    """All numbers of a cell that two runs must agree on to the last bit."""
    row = {k: v for k, v in outcome.row.items() if k not in ("started_at", "train_seconds")}
    return row, outcome.predictions, outcome.epochs


def agreement(one: Outcome, other: Outcome) -> float:
    said = [[p["predicted"] for p in outcome.predictions] for outcome in (one, other)]
    return float(np.mean([a == b for a, b in zip(*said, strict=True)]))


def test_a_card_says_what_the_cpu_says(whole: FoldData) -> None:
    """After sixty steps, and having learnt something."""
    on_cpu, on_card = (cell(whole, device, steps=60) for device in (CPU, INTERPRETER))
    assert agreement(on_cpu, on_card) >= 0.98
    assert len({p["predicted"] for p in on_card.predictions}) > 1
    assert on_card.row["train_loss"] == pytest.approx(on_cpu.row["train_loss"], rel=1e-3)


def test_a_cells_bits_are_its_own(fold: FoldData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ran before it in its process, and whatever is kept."""
    first = cell(fold, INTERPRETER)
    cell(fold, INTERPRETER, Shape(1, 3), steps=1)
    for room in (feeding, grouping):
        monkeypatch.setattr(room, "available_bytes", lambda _device: 1 << 20)  # not for all of it
    assert bits(cell(fold, INTERPRETER)) == bits(first)


def test_a_launch_that_finds_no_memory_is_halved(
    fold: FoldData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a cell whose segments change in every step, which is trained alone."""
    augmented = {"augment": {"time_mask": 0.2}}
    first = cell(fold, INTERPRETER, **augmented)
    refused = out_of_memory_beyond(2, monkeypatch)
    assert bits(cell(fold, INTERPRETER, **augmented)) == bits(first)
    assert refused


def test_a_recording_may_belong_to_several_utterances(fold: FoldData) -> None:
    """As in a manifest that lists a recording twice, or two that are the same."""
    few = fold.train[:6]
    twice = replace(fold, train=(*few, *(replace(one, id=f"{one.id} again") for one in few)))
    on_cpu, on_card = (cell(twice, device, steps=12) for device in (CPU, INTERPRETER))
    assert on_card.row["train_loss"] == pytest.approx(on_cpu.row["train_loss"], rel=1e-3)


def test_streaming_changes_no_bit(fold: FoldData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a cell whose segments are changed in every step."""
    augmented = {"augment": {"time_mask": 0.2, "frequency_warp": 0.1}}
    resident = cell(fold, INTERPRETER, **augmented)
    feeding._last.clear()
    monkeypatch.setattr(feeding, "available_bytes", lambda _device: 1000)
    monkeypatch.setattr(feeding, "_PIECE_BYTES", 10_000)  # of one or two batches
    monkeypatch.setattr(feeding, "ResidentFeed", None)  # may not be called
    assert bits(cell(fold, INTERPRETER, **augmented)) == bits(resident)


def out_of_memory_beyond(segments: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A card that has no memory for launches of more segments; those that were refused."""
    from ablation.models.probe.cuda import passes

    refused: list[int] = []
    launch = passes.launch

    def limited(kernel: Callable, grid: tuple[int, ...], *rest: object, **more: object) -> None:
        if grid[0] > segments and kernel is passes.kernels.all_sums:
            refused.append(grid[0])
            raise torch.OutOfMemoryError("CUDA out of memory")
        launch(kernel, grid, *rest, **more)

    monkeypatch.setattr(passes, "launch", limited)
    return refused


def test_without_memory_for_a_single_segment_the_cell_is_given_up(
    fold: FoldData, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ablation.errors import MemoryShortage

    out_of_memory_beyond(0, monkeypatch)
    with pytest.raises(MemoryShortage):
        cell(fold, INTERPRETER)


def test_moments_of_a_batch_are_those_of_its_segments() -> None:
    """Made one by one or many together, upright or on their side, larger than the segment."""
    torch.manual_seed(0)
    segments = torch.rand(18, 1, 12, 16)
    for shape in ((1, 1), (5, 2), (2, 7), (14, 3), (3, 20)):
        probe = SinglePassProbe(*shape, 4, 3)
        every = probe.moment_sums(segments)
        for number in (0, 16, 17):
            alone = probe.moment_sums(segments[number : number + 1])
            assert torch.allclose(alone.first[0], every.first[number], rtol=1e-13)
            assert torch.allclose(alone.second[0], every.second[number], rtol=1e-12, atol=1e-11)
        given = MomentSums(every.first.sum(0), every.second.sum(0))
        assert torch.allclose(probe(segments, given), probe(segments), rtol=1e-5, atol=1e-6)


def test_moments_are_kept_only_where_they_fit(
    fold: FoldData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew in every step, they are the same up to rounding."""
    kept = cell(fold, CPU)
    monkeypatch.setattr(moments, "MOST_BYTES", {"cpu": 1, "card": 1})
    calls = []
    monkeypatch.setattr(SinglePassProbe, "moment_sums", lambda *_: calls.append(1))
    made = cell(fold, CPU)
    assert not calls
    assert agreement(kept, made) >= 0.98
    assert made.row["train_loss"] == pytest.approx(kept.row["train_loss"], rel=1e-4)


@pytest.fixture
def banks(tmp_path: Path) -> Callable[..., tuple[SegmentDataset, SegmentDataset]]:
    rng = np.random.default_rng(0)
    entries = []
    for number, frames in enumerate((24, 60, 97)):
        path = tmp_path / f"{number}-{frames}.npy"
        np.save(path, (rng.random((16, frames)) ** 3).astype(np.float32))
        entries.append(Entry(path, frames))

    def make(**features: object) -> tuple[SegmentDataset, SegmentDataset]:
        spec = FeaturesSpec.model_validate(SMALL | features)
        return SegmentDataset.pair((entries[:2], [0, 1]), (entries[2:], [1]), spec)

    return make


@pytest.mark.parametrize("scope", ["segment", "utterance", "corpus"])
@pytest.mark.parametrize("scale", ["magnitude", "power", "log"])
def test_every_way_to_a_device_brings_the_same_segments(
    banks: Callable[..., tuple[SegmentDataset, SegmentDataset]], scope: str, scale: str,
) -> None:  # fmt: skip
    train_bank, test_bank = banks(scope=scope, scale=scale)
    device = torch.device("cpu")
    kept, scored = feeds([train_bank, test_bank], device, steady=True)
    gathered, _ = feeds([train_bank, test_bank], device)
    assert isinstance(kept, ResidentFeed) and kept.kept is not None
    assert isinstance(gathered, ResidentFeed) and gathered.kept is None
    ways = {"kept": kept, "gathered": gathered, "streamed": StreamedFeed(train_bank, device)}
    order = list(torch.randperm(len(train_bank)).split(2))
    for louder in (None, [torch.linspace(-6, 6, len(numbers)) for numbers in order]):
        expected = list(HostFeed(train_bank).batches(order, louder))
        found = {name: list(feed.batches(order, louder)) for name, feed in ways.items()}
        for name, batches in found.items():
            for batch, host, same in zip(batches, expected, found["kept"], strict=True):
                assert torch.equal(batch.segments, same.segments), name
                assert torch.equal(batch.labels, host.labels)
                assert torch.equal(batch.places, host.places)
                assert torch.allclose(batch.segments, host.segments, atol=2e-6), name
    every = [torch.arange(len(test_bank))]
    (one,), (other,) = HostFeed(test_bank).batches(every), scored.batches(every)
    assert torch.allclose(one.segments, other.segments, atol=2e-6)


@pytest.mark.parametrize("scope", ["segment", "utterance", "corpus"])
def test_a_network_of_all_speakers_is_scored_on_nobody(
    banks: Callable[..., tuple[SegmentDataset, SegmentDataset]], scope: str
) -> None:
    """As the final network is trained: nothing is fed for scoring, wherever the data are."""
    train_bank, _ = banks(scope=scope)
    nobody = SegmentDataset([], [], train_bank.spec, "test", train_bank.corpus_range)
    device = torch.device("cpu")
    trained, scored = feeds([train_bank, nobody], device)
    assert len(list(trained.batches([torch.arange(2)]))) == 1
    assert len(scored) == 0
    assert len(StreamedFeed(nobody, device)) == 0
