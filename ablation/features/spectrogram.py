"""The paper's spectrogram (section 2.1), without the normalisation, which needs the segment."""

import numpy as np

from ablation.features.framing import centred_frames
from ablation.study import FeaturesSpec

_CHUNK = 1024  # frames transformed at once: bounds the memory of a long recording


def spectrogram(samples: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Return the short-time spectrum of a recording.

    Frame k is centred on sample k * hop; the recording is padded with zeros at both ends. A
    full-scale sine at a bin's centre has magnitude 0.5.

    Parameters
    ----------
    samples
        Shape (n,), at ``spec.sample_rate``; full scale is 1.

    Returns
    -------
    spectrum
        Shape (``spec.height``, n // hop), float32: rows from 0 Hz up in steps of
        ``spec.bin_hz``, columns in steps of ``spec.hop_ms``. Magnitude or power, not negative;
        with ``scale = "log"`` decibels (20 log10 of the magnitude).
    """
    window = _window(spec)
    hop, length = spec.hop_samples, len(window)
    frames = max(1, len(samples) // hop)
    views = centred_frames(samples, length, hop, frames)
    first = 1 if spec.drop_bin == "first" else 0
    rows = slice(first, first + spec.height)
    result = np.empty((spec.height, frames), np.float32)
    for at in range(0, frames, _CHUNK):
        spectrum = np.fft.rfft(views[at : at + _CHUNK] * window, n=spec.n_fft)
        result[:, at : at + _CHUNK] = np.abs(spectrum[:, rows]).T
    return _scaled(result, spec.scale)


def _window(spec: FeaturesSpec) -> np.ndarray:
    """Return the analysis window, periodic, scaled to a sum of 1."""
    length = spec.window_samples
    alpha = {"hamming": 0.54, "hann": 0.5}[spec.window]
    window = alpha - (1 - alpha) * np.cos(2 * np.pi * np.arange(length) / length)
    return (window / window.sum()).astype(np.float32)


def _scaled(magnitude: np.ndarray, scale: str) -> np.ndarray:
    if scale == "power":
        return magnitude**2
    if scale == "log":
        return 20 * np.log10(np.maximum(magnitude, np.float32(1e-10)))
    return magnitude
