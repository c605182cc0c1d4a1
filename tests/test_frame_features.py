"""Features of a frame, above all its pitch, and their place in the cache."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation.corpora import Utterance, voice
from ablation.corpora.fingerprints import content_digests
from ablation.features.audio import read_audio
from ablation.features.cache import FeatureCache, open_entry
from ablation.features.frame_features import ROWS, FrameSpec, frame_features
from ablation.features.front_ends.linear import front_end as spectrogram
from ablation.features.pitch import HNR_DB, Pitch, PitchSpec, track_pitch
from ablation.study import FeaturesSpec
from ablation.threads import in_threads

PITCH = PitchSpec()
LEE, HAN = FrameSpec("lee2015"), FrameSpec("han2014")
RATE = 16000


def features(samples: np.ndarray, spec: FrameSpec = LEE) -> dict[str, np.ndarray]:
    """Features by the names of their rows."""
    array = frame_features(samples.astype(np.float32), spec)
    return dict(zip(ROWS[spec.name], array, strict=True))


def pitch_of(samples: np.ndarray, rate: int = RATE, spec: PitchSpec = PITCH) -> Pitch:
    hop = round(rate / 100)
    return track_pitch(samples.astype(np.float32), rate, hop, max(1, len(samples) // hop), spec)


def tone(
    f0: float | np.ndarray,
    rate: int = RATE,
    seconds: float = 0.5,
    *,
    harmonics: int = 200,
    tilt: float = 6.0,
    snr: float = 20.0,
    top: float = 8000.0,
    seed: int = 0,
) -> np.ndarray:
    """Harmonics up to `top` that fall by `tilt` dB per octave, with random phases, in noise."""
    rng = np.random.default_rng(seed)
    track = np.broadcast_to(f0, round(seconds * rate))
    phase = 2 * np.pi * np.cumsum(track) / rate
    x = np.zeros(len(track))
    for k in range(1, harmonics + 1):
        if k * track.max() < min(top, 0.48 * rate):
            x += 10 ** (-tilt * np.log2(k) / 20) * np.cos(k * phase + rng.uniform(0, 2 * np.pi))
    x *= 0.3 / np.abs(x).max()
    return x + rng.normal(size=len(x)) * np.sqrt(np.mean(x**2) * 10 ** (-snr / 10))


def vowel(f0: float, formants: tuple[float, ...]) -> np.ndarray:
    """A pulse train through a source's slope and resonances."""
    from scipy.signal import lfilter

    x = np.diff(np.floor(np.arange(RATE // 2 + 1) * f0 / RATE))
    x = lfilter([1, -1], [1, -1.94, 0.97**2], x)
    for frequency in formants:
        pole = np.exp((-60 + 2j * frequency) * np.pi / RATE)
        x = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], x)
    return 0.3 * x / np.abs(x).max()


def share_right(f0: np.ndarray, truth: float | np.ndarray) -> float:
    return float(np.mean(np.abs(f0 / truth - 1) <= 0.02))


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
@pytest.mark.parametrize("f0", [60.0, 97.3, 150.0, 233.0, 340.0, 480.0])
def test_pitch_of_harmonics_and_of_a_sine(f0: float, rate: int) -> None:
    for harmonics, tilt in ((1, 0), (200, 0), (200, 6), (200, 12)):
        pitch = pitch_of(tone(f0, rate, harmonics=harmonics, tilt=tilt), rate)
        assert share_right(pitch.f0, f0) >= 0.95
        assert np.allclose(pitch.f0 * pitch.period, 1)
        assert pitch.voicing.min() > 0.9


def test_a_period_is_found_between_two_samples() -> None:
    for f0 in (111.3, 287.1, 437.0, 468.0):
        for rate in (8000, 16000):
            assert np.median(pitch_of(tone(f0, rate, snr=50), rate).f0) == pytest.approx(
                f0, rel=2e-3
            )


@settings(deadline=None, max_examples=30)
@given(
    st.floats(60, 480),
    st.floats(1e-4, 3.0),
    st.sampled_from([8000, 16000, 22050, 48000]),
    st.integers(0, 1000),
)
def test_pitch_does_not_depend_on_level_or_rate(
    f0: float, amplitude: float, rate: int, seed: int
) -> None:
    pitch = pitch_of(amplitude * tone(f0, rate, 0.3, seed=seed), rate)
    assert share_right(pitch.f0, f0) >= 0.95


@pytest.mark.parametrize(("low", "high"), [(60, 120), (300, 150), (200, 400), (470, 240)])
def test_pitch_follows_a_glide(low: float, high: float) -> None:
    track = low * (high / low) ** np.linspace(0, 1, 8000)
    f0 = pitch_of(tone(track)).f0
    assert share_right(f0[3:-3], track[::160][3:-3]) >= 0.95


@pytest.mark.parametrize("formants", [(270, 2290, 3010), (730, 1090, 2440), (300, 870, 2240)])
def test_a_formant_on_a_harmonic_is_not_taken_for_the_pitch(formants: tuple) -> None:
    for f0 in (formants[0] / 4, formants[0] / 3, formants[0] / 2, formants[0] / 1.5):
        assert share_right(pitch_of(vowel(f0, formants)).f0[3:-3], f0) >= 0.95


def test_pitch_without_its_fundamental() -> None:
    """As over a telephone."""
    spectrum = np.fft.rfft(tone(110, tilt=3))
    spectrum[: len(spectrum) * 300 // 8000] = 0
    assert share_right(pitch_of(np.fft.irfft(spectrum)).f0, 110) >= 0.95


def test_pitch_of_the_projects_own_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their plan is known. Anger is left out: its periods differ by a tenth from pulse to pulse."""
    plans = []
    plan = voice._plan
    monkeypatch.setattr(voice, "_plan", lambda *a: plans.append(plan(*a)) or plans[-1])
    found, planned = [], []
    for rendering in voice.render_corpus(3, 20):
        if rendering.label == "angry":
            continue
        pitch, known = pitch_of(rendering.samples), plans[-1]
        times = np.arange(len(pitch.f0)) / 100
        loud = [np.interp(times + d, known.times, known.voice) for d in (-0.02, 0, 0.02)]
        voiced = np.min(loud, axis=0) > 0.3
        assert np.mean(pitch.f0[voiced] > 0) > 0.98
        found.append(pitch.f0[voiced])
        planned.append(np.interp(times, known.times, known.pitch)[voiced])
    assert share_right(np.concatenate(found), np.concatenate(planned)) >= 0.95


def test_an_irregular_stretch_keeps_the_pitch_around_it() -> None:
    """Every other pulse is weaker for 60 ms: alone, its period would be twice as long."""
    pulses = np.diff(np.floor(np.arange(RATE // 2 + 1) * 200 / RATE))
    heights = np.ones(int(pulses.sum()))
    heights[45:57:2] = 0.55
    pulses[pulses > 0] = heights
    x = np.convolve(pulses, np.hanning(20), "same")
    assert share_right(pitch_of(x).f0, 200) == 1
    assert share_right(pitch_of(x[45 * 80 : 57 * 80]).f0, 100) == 1


@pytest.mark.parametrize("snr", [0, 5, 10, 20])
@pytest.mark.parametrize("f0", [90.0, 210.0, 400.0])
def test_harmonics_to_noise_ratio(f0: float, snr: float) -> None:
    hnr = pitch_of(tone(f0, snr=snr, tilt=9)).hnr
    assert np.median(hnr) == pytest.approx(snr, abs=1.5)


def test_silence_and_noise_are_unvoiced_and_have_a_period_all_the_same() -> None:
    noise = 0.1 * np.random.default_rng(4).normal(size=RATE)
    click = np.zeros(RATE)
    click[5000] = 0.9
    rumble = np.sin(2 * np.pi * 8 * np.arange(RATE) / RATE)  # much alike one period on
    for x in (np.zeros(RATE), np.full(RATE, 0.3), click, noise, 1e-4 * noise, rumble):
        pitch = pitch_of(x)
        assert np.all(pitch.f0 == 0)
        assert pitch.voicing.max() < 0.45
        assert np.all((pitch.period >= 1 / 500) & (pitch.period <= 1 / 50))
        assert np.all((pitch.hnr >= HNR_DB[0]) & (pitch.hnr < 0))
    assert np.all(pitch_of(np.zeros(RATE)).voicing == 0)


def test_pitch_changes_where_the_voice_does() -> None:
    """Two notes and a pause: frames are centred on the grid."""
    x = np.concatenate([tone(100), tone(220), np.zeros(RATE // 2)])
    f0 = pitch_of(x).f0
    assert share_right(f0[:47], 100) == share_right(f0[53:97], 220) == 1
    assert np.all(f0[104:] == 0)


@pytest.mark.parametrize("hertz", [100, 440, 1000, 3000])
def test_zero_crossings_of_a_sine(hertz: int) -> None:
    x = np.sin(2 * np.pi * hertz * (np.arange(RATE) + 0.3) / RATE)
    assert features(x)["zero_crossings"][5:-5] == pytest.approx(2 * hertz / RATE, abs=0.004)


def test_log_energy_by_hand() -> None:
    x = 0.1 * np.random.default_rng(5).normal(size=RATE)
    energy = features(x)["log_energy"]
    assert energy[40] == pytest.approx(np.log(np.mean(x[6400 - 200 : 6400 + 200] ** 2)), abs=1e-4)
    assert features(2 * x)["log_energy"] - energy == pytest.approx(np.log(4), abs=1e-5)
    assert features(0 * x)["log_energy"] == pytest.approx(np.log(1e-10))


def test_a_click_lies_in_the_frames_around_it() -> None:
    click = np.zeros(RATE)
    click[8000] = 1
    rows = features(click)
    assert np.flatnonzero(rows["log_energy"] > -20).tolist() == [49, 50, 51]
    assert np.flatnonzero(rows["delta_log_energy"] > 0.01).tolist() == [*range(45, 50)]


def test_deltas_are_slopes() -> None:
    """An exponential swell has a linear log energy; ten periods a frame are always the same."""
    x = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    swell = features(x * np.exp(0.1 * np.arange(-RATE, 0) / 160))
    assert swell["delta_log_energy"][6:-6] == pytest.approx(0.2, abs=1e-3)
    steady = features(x)
    for name in ROWS["lee2015"][16:]:
        assert steady[name][6:-6] == pytest.approx(0, abs=1e-4)


def test_the_cepstrum_has_no_level_and_knows_nothing_of_later_frames() -> None:
    x = 0.01 * np.random.default_rng(6).normal(size=RATE)
    alone, louder = features(x), features(10 * x)
    followed = features(np.concatenate([x, 90 * x]))
    for name in ROWS["lee2015"][:12]:
        assert louder[name] == pytest.approx(alone[name], abs=1e-2)
        assert np.array_equal(followed[name][:98], alone[name][:98])


def test_the_cepstrum_written_out() -> None:
    """One frame: mel bands in dB, and the cosine transform as a sum."""
    import librosa

    x = np.random.default_rng(7).normal(size=RATE).astype(np.float32)
    n = np.arange(400)
    piece = x[4800 - 200 : 4800 + 200] * (0.54 - 0.46 * np.cos(2 * np.pi * n / 400))
    power = np.abs(np.fft.rfft(piece, 512)) ** 2
    bands = 10 * np.log10(librosa.filters.mel(sr=RATE, n_fft=512, n_mels=26) @ power)
    rows = features(x)
    for k in range(1, 13):
        basis = np.sqrt(2 / 26) * np.cos(np.pi * k * (np.arange(26) + 0.5) / 26)
        assert rows[f"mfcc_{k}"][30] == pytest.approx(basis @ bands, abs=1e-2)


def test_periods_are_in_milliseconds_and_the_pitch_is_0_where_unvoiced() -> None:
    x = np.concatenate([tone(125), 1e-3 * np.random.default_rng(8).normal(size=RATE // 2)])
    lee, han = features(x), features(x, HAN)
    assert np.median(lee["f0"][:45]) == pytest.approx(125, rel=0.01)
    assert np.median(han["period"][:45]) == pytest.approx(8, rel=0.01)
    assert np.all(lee["f0"][56:] == 0)
    assert np.all(han["period"] > 0)
    assert np.median(han["hnr"][:45]) == pytest.approx(20, abs=1.5)
    assert lee["voicing"][:45].min() > 0.95
    assert np.array_equal(lee["mfcc_3"], han["mfcc_3"])


def hostile() -> dict[str, np.ndarray]:
    n, rng = np.arange(RATE), np.random.default_rng(9)
    clicks = np.zeros(RATE)
    clicks[[100, 900, 9000]] = (1, -1, 1)
    return {
        "one sample": np.ones(1),
        "two": np.array([0.5, -0.5]),
        "less than a hop": rng.normal(size=159),
        "less than a frame": rng.normal(size=399),
        "less than a pitch window": rng.normal(size=790),
        "eight frames": tone(200, seconds=0.08),
        "silence": np.zeros(RATE),
        "silence with clicks": clicks,
        "a constant": np.full(RATE, 0.7),
        "a voice on a constant": 0.5 + tone(200),
        "clipped": np.clip(30 * tone(130), -1, 1),
        "tiny": 1e-6 * tone(130),
        "denormal": np.full(RATE, 1e-40),
        "enormous": 1e29 * np.sin(0.05 * n),
        "alternating": (-1.0) ** n,
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", hostile())
def test_features_are_finite_whatever_comes_in(name: str) -> None:
    x = hostile()[name].astype(np.float32)
    for spec in (LEE, HAN, FrameSpec("lee2015", sample_rate=8000), FrameSpec("han2014", 44100)):
        array = frame_features(x, spec)
        assert array.shape == (len(ROWS[spec.name]), max(1, len(x) // spec.hop_samples))
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


def test_as_many_frames_as_a_spectrogram() -> None:
    for length in (1, 159, 160, 1599, 1600, 16001):
        x = np.random.default_rng(length).normal(size=length).astype(np.float32)
        assert frame_features(x, LEE).shape == (32, spectrogram(x, FeaturesSpec()).shape[1])


def test_the_same_bits_whatever_the_number_of_threads() -> None:
    from threadpoolctl import threadpool_limits

    sounds = [tone(80 + 30 * k, seconds=0.2 + 0.2 * k, seed=k).astype(np.float32) for k in range(8)]
    with threadpool_limits(1):
        alone = [frame_features(x, LEE) for x in sounds]
    with threadpool_limits(4):
        together = in_threads(lambda x: frame_features(x, LEE), sounds)
    assert all(map(np.array_equal, alone, together))


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    made = []
    for k, seconds in enumerate((0.05, 1.0, 2.5)):
        file = tmp_path / f"{k}.wav"
        soundfile.write(file, tone(100 + 50 * k, seconds=seconds), RATE)
        made.append(Utterance(str(k), file, "s", "l"))
    return made


def test_both_kinds_lie_side_by_side_in_one_cache(
    tmp_path: Path, utterances: list[Utterance]
) -> None:
    root, known = tmp_path / "cache", content_digests(utterances)
    specs = (LEE, HAN, FrameSpec("lee2015", window_ms=32), FeaturesSpec())
    specs += (FrameSpec("lee2015", pitch=PitchSpec(voiced=0.6)),)
    caches = [FeatureCache(spec, root) for spec in specs]
    made = [cache.ensure(utterances, known) for cache in caches]
    assert len({cache.folder for cache in caches}) == len(specs)
    for cache, entries in zip(caches, made, strict=True):
        assert not cache.lacking(utterances, known)
        again = FeatureCache(cache.spec, root)
        assert again.ensure(utterances, known, lambda *_: pytest.fail("made")) == entries
    for utterance in utterances:
        x = read_audio(utterance.file, RATE)
        lee, han, *_ = (entries[utterance.id] for entries in made)
        assert np.array_equal(open_entry(lee), frame_features(x, LEE))
        assert np.array_equal(open_entry(han), frame_features(x, HAN))
        assert lee.frames == len(x) // 160 == open_entry(lee).shape[1]


def test_spectrograms_keep_the_folders_that_they_had() -> None:
    """Otherwise every user's cache would be computed anew."""
    for options, folder in (
        ({}, "aa14e34641a4efeb"),
        ({"short": "drop", "mu": 0}, "aa14e34641a4efeb"),
        ({"window_ms": 20}, "c58fb4f144edab0f"),
        ({"edges": "segment"}, "a79e63521bf314f2"),
    ):
        spec = FeaturesSpec.model_validate(options)
        assert FeatureCache(spec, Path("cache")).folder.name == folder


def test_log_spectrograms_of_20_hz_can_be_cut_to_the_utterance(
    tmp_path: Path, utterances: list[Utterance]
) -> None:
    """As the CNN-LSTM needs them: the padding to a segment is cut off by `Entry.frames`."""
    spec = FeaturesSpec(n_fft=800, scale="log", edges="utterance")
    entries = FeatureCache(spec, tmp_path / "cache").ensure(utterances, content_digests(utterances))
    assert [open_entry(e).shape for e in entries.values()] == [(200, 200), (200, 200), (200, 250)]
    assert [entry.frames for entry in entries.values()] == [5, 100, 250]
    for utterance in utterances:
        entry = entries[utterance.id]
        whole = spectrogram(read_audio(utterance.file, RATE), spec)
        assert np.allclose(open_entry(entry)[:, : entry.frames], whole, atol=1e-3)
    assert open_entry(entries["0"])[:, -1] == pytest.approx(-200)  # the floor: digital silence
    assert open_entry(entries["2"])[:, 100].argmax() == 10  # 200 Hz
