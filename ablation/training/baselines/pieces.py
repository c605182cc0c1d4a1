"""Pieces of log spectrograms, cut one after another."""

from collections.abc import Sequence

import numpy as np
import torch

from ablation.study.baselines import CnnLstmSpec
from ablation.training.baselines.base import Examples
from ablation.training.baselines.standardising import Standardiser

_RANGE = 80.0  # dB below an utterance's loudest point; what is quieter is silence
_SILENCE = -200.0  # dB; where an utterance is nothing but silence


class Pieces:
    """The pieces of utterances, made when they are asked for.

    Parameters
    ----------
    examples
        Spectrograms in dB, shape (bins, frames).
    spec
        Length of the pieces.
    standardiser
        Of the training side; None: pieces are not standardised.

    Attributes
    ----------
    cuts
        Of each piece: its utterance, its first frame, the frame after its last.
    labels
        The class of each piece.
    numbers
        Of each utterance: the numbers of its pieces.
    """

    def __init__(
        self, examples: Examples, spec: CnnLstmSpec, standardiser: Standardiser | None = None
    ) -> None:
        self.examples, self._spec, self._standardiser = examples, spec, standardiser
        length = max(1, round(1000 * spec.piece_s / spec.hop_ms))
        shortest = round(1000 * spec.min_piece_s / spec.hop_ms)
        self._floors = [_floor(array) for array in examples.arrays]
        self.cuts: list[tuple[int, int, int]] = []
        self.numbers: list[torch.Tensor] = []
        for utterance, array in enumerate(examples.arrays):
            cuts = cut_pieces(array.shape[1], length, shortest)
            self.numbers.append(torch.arange(len(self.cuts), len(self.cuts) + len(cuts)))
            self.cuts += [(utterance, start, end) for start, end in cuts]
        self.labels = [examples.labels[utterance] for utterance, _, _ in self.cuts]

    def __len__(self) -> int:
        return len(self.cuts)

    def relabelled(self, labels: Sequence[int | None]) -> "Pieces":
        """Return those of utterances with other class indices, without those that have None."""
        kept = [number for number, label in enumerate(labels) if label is not None]
        arrays = [self.examples.arrays[number] for number in kept]
        examples = Examples(arrays, [label for label in labels if label is not None])
        return Pieces(examples, self._spec, self._standardiser)

    @property
    def bins(self) -> int:
        """The rows of every spectrogram."""
        return self.examples.arrays[0].shape[0]

    def floored(self, utterance: int) -> np.ndarray:
        """Return an utterance's spectrogram without what lies far below its loudest point."""
        return np.maximum(self.examples.arrays[utterance], self._floors[utterance])

    def by_length(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return the numbers of pieces from the longest to the shortest."""
        lengths = torch.tensor([self._length(number) for number in numbers.tolist()])
        return numbers[lengths.argsort(descending=True, stable=True)]

    def batch(
        self, numbers: torch.Tensor, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return pieces (n, longest, bins), padded with zeros, and their lengths (n,) on the CPU.

        They are padded to the longest of them, not to the full length: a network that ignores what
        is padded gives them the same scores.
        """
        lengths = torch.tensor([self._length(number) for number in numbers.tolist()])
        padded = np.zeros((len(numbers), int(lengths.max()), self.bins), np.float32)
        for at, number in enumerate(numbers.tolist()):
            utterance, start, end = self.cuts[number]
            values = self.examples.arrays[utterance][:, start:end]
            values = np.maximum(values, self._floors[utterance])
            if self._standardiser is not None:
                values = self._standardiser.apply(values)
            padded[at, : end - start] = values.T
        return torch.from_numpy(padded).to(device), lengths

    def _length(self, number: int) -> int:
        _, start, end = self.cuts[number]
        return end - start


def cut_pieces(frames: int, length: int, shortest: int) -> list[tuple[int, int]]:
    """Return the first frame of each piece of an utterance and the one after its last.

    Pieces have ``length`` frames and do not overlap. The last one has what remains; if that is
    less than ``shortest`` frames it is left out, unless it is the only one.
    """
    starts = range(0, frames, length)
    pieces = [(start, min(start + length, frames)) for start in starts]
    if len(pieces) > 1 and pieces[-1][1] - pieces[-1][0] < shortest:
        pieces.pop()
    return pieces


def _floor(array: np.ndarray) -> np.float32:
    return np.float32(max(float(array.max()) - _RANGE, _SILENCE))
