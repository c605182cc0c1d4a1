"""The loudest segments of an utterance."""

import math

import numpy as np

from ablation.training.baselines.contexts import with_context


def loudest_segments(log_energy: np.ndarray, context: int, share: float) -> np.ndarray:
    """Return the centre frames of an utterance's loudest segments, in order.

    A segment is a frame with ``context`` frames on either side; its energy is their mean energy.

    Parameters
    ----------
    log_energy
        The natural logarithm of each frame's energy, shape (frames,), before any normalisation.
    share
        Share of the segments that is kept, above 0: rounded up, so that one is always kept.
        Of equally loud segments the earlier are kept.

    Returns
    -------
    centres
        Shape (ceil(share * frames),), int64.
    """
    frames = len(log_energy)
    around = with_context(np.exp(np.asarray(log_energy, np.float64))[None], context)[0]
    loudness = np.lib.stride_tricks.sliding_window_view(around, 2 * context + 1).mean(axis=1)
    kept = max(1, math.ceil(share * frames - 1e-9))  # 0.1 * 30 is 3 and a little
    return np.sort(np.argsort(-loudness, kind="stable")[:kept])
