"""Han's statistics of posteriors over the segments or frames of an utterance."""

import numpy as np


def posterior_statistics(posteriors: np.ndarray, theta: float) -> np.ndarray:
    """Return each class' maximum, minimum and mean, and its share of segments above ``theta``.

    Parameters
    ----------
    posteriors
        Shape (segments, classes), at least one segment.

    Returns
    -------
    statistics
        Shape (4 * classes,), float64: the maxima of all classes, then their minima, and so on.
    """
    values = np.asarray(posteriors, np.float64)
    return np.concatenate(
        [values.max(axis=0), values.min(axis=0), values.mean(axis=0), (values > theta).mean(axis=0)]
    )
