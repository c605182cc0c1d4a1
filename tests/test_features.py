"""Spectrograms, segments, batches and the cache."""

import itertools
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from ablation.corpora import Utterance
from ablation.errors.audio import (
    CutBeyondEnd,
    DamagedSpectrogram,
    UnusableRecording,
    UtterancesTooShort,
)
from ablation.features.audio import read_audio
from ablation.features.cache import Entry, FeatureCache, cache_size, stored_array, trim
from ablation.features.front_ends.linear import front_end as spectrogram
from ablation.features.segment_dataset import SegmentDataset, mu_law
from ablation.features.segments import columns, segment_starts
from ablation.study import FeaturesSpec
from ablation.threads import in_threads

SPEC = FeaturesSpec()


def tone(hertz: float, seconds: float = 2.0, rate: int = 16000) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def entry_of(path: Path, samples: np.ndarray, spec: FeaturesSpec) -> Entry:
    """An entry as the cache would store it."""
    frames = max(1, len(samples) // spec.hop_samples)
    np.save(path, stored_array(samples, frames, spec))
    return Entry(path, frames)


@pytest.mark.parametrize("hertz", [50, 1000, 3990])
def test_a_tone_peaks_at_its_bin_with_magnitude_one_half(hertz: int) -> None:
    spectrum = spectrogram(tone(hertz), SPEC)
    assert spectrum.shape == (400, 200)
    middle = spectrum[:, 100]
    assert middle.argmax() == hertz // 10
    if hertz == 1000:  # far from its mirror image at negative frequencies
        assert middle.max() == pytest.approx(0.5, abs=1e-3)


def test_a_frame_is_centred_on_the_grid() -> None:
    click = np.zeros(32000, np.float32)
    click[16000] = 1
    energy = spectrogram(click, SPEC).sum(axis=0)
    assert energy.argmax() == 100
    assert energy[99] == pytest.approx(energy[101], rel=1e-3)


def test_against_a_transform_written_out() -> None:
    """One frame as the definition says, in float64."""
    samples = np.random.default_rng(1).standard_normal(32000).astype(np.float32)
    frame, n = 57, np.arange(640)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * n / 640)
    piece = samples[frame * 160 - 320 : frame * 160 + 320] * window / window.sum()
    expected = [abs(np.sum(piece * np.exp(-2j * np.pi * k * n / 1600))) for k in range(400)]
    assert np.allclose(spectrogram(samples, SPEC)[:, frame], expected, atol=1e-6)


def test_the_first_bin_can_be_dropped_instead_of_the_last() -> None:
    samples = tone(1000)
    first = spectrogram(samples, FeaturesSpec(drop_bin="first"))
    assert first[:, 100].argmax() == 99
    assert np.array_equal(first[:-1], spectrogram(samples, SPEC)[1:])


def test_mu_law_by_hand() -> None:
    x = torch.tensor([-1.0, -0.1, 0.0, 0.5, 1.0])
    expected = [
        math.copysign(math.log(1 + 255 * abs(v)) / math.log(256), v) if v else 0.0
        for v in x.tolist()
    ]
    assert torch.allclose(mu_law(x, 255), torch.tensor(expected))
    assert torch.equal(mu_law(x, 0), x)


@given(st.integers(1, 3000), st.sampled_from(["back", "drop"]))
def test_segments_lie_inside_and_cover_the_utterance(frames: int, tail: str) -> None:
    spec = FeaturesSpec.model_validate({"tail": tail})
    for purpose, hop in (("train", 100), ("test", 40)):
        starts = segment_starts(frames, spec, purpose)
        assert starts == sorted(set(starts))
        assert starts[0] == 0
        assert frames <= 200 or starts[-1] + 200 <= frames
        assert all(b - a <= hop for a, b in itertools.pairwise(starts))
        if tail == "back" and frames > 200:
            assert starts[-1] + 200 == frames
        if tail == "drop":
            assert all(start % hop == 0 for start in starts)


def test_segments_by_hand() -> None:
    assert segment_starts(350, SPEC, "train") == [0, 100, 150]
    assert segment_starts(300, SPEC, "train") == [0, 100]
    assert segment_starts(301, SPEC, "train") == [0, 100, 101]
    assert segment_starts(250, SPEC, "test") == [0, 40, 50]
    assert segment_starts(130, SPEC, "test") == [0]


def test_a_segment_sees_its_utterance_beyond_its_edges_or_zeros(tmp_path: Path) -> None:
    """`edges` decides about the two frames at either end of a segment and nothing else."""
    samples = np.random.default_rng(2).standard_normal(16000 * 4).astype(np.float32)
    own = FeaturesSpec(edges="segment", train_hop_s=1.0)
    shared = entry_of(tmp_path / "a-400.npy", samples, SPEC)
    apart = entry_of(tmp_path / "b-400.npy", samples, own)
    a, b = np.load(shared.path), np.load(apart.path)
    for purpose in ("train", "test"):
        for x, y in zip(columns(400, SPEC, purpose), columns(400, own, purpose), strict=True):
            one, other = a[:, x : x + 200], b[:, y : y + 200]
            assert np.array_equal(one[:, 2:198], other[:, 2:198])
            assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        ({}, 0, 1),
        ({"normalise": "minmax"}, -1, 1),
        ({"scale": "power"}, 0, 1),
        ({"scale": "log"}, 0, 1),
        ({"scale": "log", "normalise": "minmax"}, -1, 1),
        ({"mu": 0}, 0, 1),
        ({"scope": "utterance"}, 0, 1),
        ({"scope": "corpus"}, 0, 1),
    ],
)
def test_every_normalisation_fills_its_range(
    tmp_path: Path, options: dict, low: float, high: float
) -> None:
    spec = FeaturesSpec.model_validate(options)
    samples = np.random.default_rng(3).standard_normal(32000).astype(np.float32)
    bank = SegmentDataset([entry_of(tmp_path / "a-200.npy", samples, spec)], [0], spec, "train")
    batch = bank.batch([0])
    assert batch.shape == (1, 1, 400, 200)
    assert batch.min() >= low
    assert batch.max() == pytest.approx(high)


def test_scope_decides_whether_loudness_is_seen(tmp_path: Path) -> None:
    """A quiet utterance looks like a loud one by segment, and quieter by corpus."""
    loud = np.random.default_rng(4).standard_normal(32000).astype(np.float32)
    for scope, same in (("segment", True), ("utterance", True), ("corpus", False)):
        spec = FeaturesSpec.model_validate({"scope": scope})
        entries = [
            entry_of(tmp_path / f"{scope}{i}-200.npy", x, spec)
            for i, x in enumerate((loud, 0.1 * loud))
        ]
        batch = SegmentDataset(entries, [0, 1], spec, "train").batch([0, 1])
        assert torch.allclose(batch[0], batch[1], atol=1e-4) is same


def test_the_corpus_scope_does_not_look_at_the_held_out_side(tmp_path: Path) -> None:
    spec = FeaturesSpec(scope="corpus")
    quiet = 0.1 * np.random.default_rng(5).standard_normal(32000).astype(np.float32)
    train = entry_of(tmp_path / "a-200.npy", quiet, spec)
    shouted = [entry_of(tmp_path / f"{k}-200.npy", k * quiet, spec) for k in (1, 50)]
    seen = [SegmentDataset.pair(([train], [0]), ([s], [0]), spec)[0].batch([0]) for s in shouted]
    assert torch.equal(*seen)
    loud = SegmentDataset.pair(([train], [0]), ([shouted[1]], [0]), spec)[1].batch([0])
    assert loud.max() == 1


def test_a_silent_stretch_is_zeros_and_not_nan(tmp_path: Path) -> None:
    samples = np.concatenate([tone(300, 1), np.zeros(16000 * 4, np.float32)])
    bank = SegmentDataset([entry_of(tmp_path / "a-500.npy", samples, SPEC)], [0], SPEC, "train")
    assert torch.equal(bank.batch([len(bank) - 1]), torch.zeros(1, 1, 400, 200))


@pytest.mark.parametrize(("short", "ratio"), [("zero", 0.0), ("repeat", 1.0)])
def test_short_utterances_are_filled(tmp_path: Path, short: str, ratio: float) -> None:
    spec = FeaturesSpec.model_validate({"short": short, "mu": 0})
    entry = entry_of(tmp_path / "a-50.npy", tone(1000, 0.5), spec)
    segment = SegmentDataset([entry], [0], spec, "train").batch([0])[0, 0]
    assert segment[100, 150] == pytest.approx(ratio, abs=0.05)


def test_audio_of_any_rate_and_channels_becomes_16_khz_mono(tmp_path: Path) -> None:
    x = tone(1000, 1, 44100)
    soundfile.write(tmp_path / "a.wav", np.stack([x, x], axis=1), 44100, subtype="FLOAT")
    mono = read_audio(tmp_path / "a.wav", 16000)
    assert mono.shape == (16000,)
    assert np.abs(mono[2000:-2000]).max() == pytest.approx(1, abs=0.01)
    assert spectrogram(mono, SPEC)[:, 50].argmax() == 100


def test_a_cut_is_read_alone(tmp_path: Path) -> None:
    x = np.concatenate([tone(500, 1), tone(2000, 1)])
    soundfile.write(tmp_path / "a.wav", 0.5 * x, 16000)
    part = read_audio(tmp_path / "a.wav", 16000, start=1.0, end=2.0)
    assert spectrogram(part, SPEC)[:, 50].argmax() == 200
    with pytest.raises(CutBeyondEnd) as caught:
        read_audio(tmp_path / "a.wav", 16000, start=1.5, end=2.5)
    assert caught.value.file == tmp_path / "a.wav"
    assert (caught.value.start, caught.value.end, caught.value.seconds) == (1.5, 2.5, 2.0)


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    made = []
    for index in range(6):
        file = tmp_path / f"{index}.wav"
        soundfile.write(file, 0.5 * tone(200 + 100 * index, 1 + index / 4), 16000)
        made.append(Utterance(str(index), file, "s", "l"))
    return made


def digests(utterances: list[Utterance]) -> dict[Path, str]:
    from ablation.corpora.fingerprints import content_digests

    return content_digests(utterances)


def test_the_cache_makes_an_entry_once(tmp_path: Path, utterances: list[Utterance]) -> None:
    cache = FeatureCache(SPEC, tmp_path / "cache")
    made: list[int] = []
    first = cache.ensure(utterances, digests(utterances), lambda done, _: made.append(done))
    assert made == [1, 2, 3, 4, 5, 6]
    stamps = {entry.path: entry.path.stat().st_mtime_ns for entry in first.values()}
    assert cache.ensure(utterances, digests(utterances), lambda *_: pytest.fail("made")) == first
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps}


def test_a_changed_recording_or_option_never_meets_a_stale_entry(
    tmp_path: Path, utterances: list[Utterance]
) -> None:
    cache = FeatureCache(SPEC, tmp_path / "cache")
    before = cache.ensure(utterances, digests(utterances))
    soundfile.write(utterances[0].file, 0.5 * tone(3000, 1), 16000)
    after = cache.ensure(utterances, digests(utterances))
    assert after["0"] != before["0"]
    assert np.load(after["0"].path)[:, 50].argmax() == 300
    other = FeatureCache(FeaturesSpec(window_ms=20), tmp_path / "cache")
    assert other.ensure(utterances, digests(utterances))["1"] != before["1"]
    same = FeatureCache(FeaturesSpec(scope="corpus", mu=100), tmp_path / "cache")
    assert same.ensure(utterances, digests(utterances)) == after


def test_two_at_once_build_the_same_cache(tmp_path: Path, utterances: list[Utterance]) -> None:
    known = digests(utterances)
    with ThreadPoolExecutor(4) as pool:
        built = [pool.submit(FeatureCache(SPEC, tmp_path / "cache").ensure, utterances, known)
                 for _ in range(4)]  # fmt: skip
    one, *others = (future.result() for future in built)
    assert all(other == one for other in others)
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_the_cache_is_bounded_and_keeps_what_is_in_use(
    tmp_path: Path, utterances: list[Utterance]
) -> None:
    root = tmp_path / "cache"
    folders = []
    for window in (20.0, 30.0, 40.0):
        cache = FeatureCache(FeaturesSpec(window_ms=window), root)
        cache.ensure(utterances, digests(utterances))
        folders.append(cache.folder)
    size = cache_size(root)
    assert trim(root, size + 1, keep=[]) == 0
    trim(root, size / 2, keep=[folders[0]])
    assert [folder.exists() for folder in folders] == [True, False, False]


def test_a_damaged_entry_is_named_and_made_anew(
    tmp_path: Path, utterances: list[Utterance]
) -> None:
    cache = FeatureCache(SPEC, tmp_path / "cache")
    entry = cache.ensure(utterances, digests(utterances))["3"]
    entry.path.write_bytes(entry.path.read_bytes()[:1000])
    with pytest.raises(DamagedSpectrogram) as caught:
        SegmentDataset([entry], [0], SPEC, "train")
    assert caught.value.file == entry.path
    assert cache.ensure(utterances, digests(utterances))["3"] == entry
    assert len(SegmentDataset([entry], [0], SPEC, "train")) == 1


def test_threads_keep_the_order_of_results_and_of_errors() -> None:
    """The second item fails long before the first one does."""

    def fail(number: int) -> None:
        time.sleep(0.3 if number == 1 else 0)
        if number:
            raise UnusableRecording(Path(str(number)), "no samples")

    seen: list[tuple[int, int]] = []
    squares = in_threads(lambda number: number**2, range(30), lambda *now: seen.append(now))
    assert squares == [number**2 for number in range(30)]
    assert seen == [(number, 30) for number in range(1, 31)]
    with pytest.raises(UnusableRecording) as caught:
        in_threads(fail, range(4))
    assert caught.value.file == Path("1")


def test_an_interrupt_leaves_no_thread_at_work() -> None:
    """A process that exits while a thread decodes may be aborted by it."""
    begun, ended = [], []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.05)
        ended.append(number)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(1000), interrupt)
    assert 0 < len(begun) < 100
    assert sorted(begun) == sorted(ended)


def test_dropping_every_utterance_is_an_error(tmp_path: Path, utterances: list[Utterance]) -> None:
    spec = FeaturesSpec(short="drop", segment_s=3.0)
    with pytest.raises(UtterancesTooShort) as caught:
        FeatureCache(spec, tmp_path / "cache").ensure(utterances, digests(utterances))
    assert caught.value.seconds == 3.0
