"""Metrics, schedules, seeds, the probe, the network and the fit."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_features import entry_of

from ablation.features.bank import SegmentBank
from ablation.networks import POOLINGS, Network
from ablation.networks.poolings import AttentionPooling, AveragePooling, BilinearPooling
from ablation.probes import ENGINES, ReferenceProbe
from ablation.study import FeaturesSpec, NetworkSpec, TrainingSpec
from ablation.training.fit import fit, predict
from ablation.training.metrics import accuracies
from ablation.training.schedule import budget, learning_rate
from ablation.training.seeding import derived_seed, generator, seeded

CPU = torch.device("cpu")


def test_accuracies_by_hand() -> None:
    """Four neutral (three right), one angry (wrong), two sad (one right), no happy."""
    result = accuracies([0, 0, 0, 0, 2, 3, 3], [0, 0, 0, 1, 0, 3, 2], classes=4)
    assert result.n == (4, 0, 1, 2)
    assert result.correct == (3, 0, 0, 1)
    assert result.wa == pytest.approx(4 / 7)
    assert result.per_class == (0.75, None, 0.0, 0.5)
    assert result.ua == pytest.approx((0.75 + 0 + 0.5) / 3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_accuracies_lie_between_their_classes(pairs: list[tuple[int, int]]) -> None:
    result = accuracies([a for a, _ in pairs], [b for _, b in pairs], 4)
    present = [p for p in result.per_class if p is not None]
    assert min(present) - 1e-12 <= result.wa <= max(present) + 1e-12
    assert min(present) - 1e-12 <= result.ua <= max(present) + 1e-12
    assert sum(result.n) == len(pairs)


def test_the_papers_schedule() -> None:
    """0.05, a tenth from epoch 21 on, counted from 1, and so on (section 3.1)."""
    spec = TrainingSpec()
    total = budget(spec, segments=130)  # three steps an epoch, the last one small
    assert (total.steps, total.epochs) == (150, 50)
    rates = [learning_rate(spec, (epoch - 1) * 3, total) for epoch in (1, 20, 21, 30, 31, 41, 50)]
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.005, 5e-4, 5e-5, 5e-5])
    assert learning_rate(spec, 20 * 3 - 1, total) == pytest.approx(0.05)


def test_a_budget_in_steps_cuts_the_last_epoch() -> None:
    total = budget(TrainingSpec(steps=20, epochs=None), segments=64 * 3)
    assert (total.steps, total.epochs, total.steps_per_epoch) == (20, 7, 3)


def test_cosine_falls_from_the_full_rate_towards_zero() -> None:
    spec = TrainingSpec(schedule="cosine", steps=100, epochs=None)
    total = budget(spec, 640)
    rates = [learning_rate(spec, step, total) for step in range(100)]
    assert rates[0] == 0.05
    assert rates[50] == pytest.approx(0.025)
    assert all(a > b for a, b in itertools.pairwise(rates))
    assert 0 < rates[-1] < 1e-4


def test_seeds_have_names_and_leave_the_global_state_alone() -> None:
    assert derived_seed("init", 0, "10x2") != derived_seed("init", 0, "10x3")
    assert 0 <= derived_seed("x") < 2**63
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with seeded("anything"):
        inside = torch.rand(1)
    assert torch.equal(torch.rand(1), expected)
    with seeded("anything"):
        assert torch.equal(torch.rand(1), inside)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (10, 2), (2, 8), (7, 5)])
def test_a_probe_against_explicit_loops(engine: str, height: int, width: int) -> None:
    """Same-size zero padding (the extra zero on the far side), batch statistics, mean, linear."""
    with seeded("probe", height, width):
        probe = ENGINES[engine](height, width, filters=3, classes=4).double()
        x = torch.rand(2, 1, 12, 9, dtype=torch.float64)
    z = torch.zeros(2, 3, 12, 9, dtype=torch.float64)
    for i in range(12):
        for j in range(9):
            for a in range(height):
                for b in range(width):
                    p, q = i + a - (height - 1) // 2, j + b - (width - 1) // 2
                    if 0 <= p < 12 and 0 <= q < 9:
                        z[:, :, i, j] += x[:, 0, p, q, None] * probe.conv.weight[:, 0, a, b]
    mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
    normal = (z - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    expected = probe.linear(normal.clamp(min=0).mean((2, 3)))
    assert torch.allclose(probe(x), expected, atol=1e-12)


def test_the_papers_probe_has_its_parameters() -> None:
    probe = ReferenceProbe(10, 2, 16, 4)
    assert sum(p.numel() for p in probe.parameters()) == 16 * 20 + 2 * 16 + 16 * 4 + 4


def test_the_default_network_is_the_papers() -> None:
    spec = NetworkSpec()
    network = Network([(10, 2), (2, 8)], "bilinear", 4, spec)
    maps = network.backbone(torch.rand(2, 1, 40, 24))
    assert maps.shape == (2, 80, 10, 6)  # two 2x2 max-poolings, 80 channels
    assert network.pooling.linear.in_features == 6400
    assert [group[1].weight.shape for group in network.backbone.conv1] == [
        (8, 1, 10, 2),
        (8, 1, 2, 8),
    ]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_scores_every_class(pooling: str) -> None:
    network = Network([(3, 2)], pooling, 5, NetworkSpec(channels=[6], pools=[]))
    scores = network(torch.rand(3, 1, 8, 6))
    assert scores.shape == (3, 5)
    scores.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_attention_is_a_weighted_average_by_an_explicit_loop() -> None:
    with seeded("attention"):
        pooling = AttentionPooling(3, 2).double()
        x = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    a, b = pooling.top_down, pooling.bottom_up
    weights = [
        [(b.weight[0, :, 0, 0] @ x[0, :, i, j] + b.bias[0]).exp().item() for j in range(5)]
        for i in range(4)
    ]
    total = sum(map(sum, weights))
    expected = sum(
        weights[i][j] / total * (a.weight[:, :, 0, 0] @ x[0, :, i, j] + a.bias)
        for i in range(4)
        for j in range(5)
    )
    assert torch.allclose(pooling(x)[0], expected, atol=1e-12)
    literal = AttentionPooling(3, 2, literal=True).double()
    literal.load_state_dict(pooling.state_dict())
    assert torch.allclose(literal(x)[0], expected / 20, atol=1e-12)


@pytest.mark.parametrize("order", ["sqrt-l2", "l2-sqrt"])
def test_bilinear_features_by_hand(order: str) -> None:
    """X^T X of two positions and two channels."""
    x = torch.tensor([[[[1.0, -2.0]], [[3.0, 1.0]]]], dtype=torch.float64)
    product = torch.tensor([1 + 4, 3 - 2, 3 - 2, 9 + 1], dtype=torch.float64) / 2
    if order == "sqrt-l2":
        root = product.sign() * product.abs().sqrt()
        expected = root / root.norm()
    else:
        unit = product / product.norm()
        expected = unit.sign() * unit.abs().sqrt()
    pooling = BilinearPooling(2, 4, order)  # type: ignore[arg-type]
    assert torch.allclose(pooling.features(x)[0], expected, atol=1e-9)


def test_average_pooling_by_hand() -> None:
    pooling = AveragePooling(2, 3)
    x = torch.rand(2, 2, 3, 4)
    expected = x.flatten(2).mean(2) @ pooling.linear.weight.T + pooling.linear.bias
    assert torch.allclose(pooling(x), expected, atol=1e-6)


@pytest.fixture
def two_tones(tmp_path: Path) -> SegmentBank:
    """Twelve noisy utterances, half with a tone low and half with one high."""
    spec = FeaturesSpec(sample_rate=8000, n_fft=160, window_ms=20, max_hz=2000, segment_s=0.5)
    rng = np.random.default_rng(0)
    t = np.arange(8000) / 8000
    entries = []
    for index in range(12):
        noise = 0.1 * rng.standard_normal(8000)
        # A tone alone, or a pair: which bins it lies on must not matter to a pooled probe.
        chirp = np.sin(2 * np.pi * (400 + 20 * index) * t)
        if index % 2:
            chirp = chirp + np.sin(2 * np.pi * (600 + 20 * index) * t)
        entries.append(entry_of(tmp_path / f"{index}-100.npy", (noise + chirp).astype("f4"), spec))
    return SegmentBank(entries, [index % 2 for index in range(12)], spec, "train")


def test_a_probe_learns_and_repeats_itself_bit_by_bit(two_tones: SegmentBank) -> None:
    spec = TrainingSpec(steps=60, epochs=None, batch_size=8, optimizer="adam")
    runs = []
    for _ in range(2):
        with seeded("init", 0):
            probe = ReferenceProbe(6, 2, 8, 2)
        records, total = fit(probe, two_tones, spec, generator("order", 0), CPU)
        runs.append((records, predict(probe, two_tones, spec, CPU)[0]))
    (records, scores), (again, same) = runs
    assert records == again
    assert np.array_equal(scores, same)
    assert (total.steps, len(records)) == (60, math.ceil(60 / math.ceil(len(two_tones) / 8)))
    assert records[-1].train_loss < 0.5 * records[0].train_loss
    assert (scores.argmax(1) == np.arange(12) % 2).mean() >= 0.9


def test_an_utterances_score_is_the_mean_of_its_segments(two_tones: SegmentBank) -> None:
    with seeded("init", 1):
        probe = ReferenceProbe(2, 2, 4, 2).eval()
    logits = probe(two_tones.batch(range(len(two_tones)))).detach().double()
    for score in ("logit", "posterior"):
        scores, counts = predict(probe, two_tones, TrainingSpec(score=score), CPU)
        each = logits.softmax(1) if score == "posterior" else logits
        for index in range(12):
            mine = each[torch.as_tensor(two_tones.utterance == index)]
            assert counts[index] == len(mine)
            assert torch.allclose(torch.tensor(scores[index]).double(), mine.mean(0), atol=1e-6)


def test_a_loss_that_is_no_number_is_said(two_tones: SegmentBank) -> None:
    spec = TrainingSpec(steps=20, epochs=None, learning_rate=1e30, schedule="constant")
    with seeded("init", 2), pytest.raises(Exception, match="lower training.learning_rate"):
        fit(ReferenceProbe(2, 2, 4, 2), two_tones, spec, generator("order"), CPU)
