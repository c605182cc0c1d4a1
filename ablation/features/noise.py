"""Noise mixed into recordings at a signal-to-noise ratio: the same into the same recording.

What is drawn depends on the seed and the recording's content alone, so neither the order of
utterances nor the worker, the corpus or the fold changes it. The noises that are made here know
nothing of the recording, so they tell nothing of its class.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.fft import next_fast_len

from ablation.features.audio import read_audio
from ablation.study import FeaturesSpec
from ablation.study.noise import noise_content, noise_files

_PINK_HZ = 20.0  # below, pink noise is white: nothing of it is heard
_SPEECH_HZ = 500.0  # from here on, speech-shaped noise falls 9 dB an octave


@dataclass(frozen=True)
class Noise:
    """Noise of a study: fields as in ``[features]``."""

    snr_db: float
    noise: str = "pink"
    noise_folder: Path | None = None
    noise_seed: int = 0

    @classmethod
    def of(cls, spec: FeaturesSpec) -> "Noise | None":
        """Return the noise that is mixed into recordings, None where they are left clean."""
        if spec.snr_db == "clean":
            return None
        return cls(spec.snr_db, spec.noise, spec.noise_folder, spec.noise_seed)

    def identity(self) -> list[str | float]:
        """Return what changes the noise, with the content of its folder instead of the path.

        Raises :class:`~ablation.errors.StudyError` where the folder has no recording.
        """
        folder = self.noise_folder
        source = self.noise if folder is None else f"folder {noise_content(folder)}"
        return [self.snr_db, source, self.noise_seed]


def noisy(samples: np.ndarray, rate: int, noise: Noise, key: str) -> np.ndarray:
    """Return a recording with noise mixed in.

    The ratio is that of the variances over the whole recording, its pauses included. A recording
    without any energy gets no noise.

    Parameters
    ----------
    samples
        Shape (n,), at ``rate`` (Hz).
    key
        What identifies the recording by its content; others get other noise.

    Raises
    ------
    StudyError, AudioError
        When noise is to come from a folder without recordings, or from one that cannot be used.
    """
    power = float(np.var(samples, dtype=np.float64))
    if power == 0:
        return samples
    digest = hashlib.blake2b(f"noise {noise.noise_seed} {key}".encode(), digest_size=16).digest()
    random = np.random.default_rng(int.from_bytes(digest))
    if noise.noise_folder is None:
        added = _made(len(samples), rate, noise.noise, random)
    else:
        added = _taken(len(samples), rate, noise.noise_folder, random)
    spread = float(np.var(added))
    if spread == 0:  # of one sample
        return samples
    factor = np.sqrt(power / spread / 10 ** (noise.snr_db / 10))
    return (samples + factor * added).astype(np.float32)


def _made(n: int, rate: int, kind: str, random: np.random.Generator) -> np.ndarray:
    """Return ``n`` samples of white noise, or of noise shaped like its kind."""
    white = random.standard_normal(n)
    if kind == "white":
        return white
    size = int(next_fast_len(n, real=True) or n)
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    if kind == "pink":  # 3 dB an octave
        shape = np.maximum(frequencies, _PINK_HZ) ** -0.5
    else:
        shape = np.maximum(frequencies, _SPEECH_HZ) ** -1.5
    shape[0] = 0
    return np.fft.irfft(np.fft.rfft(white, size) * shape, size)[:n]


def _taken(n: int, rate: int, folder: Path, random: np.random.Generator) -> np.ndarray:
    """Return ``n`` samples of one of a folder's recordings, from a random one on.

    It is repeated where it is shorter; where the part is digital silence, it begins at the
    loudest sample instead.
    """
    files = list(noise_files(folder).values())
    found = read_audio(files[int(random.integers(len(files)))], rate).astype(np.float64)
    start = int(random.integers(len(found)))
    places = (start + np.arange(n)) % len(found)
    if not np.ptp(found[places]):
        places += int(np.abs(found).argmax()) - start
    return found[places % len(found)]
