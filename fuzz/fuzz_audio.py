"""Recordings whose headers lie, that end too soon, or that are none."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import strategies as st
from strategies import damaged, floats
from trials import Trials, Unfit

from ablation.features.audio import audio_seconds, read_audio

KINDS = (
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("WAV", "ULAW"),
    ("WAV", "MS_ADPCM"), ("WAV", "GSM610"), ("WAV", "G721_32"), ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"), ("W64", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("AIFF", "DWVW_16"), ("AU", "PCM_16"),
    ("AU", "G723_24"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("NIST", "PCM_16"), ("VOC", "PCM_16"),
    ("IRCAM", "PCM_16"), ("SVX", "PCM_16"), ("PAF", "PCM_16"), ("HTK", "PCM_16"), ("WVE", "ALAW"),
    ("MAT4", "PCM_16"), ("MAT5", "PCM_16"), ("PVF", "PCM_16"), ("XI", "DPCM_16"), ("SDS", "PCM_16"),
    ("AVR", "PCM_16"),
)  # fmt: skip
USUAL = ("WAV", "WAVEX", "FLAC", "OGG", "MP3")
PAGE = b"<!DOCTYPE html><html><body>" + b"<p>Not Found</p>" * 200
NAMES = ("a.wav", "a.WAV", "a.flac", "a.mp3", "a.raw", "a.au", "a.vox", "a.txt", "a", "ü.wav")


# No header of theirs says how long the recording is: one that was cut cannot be told from a whole.
UNSIZED = {"IRCAM", "PAF", "PVF", "XI"}
PLACEHOLDERS = (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2_000_000_000)
BLOCK = (
    0.1  # seconds: a few bytes too many in a header are no truncation, and a block is all of them
)


def sounds(kinds: set[str] | None) -> list[bytes]:
    """A short recording of every kind, mono and stereo."""
    rng = np.random.default_rng(0)
    found = []
    for kind, subtype in KINDS:
        if kinds is not None and kind not in kinds:
            continue
        for channels in (1, 2) if kind in USUAL and subtype not in ("GSM610", "G721_32") else (1,):
            file = io.BytesIO()
            samples = rng.uniform(-0.3, 0.3, (1200, channels))
            soundfile.write(file, samples, 8000, format=kind, subtype=subtype)
            found.append(file.getvalue())
            if kind in ("OGG", "MP3"):  # chained streams; frames without the one that counts them
                found += [file.getvalue() * 2, file.getvalue()[200:]]
    return [*found, PAGE]


times = st.integers(0, 9).flatmap(
    lambda k: floats if k == 0 else st.floats(0, 0.2) if k == 1 else st.none()
)
rates = st.sampled_from([8000, 16000, 1000])


def heard(fuzz: Trials, folder: Path, contents: list[bytes]) -> None:
    """Read damaged recordings; what comes back is sound."""

    def attempt(example: tuple[str, bytes, int, float | None, float | None]) -> None:
        name, content, rate, start, end = example
        file = folder / name
        file.write_bytes(content)
        try:
            samples = read_audio(file, rate, start, end)
        finally:
            if remarks.stat().st_size:
                raise Unfit(f"a decoder remarks: {remarks.read_bytes()[:200]!r}")
        if samples.dtype != np.float32 or samples.ndim != 1 or not samples.size:
            raise Unfit(f"samples {samples.dtype} of shape {samples.shape}")
        if not np.isfinite(samples).all():
            raise Unfit("samples that are not finite")
        seconds = audio_seconds(file, start, end)
        if abs(seconds - samples.size / rate) > 0.01 + 2 / rate:
            raise Unfit(f"{samples.size} samples at {rate} Hz for {seconds} s")

    few = damaged(contents, most=3)
    with overheard() as remarks:
        fuzz(st.tuples(st.sampled_from(NAMES), few, rates, times, times), attempt)


@contextmanager
def overheard() -> Iterator[Path]:
    """A file with what decoders write past Python; it must remain empty."""
    with tempfile.NamedTemporaryFile() as heard:
        kept = os.dup(2)
        os.dup2(heard.fileno(), 2)
        try:
            yield Path(heard.name)
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def fuzz_recordings(fuzz: Trials, folder: Path) -> None:
    """Of the kinds that people have."""
    heard(fuzz, folder, sounds(set(USUAL)))


def fuzz_rare_recordings(fuzz: Trials, folder: Path) -> None:
    """Of every kind that libsndfile reads."""
    heard(fuzz, folder, sounds(None))


def fuzz_cut_recordings(fuzz: Trials, folder: Path) -> None:
    """Whole recordings of any container that end early, or whose size a recorder left open."""
    whole = []
    for kind, subtype in KINDS:
        if kind not in UNSIZED:
            file = io.BytesIO()
            samples = np.random.default_rng(0).uniform(-0.3, 0.3, 8000)
            soundfile.write(file, samples, 8000, format=kind, subtype=subtype)
            whole.append(file.getvalue())
    lengths = [_seconds(folder / "whole", content) for content in whole]

    def attempt(example: tuple[int, float, int | None]) -> None:
        number, share, size = example
        content = bytearray(whole[number])
        at = content.find(b"data", 0, 200)
        if size is not None and at > 0:
            content[at + 4 : at + 8] = size.to_bytes(4, "little")
        seconds = _seconds(folder / "cut", bytes(content[: int(share * len(content))]))
        # A table behind the samples may be cut off and nothing lost.
        if seconds < lengths[number] - BLOCK and size not in PLACEHOLDERS:
            raise Unfit(
                f"{KINDS[number]}: {seconds} s of {lengths[number]} s, not called truncated"
            )
        if seconds > lengths[number] + BLOCK:
            raise Unfit(f"{seconds} s of {lengths[number]} s")

    shares = st.just(1.0) | st.floats(0.2, 1.0)
    sizes = st.none() | st.sampled_from(PLACEHOLDERS)
    fuzz(st.tuples(st.integers(0, len(whole) - 1), shares, sizes), attempt)


def _seconds(file: Path, content: bytes) -> float:
    file.write_bytes(content)
    return read_audio(file, 8000).size / 8000
