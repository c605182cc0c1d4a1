"""RNN-ELM (Lee and Tashev 2015): a BLSTM gives each frame an emotion or NULL, an ELM the answer."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from ablation.features.frame_features import ROWS, FrameSpec
from ablation.study.baselines import RnnElmSpec
from ablation.training.baselines.base import BaselineData, BaselineResult, Examples
from ablation.training.baselines.chain import chain_loss
from ablation.training.baselines.choosing import fit_kernel_elm
from ablation.training.baselines.epochs import Learned, judged, n_parameters, train_epochs
from ablation.training.baselines.padded_lstm import PaddedLstm
from ablation.training.baselines.posterior_statistics import posterior_statistics
from ablation.training.baselines.regions import SHORTEST, voiced_segments
from ablation.training.baselines.standardising import Standardiser
from ablation.training.compute import Compute
from ablation.training.seeds import seeded

NAME = "rnn-elm"


def train_rnn_elm(data: BaselineData, spec: RnnElmSpec, device: str) -> BaselineResult:
    """Train RNN-ELM on a fold, and score its test utterances.

    The loss is that of :func:`~ablation.training.baselines.chain.chain_loss`, divided by the
    number of frames in a batch. The epoch is chosen by the mean posteriors of the development
    utterances' frames, then the ELM by its own answers. A loss that is not finite raises
    :class:`~ablation.training.fit.DivergedError`.
    """
    compute = Compute.on(device)
    standardiser = Standardiser.of(data.train.arrays)
    train, development, test = (
        _Frames(side, spec, standardiser, compute.device)
        for side in (data.train, data.development, data.test)
    )
    seed = (NAME, *data.seed)
    with seeded("init", *seed):
        model = Blstm(len(ROWS[spec.features]), spec.cells, spec.layers, data.classes)
    model = model.to(compute.device)
    labels = torch.tensor(data.train.labels, device=compute.device)

    def learn(batch: torch.Tensor) -> Learned:
        frames, lengths = train.padded(batch.tolist())
        log_posteriors = model(frames, lengths)
        truth = labels[batch]
        losses = chain_loss(log_posteriors, truth, [train.ends[number] for number in batch])
        n = int(lengths.sum())
        (losses.sum() / n).backward()
        right = _mean_posteriors(log_posteriors.detach(), lengths).argmax(1) == truth
        return Learned(losses.detach().sum(), n, right.sum(), len(batch))

    judge = judged(
        data.development,
        lambda: np.stack([values.mean(axis=0) for values in development.posteriors(model)]),
    )
    adam = torch.optim.Adam(model.parameters(), lr=spec.learning_rate)
    epochs = train_epochs(model, adam, learn, len(data.train), spec, seed, judge, spec.clip)
    chosen: dict[str, float] = {} if judge is None else {"epochs": epochs.kept}
    elm, grid = fit_kernel_elm(
        spec,
        (train.statistics(model, spec.theta), np.asarray(data.train.labels)),
        (development.statistics(model, spec.theta), np.asarray(data.development.labels)),
        data.classes,
    )
    return BaselineResult(
        elm.scores(test.statistics(model, spec.theta)),
        np.array([len(frames) for frames in test.frames]),
        "torch float32, kernel ELM",
        n_parameters(model),
        epochs.records,
        chosen | grid,
    )


class Blstm(nn.Module):
    """Layers of a bidirectional LSTM, and a softmax over the emotions and NULL, which is last."""

    def __init__(self, rows: int, cells: int, layers: int, classes: int) -> None:
        super().__init__()
        self.lstm = PaddedLstm(rows, cells, layers, bidirectional=True)
        self.linear = nn.Linear(self.lstm.outputs, classes + 1)

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return log posteriors, shape (n, longest, classes + 1); what is padded changes none.

        ``frames`` has shape (n, longest, rows), ``lengths`` (n,) is on the CPU.
        """
        return self.linear(self.lstm(frames, lengths)).log_softmax(2)


class _Frames:
    """The standardised frames of utterances, (frames, rows), and where their segments end.

    An utterance of fewer than three frames, too short for a chain, has its last one repeated.
    """

    def __init__(
        self, side: Examples, spec: RnnElmSpec, standardiser: Standardiser, device: torch.device
    ) -> None:
        self.device = device
        row = ROWS[spec.features].index("voicing")
        arrays = [_long_enough(array) for array in side.arrays]
        self.ends = [voiced_segments(array[row], spec, FrameSpec.hop_ms) for array in arrays]
        self.frames = [
            torch.from_numpy(np.ascontiguousarray(standardiser.apply(array).T)) for array in arrays
        ]

    def padded(self, numbers: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return utterances, shape (n, longest, rows), and their frames (n,) on the CPU."""
        frames = [self.frames[number] for number in numbers]
        lengths = torch.tensor([len(part) for part in frames])
        return pad_sequence(frames, batch_first=True).to(self.device), lengths

    @torch.inference_mode()
    def posteriors(self, model: nn.Module) -> list[np.ndarray]:
        """Return each utterance's posteriors of the emotions alone, (frames, classes).

        They are not renormalised. Each utterance is judged on its own, so that its posteriors are
        the same to the last bit whatever else is scored.
        """
        model.eval()
        return [
            model(*self.padded([number]))[0, :, :-1].exp().cpu().numpy()
            for number in range(len(self.frames))
        ]

    def statistics(self, model: nn.Module, theta: float) -> np.ndarray:
        """Return each utterance's statistics, shape (utterances, 4 * classes)."""
        return np.array([posterior_statistics(p, theta) for p in self.posteriors(model)])


def _long_enough(array: np.ndarray) -> np.ndarray:
    missing = max(0, SHORTEST - array.shape[1])
    return np.pad(array, ((0, 0), (0, missing)), mode="edge")


def _mean_posteriors(log_posteriors: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return each utterance's mean posteriors of the emotions over its frames, (n, classes)."""
    lengths = lengths.to(log_posteriors.device)[:, None]
    real = torch.arange(log_posteriors.shape[1], device=lengths.device) < lengths
    return (log_posteriors[:, :, :-1].exp() * real[:, :, None]).sum(1) / lengths
