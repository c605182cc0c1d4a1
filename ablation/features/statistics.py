"""Statistics of an utterance: log-mel, the features of a classical recogniser; loudness alone."""

import numpy as np

from ablation.study import FeaturesSpec

BANDS = 40
_PERCENTILES = (10, 50, 90)
_LOUDNESS_PERCENTILES = (0, 10, 25, 50, 75, 90, 100)
_FLOOR = 1e-10  # of the power, where full scale has 0.25


def log_mel_statistics(spectrum: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Return each mel band's mean, s.d. and percentiles over time, and s.d. of its differences.

    Parameters
    ----------
    spectrum
        Shape (``spec.height``, frames): a stored spectrogram, in the scale of ``spec``, without
        padding.

    Returns
    -------
    statistics
        Shape (6 * ``BANDS``,), float64, of the bands' decibels.
    """
    bands = 10 * np.log10(mel_filters(spec) @ _power(spectrum, spec) + _FLOOR)
    steps = np.diff(bands, axis=1) if bands.shape[1] > 1 else np.zeros((BANDS, 1))
    return np.concatenate(
        [
            bands.mean(axis=1),
            bands.std(axis=1),
            *np.percentile(bands, _PERCENTILES, axis=1),
            steps.std(axis=1),
        ]
    )


def loudness_statistics(spectrum: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Return how loud the frames of an utterance are, and nothing else of them.

    Parameters
    ----------
    spectrum
        As :func:`log_mel_statistics` takes it.

    Returns
    -------
    statistics
        Shape (10,), float64: mean, s.d., range, and the percentiles 0, 10, 25, 50, 75, 90 and 100
        over time of a frame's energy from 0 Hz to ``spec.max_hz``, in decibels.
    """
    energy = 10 * np.log10(_power(spectrum, spec).sum(axis=0) + _FLOOR)
    percentiles = np.percentile(energy, _LOUDNESS_PERCENTILES)
    return np.array([energy.mean(), energy.std(), np.ptp(energy), *percentiles])


def _power(spectrum: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Return a stored spectrogram as power, float64."""
    values = np.asarray(spectrum, np.float64)
    if spec.scale == "log":
        return 10 ** (values / 10)
    return values if spec.scale == "power" else values**2


def mel_filters(spec: FeaturesSpec) -> np.ndarray:
    """Return triangular filters, evenly spaced in mel (O'Shaughnessy), (``BANDS``, height)."""
    first = 1 if spec.drop_bin == "first" else 0
    frequencies = (first + np.arange(spec.height)) * spec.bin_hz
    top = 2595 * np.log10(1 + spec.max_hz / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    low, centre, high = (edges[k : k + BANDS, None] for k in range(3))
    rising = (frequencies - low) / (centre - low)
    falling = (high - frequencies) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling))
