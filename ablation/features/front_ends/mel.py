"""Mel bands: librosa's triangular filters over the paper's spectrum."""

from functools import lru_cache

import numpy as np

from ablation.features.front_ends.linear import CHUNK, FLOOR, spectra
from ablation.study import FeaturesSpec


def front_end(samples: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Return the mel bands of a recording, from ``spec.min_hz`` to ``spec.max_hz``.

    They are those of :func:`librosa.feature.melspectrogram` with constant padding (filters of equal
    area), but for the window, whose sum is 1 here as in the linear spectrogram.

    Returns
    -------
    bands
        Shape (``spec.mel_bands``, n // hop), float32. With ``scale = "power"`` sums over the power,
        with ``"magnitude"`` over the magnitude, not negative; with ``"log"`` the power in decibels.
    """
    bands = mel_power(samples, spec, 1 if spec.scale == "magnitude" else 2)
    return (decibels(bands) if spec.scale == "log" else bands).astype(np.float32)


def mel_power(samples: np.ndarray, spec: FeaturesSpec, exponent: int = 2) -> np.ndarray:
    """Return sums of the magnitude to a power over bands, (``spec.mel_bands``, frames), float64."""
    filters = _filters(
        spec.sample_rate,
        spec.n_fft,
        spec.mel_bands,
        spec.min_hz,
        spec.max_hz,
        spec.mel_formula == "htk",
    )
    result = np.empty((spec.mel_bands, max(1, len(samples) // spec.hop_samples)))
    for at, spectrum in spectra(samples, spec):
        # einsum without BLAS, whose sums may depend on the number of threads
        values = np.abs(spectrum) ** exponent
        result[:, at : at + CHUNK] = np.einsum("bk,fk->bf", filters, values)
    return result


def decibels(power: np.ndarray) -> np.ndarray:
    """Return power in decibels, at least -200."""
    return 10 * np.log10(np.maximum(power, FLOOR**2))


@lru_cache(maxsize=8)
def _filters(rate: int, n_fft: int, bands: int, low: float, high: float, htk: bool) -> np.ndarray:
    import librosa  # slow to import

    return librosa.filters.mel(
        sr=rate, n_fft=n_fft, n_mels=bands, fmin=low, fmax=high, htk=htk, dtype=np.float64
    )
