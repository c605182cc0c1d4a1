"""The synthetic corpora say what they claim to say, and nothing else."""

from collections import Counter
from functools import cache
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ablation.corpora.glides import RISING, render_glides
from ablation.corpora.planted import render_planted
from ablation.corpora.voice import LABELS, SAMPLE_RATE, SPEAKERS, Rendering, render_corpus

Floats = NDArray[np.floating]


@cache
def voices() -> tuple[Rendering, ...]:
    return tuple(render_corpus(3, 80))


def test_the_same_seed_gives_the_same_audio_and_another_seed_does_not() -> None:
    again = next(iter(render_corpus(3, 80)))
    other = next(iter(render_corpus(4, 80)))
    assert again.id == other.id == voices()[0].id
    assert np.array_equal(again.samples, voices()[0].samples)
    assert not np.array_equal(again.samples[:8000], other.samples[:8000])


def test_an_utterance_does_not_depend_on_which_were_rendered_before_it() -> None:
    short = {r.id: r.samples for r in islice(render_corpus(3, 80), 8)}
    longer = {r.id: r.samples for r in islice(render_corpus(3, 120), 12)}
    assert len(short.keys() & longer.keys()) == 8
    position = {identity: place for place, identity in enumerate(longer)}
    assert [position[identity] for identity in short] != list(range(8))
    for identity, samples in short.items():
        assert np.array_equal(samples, longer[identity])


def test_classes_come_in_the_proportions_of_iemocap_and_reach_every_speaker() -> None:
    counts = Counter(r.label for r in voices())
    wanted = dict(zip(LABELS, (0.482, 0.125, 0.127, 0.267), strict=True))
    for label, share in wanted.items():
        assert counts[label] / 80 == pytest.approx(share, abs=0.01)
    assert {(r.speaker, r.label) for r in voices()} == {(s, x) for s in SPEAKERS for x in LABELS}
    assert len({r.id for r in voices()}) == 80
    for r in voices():
        assert r.id.rsplit("_", 1)[0] == f"{r.speaker}_{r.label}"


def test_recordings_are_sound_of_one_to_six_seconds() -> None:
    for r in voices():
        assert r.samples.dtype == np.float32
        assert SAMPLE_RATE <= r.samples.size <= 6 * SAMPLE_RATE
        assert np.all(np.isfinite(r.samples))
        assert 0.02 < np.max(np.abs(r.samples)) <= 1.0
        assert np.sqrt(np.mean(np.square(r.samples))) > 0.002
    assert len({r.samples.size for r in voices()}) > 40


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), utterances=st.integers(80, 2000))
def test_any_seed_gives_valid_audio(seed: int, utterances: int) -> None:
    r = next(iter(render_corpus(seed, utterances)))
    assert r.id == "f01_neutral_00"
    assert SAMPLE_RATE <= r.samples.size <= 6 * SAMPLE_RATE
    assert np.all(np.isfinite(r.samples))
    assert 0.0 < np.max(np.abs(r.samples)) <= 1.0


def test_women_speak_higher_than_men() -> None:
    pitch = {
        s: np.median([_pitch(r.samples) for r in voices() if r.speaker == s]) for s in SPEAKERS
    }
    women = [pitch[s] for s in SPEAKERS if s.startswith("f")]
    men = [pitch[s] for s in SPEAKERS if s.startswith("m")]
    assert min(women) > max(men)
    assert 85 < np.mean(men) < 165 < np.mean(women) < 270


def test_anger_is_louder_and_brighter_than_sadness() -> None:
    level = {label: np.mean([_level(r.samples) for r in _of(label)]) for label in LABELS}
    tilt = {label: np.mean([_brightness(r.samples) for r in _of(label)]) for label in LABELS}
    assert level["angry"] > level["neutral"] + 2 > level["sad"] + 4
    assert tilt["angry"] > tilt["neutral"] + 2 > tilt["sad"] + 4


@pytest.mark.parametrize(("axis", "extent"), [("height", 320.0), ("width", 160.0)])
def test_planted_pattern_is_at_its_extent_and_the_marginals_are_the_same(
    axis: str, extent: float
) -> None:
    renderings = list(render_planted(1, 80, axis, extent))
    assert Counter(r.label for r in renderings) == dict.fromkeys(LABELS, 20)
    along = 0 if axis == "height" else 1
    features = [_spectrogram(r.samples) for r in renderings]
    classes = np.array([LABELS.index(r.label) for r in renderings])
    lag = round(extent / 10)  # rows are 10 Hz apart, columns 10 ms
    echo = np.array([_echo(f, lag, along) for f in features])
    none, every = echo[classes == 0], echo[classes == 3]
    assert np.mean(none[:, None] < every[None, :]) > 0.95
    assert np.all(np.diff([echo[classes == c].mean() for c in range(4)]) > 0)
    # Neither a neighbourhood well inside the extent nor the mean spectrum tells the classes apart.
    near = np.array([_echo(f, lag // 4, along) for f in features])
    assert abs(_effect(near[classes == 0], near[classes == 3])) < 1.0
    for low in range(30, 370, 68):
        band = np.array([f[low : low + 68].mean() for f in features])
        assert abs(_effect(band[classes == 0], band[classes == 3])) < 1.2


@pytest.mark.parametrize("axis", ["height", "width"])
def test_an_extent_of_0_plants_nothing(axis: str) -> None:
    """The classes differ neither at the extent that is usual nor at any other."""
    renderings = list(render_planted(1, 80, axis, 0.0))
    along = 0 if axis == "height" else 1
    features = [_spectrogram(r.samples) for r in renderings]
    classes = np.array([LABELS.index(r.label) for r in renderings])
    for lag in (8, 16, 32, 48):
        echo = np.array([_echo(f, lag, along) for f in features])
        assert abs(_effect(echo[classes == 0], echo[classes == 3])) < 1.2


def test_planted_audio_is_reproducible_and_valid() -> None:
    for axis, extent in (("height", 640.0), ("width", 320.0)):
        first = next(iter(render_planted(1, 80, axis, extent)))
        again = next(iter(render_planted(1, 400, axis, extent)))
        assert np.array_equal(first.samples, again.samples)
        assert first.samples.dtype == np.float32
        assert 2 * SAMPLE_RATE <= first.samples.size <= 3 * SAMPLE_RATE
        assert 0.02 < np.max(np.abs(first.samples)) <= 1.0


@pytest.mark.parametrize(
    ("axis", "extent"), [("depth", 100.0), ("height", -1.0), ("height", 1200.0), ("width", 900.0)]
)
def test_planted_patterns_that_cannot_be_are_refused(axis: str, extent: float) -> None:
    with pytest.raises(ValueError, match="axis|extent"):
        next(iter(render_planted(1, 80, axis, extent)))


def test_glides_carry_arousal_in_every_frame_and_valence_in_the_order_of_frames() -> None:
    renderings = list(render_glides(1, 80))
    assert Counter(r.label for r in renderings) == dict.fromkeys(LABELS, 20)
    labels = np.array([r.label for r in renderings])
    features = [_spectrogram(r.samples) for r in renderings]
    positive = np.isin(labels, [label for label, share in RISING.items() if share > 0.5])
    rise = np.array([_rise(f) for f in features])
    assert np.all(rise[positive] > 0)
    assert np.all(rise[~positive] < 0)
    level = np.array([_level(r.samples) for r in renderings])
    aroused = np.isin(labels, ["happy", "angry"])
    assert _effect(level[~aroused], level[aroused]) > 1.0
    # What statistics of frames, or of their differences, see is the same for both valences.
    for part in (np.mean, np.std, np.median, lambda f: np.abs(np.diff(f)).mean()):
        for low in range(30, 370, 68):
            seen = np.array([part(f[low : low + 68]) for f in features])
            for some in (aroused, ~aroused):
                assert abs(_effect(seen[positive & some], seen[~positive & some])) < 1.0


def test_glides_are_reproducible_and_valid() -> None:
    first = next(iter(render_glides(1, 80)))
    again = next(iter(render_glides(1, 400)))
    assert np.array_equal(first.samples, again.samples)
    assert first.samples.dtype == np.float32
    assert 2 * SAMPLE_RATE <= first.samples.size <= 3 * SAMPLE_RATE
    assert np.max(np.abs(first.samples)) <= 1.0


def _rise(feature: Floats, rows: int = 5, columns: int = 4) -> float:
    """How much more a spectrogram is like itself later and higher than later and lower."""
    centred = feature - feature.mean()
    up = np.mean(centred[rows:, columns:] * centred[:-rows, :-columns])
    down = np.mean(centred[:-rows, columns:] * centred[rows:, :-columns])
    return float((up - down) / np.mean(centred**2))


def _of(label: str) -> list[Rendering]:
    return [r for r in voices() if r.label == label]


def _level(samples: Floats) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def _brightness(samples: Floats) -> float:
    """Energy in 1-3 kHz re that below 0.5 kHz, in dB."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequency = np.fft.rfftfreq(samples.size, 1 / SAMPLE_RATE)
    high = power[(frequency > 1000) & (frequency < 3000)].sum()
    return float(10 * np.log10(high / power[frequency < 500].sum()))


def _pitch(samples: Floats) -> float:
    """Median over the clearly voiced frames of the autocorrelation's peak, in Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 640)[::320] * np.hanning(640)
    power = np.abs(np.fft.rfft(frames, 2048, axis=1)) ** 2
    power[:, 128:] = 0.0  # below 1 kHz
    correlation = np.fft.irfft(power, axis=1)[:, :320]
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(640), 2048)) ** 2)[:320]
    correlation = correlation / np.maximum(correlation[:, :1], 1e-9) / (window / window[0])
    lags = np.arange(SAMPLE_RATE // 450, SAMPLE_RATE // 65)
    inside = correlation[:, lags]
    # The shortest lag that nearly reaches the maximum, lest a multiple of the period be taken.
    chosen = np.argmax(inside > 0.9 * inside.max(axis=1, keepdims=True), axis=1)
    step = np.array([row[c : c + 12].argmax() for row, c in zip(inside, chosen, strict=True)])
    voiced = (inside.max(axis=1) > 0.7) & (power.sum(axis=1) > np.median(power.sum(axis=1)))
    return float(np.median(SAMPLE_RATE / lags[chosen + step][voiced]))


def _spectrogram(samples: Floats) -> Floats:
    """Companded magnitudes, 400 rows of 10 Hz, a column per 10 ms."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 640)[::160] * np.hamming(640)
    magnitude = np.abs(np.fft.rfft(frames.astype(np.float32), 1600, axis=1))[:, :400].T
    return np.log1p(255 * magnitude / magnitude.max()) / np.log(256)


def _echo(feature: Floats, lag: int, along: int) -> float:
    """Correlation of a spectrogram with itself, ``lag`` rows or columns on."""
    centred = np.moveaxis(feature - feature.mean(), along, 0)
    return float(np.mean(centred[lag:] * centred[:-lag]) / np.mean(centred**2))


def _effect(first: Floats, second: Floats) -> float:
    """Cohen's d."""
    spread = np.sqrt((first.var() + second.var()) / 2)
    return float((second.mean() - first.mean()) / spread)
