"""Segments of frames: each frame with its neighbours on either side.

At the ends of an utterance its first and its last frame stand for those that are missing, so that
every frame is the centre of a segment, however short the utterance is.
"""

from collections.abc import Sequence

import numpy as np
import torch


def with_context(array: np.ndarray, context: int) -> np.ndarray:
    """Return (rows, frames) with its first and last frame repeated ``context`` times."""
    return np.pad(array, ((0, 0), (context, context)), mode="edge")


class Contexts:
    """The frames of utterances, of which segments are gathered batch by batch.

    A frame is stored once, not once for each of the segments that it belongs to: those of seven
    hours of speech would take 8 GB.

    Parameters
    ----------
    arrays
        Utterances of shape (rows, frames), normalised.
    context
        Frames on either side of a segment's centre.
    device
        Where the frames are kept.
    """

    def __init__(self, arrays: Sequence[np.ndarray], context: int, device: torch.device) -> None:
        padded = [np.ascontiguousarray(with_context(array, context).T) for array in arrays]
        ends = np.cumsum([len(frames) for frames in padded])
        self.starts = np.concatenate([[0], ends[:-1]])
        self._frames = torch.from_numpy(np.concatenate(padded)).to(device)
        self._span = torch.arange(2 * context + 1, device=device)

    def numbers(self, utterance: int, centres: np.ndarray) -> torch.Tensor:
        """Return the numbers of an utterance's segments with these centre frames."""
        return torch.from_numpy(self.starts[utterance] + centres)

    def gather(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return segments, shape (n, segment frames * rows), float32."""
        at = numbers.to(self._span.device)[:, None] + self._span
        return self._frames[at].flatten(1)
