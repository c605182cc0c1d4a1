"""The parts of the baselines by hand, and their trainers on made-up problems."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from one_thread import one_thread  # noqa: F401
from pydantic import ValidationError

from ablation.features.frame_features import ROWS
from ablation.study.baselines import (
    BaselinesSpec,
    CnnLstmSpec,
    DnnElmSpec,
    RnnElmSpec,
    TwoStepSpec,
)
from ablation.training.baselines.base import BaselineData, BaselineResult, Examples
from ablation.training.baselines.chain import chain_loss
from ablation.training.baselines.choosing import fit_kernel_elm
from ablation.training.baselines.cnn_lstm import CnnLstm, piece_posteriors, train_cnn_lstm
from ablation.training.baselines.contexts import Contexts
from ablation.training.baselines.dnn_elm import train_dnn_elm
from ablation.training.baselines.elm import KernelElm, RandomElm
from ablation.training.baselines.energy import loudest_segments
from ablation.training.baselines.epochs import Learned, train_epochs
from ablation.training.baselines.pieces import Pieces, cut_pieces
from ablation.training.baselines.posterior_statistics import posterior_statistics
from ablation.training.baselines.regions import voiced_segments
from ablation.training.baselines.rnn_elm import Blstm, train_rnn_elm
from ablation.training.baselines.standardising import Standardiser
from ablation.training.baselines.two_step import combined, rejudged, train_two_step
from ablation.training.fit import DivergedError
from ablation.training.seeds import generator, seeded

# Parts


def test_four_statistics_by_hand() -> None:
    posteriors = np.array([[0.1, 0.9], [0.3, 0.7], [0.2, 0.8], [0.8, 0.2]])
    maximum, minimum, mean, above = [0.8, 0.9], [0.1, 0.2], [0.35, 0.65], [0.5, 0.75]
    found = posterior_statistics(posteriors, theta=0.2)  # 0.2 is not above 0.2
    assert found == pytest.approx([*maximum, *minimum, *mean, *above])


def test_the_random_elm_is_least_squares_on_its_hidden_layer() -> None:
    rng = np.random.default_rng(0)
    features, labels = 5 + 3 * rng.standard_normal((40, 6)), rng.integers(3, size=40)
    elm = RandomElm(10, 0, ("x", 1)).fit(features, labels, 3)
    drawn = torch.rand(6, 10, generator=generator("elm", "x", 1), dtype=torch.double).numpy()
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    hidden = 1 / (1 + np.exp(-standard @ (2 * drawn - 1)))
    output = np.linalg.inv(hidden.T @ hidden) @ hidden.T @ np.eye(3)[labels]
    assert elm.scores(features) == pytest.approx(hidden @ output)
    ridged = RandomElm(10, 2.0, ("x", 1)).fit(features, labels, 3)
    pulled = np.linalg.inv(hidden.T @ hidden + 2 * np.eye(10)) @ hidden.T @ np.eye(3)[labels]
    assert ridged.scores(features) == pytest.approx(hidden @ pulled)


def test_the_kernel_elm_is_its_closed_form() -> None:
    rng = np.random.default_rng(0)
    features, labels = 5 + 3 * rng.standard_normal((20, 4)), rng.integers(3, size=20)
    other = 5 + 3 * rng.standard_normal((7, 4))
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    train, test = (features - mean) / deviation, (other - mean) / deviation

    def kernel(x: np.ndarray, y: np.ndarray, gamma: float) -> np.ndarray:
        return np.exp(-gamma * ((x[:, None] - y[None]) ** 2).sum(axis=2))

    for gamma, width in ((None, 0.25), (0.7, 0.7)):
        elm = KernelElm(10.0, gamma).fit(features, labels, 3)
        inverse = np.linalg.inv(kernel(train, train, width) + np.eye(20) / 10)
        expected = kernel(test, train, width) @ inverse @ np.eye(3)[labels]
        assert elm.scores(other) == pytest.approx(expected)


def test_an_elm_is_chosen_on_development_and_ties_go_to_the_usual() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = np.eye(3)[labels] + 0.01 * rng.standard_normal((60, 3))
    easy = features[:6], labels[:6]
    spec = RnnElmSpec(cost=1.0, gamma=0.1)
    _, chosen = fit_kernel_elm(spec, (features, labels), easy, 3)
    assert chosen == {"cost": 1.0, "gamma": 0.1}  # every pair is right
    # A wide kernel of little cost cannot part two rings; a narrow one can.
    angle = rng.uniform(0, 2 * np.pi, 80)
    ring = np.arange(80) % 2
    circles = (1 + ring)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    grid = RnnElmSpec(cost=0.01, gamma=0.001, costs=[0.01, 10.0], gammas=[0.001, 1.0])
    _, chosen = fit_kernel_elm(grid, (circles[:60], ring[:60]), (circles[60:], ring[60:]), 2)
    assert chosen["gamma"] == 1.0
    none = (features[:0], labels[:0])
    machine, chosen = fit_kernel_elm(spec, (features, labels), none, 3)
    assert (machine.cost, machine.gamma, chosen) == (1.0, 0.1, {})


def test_the_loudest_share_is_kept_rounded_up() -> None:
    energy = np.array([0.0, 1, 5, 1, 0, 0, 9, 0, 0, 0])  # natural logarithms
    assert loudest_segments(energy, 0, 0.2).tolist() == [2, 6]
    assert len(loudest_segments(energy, 0, 0.21)) == 3
    assert loudest_segments(energy, 0, 0.001).tolist() == [6]
    assert len(loudest_segments(np.zeros(30), 2, 0.1)) == 3  # 0.1 * 30 is more than 3 in floats
    assert loudest_segments(np.zeros(1), 12, 0.1).tolist() == [0]
    assert loudest_segments(np.zeros(4), 12, 1.0).tolist() == [0, 1, 2, 3]
    # With one frame on either side, three of 4 hold more than one of 9.
    linear = np.array([1.0, 1, 4, 4, 4, 1, 1, 9, 1, 1])
    assert loudest_segments(np.log(linear), 1, 0.1).tolist() == [3]


def test_segments_have_their_neighbours_and_repeat_the_ends() -> None:
    arrays = [np.array([[1.0, 2, 3], [4, 5, 6]], np.float32), np.array([[7.0], [8]], np.float32)]
    contexts = Contexts(arrays, 1, torch.device("cpu"))
    first = contexts.gather(contexts.numbers(0, np.array([0, 1])))
    assert first.tolist() == [[1, 4, 1, 4, 2, 5], [1, 4, 2, 5, 3, 6]]
    assert contexts.gather(contexts.numbers(1, np.array([0]))).tolist() == [[7, 8, 7, 8, 7, 8]]


@pytest.mark.parametrize(
    ("frames", "pieces"),
    [
        (700, [(0, 300), (300, 600), (600, 700)]),  # 7 s: 3 + 3 + 1
        (300, [(0, 300)]),
        (349, [(0, 300)]),  # the last 0.49 s are left out
        (350, [(0, 300), (300, 350)]),
        (20, [(0, 20)]),  # short, but the only one
        (1, [(0, 1)]),
    ],
)
def test_pieces_of_three_seconds(frames: int, pieces: list[tuple[int, int]]) -> None:
    assert cut_pieces(frames, 300, 50) == pieces


def test_rows_are_standardised_on_all_training_frames() -> None:
    rng = np.random.default_rng(0)
    arrays = [
        np.stack([3 + rng.standard_normal(n), 500 * rng.standard_normal(n), np.full(n, 123.4)])
        for n in (5, 9)
    ]
    standardiser = Standardiser.of([array.astype(np.float32) for array in arrays])
    result = np.concatenate([standardiser.apply(array) for array in arrays], axis=1)
    assert result.mean(axis=1) == pytest.approx(0, abs=1e-5)
    assert result[:2].std(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.abs(result[2]).max() < 1e-4  # a row that never changes


def test_silence_is_floored_below_an_utterances_loudest_point() -> None:
    array = np.array([[-20.0, -np.inf], [-90, -130]], np.float32)
    pieces = Pieces(Examples([array, np.full((2, 3), -np.inf, np.float32)], [0, 0]), CnnLstmSpec())
    assert pieces.floored(0).tolist() == [[-20, -100], [-90, -100]]
    assert np.isfinite(pieces.floored(1)).all()


# Voiced regions and chains


def voicing(text: str) -> np.ndarray:
    """One frame for each character; "#" is voiced."""
    return np.array([0.9 if character == "#" else 0.1 for character in text])


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("..####......####..", [9, 18]),  # cut midway in the gap
        ("..####...####..", [15]),  # a gap of 30 ms is closed
        ("..####....##....####..", [11, 22]),  # a run of 20 ms is left out
        ("..........", [10]),  # nothing voiced
        ("#", [1]),
        ("###....###", [5, 10]),
    ],
)
def test_segments_of_voiced_regions(text: str, ends: list[int]) -> None:
    spec = RnnElmSpec(gap_ms=40, region_ms=30)
    assert voiced_segments(voicing(text), spec, hop_ms=10) == ends


def test_segments_are_long_enough_for_a_chain() -> None:
    spec = RnnElmSpec(gap_ms=0, region_ms=0)
    for text in ("#.#.#.#", "#.####.#", "#..#", "#.#", ".#.#.#.#.#.#.#.#.#.#"):
        ends = voiced_segments(voicing(text), spec, hop_ms=10)
        assert ends[-1] == len(text)
        assert all(end - start >= 3 for start, end in itertools.pairwise([0, *ends]))


def paths(ends: Sequence[int]) -> list[list[int]]:
    """All state sequences that the paper allows, one by one: 2n + 1 states for n segments."""
    frames, last = ends[-1], 2 * len(ends)
    starts = [0, *ends[:-1]]
    found = []
    for moves in itertools.combinations(range(1, frames), last):
        path = [sum(frame >= move for move in moves) for frame in range(frames)]
        spans = [(starts[max(0, (s - 1) // 2)], ends[min(len(ends) - 1, s // 2)]) for s in path]
        if all(low <= frame < high for frame, (low, high) in enumerate(spans)):
            found.append(path)
    return found


CHAINS = [[3], [8], [3, 6], [4, 8], [3, 8], [5, 8], [3, 6, 9], [4, 7, 10]]


@pytest.mark.parametrize("ends", CHAINS, ids=str)
def test_the_chains_loss_is_the_sum_over_all_paths(ends: list[int]) -> None:
    """Its gradient: the posterior of each label in each frame, as in forward-backward."""
    rng = np.random.default_rng(sum(ends))
    emotion, frames = 1, ends[-1]
    logs = torch.from_numpy(rng.standard_normal((1, frames, 4))).log_softmax(2).requires_grad_()
    loss = chain_loss(logs, torch.tensor([emotion]), [ends])
    loss.sum().backward()
    total, posterior = 0.0, np.zeros((frames, 4))
    for path in paths(ends):
        labels = [emotion if state % 2 else 3 for state in path]
        probability = math.prod(
            math.exp(float(logs[0, frame, label].detach())) for frame, label in enumerate(labels)
        )
        total += probability
        posterior[np.arange(frames), labels] += probability
    assert float(loss.detach()) == pytest.approx(-math.log(total))
    assert logs.grad is not None
    assert -logs.grad[0].numpy() == pytest.approx(posterior / total)


def test_one_segment_is_ctc_between_two_blanks() -> None:
    logs = torch.randn(2, 60, 4, generator=torch.Generator().manual_seed(0)).double()
    logs = logs.log_softmax(2)
    logs[:, [0, -1], :3] = -1e9  # the first and last frame can only be NULL
    labels = torch.tensor([2, 0])
    lengths = torch.tensor([60, 60])
    expected = torch.nn.functional.ctc_loss(
        logs.transpose(0, 1), labels[:, None], lengths, torch.tensor([1, 1]), 3, "none"
    )
    assert chain_loss(logs, labels, [[60], [60]]).numpy() == pytest.approx(expected.numpy())


def test_utterances_of_a_batch_do_not_change_one_anothers_loss() -> None:
    """They are padded to the longest, and have as many states as the one with most segments."""
    logs = torch.randn(3, 20, 3, generator=torch.Generator().manual_seed(0)).log_softmax(2)
    labels, ends = torch.tensor([0, 1, 1]), [[4, 9], [20], [5, 10, 15]]
    together = chain_loss(logs, labels, ends)
    for number, steps in enumerate(ends):
        alone = logs[number : number + 1, : steps[-1]]
        loss = chain_loss(alone, labels[number : number + 1], [steps])
        assert float(loss) == pytest.approx(float(together[number]), rel=1e-12)


def test_padding_changes_no_posterior_of_the_blstm() -> None:
    with seeded("blstm"):
        model = Blstm(5, 4, 2, 3)
    frames = torch.randn(2, 12, 5, generator=torch.Generator().manual_seed(0))
    together = model(frames, torch.tensor([12, 7]))
    alone = model(frames[1:, :7], torch.tensor([7]))
    assert together[1, :7].detach().numpy() == pytest.approx(alone[0].detach().numpy(), abs=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("length", [1, 13, 16])
def test_padding_changes_no_score_of_the_cnn_lstm(bidirectional: bool, length: int) -> None:
    spec = CnnLstmSpec(filters=[3, 4], kernels=["4x6", "3x3"], cells=5, bidirectional=bidirectional)
    with seeded("cnn-lstm"):
        model = CnnLstm(10, 3, spec).eval()
    pieces = torch.randn(2, 22, 10, generator=torch.Generator().manual_seed(0))
    pieces[1, length:] = 0
    together = model(pieces, torch.tensor([22, length]))
    alone = model(pieces[1:, :length], torch.tensor([length]))
    assert together[1].detach().numpy() == pytest.approx(alone[0].detach().numpy(), abs=1e-6)


def test_an_utterances_score_is_the_mean_over_its_pieces() -> None:
    spec = CnnLstmSpec(filters=[3], kernels=["3x3"], piece_s=0.1, min_piece_s=0.05)
    array = np.random.default_rng(0).standard_normal((6, 27)).astype(np.float32)
    pieces = Pieces(Examples([array], [0]), spec)
    with seeded("cnn-lstm"):
        model = CnnLstm(6, 3, spec).eval()
    parts = [array[:, :10], array[:, 10:20], array[:, 20:]]
    scores = [
        model(torch.from_numpy(part.T[None].copy()), torch.tensor([part.shape[1]]))
        for part in parts
    ]
    expected = torch.cat(scores).softmax(1).mean(0).detach().numpy()
    assert piece_posteriors(model, pieces)[0] == pytest.approx(expected, abs=1e-6)


# Two steps


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("largest", [0, 1, 2])
def test_the_largest_class_wins_above_the_threshold_alone(largest: int, threshold: float) -> None:
    rng = np.random.default_rng(0)
    first = np.concatenate([rng.uniform(size=50), [0.5, 0.3, 0.7, 0.0, 1.0, 0.5]])
    second = rng.dirichlet([1, 1], size=56)
    second[-1] = [1.0, 0.0]  # as likely as the largest class, whose posterior is 0.5
    scores = combined(largest, first, second, threshold)
    others = [k for k in range(3) if k != largest]
    expected = [
        largest if p > threshold else others[q.argmax()] for p, q in zip(first, second, strict=True)
    ]
    assert scores.argmax(axis=1).tolist() == expected
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(scores).all()


def test_scores_are_the_product_of_both_steps() -> None:
    scores = combined(1, np.array([0.6, 0.2]), np.array([[0.3, 0.7], [0.9, 0.1]]), 0.5)
    assert scores == pytest.approx(np.array([[0.12, 0.6, 0.28], [0.72, 0.2, 0.08]]))
    # The largest class is not above the threshold, though it is the likeliest.
    assert combined(0, np.array([0.4]), np.array([[0.5, 0.5]]), 0.5)[0] == pytest.approx(
        [0.3, 0.4, 0.3]
    )


def test_only_utterances_of_the_largest_class_are_judged_again() -> None:
    first = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    second = np.array([[0.2, 0.1, 0.7], [0.9, 0.1, 0.0]])
    assert rejudged(0, first, second).tolist() == [[0.2, 0.1, 0.7], [0.2, 0.5, 0.3]]


# Settings


def test_each_convolution_needs_filters_and_a_kernel() -> None:
    with pytest.raises(ValidationError, match="filters has 3 entries and kernels 2"):
        CnnLstmSpec(kernels=["3x3", "5x5"])
    with pytest.raises(ValidationError, match="5x5:8 in kernels names a number of filters"):
        CnnLstmSpec(filters=[8], kernels=["5x5:8"])


def test_epochs_of_a_trial_bound_those_with_development_speakers_too() -> None:
    for name in ("dnn-elm", "rnn-elm", "cnn-lstm", "cnn-lstm-two-step"):
        spec = BaselinesSpec(epochs=1).of(name)
        assert (spec.epochs, spec.max_epochs) == (1, 1)
        assert BaselinesSpec().of(name).max_epochs == 50


# Trainers


@dataclass(frozen=True)
class Trainer:
    train: Callable[[BaselineData, Any, str], BaselineResult]
    spec: Any
    rows: int

    def __call__(self, data: BaselineData, **changes: Any) -> BaselineResult:
        return self.train(data, self.spec.model_copy(update=changes), "cpu")


FRAMES = {
    "layers": [16],
    "context": 2,
    "elm_units": 10,
    "epochs": 5,
    "max_epochs": 5,
    "batch_size": 32,
    "learning_rate": 0.05,
}
CHAINED = {"cells": 6, "layers": 1, "epochs": 8, "max_epochs": 5, "learning_rate": 0.02}
CUT = {
    "filters": [4],
    "kernels": ["3x3"],
    "cells": 8,
    "dense": 16,
    "piece_s": 0.15,
    "min_piece_s": 0.05,
    "epochs": 10,
    "max_epochs": 5,
    "batch_size": 8,
    "learning_rate": 0.02,
}
ROW_COUNT = len(ROWS["lee2015"])
TRAINERS = {
    "dnn-elm": Trainer(train_dnn_elm, DnnElmSpec(**FRAMES), ROW_COUNT),
    "dnn-elm random": Trainer(
        train_dnn_elm, DnnElmSpec(preset="han2014", **FRAMES), len(ROWS["han2014"])
    ),
    "rnn-elm": Trainer(train_rnn_elm, RnnElmSpec(batch_size=8, **CHAINED), ROW_COUNT),
    "cnn-lstm": Trainer(train_cnn_lstm, CnnLstmSpec(**CUT), 12),
    "two steps": Trainer(train_two_step, TwoStepSpec(**CUT), 12),
    "two steps balanced": Trainer(train_two_step, TwoStepSpec(variant="balanced", **CUT), 12),
}
every_trainer = pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)


def utterance(rng: np.random.Generator, rows: int, label: int, frames: int) -> np.ndarray:
    """Noise whose rows 3 * label and the two after it lie higher; with voiced frames."""
    array = rng.standard_normal((rows, frames))
    array[3 * label : 3 * label + 3] += 2
    if rows == ROW_COUNT:
        array[ROWS["lee2015"].index("voicing")] = rng.uniform(size=frames) > 0.3
    return array.astype(np.float32)


def side(rows: int, labels: Sequence[int], seed: int, frames: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    lengths = [frames or int(n) for n in rng.integers(8, 26, size=len(labels))]
    arrays = [utterance(rng, rows, label, n) for label, n in zip(labels, lengths, strict=True)]
    return Examples(arrays, list(labels))


def problem(rows: int, development: Sequence[int] = (), classes: int = 3) -> BaselineData:
    """Twelve training and eight test utterances of each class; one more of the first."""
    labels = [*range(classes)] * 12 + [0]
    return BaselineData(
        side(rows, labels, 0),
        side(rows, development, 1),
        side(rows, [*range(classes)] * 8, 2),
        classes,
        (0, "03"),
    )


def accuracy(result: BaselineResult, data: BaselineData) -> float:
    return float((result.scores.argmax(axis=1) == np.array(data.test.labels)).mean())


@every_trainer
def test_a_separable_problem_is_learned_with_the_same_bits_twice(trainer: Trainer) -> None:
    """What the test side's labels are changes no score."""
    data = problem(trainer.rows)
    result = trainer(data)
    assert accuracy(result, data) > 0.8
    assert result.scores.shape == (24, 3)
    assert (result.n_segments > 0).all()
    assert result.parameters
    assert not result.chosen
    epochs = [record.epoch for record in result.records]
    assert epochs == [*range(1, len(epochs) + 1)]
    assert all(0 <= record.train_wa <= 1 for record in result.records)
    unknown = replace(data, test=Examples(data.test.arrays, [0] * len(data.test)))
    assert trainer(unknown).scores.tobytes() == result.scores.tobytes()


@every_trainer
def test_an_utterances_scores_do_not_depend_on_others_that_are_tested(trainer: Trainer) -> None:
    data = problem(trainer.rows)
    some = replace(data, test=Examples(data.test.arrays[5:9], data.test.labels[5:9]))
    scores = trainer(data, epochs=1).scores[5:9]
    assert trainer(some, epochs=1).scores.tobytes() == scores.tobytes()


@every_trainer
def test_development_speakers_choose_and_the_test_side_does_not(trainer: Trainer) -> None:
    """One class is absent from development."""
    data = problem(trainer.rows, development=[0, 1] * 4)
    result = trainer(data)
    assert accuracy(result, data) > 0.6
    kept = [value for name, value in result.chosen.items() if name.startswith("epochs")]
    assert kept
    assert all(1 <= epoch <= 5 for epoch in kept)
    unknown = replace(data, test=Examples(data.test.arrays, [2] * len(data.test)))
    again = trainer(unknown)
    assert again.scores.tobytes() == result.scores.tobytes()
    assert again.chosen == result.chosen


@every_trainer
def test_two_classes(trainer: Trainer) -> None:
    for development in ([], [0, 1]):
        data = problem(trainer.rows, development, classes=2)
        assert accuracy(trainer(data), data) > 0.8


@every_trainer
def test_utterances_that_are_very_short_or_without_voice(trainer: Trainer) -> None:
    data = problem(trainer.rows, development=[1])
    rng = np.random.default_rng(3)
    short = [utterance(rng, trainer.rows, 0, frames) for frames in (1, 2, 3, 4)]
    for array in short:
        array[min(15, trainer.rows - 1)] = 0  # voicing, where there is any
    constant = np.zeros((trainer.rows, 30), np.float32)
    odd = Examples([*short, constant], [0, 1, 2, 1, 0])
    train = Examples([*data.train.arrays, *odd.arrays], [*data.train.labels, *odd.labels])
    result = trainer(replace(data, train=train, development=odd, test=odd), max_epochs=2)
    assert np.isfinite(result.scores).all()
    assert (result.n_segments > 0).all()


@every_trainer
def test_another_seed_gives_other_scores(trainer: Trainer) -> None:
    data = problem(trainer.rows)
    one, two = (trainer(replace(data, seed=(k, "03")), epochs=1) for k in (0, 1))
    assert not np.array_equal(one.scores, two.scores)


@pytest.mark.parametrize("name", ["dnn-elm", "rnn-elm", "cnn-lstm", "two steps"])
def test_a_loss_that_is_not_finite_names_the_setting_to_lower(name: str) -> None:
    trainer = TRAINERS[name]
    data = problem(trainer.rows)
    printed = "cnn-lstm-two-step" if name == "two steps" else name
    broken = np.full_like(data.train.arrays[0], np.nan)
    data = replace(data, train=Examples([broken, *data.train.arrays[1:]], data.train.labels))
    with pytest.raises(DivergedError, match=f"lower baselines.{printed}.learning_rate"):
        trainer(data)


def test_the_first_of_the_best_epochs_is_kept() -> None:
    model = torch.nn.Linear(1, 1)
    accuracies = iter([0.2, 0.7, 0.7, 0.5])
    weights: list[float] = []

    def learn(batch: torch.Tensor) -> Learned:
        loss = (model(torch.ones(len(batch), 1)) ** 2).mean()
        loss.backward()
        return Learned(loss.detach() * len(batch), len(batch), torch.tensor(0), len(batch))

    def judge() -> float:
        weights.append(float(model.weight.detach()))
        return next(accuracies)

    spec = CnnLstmSpec(epochs=2, max_epochs=4, batch_size=4)
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    epochs = train_epochs(model, sgd, learn, 8, spec, ("x",), judge)
    assert epochs.kept == 2
    assert float(model.weight.detach()) == weights[1]
    assert len(epochs.records) == 4
    assert len(train_epochs(model, sgd, learn, 8, spec, ("x",)).records) == 2
