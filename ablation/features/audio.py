"""Reading recordings of any format and rate that libsndfile knows, checked, as mono at one rate."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ablation.errors.audio import (
    CutBeyondEnd,
    EmptyCut,
    NoHeader,
    NotFinite,
    ShorterThanASample,
    TimeOutOfRange,
    TruncatedRecording,
    UnlikelyRate,
    UnreadableRecording,
    UnusableRecording,
)

SILENCE = 1e-5  # peak below which a recording is silent: -100 dB of full scale
LOUDEST = 1e30  # of full scale; beyond, samples count as infinite
RATES = (1000, 1_000_000)  # Hz; other rates come from damaged headers
_LATEST = 1e9  # seconds
_BLOCK = 1 << 22  # samples read at once
_STREAMED = (0, 0x7FFFF000, 0xFFFFFFFF)  # data sizes in the headers of WAVs written to a pipe


def read_audio(
    file: Path, sample_rate: int, start: float | None = None, end: float | None = None
) -> np.ndarray:
    """Return a recording, or its part from ``start`` to ``end`` (s), mono at ``sample_rate`` (Hz).

    Returns
    -------
    samples
        Shape (n,), float32, full scale is 1.

    Raises
    ------
    AudioError
        When it is not audio, truncated, empty, not finite or silent, or the cut is not in it.
    """
    samples, rate = _decode(file, start, end)
    if samples.size == 0:
        raise UnusableRecording(file, "no samples")
    # The limit keeps the mean and its resampling finite too. Comparisons with NaN are false.
    if not max(samples.max(), -samples.min()) < LOUDEST:
        bad = int(np.count_nonzero(~(np.abs(samples).max(axis=1) < LOUDEST)))
        raise NotFinite(file, bad, len(samples))
    mono = samples.mean(axis=1)
    if np.ptp(mono) < SILENCE:
        raise UnusableRecording(file, "silent")
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
    if mono.size == 0:
        raise ShorterThanASample(file, sample_rate)
    return np.ascontiguousarray(mono, dtype=np.float32)


def audio_seconds(file: Path, start: float | None = None, end: float | None = None) -> float:
    """Return the length in seconds of what :func:`read_audio` would read, from the header alone.

    Raises the same :class:`~ablation.errors.AudioError` for what the header shows.
    """
    with _heading(file) as sound:
        return _span(file, sound, start, end)[1] / sound.samplerate


def audio_header(file: Path) -> tuple[int, float]:
    """Return a recording's sampling rate (Hz) and length (seconds), from its header alone.

    Raises the same :class:`~ablation.errors.AudioError` as :func:`read_audio` for what the header
    shows: not audio, truncated, empty.
    """
    with _heading(file) as sound:
        _refuse_truncated_wav(file)
        frames = _span(file, sound, None, None)[1]
        if frames <= 0:
            raise UnusableRecording(file, "no samples")
        return sound.samplerate, frames / sound.samplerate


@contextmanager
def _heading(file: Path) -> Iterator[soundfile.SoundFile]:
    """Open a recording to read its header; what fails then becomes an expected error."""
    try:
        with _opened(file) as sound:
            yield sound
    except soundfile.LibsndfileError as error:
        raise UnusableRecording(file, "not audio", error.error_string.rstrip(".")) from error
    except OSError as error:
        raise UnreadableRecording(file, error.strerror or str(error)) from error


def _decode(file: Path, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    """Return samples of shape (n, channels), float32, and their rate (Hz)."""
    try:
        if file.stat().st_size == 0:
            raise UnusableRecording(file, "empty file")
        _refuse_truncated_wav(file)
        with _opened(file) as sound:
            rate = sound.samplerate
            first, wanted = _span(file, sound, start, end)
            samples = _samples(file, sound, first, wanted)
    except soundfile.LibsndfileError as error:
        raise UnusableRecording(file, "not audio", error.error_string.rstrip(".")) from error
    except OSError as error:
        raise UnreadableRecording(file, error.strerror or str(error)) from error
    if len(samples) < wanted:
        raise TruncatedRecording(file, len(samples), wanted)
    return samples, rate


@contextmanager
def _opened(file: Path) -> Iterator[soundfile.SoundFile]:
    """Open a recording, even one whose name cannot be encoded on this system."""
    if file.suffix.lower() == ".raw":
        raise NoHeader(file)
    try:
        str(file).encode()
    except UnicodeEncodeError:
        with file.open("rb") as stream, soundfile.SoundFile(stream) as sound:
            yield sound
    else:
        with soundfile.SoundFile(file) as sound:
            yield sound


def _samples(file: Path, sound: soundfile.SoundFile, first: int, wanted: int) -> np.ndarray:
    """Return ``wanted`` samples from ``first`` on, or as many as there are.

    The header was read, so this is audio. But a header may promise any number of samples, so they
    are read in blocks instead of into one array of that size.
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
        raise UnusableRecording(file, "damaged", reason) from error


def _span(
    file: Path, sound: soundfile.SoundFile, start: float | None, end: float | None
) -> tuple[int, int]:
    """Return the first sample and the number of samples of the part from ``start`` to ``end``."""
    if not all(0 <= time <= _LATEST for time in (start or 0.0, end or 0.0)):
        raise TimeOutOfRange(file, start, end, _LATEST)
    if not RATES[0] <= sound.samplerate <= RATES[1]:
        raise UnlikelyRate(file, sound.samplerate, *RATES)
    first = round((start or 0.0) * sound.samplerate)
    last = sound.frames if end is None else round(end * sound.samplerate)
    # An annotation may overshoot by its own rounding; more than 50 ms is a wrong cut.
    if first >= sound.frames > 0 or last > sound.frames + 0.05 * sound.samplerate:
        raise CutBeyondEnd(file, start or 0.0, end, sound.frames / sound.samplerate)
    if last <= first and sound.frames > 0:
        raise EmptyCut(file, start or 0.0, end or 0.0)
    return first, min(last, sound.frames) - first


def _refuse_truncated_wav(file: Path) -> None:
    """Compare a WAV's size with its header: libsndfile silently shortens a truncated one."""
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
                    raise TruncatedRecording(file, there, length, "bytes of audio")
                return
            stream.seek(length + length % 2, 1)
