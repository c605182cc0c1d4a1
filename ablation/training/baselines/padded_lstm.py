"""An LSTM over padded sequences that padding does not change."""

import torch
from torch import nn


class PaddedLstm(nn.Module):
    """Layers of an LSTM in one direction or both.

    A sequence is turned round within its own length for the second direction. Packed sequences
    would do it too, but their gradients take ten times as long on a CPU.
    """

    def __init__(self, inputs: int, cells: int, layers: int = 1, bidirectional: bool = False):
        super().__init__()
        self.cells, self.outputs = cells, cells * (1 + bidirectional)
        sizes = [inputs, *[self.outputs] * (layers - 1)]
        self.forwards = nn.ModuleList(nn.LSTM(size, cells, batch_first=True) for size in sizes)
        self.backwards = nn.ModuleList(
            nn.LSTM(size, cells, batch_first=True) for size in sizes if bidirectional
        )

    def forward(self, steps: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the outputs (n, longest, directions * cells) of sequences (n, longest, inputs).

        ``lengths``, shape (n,), is on the CPU; what is returned beyond them means nothing.
        """
        turn = _turn(lengths, steps.shape[1]).to(steps.device)
        for layer, ahead in enumerate(self.forwards):
            outputs = [ahead(steps)[0]]
            if len(self.backwards):
                outputs.append(_turned(self.backwards[layer](_turned(steps, turn))[0], turn))
            steps = torch.cat(outputs, 2)
        return steps

    def last(self, steps: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return what each direction says after its last step, (n, directions * cells)."""
        outputs = self(steps, lengths)
        rows = torch.arange(len(outputs), device=outputs.device)
        ahead = outputs[rows, lengths.to(outputs.device) - 1, : self.cells]
        return torch.cat([ahead, outputs[:, 0, self.cells :]], 1)


def _turn(lengths: torch.Tensor, longest: int) -> torch.Tensor:
    """Return the order, (n, longest), that turns each sequence round and leaves its padding."""
    steps, ends = torch.arange(longest), lengths[:, None]
    return torch.where(steps < ends, ends - 1 - steps, steps)


def _turned(steps: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    return steps.gather(1, turn[:, :, None].expand_as(steps))
