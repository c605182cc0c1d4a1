"""DNN-ELM (Han et al. 2014): a network judges the loudest segments, an ELM their statistics."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ablation.features.frame_features import ROWS
from ablation.study.baselines import DnnElmSpec
from ablation.training.baselines.base import BaselineData, BaselineResult, Examples
from ablation.training.baselines.choosing import fit_kernel_elm
from ablation.training.baselines.contexts import Contexts
from ablation.training.baselines.elm import RandomElm
from ablation.training.baselines.energy import loudest_segments
from ablation.training.baselines.epochs import Learned, judged, n_parameters, train_epochs
from ablation.training.baselines.posterior_statistics import posterior_statistics
from ablation.training.baselines.standardising import Standardiser
from ablation.training.compute import Compute
from ablation.training.seeds import seeded

NAME = "dnn-elm"


def train_dnn_elm(data: BaselineData, spec: DnnElmSpec, device: str) -> BaselineResult:
    """Train DNN-ELM on a fold, and score its test utterances.

    The epoch is chosen by the mean posteriors of the development utterances' segments, then the
    ELM by its own answers. A loss that is not finite raises
    :class:`~ablation.training.fit.DivergedError`.
    """
    compute = Compute.on(device)
    standardiser = Standardiser.of(data.train.arrays)
    train, development, test = (
        _Segments(side, spec, standardiser, compute.device)
        for side in (data.train, data.development, data.test)
    )
    seed = (NAME, *data.seed)
    with seeded("init", *seed):
        model = dnn(train.dimension, spec.layers, data.classes).to(compute.device)
    numbers = torch.cat(train.numbers)
    labels = torch.repeat_interleave(
        torch.tensor(data.train.labels), torch.tensor([len(n) for n in train.numbers])
    ).to(compute.device)

    def learn(batch: torch.Tensor) -> Learned:
        scores, truth = model(train.contexts.gather(numbers[batch])), labels[batch]
        loss = functional.cross_entropy(scores, truth)
        loss.backward()
        right = (scores.argmax(1) == truth).sum()
        return Learned(loss.detach() * len(batch), len(batch), right, len(batch))

    judge = judged(
        data.development,
        lambda: np.stack([values.mean(axis=0) for values in development.posteriors(model)]),
    )
    sgd = torch.optim.SGD(model.parameters(), lr=spec.learning_rate, momentum=spec.momentum)
    epochs = train_epochs(model, sgd, learn, len(numbers), spec, seed, judge)
    chosen: dict[str, float] = {} if judge is None else {"epochs": epochs.kept}
    features = train.statistics(model, spec.theta)
    known = np.asarray(data.train.labels)
    if spec.machine == "random":
        elm = RandomElm(spec.elm_units, spec.elm_ridge, seed).fit(features, known, data.classes)
    else:
        held = development.statistics(model, spec.theta), np.asarray(data.development.labels)
        elm, grid = fit_kernel_elm(spec, (features, known), held, data.classes)
        chosen |= grid
    return BaselineResult(
        elm.scores(test.statistics(model, spec.theta)),
        np.array([len(numbers) for numbers in test.numbers]),
        f"torch float32, {spec.machine} ELM",
        n_parameters(model),
        epochs.records,
        chosen,
    )


def dnn(inputs: int, layers: Sequence[int], classes: int) -> nn.Sequential:
    """Return a network of ReLU layers, initialised after He, that gives logits."""
    sizes = [inputs, *layers, classes]
    model = nn.Sequential()
    for number, (before, after) in enumerate(pairwise(sizes)):
        linear = nn.Linear(before, after)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        model.append(linear)
        if number < len(layers):
            model.append(nn.ReLU())
    return model


class _Segments:
    """The loudest segments of utterances, by numbers that ``contexts`` knows."""

    def __init__(
        self, side: Examples, spec: DnnElmSpec, standardiser: Standardiser, device: torch.device
    ) -> None:
        energy = ROWS[spec.frame_features].index("log_energy")
        self.numbers: list[torch.Tensor] = []
        if not len(side):
            return
        arrays = [standardiser.apply(array) for array in side.arrays]
        self.contexts = Contexts(arrays, spec.context, device)
        for number, array in enumerate(side.arrays):
            centres = loudest_segments(array[energy], spec.context, spec.share)
            self.numbers.append(self.contexts.numbers(number, centres))

    @property
    def dimension(self) -> int:
        return self.contexts.gather(self.numbers[0][:1]).shape[1]

    @torch.inference_mode()
    def posteriors(self, model: nn.Module) -> list[np.ndarray]:
        """Return each utterance's posteriors, shape (segments, classes); judged on their own."""
        model.eval()
        return [
            model(self.contexts.gather(numbers)).softmax(1).cpu().numpy()
            for numbers in self.numbers
        ]

    def statistics(self, model: nn.Module, theta: float) -> np.ndarray:
        """Return each utterance's statistics, shape (utterances, 4 * classes)."""
        return np.array([posterior_statistics(p, theta) for p in self.posteriors(model)])
