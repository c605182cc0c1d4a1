"""Reading a recording: any format and rate that libsndfile knows, as mono at one rate, checked."""

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ablation.errors import AudioError

SILENCE = 1e-5  # peak below which a recording is silent: -100 dB of full scale
_STREAMED = (0, 0x7FFFF000, 0xFFFFFFFF)  # data sizes that writers to a pipe leave in the header


def read_audio(
    file: Path, sample_rate: int, start: float | None = None, end: float | None = None
) -> np.ndarray:
    """The recording, or its part from ``start`` to ``end`` (seconds), mono at ``sample_rate`` Hz.

    Returns
    -------
    samples
        Shape (n,), float32, full scale is 1.

    Raises
    ------
    AudioError
        Naming the file, when it is not audio, truncated, empty, not finite, or silent.
    """
    samples, rate = _decode(file, start, end)
    if samples.size == 0:
        raise AudioError(f"{file}: the recording is empty (no samples)", _REMEDY)
    if not np.isfinite(samples).all():
        bad = int(np.count_nonzero(~np.isfinite(samples).all(axis=1)))
        raise AudioError(
            f"{file}: {bad} of {len(samples)} samples are NaN or infinite",
            _REMEDY,
        )
    mono = samples.mean(axis=1)
    if np.ptp(mono) < SILENCE:
        raise AudioError(
            f"{file}: the recording is silent (peak below -100 dB of full scale)", _REMEDY
        )
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
    return np.ascontiguousarray(mono, dtype=np.float32)


_TIMES = "correct start and end (seconds)"
_REMEDY = "replace the recording or leave it out"


def _decode(file: Path, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    """Samples of shape (n, channels), float32, and their rate."""
    try:
        if file.stat().st_size == 0:
            raise AudioError(f"{file}: the file is empty (0 bytes)", _REMEDY)
        _refuse_truncated_wav(file)
        with _opened(file) as sound:
            rate = sound.samplerate
            first, wanted = _span(file, sound, start, end)
            samples = _samples(file, sound, first, wanted)
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{file}: not audio that libsndfile can read ({error.error_string.rstrip('.')})",
            _REMEDY,
        ) from error
    except OSError as error:
        raise AudioError(f"{file}: cannot be read: {error.strerror}", _REMEDY) from error
    if len(samples) < wanted:
        raise AudioError(
            f"{file}: truncated: {len(samples)} of {wanted} samples are there", _REMEDY
        )
    return samples, rate


@contextmanager
def _opened(file: Path) -> Iterator[soundfile.SoundFile]:
    """The recording, also one whose name this system's encoding cannot spell."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        with file.open("rb") as stream, soundfile.SoundFile(stream) as sound:
            yield sound
    else:
        with soundfile.SoundFile(file) as sound:
            yield sound


def _samples(file: Path, sound: soundfile.SoundFile, first: int, wanted: int) -> np.ndarray:
    """``wanted`` samples from ``first`` on; the header could be read, so this is audio."""
    try:
        sound.seek(first)
        return sound.read(wanted, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        raise AudioError(f"{file}: truncated or damaged ({reason})", _REMEDY) from error


def _span(
    file: Path, sound: soundfile.SoundFile, start: float | None, end: float | None
) -> tuple[int, int]:
    """First sample and number of samples of the part from ``start`` to ``end``."""
    if not all(math.isfinite(time) for time in (start or 0.0, end or 0.0)):
        raise AudioError(f"{file}: a cut from {start} to {end} s has no length", _TIMES)
    first = round((start or 0.0) * sound.samplerate)
    last = sound.frames if end is None else round(end * sound.samplerate)
    # An annotation may overshoot by its own rounding; more than 50 ms is a wrong cut.
    if first >= sound.frames > 0 or last > sound.frames + 0.05 * sound.samplerate:
        raise AudioError(
            f"{file}: the cut {start or 0:g} to {end if end is not None else 'end'} s reaches "
            f"beyond the recording's {sound.frames / sound.samplerate:.2f} s",
            _TIMES,
        )
    if last <= first and sound.frames > 0:
        raise AudioError(f"{file}: the cut {start or 0:g} to {end:g} s is empty", _TIMES)
    return first, min(last, sound.frames) - first


def _refuse_truncated_wav(file: Path) -> None:
    """libsndfile shortens a WAV to the bytes there are without a word; the header knows better."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        if stream.read(4) != b"RIFF":
            return
        stream.seek(12)
        while len(header := stream.read(8)) == 8:
            name, length = struct.unpack("<4sI", header)
            there = size - stream.tell()
            if name == b"data":
                if length not in _STREAMED and length > there:
                    raise AudioError(
                        f"{file}: truncated: the header promises {length} bytes of audio, "
                        f"{there} are there",
                        _REMEDY,
                    )
                return
            stream.seek(length + length % 2, 1)
