"""The two-step predictor (Satt et al. 2017), reconstructed: its steps are not published."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ablation.study.baselines import TwoStepSpec
from ablation.training.baselines.base import BaselineData, BaselineResult
from ablation.training.baselines.cnn_lstm import (
    piece_posteriors,
    pieces_of,
    train_on_pieces,
)
from ablation.training.baselines.epochs import n_parameters, unweighted_accuracy
from ablation.training.baselines.pieces import Pieces
from ablation.training.checkpoint import EpochRecord
from ablation.training.compute import Compute

NAME = "cnn-lstm-two-step"


def train_two_step(data: BaselineData, spec: TwoStepSpec, device: str) -> BaselineResult:
    """Train the two networks on a fold, and score its test utterances.

    The epochs of the second network are numbered on from those of the first. Of several classes
    that are largest in training, the first counts as the largest. A loss that is not finite raises
    :class:`~ablation.training.fit.DivergedError`.
    """
    sides = _Sides(*pieces_of(data, spec))
    largest = int(np.bincount(data.train.labels, minlength=data.classes).argmax())
    step = _rest if spec.variant == "rest" else _balanced
    scores, steps, chosen = step(sides, data, largest, spec, device)
    records = [record for one in steps for record in one.records]
    return BaselineResult(
        scores,
        np.array([len(numbers) for numbers in sides.test.numbers]),
        str(Compute.on(device, layout="channels_last")),
        sum(one.parameters for one in steps),
        [replace(record, epoch=number) for number, record in enumerate(records, 1)],
        chosen,
    )


def combined(largest: int, first: np.ndarray, second: np.ndarray, threshold: float) -> np.ndarray:
    """Return scores of the variant "rest": the highest obeys the threshold.

    The largest class has its posterior p, all others share 1 - p as the second network says. The
    largest class is the answer if p is above the threshold, else the likeliest of the others is.
    Where that is not what is likeliest, the two exchange their scores: they still add up to 1.

    Parameters
    ----------
    first
        Posteriors p of the largest class, shape (n,).
    second
        Posteriors among the others, shape (n, classes - 1).

    Returns
    -------
    scores
        Shape (n, classes), float32.
    """
    scores = np.insert((1 - first[:, None]) * second, largest, first, axis=1).astype(np.float32)
    others = np.delete(np.arange(scores.shape[1]), largest)
    best = others[second.argmax(axis=1)]
    rows = np.arange(len(scores))
    answer = np.where(first > threshold, largest, best)
    rival = np.where(first > threshold, best, largest)
    low = np.minimum(scores[rows, best], scores[:, largest])
    high = np.maximum(scores[rows, best], scores[:, largest])
    # Of two equal scores numpy answers with the first class: the answer gets the next number.
    high = np.where(high > low, high, np.nextafter(low, np.float32(2)))
    scores[rows, answer], scores[rows, rival] = high, low
    return scores


def rejudged(largest: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return scores of the variant "balanced", shape (n, classes).

    They are those of the first network, or of the second where the first answers with the largest
    class.
    """
    return np.where((first.argmax(axis=1) == largest)[:, None], second, first)


@dataclass(frozen=True)
class _Sides:
    train: Pieces
    development: Pieces
    test: Pieces

    def relabelled(self, classes: Sequence[int | None]) -> "_Sides":
        """Return training and development pieces with the class ``classes[label]``, test as is."""
        train, development = (
            side.relabelled([classes[label] for label in side.examples.labels])
            for side in (self.train, self.development)
        )
        return _Sides(train, development, self.test)


@dataclass(frozen=True)
class _Step:
    """A trained network: its posteriors of development and test utterances."""

    development: np.ndarray
    test: np.ndarray
    parameters: int
    records: Sequence[EpochRecord]
    epochs: int


_Scored = tuple[np.ndarray, list[_Step], dict[str, float]]


def _rest(
    sides: _Sides, data: BaselineData, largest: int, spec: TwoStepSpec, device: str
) -> _Scored:
    classes = range(data.classes)
    is_largest = [int(label == largest) for label in classes]
    steps = [_trained("largest", sides.relabelled(is_largest), sides, 2, data, spec, device)]
    if data.classes > 2:
        others = [None if k == largest else k - (k > largest) for k in classes]
        among = sides.relabelled(others)
        steps.append(_trained("others", among, sides, data.classes - 1, data, spec, device))

    def scores(side: str, threshold: float) -> np.ndarray:
        first = getattr(steps[0], side)[:, 1]
        second = np.ones((len(first), 1)) if len(steps) == 1 else getattr(steps[1], side)
        return combined(largest, first, second, threshold)

    chosen = _chosen_epochs(data, steps)
    threshold = spec.threshold
    if len(data.development):
        labels = data.development.labels
        nearest = sorted(spec.thresholds, key=lambda t: abs(t - spec.threshold))
        threshold = max(
            nearest, key=lambda t: unweighted_accuracy(scores("development", t), labels)
        )
        chosen["threshold"] = threshold
    return scores("test", threshold), steps, chosen


def _balanced(
    sides: _Sides, data: BaselineData, largest: int, spec: TwoStepSpec, device: str
) -> _Scored:
    steps = [
        _trained("all", sides, sides, data.classes, data, spec, device),
        _trained("balanced", sides, sides, data.classes, data, spec, device, balanced=True),
    ]
    return rejudged(largest, steps[0].test, steps[1].test), steps, _chosen_epochs(data, steps)


def _trained(
    name: str,
    taught: _Sides,
    sides: _Sides,
    classes: int,
    data: BaselineData,
    spec: TwoStepSpec,
    device: str,
    balanced: bool = False,
) -> _Step:
    """Train a network on ``taught``, and judge all utterances of ``sides`` with it."""
    seed = (NAME, name, *data.seed)
    model, epochs = train_on_pieces(
        taught.train, taught.development, classes, spec, seed, device, balanced
    )
    return _Step(
        piece_posteriors(model, sides.development),
        piece_posteriors(model, sides.test),
        n_parameters(model),
        epochs.records,
        epochs.kept,
    )


def _chosen_epochs(data: BaselineData, steps: Sequence[_Step]) -> dict[str, float]:
    if not len(data.development):
        return {}
    return {f"epochs_{number}": step.epochs for number, step in enumerate(steps, 1)}
