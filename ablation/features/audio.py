"""Reading a recording: any format and rate that libsndfile knows, as mono at one rate, checked."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ablation.errors import AudioError, counted

SILENCE = 1e-5  # peak below which a recording is silent: -100 dB of full scale
LOUDEST = 1e30  # of full scale: as good as infinite
RATES = (1000, 1_000_000)  # Hz; beyond, it is no recording of speech but a damaged header
_BLOCK = 1 << 22  # samples read at once
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
    # So that their mean and its resampling are finite, too. NaN compares as no.
    if not max(samples.max(), -samples.min()) < LOUDEST:
        bad = int(np.count_nonzero(~(np.abs(samples).max(axis=1) < LOUDEST)))
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
    if mono.size == 0:
        raise AudioError(f"{file}: shorter than one sample at {sample_rate} Hz", _REMEDY)
    return np.ascontiguousarray(mono, dtype=np.float32)


def audio_seconds(file: Path, start: float | None = None, end: float | None = None) -> float:
    """Length of what :func:`read_audio` would read, by the file's header alone.

    Raises :class:`AudioError` as there for what the header shows.
    """
    with _heading(file) as sound:
        return _span(file, sound, start, end)[1] / sound.samplerate


def audio_header(file: Path) -> tuple[int, float]:
    """Sampling rate (Hz) and length (seconds) of a recording, by its header alone.

    Raises :class:`AudioError` as :func:`read_audio` for what the header shows: no audio, truncated,
    empty.
    """
    with _heading(file) as sound:
        _refuse_truncated_wav(file)
        frames = _span(file, sound, None, None)[1]
        if frames <= 0:
            raise AudioError(f"{file}: the recording is empty (no samples)", _REMEDY)
        return sound.samplerate, frames / sound.samplerate


@contextmanager
def _heading(file: Path) -> Iterator[soundfile.SoundFile]:
    """The recording for a look at its header; :class:`AudioError` where that cannot be read."""
    try:
        with _opened(file) as sound:
            yield sound
    except soundfile.LibsndfileError as error:
        raise _not_audio(file, error) from error
    except OSError as error:
        raise AudioError(f"{file}: cannot be read: {error.strerror}", _REMEDY) from error


_LATEST = 1e9  # seconds
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
        raise _not_audio(file, error) from error
    except OSError as error:
        raise AudioError(f"{file}: cannot be read: {error.strerror}", _REMEDY) from error
    if len(samples) < wanted:
        raise AudioError(
            f"{file}: truncated: {len(samples)} of {wanted} samples are there", _REMEDY
        )
    return samples, rate


def _not_audio(file: Path, error: soundfile.LibsndfileError) -> AudioError:
    reason = error.error_string.rstrip(".")
    return AudioError(f"{file}: not audio that libsndfile can read ({reason})", _REMEDY)


@contextmanager
def _opened(file: Path) -> Iterator[soundfile.SoundFile]:
    """The recording, also one whose name this system's encoding cannot spell."""
    if file.suffix.lower() == ".raw":
        raise AudioError(f"{file}: samples without a header", "make a WAV file of them")
    try:
        str(file).encode()
    except UnicodeEncodeError:
        with file.open("rb") as stream, soundfile.SoundFile(stream) as sound:
            yield sound
    else:
        with soundfile.SoundFile(file) as sound:
            yield sound


def _samples(file: Path, sound: soundfile.SoundFile, first: int, wanted: int) -> np.ndarray:
    """``wanted`` samples from ``first`` on, or as many as there are.

    The header could be read, so this is audio; but it may promise any number of samples, so that
    memory is taken only as they come.
    """
    size = max(1, _BLOCK // sound.channels)
    blocks = []
    try:
        sound.seek(first)
        while True:
            block = sound.read(min(wanted, size), dtype="float32", always_2d=True)
            blocks.append(block)
            wanted -= len(block)
            if not (wanted and len(block)):
                return np.concatenate(blocks) if len(blocks) > 1 else block
    except soundfile.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        raise AudioError(f"{file}: truncated or damaged ({reason})", _REMEDY) from error


def _span(
    file: Path, sound: soundfile.SoundFile, start: float | None, end: float | None
) -> tuple[int, int]:
    """First sample and number of samples of the part from ``start`` to ``end``."""
    if not all(0 <= time <= _LATEST for time in (start or 0.0, end or 0.0)):
        raise AudioError(f"{file}: a cut from {start} to {end} s has no length", _TIMES)
    if not RATES[0] <= sound.samplerate <= RATES[1]:
        raise AudioError(f"{file}: a sampling rate of {sound.samplerate} Hz", _REMEDY)
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
                        f"{file}: truncated: the header promises {counted(length, 'byte')} of "
                        f"audio, {there} are there",
                        _REMEDY,
                    )
                return
            stream.seek(length + length % 2, 1)
