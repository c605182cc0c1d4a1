"""CNN-LSTM (Satt et al. 2017): convolutions and an LSTM on pieces of a log spectrogram."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ablation.study.baselines import CnnLstmSpec
from ablation.study.shapes import Shape
from ablation.training.baselines.base import BaselineData, BaselineResult
from ablation.training.baselines.epochs import (
    Epochs,
    Learned,
    judged,
    n_parameters,
    train_epochs,
)
from ablation.training.baselines.fourier_convolution import SameConvolution
from ablation.training.baselines.padded_lstm import PaddedLstm
from ablation.training.baselines.pieces import Pieces
from ablation.training.baselines.standardising import Standardiser
from ablation.training.compute import Compute
from ablation.training.seeds import seeded

NAME = "cnn-lstm"
_TOGETHER = {"cpu": 6, "cuda": 64}  # pieces in one pass; few on the CPU, so that caches hold them


def train_cnn_lstm(data: BaselineData, spec: CnnLstmSpec, device: str) -> BaselineResult:
    """Train CNN-LSTM on a fold, and score its test utterances.

    Rows of the spectrogram are standardised on the training side, each on its own. An utterance's
    scores are the mean posteriors of its pieces. A loss that is not finite raises
    :class:`~ablation.training.fit.DivergedError`.
    """
    train, development, test = pieces_of(data, spec)
    seed = (NAME, *data.seed)
    model, epochs = train_on_pieces(train, development, data.classes, spec, seed, device)
    return BaselineResult(
        piece_posteriors(model, test),
        np.array([len(numbers) for numbers in test.numbers]),
        str(Compute.on(device, layout="channels_last")),
        n_parameters(model),
        epochs.records,
        {"epochs": epochs.kept} if len(development) else {},
    )


def pieces_of(data: BaselineData, spec: CnnLstmSpec) -> tuple[Pieces, Pieces, Pieces]:
    """Return the pieces of a fold's training, development and test utterances."""
    train = Pieces(data.train, spec)
    standardiser = Standardiser.of(train.floored(number) for number in range(len(data.train)))
    sides = (data.train, data.development, data.test)
    train, development, test = (Pieces(side, spec, standardiser) for side in sides)
    return train, development, test


def train_on_pieces(
    train: Pieces,
    development: Pieces,
    classes: int,
    spec: CnnLstmSpec,
    seed: Sequence[object],
    device: str,
    balanced: bool = False,
) -> tuple["CnnLstm", Epochs]:
    """Return a trained network, and its epochs.

    A batch's gradients are added up over groups of pieces of about the same length, which do not
    change one another.

    Parameters
    ----------
    seed
        Names the draws; its first part is the baseline's name in a study.
    balanced
        Weigh pieces so that each class has the same weight.
    """
    compute = Compute.on(device, layout="channels_last")
    with seeded("init", *seed):
        model = CnnLstm(train.bins, classes, spec)
    compute.place(model)
    labels = torch.tensor(train.labels)
    counts = torch.bincount(labels, minlength=classes)
    weights = (len(labels) / (classes * counts.clamp(min=1))) if balanced else torch.ones(classes)
    weights = weights.to(compute.device)

    def learn(batch: torch.Tensor) -> Learned:
        total = torch.zeros((), dtype=torch.float64, device=compute.device)
        correct = torch.zeros((), dtype=torch.int64, device=compute.device)
        weight = float(weights[labels[batch].to(compute.device)].sum())
        for group in train.by_length(batch).split(_TOGETHER[compute.device.type]):
            truth = labels[group].to(compute.device)
            scores = model(*train.batch(group, compute.device))
            loss = functional.cross_entropy(scores, truth, weights, reduction="sum")
            (loss / weight).backward()
            total += loss.detach()
            correct += (scores.argmax(1) == truth).sum()
        return Learned(total, weight, correct, len(batch))

    judge = judged(development.examples, lambda: piece_posteriors(model, development))
    adam = torch.optim.Adam(model.parameters(), lr=spec.learning_rate)
    return model, train_epochs(model, adam, learn, len(train.labels), spec, seed, judge)


@torch.inference_mode()
def piece_posteriors(model: "CnnLstm", pieces: Pieces) -> np.ndarray:
    """Return each utterance's mean posteriors over its pieces, shape (utterances, classes).

    Pieces go through the network one by one, so that an utterance's scores are the same to the
    last bit whatever else is scored.
    """
    model.eval()
    device = next(model.parameters()).device
    means = []
    for numbers in pieces.numbers:
        scores = [model(*pieces.batch(number, device)).softmax(1) for number in numbers.split(1)]
        means.append(torch.cat(scores).double().mean(0).cpu().numpy())
    return np.array(means)


class CnnLstm(nn.Module):
    """Convolutions with ReLU and 2x2 pooling, an LSTM over time, a dense layer, logits.

    A piece's answer is that of the LSTM after its last real frame. What is padded is zero in every
    feature map too, so that a piece is seen as though it had been alone.
    """

    def __init__(self, bins: int, classes: int, spec: CnnLstmSpec) -> None:
        super().__init__()
        sizes = [1, *spec.filters]
        kernels = [Shape.parse(text) for text in spec.kernels]
        self.convolutions = nn.ModuleList(
            SameConvolution(before, after, (kernel.height, kernel.width))
            for before, after, kernel in zip(sizes, sizes[1:], kernels, strict=False)
        )
        for _ in kernels:
            bins = _halved(bins)
        self.lstm = PaddedLstm(bins * sizes[-1], spec.cells, bidirectional=spec.bidirectional)
        self.head = nn.Sequential(
            nn.Linear(self.lstm.outputs, spec.dense),
            nn.ReLU(),
            nn.Dropout(spec.dropout),
            nn.Linear(spec.dense, classes),
        )

    def forward(self, pieces: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes) of pieces (n, longest, bins) of so many frames each.

        ``lengths``, shape (n,), is on the CPU.
        """
        maps = pieces[:, None]
        for convolution in self.convolutions:
            maps = _masked(convolution(maps), lengths)
            # The maximum first: of numbers or of their positive parts, it is the same.
            maps = functional.max_pool2d(maps, 2, ceil_mode=True).relu()
            lengths = _halved(lengths)
        steps = maps.permute(0, 2, 1, 3).flatten(2)  # (n, steps, channels * bins)
        return self.head(self.lstm.last(steps, lengths))


def _halved(number: Any) -> Any:
    return (number + 1) // 2


def _masked(maps: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return (n, channels, frames, bins) with zeros after each one's last real frame."""
    frames = maps.shape[2]
    if int(lengths.min()) == frames:
        return maps
    real = torch.arange(frames) < lengths[:, None]
    return maps * real.to(maps.device)[:, None, :, None]
