"""Recordings as people have them: of any container, cut, under wrong names, with odd headers."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ablation.errors import AudioError
from ablation.errors.audio import (
    ChannelsCancel,
    NoHeader,
    TruncatedRecording,
    UnusableRecording,
)
from ablation.features.audio import audio_header, read_audio

RATE = 16000
N = 16001  # odd, so that one byte a sample needs padding


def speech(samples: int = N, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(samples)
    return 0.2 * np.convolve(noise, np.ones(8) / 8, "same")


def written(file: Path, kind: str, subtype: str, samples: np.ndarray | None = None) -> bytes:
    """The bytes of a recording of one kind."""
    soundfile.write(file, speech() if samples is None else samples, RATE, subtype, format=kind)
    return file.read_bytes()


def mp3(file: Path, mode: str = "VARIABLE") -> tuple[bytes, bytes]:
    """The bytes of an MP3, quiet at first, with and without the frame that tells its length."""
    with soundfile.SoundFile(
        file, "w", RATE, 1, format="MP3", bitrate_mode=mode, compression_level=0.5
    ) as sound:
        sound.write(speech() * np.linspace(0, 1, N) ** 4)
    whole = file.read_bytes()
    return whole, whole[{"VARIABLE": 288, "CONSTANT": 360}[mode] :]


def length(file: Path) -> int:
    """Its number of samples, of which its header tells the same."""
    samples = len(read_audio(file, RATE))
    rate, seconds = audio_header(file)
    assert round(rate * seconds) == samples
    return samples


# ---------------------------------------------------------------------------- valid files


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "GSM610"), ("WAV", "G721_32"), ("WAV", "NMS_ADPCM_16"), ("WAV", "MS_ADPCM"),
     ("AU", "G723_24"), ("AIFF", "DWVW_16"), ("AIFF", "GSM610"), ("SDS", "PCM_16")],
)  # fmt: skip
def test_a_codec_that_cannot_seek_is_read_whole_and_in_parts(
    tmp_path: Path, kind: str, subtype: str
) -> None:
    file = tmp_path / "a"
    written(file, kind, subtype)
    whole = read_audio(file, RATE)
    assert N <= len(whole) < N + 1024  # the last block is padded
    assert np.corrcoef(whole[:N], speech())[0, 1] > 0.9
    np.testing.assert_array_equal(read_audio(file, RATE, 0.25, 0.75), whole[4000:12000])


SIZES = {  # where a container has the size of its audio
    "WAV": (b"data", 4, "<I"),
    "AIFF": (b"SSND", 4, ">I"),
    "SVX": (b"BODY", 4, ">I"),
    "AU": (b".snd", 8, ">I"),
    "CAF": (b"data", 4, ">q"),
    "W64": (b"data", 16, "<Q"),
    "RF64": (b"ds64", 16, "<Q"),
}


def resized(content: bytes, kind: str, change: Callable[[int], int]) -> bytes:
    name, after, form = SIZES[kind]
    place, mended = content.index(name) + after, bytearray(content)
    struct.pack_into(form, mended, place, change(*struct.unpack_from(form, content, place)))
    return bytes(mended)


@pytest.mark.parametrize("kind", SIZES)
def test_a_size_that_was_left_open_or_counts_the_header_is_read_to_the_end(
    tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "a"
    content = written(file, kind, "PCM_16")
    right = read_audio(file, RATE)
    for size in (
        0,
        *([-1] if kind == "CAF" else []),
        2 * 10**9,
        0x7FFFFFFF,
        0x7FFFF000,
        0x80000000,
        0xFFFFFFFF,
        0xFFFFFFFF - 44,
    ):
        file.write_bytes(resized(content, kind, lambda _, size=size: size))
        np.testing.assert_array_equal(read_audio(file, RATE), right, err_msg=hex(size))
    file.write_bytes(resized(content, kind, lambda size: size + 44))
    assert length(file) == N


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("change", [lambda size: size + 1000, lambda size: 3 * size])
def test_a_size_that_no_slip_explains_is_that_of_a_truncated_file(
    tmp_path: Path, kind: str, change: Callable[[int], int]
) -> None:
    file = tmp_path / "a"
    file.write_bytes(resized(written(file, kind, "PCM_16"), kind, change))
    with pytest.raises(TruncatedRecording):
        read_audio(file, RATE)


def info(text: bytes) -> bytes:
    return b"LIST" + struct.pack("<I", len(text)) + text


@pytest.mark.parametrize(
    "arranged",
    [
        lambda wav: wav + info(b"INFOISFT\x06\0\0\0Lavf58"),
        lambda wav: wav[:36] + info(b"INFOISFT\x06\0\0\0Lavf58") + wav[36:],
        lambda wav: wav[:36] + b"odd \x03\0\0\0abc\0" + wav[36:],
        lambda wav: wav[: 44 + N],  # without the byte that pads an odd number
        lambda wav: wav + bytes(1000),
    ],
    ids=["notes behind", "notes in front", "odd chunk", "no padding", "zeros behind"],
)
def test_a_wave_file_may_have_other_chunks_and_no_padding(
    tmp_path: Path, arranged: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(arranged(written(file, "WAV", "PCM_U8")))
    assert length(file) == N


def test_an_empty_wave_file_with_notes_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(written(file, "WAV", "PCM_16", np.zeros(0)) + info(b"INFOISFT\x02\0\0\0ab"))
    with pytest.raises(UnusableRecording) as caught:
        read_audio(file, RATE)
    assert caught.value.fault == "no samples"


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_chained_ogg_streams_are_one_recording(tmp_path: Path, subtype: str) -> None:
    file = tmp_path / "a.ogg"
    first, second = (written(file, "OGG", subtype, speech(n, n)) for n in (8000, 12000))
    file.write_bytes(second)
    last = read_audio(file, RATE)
    file.write_bytes(first + second)
    assert length(file) == 20000
    np.testing.assert_array_equal(read_audio(file, RATE)[8000:], last)
    assert len(read_audio(file, RATE, 0.25, 0.75)) == 8000  # over the seam


def test_chained_streams_of_two_kinds_are_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "a.ogg"
    mono, stereo = (written(file, "OGG", "VORBIS", np.stack([speech()] * n, 1)) for n in (1, 2))
    file.write_bytes(mono + stereo)
    with pytest.raises(UnusableRecording) as caught:
        read_audio(file, RATE)
    assert caught.value.fault == "mixed"


TAG = b"ID3\3\0\0\0\0\2\x58" + bytes(0x158)
TITLE = b"TAG" + b"x" * 125


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_is_as_long_as_its_frames_whatever_its_tags(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "a.mp3"
    whole, frames = mp3(file, mode)
    for content in (whole, TAG + whole + TITLE, whole + b"APETAGEX" + b"y" * 99 + TITLE):
        file.write_bytes(content)
        assert length(file) == N
    count = N // 576 + 3  # the encoder's delay and the last frame's rest are not known any more
    for content in (frames, TAG + frames + TITLE, TAG + bytes(300) + frames):
        file.write_bytes(content)
        assert length(file) == count * 576
    file.write_bytes(frames + TAG + frames)
    assert length(file) == 2 * count * 576
    file.write_bytes(frames[20:])  # from a running stream
    assert length(file) == (count - 1) * 576


def test_a_flac_that_does_not_know_its_length_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.flac"
    content = bytearray(written(file, "FLAC", "PCM_16"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    file.write_bytes(content)
    assert length(file) == N
    assert len(read_audio(file, RATE, 0.25, 0.75)) == 8000
    file.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(UnusableRecording) as caught:
        read_audio(file, RATE)
    assert caught.value.fault == "damaged"


# ---------------------------------------------------------------------------- cut files


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "GSM610"), ("WAVEX", "FLOAT"), ("RF64", "PCM_16"), ("W64", "PCM_24"),
     ("AIFF", "PCM_16"), ("AIFF", "IMA_ADPCM"), ("AU", "ULAW"), ("CAF", "PCM_16"),
     ("CAF", "ALAC_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("NIST", "PCM_16"), ("NIST", "ULAW"),
     ("VOC", "PCM_16"), ("VOC", "PCM_U8"), ("SVX", "PCM_16"), ("AVR", "PCM_16"), ("SDS", "PCM_16"),
     ("MAT4", "PCM_16"), ("MAT5", "PCM_16"), ("WVE", "ALAW")],
)  # fmt: skip
@pytest.mark.parametrize("part", [0.97, 0.6, 0.35])
def test_a_file_that_was_cut_is_truncated_in_any_container(
    tmp_path: Path, kind: str, subtype: str, part: float
) -> None:
    file = tmp_path / "a"
    soundfile.write(file, speech(), 8000, subtype, format=kind)
    content = file.read_bytes()
    assert len(read_audio(file, 8000)) >= N
    file.write_bytes(content[: int(part * len(content))])
    for read in (lambda: read_audio(file, 8000), lambda: audio_header(file)):
        with pytest.raises(TruncatedRecording):
            read()


PADDING = struct.pack(">I", 1 << 24 | 5000) + bytes(5000)  # in front of the audio of a FLAC


def test_a_file_that_was_cut_in_front_of_its_audio_is_truncated(tmp_path: Path) -> None:
    file = tmp_path / "a"
    wav, flac = (written(file, kind, "PCM_16") for kind in ("WAV", "FLAC"))
    notes = info(b"INFOISFT\x88\x13\0\0" + b"x" * 5000)
    whole = (wav[:36] + notes + wav[36:], flac[:42] + PADDING + flac[42:], TAG + mp3(file)[0])
    for content in whole:
        file.write_bytes(content)
        assert length(file) == N
        file.write_bytes(content[:300])
        with pytest.raises(TruncatedRecording):
            read_audio(file, RATE)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("part", [0.97, 0.61, 0.35])
def test_an_mp3_that_was_cut_is_truncated(tmp_path: Path, mode: str, part: float) -> None:
    file = tmp_path / "a.mp3"
    for content in mp3(file, mode):
        file.write_bytes((TAG + content)[: int(part * len(TAG + content))])
        with pytest.raises(TruncatedRecording):
            read_audio(file, RATE)


def test_an_mp3_that_ends_with_a_frame_is_truncated_where_its_first_one_tells(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.mp3"
    content, _ = mp3(file, "CONSTANT")
    file.write_bytes(content[: 20 * 360])
    with pytest.raises(TruncatedRecording) as caught:
        read_audio(file, RATE)
    expected = (len(content) // 360 - 1) * 576
    assert (caught.value.found, caught.value.expected) == (19 * 576, expected)


def pages(content: bytes) -> list[int]:
    """Where the pages of an Ogg file begin."""
    found, place = [], 0
    while place < len(content):
        found.append(place)
        parts = content[place + 27 : place + 27 + content[place + 26]]
        place += 27 + len(parts) + sum(parts)
    return found


def test_the_last_page_of_an_ogg_stream_is_marked_save_by_telephones(tmp_path: Path) -> None:
    file = tmp_path / "a.ogg"
    content = written(file, "OGG", "VORBIS")
    file.write_bytes(content[: pages(content)[-1]])
    with pytest.raises(TruncatedRecording):
        read_audio(file, RATE)
    content = written(file, "OGG", "OPUS")
    file.write_bytes(content[: pages(content)[-1]])
    assert 0 < length(file) < N


# ---------------------------------------------------------------------------- no audio

PAGE = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>" + b"<p>Hello" * 900
NO_AUDIO = {
    "page": PAGE,
    "json": b'{"error": "no such file"}' * 90,
    "text": b"\xff\xfe" + PAGE.decode().encode("utf-16-le"),
    "text2": b"\xfe\xff" + PAGE.decode().encode("utf-16-be"),
    "pdf": b"%PDF-1.7\n" + np.random.default_rng(0).bytes(4000),
    "zip": b"PK\3\4" + np.random.default_rng(1).bytes(4000),
    "noise": np.random.default_rng(2).bytes(20000),
    "sync": b"\xff\xfb\x90\0" + np.random.default_rng(3).bytes(20000),
    "tag": TAG + b"\xff\xfb\x90\0" + np.random.default_rng(4).bytes(20000),
    "frame": b"\xff\xe3\x18\xc4\xc4\0\0\3H\1\xc0\0\0" + b"U" * 59,
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:"
    + b"0" * 64
    + b"\nsize 9\n",
}


@pytest.mark.parametrize("suffix", [".au", ".snd", ".mp3", ".wav", ".ogg", ".sd2", ".gsm", ".vox"])
def test_no_suffix_makes_something_else_audio(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, content in NO_AUDIO.items():
        file = (tmp_path / name).with_suffix(suffix)
        file.write_bytes(content)
        with pytest.raises(AudioError) as caught:
            read_audio(file, RATE)
        bare = isinstance(caught.value, NoHeader) and suffix in (".gsm", ".vox")
        assert bare or vars(caught.value)["fault"] == "not audio"
    assert capfd.readouterr() == ("", "")


def test_audio_is_known_by_its_content(tmp_path: Path) -> None:
    for suffix in (".raw", ".vox", ".txt", ".mp3"):
        file = tmp_path / f"a{suffix}"
        written(file, "WAV", "PCM_16")
        assert length(file) == N


def test_no_decoder_writes_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.mp3"
    whole, _ = mp3(file, "CONSTANT")
    damaged = bytearray(whole)
    for frame in range(2, len(whole) // 360, 4):
        damaged[360 * frame + 4 : 360 * frame + 13] = b"\x0f" * 9
    file.write_bytes(damaged)
    assert length(file) == N  # a decoder makes something of it, and remarks on it
    assert capfd.readouterr() == ("", "")
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


# ---------------------------------------------------------------------------- channels


@pytest.mark.parametrize(
    "channels",
    [(1, -1), (1, -0.99), (1, -1, 1, -1), (0.5, -1, 0.5), (1, -1, 0)],
    ids=str,
)
def test_channels_that_cancel_each_other_are_refused(
    tmp_path: Path, channels: tuple[float, ...]
) -> None:
    file = tmp_path / "a.wav"
    for offset in (0, 0.3):
        samples = np.stack([speech() * factor + offset for factor in channels], 1)
        soundfile.write(file, samples, RATE)
        with pytest.raises(ChannelsCancel) as caught:
            read_audio(file, RATE)
        assert caught.value.channels == len(channels)


@pytest.mark.parametrize("channels", [(1, 1), (1, 0), (0, 0, 0, 1), (1, -0.5), (1, 1, -1)], ids=str)
def test_the_mean_of_channels_that_do_not_is_read(
    tmp_path: Path, channels: tuple[float, ...]
) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, np.stack([speech() * one for one in channels], 1), RATE, "FLOAT")
    np.testing.assert_allclose(read_audio(file, RATE), speech() * np.mean(channels), atol=1e-6)


def test_channels_of_two_voices_and_silent_ones(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, np.stack([speech(seed=1), speech(seed=2)], 1), RATE)
    assert length(file) == N
    soundfile.write(file, np.zeros((N, 2)), RATE)
    with pytest.raises(UnusableRecording) as caught:
        read_audio(file, RATE)
    assert caught.value.fault == "silent"
