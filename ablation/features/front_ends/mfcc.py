"""Mel-frequency cepstral coefficients: the cosine transform of mel bands in decibels."""

import numpy as np

from ablation.features.front_ends.mel import decibels, mel_power
from ablation.study import FeaturesSpec


def front_end(samples: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Return the coefficients of a recording, from the 0th (the level) on.

    They are those of :func:`librosa.feature.mfcc` with constant padding, but for the window, whose
    sum is 1 here, which changes the 0th coefficient by a constant. Bands are floored
    ``spec.floor_db`` below the loudest of the recording.

    Returns
    -------
    coefficients
        Shape (``spec.coefficients``, n // hop), float32, with signs.
    """
    import librosa  # slow to import

    bands = decibels(mel_power(samples, spec))
    bands = np.maximum(bands, bands.max() - spec.floor_db)
    return librosa.feature.mfcc(S=bands, n_mfcc=spec.coefficients).astype(np.float32)
