"""The paper's spectrogram (section 2.1), without the normalisation, which needs the segment."""

from collections.abc import Iterator

import numpy as np

from ablation.features.framing import centred_frames
from ablation.study import FeaturesSpec

CHUNK = 1024  # frames transformed at once: bounds the memory of a long recording
FLOOR = 1e-10  # of the magnitude, where full scale has 0.5


def front_end(samples: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
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
    first = 1 if spec.drop_bin == "first" else 0
    rows = slice(first, first + spec.height)
    result = np.empty((spec.height, max(1, len(samples) // spec.hop_samples)), np.float32)
    for at, spectrum in spectra(samples, spec):
        result[:, at : at + CHUNK] = np.abs(spectrum[:, rows]).T
    return _scaled(result, spec.scale)


def spectra(samples: np.ndarray, spec: FeaturesSpec) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the spectra of up to ``CHUNK`` frames, (frames, n_fft // 2 + 1), with their first."""
    window = _window(spec)
    hop, length = spec.hop_samples, len(window)
    frames = max(1, len(samples) // hop)
    views = centred_frames(samples, length, hop, frames)
    for at in range(0, frames, CHUNK):
        yield at, np.fft.rfft(views[at : at + CHUNK] * window, n=spec.n_fft)


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
        return 20 * np.log10(np.maximum(magnitude, np.float32(FLOOR)))
    return magnitude
