"""Where the frames of a recording lie: centred on every hop, whatever is computed of them."""

import numpy as np


def centred_frames(samples: np.ndarray, length: int, hop: int, frames: int) -> np.ndarray:
    """Return the ``length`` samples around each sample k * hop, shape (frames, length), a view.

    The recording is padded with zeros at both ends.
    """
    before = length // 2
    after = max(0, (frames - 1) * hop + length - before - len(samples))
    padded = np.pad(samples.astype(np.float32), (before, after))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][:frames]
