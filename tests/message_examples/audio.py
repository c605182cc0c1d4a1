"""Errors about recordings, and about the features made from them."""

from pathlib import Path

from ablation.errors.audio import (
    ChannelsCancel,
    CutBeyondEnd,
    DamagedSpectrogram,
    EmptyCut,
    NoHeader,
    NotFinite,
    ShorterThanASample,
    TimeOutOfRange,
    TruncatedRecording,
    UnlikelyRate,
    UnreadableRecording,
    UnusableRecording,
    UtterancesTooShort,
)

WAV = Path("emodb/wav/03a01Fa.wav")
SPECTROGRAM = Path("~/.cache/ablation/features/5b0e/9c1f-212.npy")

EXAMPLES = [
    UnusableRecording(WAV, "empty file"),
    UnusableRecording(WAV, "no samples").with_origin("manifest.csv, row 2"),
    NoHeader(Path("speech/03a01Fa.raw")),
    UnusableRecording(WAV, "not audio"),
    UnreadableRecording(WAV, "Permission denied"),
    UnreadableRecording(WAV, "No such file or directory"),
    TruncatedRecording(WAV, 2956, 6400, "bytes of audio"),
    TruncatedRecording(WAV, 1152, 30404),
    UnusableRecording(Path("speech/03a01Fa.flac"), "damaged"),
    UnusableRecording(Path("speech/03a01Fa.ogg"), "mixed"),
    NotFinite(WAV, 1, 3200),
    UnusableRecording(WAV, "silent"),
    ChannelsCancel(WAV, 2),
    UnlikelyRate(WAV, 999, 1000, 1_000_000),
    ShorterThanASample(WAV, 16000),
    TimeOutOfRange(WAV, -0.01, 0.1, 1e9),
    TimeOutOfRange(WAV, 1e308, None, 1e9),
    CutBeyondEnd(WAV, 0.1, 3.5, 1.9).with_origin("manifest.csv, row 4"),
    CutBeyondEnd(WAV, 2.5, None, 1.9),
    EmptyCut(WAV, 0.5, 0.2),
    UtterancesTooShort(2.0),
    DamagedSpectrogram(SPECTROGRAM, "mmap length is greater than file size"),
]
