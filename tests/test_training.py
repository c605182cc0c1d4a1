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

from ablation.features.batches import HostFeed
from ablation.features.segment_dataset import SegmentDataset
from ablation.models.probe import ENGINES, ReferenceProbe
from ablation.study import AugmentSpec, FeaturesSpec, TrainingSpec
from ablation.training.augment import augment, draw, gains
from ablation.training.checkpoint import Checkpoint
from ablation.training.compute import Compute
from ablation.training.fit import DivergedError, Fitted, fit, predict
from ablation.training.metrics import accuracies
from ablation.training.partway import Partway, shares_by_step
from ablation.training.schedule import budget, learning_rate
from ablation.training.seeds import derived_seed, generator, seeded
from ablation.training.stopping import BestEpoch, best_epoch

CPU = torch.device("cpu")
PLAIN = Compute(CPU)


def test_accuracies_by_hand() -> None:
    """Four neutral (three right), one angry (wrong), two sad (one right), no happy."""
    result = accuracies([0, 0, 0, 0, 2, 3, 3], [0, 0, 0, 1, 0, 3, 2], classes=4)
    assert result.n == (4, 0, 1, 2)
    assert result.correct == (3, 0, 0, 1)
    assert result.wa == pytest.approx(4 / 7)
    assert result.per_class == (0.75, None, 0.0, 0.5)
    assert result.ua == pytest.approx((0.75 + 0 + 0.5) / 3)


def test_the_papers_schedule() -> None:
    """0.05, a tenth from epoch 21 on, counted from 1, and so on (section 3.1)."""
    spec = TrainingSpec()
    total = budget(spec, segments=130)  # three steps an epoch, the last one small
    assert (total.steps, total.epochs) == (150, 50)
    rates = [learning_rate(spec, (epoch - 1) * 3, total) for epoch in (1, 20, 21, 30, 31, 41, 50)]
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.005, 5e-4, 5e-5, 5e-5])
    assert learning_rate(spec, 20 * 3 - 1, total) == pytest.approx(0.05)


def test_cosine_falls_from_the_full_rate_towards_zero() -> None:
    spec = TrainingSpec(schedule="cosine", steps=100, epochs=None)
    total = budget(spec, 640)
    rates = [learning_rate(spec, step, total) for step in range(100)]
    assert rates[0] == 0.05
    assert rates[50] == pytest.approx(0.025)
    assert all(a > b for a, b in itertools.pairwise(rates))
    assert 0 < rates[-1] < 1e-4


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


@pytest.fixture
def two_tones(tmp_path: Path) -> SegmentDataset:
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
    return SegmentDataset(entries, [index % 2 for index in range(12)], spec, "train")


def test_a_probe_learns_and_repeats_itself_bit_by_bit(two_tones: SegmentDataset) -> None:
    spec = TrainingSpec(steps=60, epochs=None, batch_size=8, optimizer="adam")
    runs = []
    for _ in range(2):
        with seeded("init", 0):
            probe = ReferenceProbe(6, 2, 8, 2)
        fitted = fit(probe, HostFeed(two_tones), spec, [0], PLAIN)
        runs.append((fitted, predict(fitted.model, HostFeed(two_tones), spec)[0]))
    (first, scores), (again, same) = runs
    assert first.records == again.records
    assert np.array_equal(scores, same)
    assert first.budget.steps == 60
    assert len(first.records) == math.ceil(60 / math.ceil(len(two_tones) / 8))
    assert first.records[-1].train_loss < 0.5 * first.records[0].train_loss
    assert (scores.argmax(1) == np.arange(12) % 2).mean() >= 0.9


EVERYTHING = TrainingSpec(
    epochs=4,
    batch_size=8,
    optimizer="adamw",
    learning_rate=0.01,
    schedule="one-cycle",
    label_smoothing=0.1,
    averaging=0.9,
    augment=AugmentSpec(gain_db=3, frequency_warp=0.1, time_shift=0.1, time_mask=0.2, masks=2),
)


class _StoppedError(Exception):
    """The process is gone."""


@pytest.mark.parametrize("spec", [EVERYTHING, TrainingSpec(epochs=4, batch_size=8)])
@pytest.mark.parametrize("stop", [1, 3])
@pytest.mark.parametrize("tuned", [False, True])
def test_a_training_that_was_stopped_goes_on_bit_by_bit(
    two_tones: SegmentDataset, tmp_path: Path, spec: TrainingSpec, stop: int, tuned: bool
) -> None:
    """Stopped in the middle of an epoch; dropout and augmentation are drawn as they would be, and
    the best epoch on development speakers is still known."""

    def run(checkpoint: Checkpoint | None, steps: int | None = None) -> tuple[Fitted, int]:
        with seeded("init", 0):
            probe = ReferenceProbe(6, 2, 8, 2)
            model = torch.nn.Sequential(torch.nn.Dropout2d(0.3), probe)
        taken = 0

        def count(module: torch.nn.Module, _given: object) -> None:
            nonlocal taken
            if not module.training:
                return
            if taken == steps:
                raise _StoppedError
            taken += 1

        model.register_forward_pre_hook(count)
        feed = HostFeed(two_tones)
        labels = [number % 2 for number in range(feed.utterance.max() + 1)]  # of no sound
        best = BestEpoch(feed, labels, model) if tuned else None
        partway = Partway(lambda model: predict(model, feed, spec)[0].argmax(1).tolist())
        asked.append(partway.predicted)
        fitted = fit(model, feed, spec, ["a"], PLAIN, checkpoint, best=best, partway=partway)
        return fitted, taken

    asked: list[dict[int, list[int]]] = []
    whole, steps = run(None)
    per_epoch = whole.budget.steps_per_epoch
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "this one")
    with pytest.raises(_StoppedError):
        run(checkpoint, steps=stop * per_epoch + 1)
    resumed, left = run(checkpoint)
    assert left == steps - stop * per_epoch  # the finished epochs were not trained again
    assert resumed.records == whole.records
    assert asked[-1] == asked[0]
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[key]), key


@pytest.mark.parametrize(
    "spec", [EVERYTHING, TrainingSpec(steps=9, epochs=None, batch_size=8, schedule="constant")]
)
def test_asking_partway_changes_nothing_and_answers_as_a_shorter_training_would(
    two_tones: SegmentDataset, spec: TrainingSpec
) -> None:
    def run(partway: Partway | None, spec: TrainingSpec) -> Fitted:
        with seeded("init", 0):
            probe = ReferenceProbe(6, 2, 8, 2)
            model = torch.nn.Sequential(torch.nn.Dropout2d(0.3), probe)
        return fit(model, HostFeed(two_tones), spec, ["a"], PLAIN, partway=partway)

    def answers(model: torch.nn.Module) -> list[int]:
        return predict(model, HostFeed(two_tones), spec)[0].argmax(1).tolist()

    partway = Partway(answers)
    asked, plain = run(partway, spec), run(None, spec)
    for key, value in plain.model.state_dict().items():
        assert torch.equal(value, asked.model.state_dict()[key]), key
    shares = shares_by_step(plain.budget.steps)
    assert list(partway.predicted) == list(shares)
    if spec.schedule == "constant":
        for step, predicted in partway.predicted.items():
            shorter = spec.model_copy(update={"epochs": None, "steps": step})
            assert answers(run(None, shorter).model) == predicted


def test_shares_of_a_small_budget_are_asked_once_and_never_at_its_end() -> None:
    assert shares_by_step(8) == {1: 1 / 8, 2: 1 / 4, 4: 1 / 2}
    assert shares_by_step(3) == {1: 1 / 4, 2: 1 / 2}
    assert shares_by_step(1) == {}


def test_the_best_epoch_on_development_speakers_is_kept(two_tones: SegmentDataset) -> None:
    """The first of equally good ones, with the weights that a shorter training ends with."""
    labels = [number % 2 for number in range(12)]
    spec = TrainingSpec(batch_size=8, optimizer="adam", schedule="constant")

    def run(epochs: int, tuned: bool) -> Fitted:
        with seeded("init", 0):
            model = ReferenceProbe(6, 2, 8, 2)
        feed = HostFeed(two_tones)
        best = BestEpoch(feed, labels, model) if tuned else None
        one = spec.model_copy(update={"epochs": epochs})
        return fit(model, feed, one, ["a"], PLAIN, best=best)

    kept = run(20, tuned=True)
    scores = [record.development_ua for record in kept.records]
    assert None not in scores and len(set(scores)) > 1
    number = best_epoch(kept.records)
    assert scores.index(max(scores)) == number - 1  # type: ignore[type-var]
    shorter = run(number, tuned=False)
    for key, value in shorter.model.state_dict().items():
        assert torch.equal(value, kept.model.state_dict()[key]), key


@pytest.mark.parametrize("damage", ["torn", "other", "folder"])
def test_a_checkpoint_that_is_not_this_trainings_is_passed_over(
    two_tones: SegmentDataset, tmp_path: Path, damage: str
) -> None:
    spec = TrainingSpec(epochs=2, batch_size=8)
    path = tmp_path / "c.safetensors"

    def run(identity: str) -> Fitted:
        with seeded("init", 0):
            probe = ReferenceProbe(2, 2, 4, 2)
        return fit(probe, HostFeed(two_tones), spec, [0], PLAIN, Checkpoint(path, identity))

    whole = run("mine")
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    again = run("another" if damage == "other" else "mine")
    assert again.records == whole.records
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key])


def test_the_average_of_the_weights_counts(two_tones: SegmentDataset) -> None:
    """decay * mean + (1 - decay) * weights after every step, from the first step's weights on."""
    spec = TrainingSpec(steps=40, epochs=None, batch_size=8, averaging=0.75)
    with seeded("init", 0):
        probe = ReferenceProbe(2, 2, 4, 2)
    seen: list[torch.Tensor] = []
    probe.register_forward_pre_hook(lambda *_: seen.append(probe.conv.weight.detach().clone()))
    fitted = fit(probe, HostFeed(two_tones), spec, [0], PLAIN)
    after = [*seen[1:], probe.conv.weight.detach()]
    expected = after[0]
    for weight in after[1:]:
        expected = 0.75 * expected + 0.25 * weight
    assert torch.allclose(fitted.model.conv.weight, expected, atol=1e-6)
    assert not torch.allclose(fitted.model.conv.weight, probe.conv.weight, atol=1e-6)


@pytest.mark.parametrize("steps", [5, 60])
def test_nothing_of_the_beginning_is_left_in_the_average(
    two_tones: SegmentDataset, steps: int
) -> None:
    """Of a window as long as the training, batch norm's initial variances would be left."""
    means = []
    for averaging in (0.0, 0.98):
        spec = TrainingSpec(
            steps=steps, epochs=None, batch_size=8, schedule="cosine", averaging=averaging
        )
        with seeded("init", 0):
            probe = ReferenceProbe(6, 2, 8, 2)
        fitted = fit(probe, HostFeed(two_tones), spec, [0], PLAIN).model
        means.append(fitted.norm.running_var.mean().item())
    assert means[1] == pytest.approx(means[0], rel=0.1)


def test_one_cycle_rises_and_falls() -> None:
    spec = TrainingSpec(schedule="one-cycle", warmup=0.25, steps=100, epochs=None)
    total = budget(spec, 640)
    rates = [learning_rate(spec, step, total) for step in range(100)]
    assert rates.index(max(rates)) == 25
    assert max(rates) == 0.05
    assert all(a < b for a, b in itertools.pairwise(rates[:26]))
    assert all(a > b for a, b in itertools.pairwise(rates[25:]))
    assert 0 < rates[0] < 0.01
    assert 0 < rates[-1] < 1e-4


def drawn(spec: AugmentSpec, n: int, *seed: object) -> torch.Tensor:
    """Draws for one batch of ``n`` segments."""
    return draw(spec, [n], generator(*seed), CPU)[0]


def test_augmentation_does_nothing_unless_it_is_asked_for() -> None:
    batch = torch.rand(3, 1, 20, 10)
    nothing = drawn(AugmentSpec(), 3, "x")
    assert torch.equal(augment(batch, AugmentSpec(), nothing), batch)
    assert gains(AugmentSpec(), nothing) is None


@given(st.floats(0.05, 0.9), st.integers(1, 3), st.sampled_from(["frequency", "time"]))
def test_a_mask_is_a_run_of_zeros_of_at_most_its_share(share: float, masks: int, axis: str) -> None:
    spec = AugmentSpec(**{f"{axis}_mask": share}, masks=masks)  # type: ignore[arg-type]
    batch = augment(torch.ones(5, 1, 40, 30), spec, drawn(spec, 5, share, masks))
    kept = batch.amax(3 if axis == "frequency" else 2)[:, 0]  # (5, length)
    whole = batch.amin(3 if axis == "frequency" else 2)[:, 0]
    assert torch.equal(kept, whole)  # a row or column is covered as a whole or not at all
    covered = (kept == 0).sum(1)
    assert (covered <= masks * math.ceil(share * kept.shape[1])).all()


def test_warps_keep_0_hz_and_shifts_move_without_wrapping() -> None:
    batch = torch.zeros(64, 1, 40, 30)
    batch[:, :, 20, 15] = 1
    wide = AugmentSpec(frequency_warp=0.2)
    warped = augment(batch, wide, drawn(wide, len(batch), "w"))
    rows = (warped.sum(3)[:, 0] * torch.arange(40)).sum(1) / warped.sum((1, 2, 3))
    # Bin 20's centre lies 20.5 bins above 0 Hz; stretched by up to a fifth either way.
    assert ((rows + 0.5) / 20.5).min() >= 1 / 1.2 - 0.02
    assert ((rows + 0.5) / 20.5).max() <= 1.2 + 0.02
    assert rows.std() > 1
    columns = warped.sum(2)[:, 0].argmax(1)
    assert (columns == 15).all()
    edge = torch.zeros(64, 1, 40, 30)
    edge[..., 0] = 1
    late = AugmentSpec(time_shift=0.2)
    moved = augment(edge, late, drawn(late, len(edge), "s"))
    assert (moved[..., 7:] == 0).all()  # never round the corner


@pytest.mark.parametrize("scale", ["magnitude", "power", "log"])
def test_a_gain_makes_a_segment_louder_by_its_decibels(tmp_path: Path, scale: str) -> None:
    """6.02 dB more of a recording at half the level is the recording."""
    spec = FeaturesSpec(
        sample_rate=8000, n_fft=160, window_ms=20, max_hz=2000, segment_s=0.5,
        scope="corpus", scale=scale,  # type: ignore[arg-type]
    )  # fmt: skip
    rng = np.random.default_rng(0)
    loud = (0.5 * rng.standard_normal(8000)).astype("f4")
    entries = [
        entry_of(tmp_path / f"{level}-100.npy", (loud * level).astype("f4"), spec)
        for level in (1.0, 0.5)
    ]
    bank = SegmentDataset(entries, [0, 1], spec, "test")
    quiet = int(np.flatnonzero(bank.utterance == 1)[0])
    louder = bank.batch([quiet], gains=[20 * math.log10(2)])
    assert torch.allclose(louder, bank.batch([0]), atol=2e-4)
    assert not torch.allclose(bank.batch([quiet]), bank.batch([0]), atol=1e-2)


def test_scores_do_not_depend_on_the_company(two_tones: SegmentDataset) -> None:
    """An utterance alone, to the last bit as among others."""
    with seeded("init", 1):
        probe = ReferenceProbe(3, 2, 4, 2)
    spec = TrainingSpec()
    together, _ = predict(probe, HostFeed(two_tones), spec)
    for index in (0, 5, 11):
        entry = two_tones.entries[index]
        alone = SegmentDataset([entry], [0], two_tones.spec, "train")
        assert np.array_equal(predict(probe, HostFeed(alone), spec)[0][0], together[index])


def test_an_utterances_score_is_the_mean_of_its_segments(two_tones: SegmentDataset) -> None:
    with seeded("init", 1):
        probe = ReferenceProbe(2, 2, 4, 2).eval()
    logits = probe(two_tones.batch(range(len(two_tones)))).detach().double()
    for score in ("logit", "posterior"):
        scores, counts = predict(probe, HostFeed(two_tones), TrainingSpec(score=score))
        each = logits.softmax(1) if score == "posterior" else logits
        for index in range(12):
            mine = each[torch.as_tensor(two_tones.utterance == index)]
            assert counts[index] == len(mine)
            assert torch.allclose(torch.tensor(scores[index]).double(), mine.mean(0), atol=1e-6)


def test_a_loss_that_is_not_finite_ends_the_training(two_tones: SegmentDataset) -> None:
    spec = TrainingSpec(steps=20, epochs=None, learning_rate=1e30, schedule="constant")
    with seeded("init", 2), pytest.raises(DivergedError, match="training.learning_rate"):
        fit(ReferenceProbe(2, 2, 4, 2), HostFeed(two_tones), spec, [0], PLAIN)


def test_a_budget_in_steps_cuts_the_last_epoch() -> None:
    total = budget(TrainingSpec(steps=20, epochs=None), segments=64 * 3)
    assert (total.steps, total.epochs, total.steps_per_epoch) == (20, 7, 3)


def test_seeds_have_names_and_leave_the_global_state_alone() -> None:
    assert derived_seed("init", 0, "10x2") != derived_seed("init", 0, "10x3")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with seeded("anything"):
        inside = torch.rand(1)
    assert torch.equal(torch.rand(1), expected)
    with seeded("anything"):
        assert torch.equal(torch.rand(1), inside)
