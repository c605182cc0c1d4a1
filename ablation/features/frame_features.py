"""Features of a frame: cepstrum, energy, zero crossings, pitch, voicing, and their deltas.

Nothing here depends on the rest of a recording: no range is cut off below its loudest frame, as a
frame's features would then change with what was said before it.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np

from ablation.features.framing import centred_frames
from ablation.features.noise import Noise
from ablation.features.pitch import Pitch, PitchSpec, track_pitch

MFCC = tuple(f"mfcc_{k}" for k in range(1, 13))
_STATIC = {
    "lee2015": (*MFCC, "log_energy", "zero_crossings", "f0", "voicing"),
    "han2014": (*MFCC, "log_energy", "period", "hnr"),
}
ROWS = {  # of an array of features, in order
    name: (*rows, *(f"delta_{row}" for row in rows)) for name, rows in _STATIC.items()
}

FLOOR = 1e-10  # of powers; as a mean square, 100 dB below full scale, the noise of 16 bits
_MEL_BANDS = 26
_DELTA_WIDTH = 9  # frames
_SILENT = 1e-10  # amplitude of full scale up to which a sample counts as zero


@dataclass(frozen=True)
class FrameSpec:
    """Settings of the features of a frame.

    Attributes
    ----------
    name
        Which features: ``lee2015`` (32 rows) or ``han2014`` (30); :data:`ROWS` names the rows.
    sample_rate
        Sampling rate in Hz to which every recording is resampled.
    window_ms, hop_ms
        Length of a frame, and the step between frames.
    pitch
        Settings of the pitch tracker, which has a longer window.
    noise
        What is mixed into every recording; None: nothing.
    """

    name: Literal["lee2015", "han2014"]
    sample_rate: int = 16000
    window_ms: float = 25.0
    hop_ms: float = 10.0
    pitch: PitchSpec = field(default_factory=PitchSpec)
    noise: Noise | None = None

    @property
    def hop_samples(self) -> int:
        return round(self.hop_ms * self.sample_rate / 1000)

    @property
    def window_samples(self) -> int:
        return round(self.window_ms * self.sample_rate / 1000)


def frame_features(samples: np.ndarray, spec: FrameSpec) -> np.ndarray:
    """Return the features of every frame of a recording, as they are: nothing is normalised.

    Frame k is centred on sample k * hop, as in a spectrogram; the recording is padded with zeros
    at both ends (for zero crossings with its end values, and for the pitch not at all).

    * ``mfcc_1`` to ``mfcc_12``: the cepstrum of 26 mel bands in dB up to half the sampling rate,
      of a Hamming window; bands are floored at 1e-10, the noise of 16 bits.
    * ``log_energy``: the natural logarithm of the frame's mean square, floored at 1e-10.
    * ``zero_crossings``: the share of a frame's samples at which the sign changes.
    * ``f0`` (Hz, 0 in unvoiced frames) and ``voicing`` (0..1) of ``lee2015``.
    * ``period`` (ms, in every frame) and ``hnr`` (dB) of ``han2014``.
    * ``delta_*``: the slope per frame of a line through nine frames, the first and the last frame
      being repeated beyond the ends.

    Parameters
    ----------
    samples
        Shape (n,), at ``spec.sample_rate``; full scale is 1.

    Returns
    -------
    features
        Shape (rows, max(1, n // hop)), float32, finite.
    """
    import librosa  # slow to import

    frames = max(1, len(samples) // spec.hop_samples)
    views = centred_frames(samples, spec.window_samples, spec.hop_samples, frames)
    pitch = track_pitch(samples, spec.sample_rate, spec.hop_samples, frames, spec.pitch)
    energy = np.log(np.maximum(_mean_square(views), FLOOR))
    rows = [*_cepstrum(views, spec), energy]
    if spec.name == "lee2015":
        rows.append(_zero_crossings(samples, spec)[:frames])
    static = np.stack([*rows, *_pitch_rows(pitch, spec)])
    # Beyond the ends frames are repeated: the default would refuse fewer frames than the width.
    deltas = librosa.feature.delta(static, width=_DELTA_WIDTH, mode="nearest")
    return np.concatenate([static, deltas]).astype(np.float32)


def _pitch_rows(pitch: Pitch, spec: FrameSpec) -> tuple[np.ndarray, np.ndarray]:
    if spec.name == "lee2015":
        return pitch.f0, pitch.voicing
    return 1000 * pitch.period, pitch.hnr


def _mean_square(views: np.ndarray) -> np.ndarray:
    return np.einsum("ft,ft->f", views, views, dtype=np.float64) / views.shape[1]


def _cepstrum(views: np.ndarray, spec: FrameSpec) -> np.ndarray:
    """Return the coefficients 1 to 12 of each frame, shape (12, frames)."""
    import librosa

    length = spec.window_samples
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / length)
    size = _transform(spec)
    bands = np.empty((_MEL_BANDS, len(views)))
    chunk = 1024  # frames at once: bounds the memory of a long recording
    for at in range(0, len(views), chunk):
        power = np.abs(np.fft.rfft(views[at : at + chunk] * window, size)) ** 2
        # einsum without BLAS, whose sums may depend on the number of threads
        bands[:, at : at + chunk] = np.einsum("bk,fk->bf", _mel_filters(spec), power)
    decibels = librosa.power_to_db(bands, amin=FLOOR, top_db=None)
    return librosa.feature.mfcc(S=decibels, n_mfcc=1 + len(MFCC))[1:]


@lru_cache(maxsize=8)
def _mel_filters(spec: FrameSpec) -> np.ndarray:
    import librosa

    return librosa.filters.mel(
        sr=spec.sample_rate, n_fft=_transform(spec), n_mels=_MEL_BANDS, dtype=np.float64
    )


def _transform(spec: FrameSpec) -> int:
    """Return the length of the Fourier transform: the next power of two."""
    return 1 << (spec.window_samples - 1).bit_length()


def _zero_crossings(samples: np.ndarray, spec: FrameSpec) -> np.ndarray:
    """Return the share of each frame's samples at which the sign changes, shape (frames,).

    As ``librosa.feature.zero_crossing_rate``, whose compiled function may be read damaged from its
    cache after several processes wrote it at once, and then ends the process.
    """
    length = spec.window_samples
    padded = np.pad(samples, length // 2, mode="edge")
    negative = padded < -_SILENT
    changes = np.concatenate([[0], np.cumsum(negative[1:] != negative[:-1])])
    first = np.arange(0, len(padded) - length + 1, spec.hop_samples)
    return (changes[first + length - 1] - changes[first]) / length
