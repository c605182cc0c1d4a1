"""Reading recordings of any format and rate that libsndfile knows, checked, as mono at one rate."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import soundfile
import soxr

from ablation.errors.audio import (
    ChannelsCancel,
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
from ablation.features import mpeg
from ablation.features.containers import audio_parts
from ablation.features.muted import c_streams_muted
from ablation.features.views import Part

SILENCE = 1e-5  # peak below which a recording is silent: -100 dB of full scale
LOUDEST = 1e30  # of full scale; beyond, samples count as infinite
CANCELLED = 0.01  # of the channels' power in their mean; below, they cancel each other
RATES = (1000, 1_000_000)  # Hz; other rates come from damaged headers
_LATEST = 1e9  # seconds
_BLOCK = 1 << 22  # samples read at once
_UNKNOWN = 1 << 62  # samples; libsndfile's number for an unknown one is larger
_BARE = frozenset((".raw", ".pcm", ".vox", ".gsm", ".sln"))  # suffixes of samples without a header


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
        When it is not audio, truncated, empty, not finite or silent, when its channels cancel each
        other, or when the cut is not in it.
    """
    samples, rate = _decode(file, start, end)
    if samples.size == 0:
        raise UnusableRecording(file, "no samples")
    # The limit keeps the mean and its resampling finite too. Comparisons with NaN are false.
    if not max(samples.max(), -samples.min()) < LOUDEST:
        bad = int(np.count_nonzero(~(np.abs(samples).max(axis=1) < LOUDEST)))
        raise NotFinite(file, bad, len(samples))
    _refuse_cancelling(file, samples)
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
    with _opened(file) as recording:
        return _span(file, recording, start, end)[1] / recording.rate


def audio_header(file: Path) -> tuple[int, float]:
    """Return a recording's sampling rate (Hz) and length (seconds), from its header alone.

    Raises the same :class:`~ablation.errors.AudioError` as :func:`read_audio` for what the header
    shows: not audio, truncated, empty.
    """
    with _opened(file) as recording:
        frames = _span(file, recording, None, None)[1]
        if frames <= 0:
            raise UnusableRecording(file, "no samples")
        return recording.rate, frames / recording.rate


class _Sound(soundfile.SoundFile):
    """A file whose samples are read one after the other: some codecs cannot seek, not even to 0."""

    def seekable(self) -> bool:
        return False


@dataclass(frozen=True)
class _Recording:
    """An open recording: its parts, one after the other, and the number of samples of each."""

    sounds: tuple[_Sound, ...]
    lengths: tuple[int, ...]

    @property
    def rate(self) -> int:
        """Sampling rate in Hz."""
        return self.sounds[0].samplerate

    @property
    def frames(self) -> int:
        """Length in samples of a channel."""
        return sum(self.lengths)


def _decode(file: Path, start: float | None, end: float | None) -> tuple[np.ndarray, int]:
    """Return samples of shape (n, channels), float32, and their rate (Hz)."""
    with _opened(file) as recording:
        first, wanted = _span(file, recording, start, end)
        with _decoding(file):
            samples = _samples(recording, first, wanted)
        if len(samples) < wanted:
            raise TruncatedRecording(file, len(samples), wanted)
        return samples, recording.rate


@contextmanager
def _opened(file: Path) -> Iterator[_Recording]:
    """Open a recording by its content, whatever its name says."""
    try:
        if file.stat().st_size == 0:
            raise UnusableRecording(file, "empty file")
        with file.open("rb", buffering=0) as stream, c_streams_muted(), ExitStack() as opened:
            parts = _parts(file, stream, opened)
            with _decoding(file):
                lengths = tuple(_length(sound, length) for sound, length in parts)
            sounds = tuple(sound for sound, _ in parts)
            if len({(sound.samplerate, sound.channels) for sound in sounds}) > 1:
                raise UnusableRecording(file, "mixed")
            yield _Recording(sounds, lengths)
    except OSError as error:
        raise UnreadableRecording(file, error.strerror or str(error)) from error


def _parts(file: Path, stream: BinaryIO, opened: ExitStack) -> list[tuple[_Sound, int | None]]:
    """Return the parts of a recording with the lengths that their container tells."""

    def sound(part: Part) -> tuple[_Sound, int | None]:
        return opened.enter_context(
            _Sound(cast(BinaryIO, part.source), closefd=False)
        ), part.samples

    cause = None
    try:
        if file.suffix.lower() == ".sd2":  # its header is a file beside it
            return [(opened.enter_context(_Sound(cast(str, os.fsencode(file)))), None)]
        if parts := audio_parts(file, stream):
            return [sound(part) for part in parts]
    except soundfile.LibsndfileError as error:
        cause = error
    # Junk in front of MPEG audio, which libsndfile would pass over if the name said so.
    part = mpeg.find(file, stream)
    if part is not None:
        with suppress(soundfile.LibsndfileError):
            return [sound(part)]
    if file.suffix.lower() in _BARE:
        raise NoHeader(file) from cause
    raise UnusableRecording(file, "not audio") from cause


@contextmanager
def _decoding(file: Path) -> Iterator[None]:
    """Make it an expected error that a decoder cannot go on."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise UnusableRecording(file, "damaged") from error


def _length(sound: _Sound, told: int | None) -> int:
    """Return the number of samples of a channel; a decoder that does not know it has to count."""
    length: int = sound.frames if told is None else told
    if length < _UNKNOWN:
        return length
    length = 0
    while count := len(sound.read(max(1, _BLOCK // sound.channels), dtype="float32")):
        length += count
    sound.seek(0)
    return length


def _samples(recording: _Recording, first: int, wanted: int) -> np.ndarray:
    """Return ``wanted`` samples from ``first`` on, or as many as there are: (n, channels).

    The header was read, so this is audio. But a header may promise any number of samples, so they
    are read in blocks instead of into one array of that size.
    """
    blocks = [np.zeros((0, recording.sounds[0].channels), np.float32)]
    for sound, length in zip(recording.sounds, recording.lengths, strict=True):
        count = max(0, min(wanted, length - first))
        if count:
            _skip(sound, first)
            blocks += _blocks(sound, count)
        wanted, first = wanted - count, max(0, first - length)
    return np.concatenate(blocks) if len(blocks) > 2 else blocks[-1]


def _skip(sound: _Sound, first: int) -> None:
    """Go to sample ``first``, by reading what is in front of it where a codec cannot seek."""
    try:
        sound.seek(first)
    except soundfile.LibsndfileError:
        for _ in _blocks(sound, first):
            pass


def _blocks(sound: _Sound, count: int) -> Iterator[np.ndarray]:
    """Yield the next ``count`` samples, or as many as there are."""
    size = max(1, _BLOCK // sound.channels)
    while count:
        block = sound.read(min(count, size), dtype="float32", always_2d=True)
        if not len(block):
            return
        yield block
        count -= len(block)


def _span(
    file: Path, recording: _Recording, start: float | None, end: float | None
) -> tuple[int, int]:
    """Return the first sample and the number of samples of the part from ``start`` to ``end``."""
    if not all(0 <= time <= _LATEST for time in (start or 0.0, end or 0.0)):
        raise TimeOutOfRange(file, start, end, _LATEST)
    rate, frames = recording.rate, recording.frames
    if not RATES[0] <= rate <= RATES[1]:
        raise UnlikelyRate(file, rate, *RATES)
    first = round((start or 0.0) * rate)
    last = frames if end is None else round(end * rate)
    # An annotation may overshoot by its own rounding; more than 50 ms is a wrong cut.
    if first >= frames > 0 or last > frames + 0.05 * rate:
        raise CutBeyondEnd(file, start or 0.0, end, frames / rate)
    if last <= first and frames > 0:
        raise EmptyCut(file, start or 0.0, end or 0.0)
    return first, min(last, frames) - first


def _refuse_cancelling(file: Path, samples: np.ndarray) -> None:
    """Refuse channels of which the mean has next to nothing left, as when one is inverted."""
    channels = samples.shape[1]
    if channels == 1 or max(np.ptp(samples, axis=0)) < SILENCE:
        return
    power = samples.var(axis=0, dtype=np.float64).mean()
    if samples.mean(axis=1).var(dtype=np.float64) < CANCELLED * power:
        raise ChannelsCancel(file, channels)
