"""Errors about recordings, and about the features made from them."""

import errno
import os
from pathlib import Path
from typing import Literal

from ablation.errors.base import AudioError, CorpusError, StorageError

_REPLACE = "replace the recording or leave it out"
_TIMES = "correct start and end (seconds)"


class UnusableRecording(AudioError):
    """A recording is empty, silent, damaged or no audio."""

    file: Path
    fault: Literal["empty file", "no samples", "silent", "not audio", "damaged", "mixed"]
    REMEDY = _REPLACE

    def describe(self) -> str:
        text = {
            "empty file": "the file is empty (0 bytes)",
            "no samples": "the recording is empty (no samples)",
            "silent": "the recording is silent (peak below -100 dBFS)",
            "not audio": "not audio, or in a format that libsndfile does not read",
            "damaged": "truncated or damaged",
            "mixed": "its streams differ in sampling rate or number of channels",
        }[self.fault]
        return f"{self.file}: {text}"


class NoHeader(AudioError):
    """A file holds bare samples, whose rate and type are unknown, or no audio at all."""

    file: Path
    WHAT = "{file}: not audio, or samples without a header"
    REMEDY = "convert samples to a WAV file, or leave the file out"


class UnreadableRecording(AudioError):
    """The system does not let a recording be read, or it does not exist."""

    file: Path
    reason: str
    WHAT = "{file}: cannot be read: {reason}"

    def advise(self) -> str:
        return "check the path" if self.reason == os.strerror(errno.ENOENT) else _REPLACE


class TruncatedRecording(AudioError):
    """A recording ends before what its header says; ``unit`` is what is counted."""

    file: Path
    found: int
    expected: int
    unit: str = "samples"
    WHAT = "{file}: truncated: {found} of the {expected} {unit} promised by its header are present"
    REMEDY = _REPLACE


class NotFinite(AudioError):
    """A recording has samples that are not numbers, or as good as infinite."""

    file: Path
    bad: int
    samples: int
    WHAT = "{file}: {bad} of {samples} samples are NaN or infinite"
    REMEDY = _REPLACE


class ChannelsCancel(AudioError):
    """A recording's channels cancel each other, so that their mean has no speech left."""

    file: Path
    channels: int
    WHAT = "{file}: mixed to mono, its {channels} channels cancel each other (some are inverted)"
    REMEDY = "save one channel as a mono file, or invert the inverted ones"


class UnlikelyRate(AudioError):
    """A header names a sampling rate (Hz) that no recording of speech has."""

    file: Path
    rate: int
    lowest: int
    highest: int
    WHAT = "{file}: sampling rate {rate} Hz, expected {lowest} to {highest} Hz"
    REMEDY = _REPLACE


class ShorterThanASample(AudioError):
    """A recording is shorter than one sample at the study's rate (Hz)."""

    file: Path
    sample_rate: int
    WHAT = "{file}: shorter than one sample at {sample_rate} Hz"
    REMEDY = _REPLACE


class TimeOutOfRange(AudioError):
    """A start or end (seconds) can lie in no recording."""

    file: Path
    start: float | None
    end: float | None
    latest: float
    REMEDY = _TIMES

    def describe(self) -> str:
        times = " and ".join(str(t) for t in (self.start, self.end) if t is not None)
        return f"{self.file}: start and end must be 0 to {self.latest:.0f} s, got {times}"


class CutBeyondEnd(AudioError):
    """A cut (seconds) starts or ends after the recording's end."""

    file: Path
    start: float
    end: float | None
    seconds: float
    REMEDY = _TIMES

    def describe(self) -> str:
        to_end = "the end" if self.end is None else f"{self.end:g} s"
        return (
            f"{self.file}: the cut from {self.start:g} s to {to_end} reaches beyond the recording, "
            f"which lasts {self.seconds:.2f} s"
        )


class EmptyCut(AudioError):
    """A cut (seconds) ends no later than it starts."""

    file: Path
    start: float
    end: float
    WHAT = "{file}: the cut from {start:g} s to {end:g} s is empty"
    REMEDY = _TIMES


class UtterancesTooShort(CorpusError):
    """Every utterance is shorter than a segment (seconds), and short ones are dropped."""

    seconds: float
    WHAT = "every utterance is shorter than a segment of {seconds:g} s"
    REMEDY = 'set features.short to "zero" (pad with zeros) or "repeat" (repeat the utterance)'


class DamagedSpectrogram(StorageError):
    """A spectrogram in the feature cache is missing or cannot be read."""

    file: Path
    reason: str
    WHAT = "the cached spectrogram {file} is missing or damaged ({reason})"
    REMEDY = "run the same command again: it will be recomputed"
