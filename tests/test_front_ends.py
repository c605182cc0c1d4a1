"""Front ends: what each registry entry must do, librosa's numbers, and what a band is in Hz."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ablation.corpora import Utterance
from ablation.errors.studies import InvalidField
from ablation.features import front_ends
from ablation.features.audio import read_audio
from ablation.features.cache import FeatureCache, stored_array
from ablation.features.front_ends.linear import front_end as spectrogram
from ablation.features.segment_dataset import ArrayEntry, SegmentDataset, loudest_db
from ablation.features.statistics import log_mel_statistics
from ablation.study import FeaturesSpec, load_study, override_study, parse_study, study_tables
from ablation.study.axes import axes_of
from ablation.study.extents import hz_text, rows_text
from ablation.study.front_ends import FRONT_ENDS, hertz, mel

KINDS = pytest.mark.parametrize("kind", FRONT_ENDS)


def voice(seconds: float = 1.3) -> np.ndarray:
    """A harmonic sound that glides, in a little noise."""
    t = np.arange(round(seconds * 16000)) / 16000
    phase = 2 * np.pi * (120 * t + 30 * t**2)
    tones = sum(np.sin(k * phase) / k for k in range(1, 20))
    noise = np.random.default_rng(0).standard_normal(len(t))
    return (0.1 * tones + 0.003 * noise).astype(np.float32)


@pytest.fixture(params=["synthetic", "real"])
def recording(request: pytest.FixtureRequest) -> np.ndarray:
    if request.param == "synthetic":
        return voice()
    folder = request.getfixturevalue("speech") / "ravdess" / "Actor_01"
    return read_audio(min(folder.glob("*.flac")), 16000)


@KINDS
def test_every_front_end_keeps_the_contract(kind: str) -> None:
    keeps_the_contract(kind)


def keeps_the_contract(kind: str) -> None:
    """As many rows as it says and as many frames as the linear one; finite, and the same again."""
    spec = FeaturesSpec(kind=kind)
    sounds = {
        "voice": voice(),
        "silence": np.zeros(8000, np.float32),
        "one sample": np.ones(1, np.float32),
        "shorter than a window": voice(0.02),
        "longer than a chunk": voice(11.0),
    }
    for name, samples in sounds.items():
        found = front_ends.compute(samples, spec)
        assert found.shape == (spec.height, spectrogram(samples, FeaturesSpec()).shape[1]), name
        assert found.dtype == np.float32, name
        assert np.isfinite(found).all(), name
        assert np.array_equal(found, front_ends.compute(samples.copy(), spec)), name


@KINDS
@pytest.mark.parametrize("scope", ["segment", "utterance", "corpus"])
def test_every_front_end_fills_its_range(kind: str, scope: str) -> None:
    spec = FeaturesSpec.model_validate({"kind": kind, "scope": scope, "segment_s": 1.0})
    samples = voice(2.0)
    entry = ArrayEntry(stored_array(samples, 200, spec), 200)
    bank = SegmentDataset([entry], [0], spec, "train")
    batch = bank.batch(range(len(bank)))
    low = -1 if spec.normalise == "minmax" else 0
    assert batch.shape == (2, 1, spec.height, 100)
    assert batch.min() >= low
    assert batch.max() == pytest.approx(1)
    if scope != "segment" and kind != "linear":
        assert not torch.equal(bank.batch([0], [6.0]), bank.batch([0]))  # louder


@KINDS
def test_loudness_is_no_cue_by_segment_and_one_by_corpus(kind: str) -> None:
    loud = voice(2.0)
    for scope, same in (("segment", True), ("corpus", False)):
        spec = FeaturesSpec.model_validate({"kind": kind, "scope": scope})
        entries = [
            ArrayEntry(stored_array(np.float32(factor) * loud, 200, spec), 200)
            for factor in (1.0, 0.1)
        ]
        one, other = SegmentDataset(entries, [0, 1], spec, "train").batch([0, 1])
        assert torch.allclose(one, other, atol=2e-3) is same
        louder, softer = (loudest_db(entry, spec) for entry in entries)
        assert louder - softer == pytest.approx(20, abs=0.1)


def test_a_gain_moves_the_coefficients_as_a_louder_recording_does() -> None:
    spec = FeaturesSpec(kind="mfcc", scope="utterance")
    entries = [
        ArrayEntry(stored_array(np.float32(factor) * voice(2.0), 200, spec), 200)
        for factor in (1.0, 0.5)
    ]
    soft = SegmentDataset(entries[1:], [0], spec, "train")
    known = SegmentDataset(entries[:1], [0], spec, "train").ranges
    soft.ranges = known
    gain = 20 * np.log10(2)
    raised = soft.batch([0], [gain])
    loud = SegmentDataset(entries[:1], [0], spec, "train").batch([0])
    assert torch.allclose(raised, loud, atol=1e-3)


def librosa_mel(samples: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Librosa's power in mel bands, for a window whose sum is 1, as ours is."""
    import librosa
    import scipy.signal

    length = spec.window_samples
    found = librosa.feature.melspectrogram(
        y=samples.astype(np.float64), sr=16000, n_fft=spec.n_fft, hop_length=spec.hop_samples,
        win_length=length, window="hamming", center=True, pad_mode="constant", power=2.0,
        n_mels=spec.mel_bands, fmin=spec.min_hz, fmax=spec.max_hz, htk=spec.mel_formula == "htk",
    )  # fmt: skip
    total = scipy.signal.get_window("hamming", length).sum()
    return found[:, : max(1, len(samples) // spec.hop_samples)] / total**2


@pytest.mark.parametrize(
    "options",
    [{}, {"mel_formula": "htk"}, {"min_hz": 50.0, "max_hz": 8000.0, "mel_bands": 40}],
)
def test_mel_bands_are_librosas(recording: np.ndarray, options: dict) -> None:
    spec = FeaturesSpec.model_validate({"kind": "mel", "scale": "power"} | options)
    wanted = librosa_mel(recording, spec)
    assert front_ends.compute(recording, spec) == pytest.approx(
        wanted, rel=1e-4, abs=1e-5 * wanted.max()
    )
    loud = spec.model_copy(update={"scale": "log"})
    decibels = front_ends.compute(recording, loud)
    heard = wanted > 1e-8 * wanted.max()
    assert np.abs(decibels - 10 * np.log10(np.maximum(wanted, 1e-20)))[heard].max() < 0.01


def test_coefficients_are_librosas(recording: np.ndarray) -> None:
    """But for the 0th, which the sum of the window moves by a constant."""
    import librosa
    import scipy.signal

    spec = FeaturesSpec(kind="mfcc")
    total = scipy.signal.get_window("hamming", spec.window_samples).sum()
    found = front_ends.compute(recording, spec)
    # Full scale as loud as with librosa's window, so that neither meets an absolute floor.
    power = librosa_mel(recording, spec) * total**2
    wanted = librosa.feature.mfcc(S=librosa.power_to_db(power), n_mfcc=40)
    assert np.abs(found[1:] - wanted[1:]).max() < 1e-2
    moved = found[0] - wanted[0]
    assert moved == pytest.approx(-20 * np.log10(total) * np.sqrt(64), abs=1e-2)


@given(st.floats(0, 20000), st.sampled_from(["slaney", "htk"]))
def test_the_mel_scale_is_librosas(hz: float, formula: str) -> None:
    import librosa

    wanted = librosa.hz_to_mel(hz, htk=formula == "htk")
    assert mel(hz, formula) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert hertz(mel(hz, formula), formula) == pytest.approx(hz, rel=1e-9, abs=1e-9)


def test_extents_of_bands_by_hand() -> None:
    """Bands of one mel each: 200/3 Hz below 1 kHz, then 6.4 ** (1 / 27) times the one before."""
    spec = FeaturesSpec(kind="mel", mel_bands=41, max_hz=6400)  # 42 mel
    assert (spec.height, spec.row_unit) == (41, "bands")
    # Two bands: mel 0.5..2.5, 20..22 and 39.5..41.5.
    assert spec.extents_hz(2) == pytest.approx((133.333, 207.879, 794.41), rel=1e-4)
    assert spec.height_hz(2) == pytest.approx(207.879, rel=1e-4)
    below = FeaturesSpec(kind="mel", mel_bands=14, max_hz=1000)  # 15 mel, all of the linear part
    assert below.extents_hz(3) == pytest.approx((200, 200, 200))
    assert below.rows_of(100) == pytest.approx(1.5)
    assert FeaturesSpec().extents_hz(10) == (100, 100, 100)
    assert FeaturesSpec(kind="mfcc").extents_hz(10) is None
    assert FeaturesSpec(kind="mfcc").rows_of(100) is None


def test_extents_in_words() -> None:
    spec = FeaturesSpec(kind="mel", mel_bands=41, max_hz=6400)
    assert hz_text(spec, 2) == "133, 208 and 794 Hz at the lowest, middle and highest band"
    assert hz_text(FeaturesSpec(), 10) == "100 Hz"
    assert hz_text(FeaturesSpec(kind="mfcc"), 10) == ""
    assert rows_text(FeaturesSpec()) == "400 bins of 10 Hz"
    assert "Hz wide" in rows_text(spec)
    assert rows_text(FeaturesSpec(kind="mfcc")) == (
        "40 mfcc coefficients of 64 mel bands from 0 to 4000 Hz"
    )
    units = {k: axes_of(FeaturesSpec(kind=k))["height"] for k in FRONT_ENDS}
    assert {k: (a.unit, a.physical_unit) for k, a in units.items()} == {
        "linear": ("bins", "Hz"), "mel": ("bands", "Hz"), "mfcc": ("coefficients", ""),
    }  # fmt: skip


def test_defaults_are_those_of_the_front_end_and_only_what_differs_is_written() -> None:
    study = load_study("demo", [("features.kind", "mel")])
    assert (study.features.scale, study.features.mu) == ("log", 0)
    assert "scale" not in study_tables(study)["features"]
    own = override_study(study, [("features.scale", "magnitude")])
    assert own.features.scale == "magnitude"  # the default of the linear one
    assert parse_study(study_tables(own), "test") == own
    assert own.digest("c") != study.digest("c")
    back = override_study(study, [("features.kind", "linear")])
    assert back == load_study("demo")
    whole = parse_study(study_tables(study, defaults=True), "test")
    assert whole == study


def test_nothing_changes_for_the_linear_front_end() -> None:
    """Digests of version 0.1, and of settings that only other front ends have."""
    study = load_study("emodb")
    assert study.digest("x") == "e1d6dc8d506c"
    assert FeatureCache(FeaturesSpec()).folder.name == "aa14e34641a4efeb"
    other = override_study(
        study,
        [
            ("features.mel_bands", 32), ("features.coefficients", 13), ("features.noise", "white"),
            ("features.noise_seed", 3), ("features.noise_folder", "/nowhere"),
        ],
    )  # fmt: skip
    assert other.digest("x") == study.digest("x")
    assert FeatureCache(other.features).folder == FeatureCache(study.features).folder


def test_every_setting_of_a_front_end_has_its_own_digest(tmp_path: Path) -> None:
    changes = [
        {}, {"kind": "mel"}, {"kind": "mfcc"}, {"kind": "mel", "mel_bands": 32},
        {"kind": "mel", "min_hz": 60}, {"kind": "mel", "mel_formula": "htk"},
        {"kind": "mel", "scale": "magnitude"}, {"kind": "mfcc", "coefficients": 13},
        {"kind": "mfcc", "floor_db": 60}, {"snr_db": 10}, {"snr_db": 10, "noise": "white"},
    ]  # fmt: skip
    digests = {parse_study({"features": change}, "test").digest("x") for change in changes}
    folders = {FeatureCache(FeaturesSpec.model_validate(change)).folder for change in changes}
    assert len(digests) == len(folders) == len(changes)


@pytest.mark.parametrize(
    ("features", "part"),
    [
        ({"kind": "mell"}, "did you mean 'mel'"),
        ({"kind": "mel", "mel_bands": 800}, "no bin of the Fourier transform"),
        ({"kind": "mel", "min_hz": 4000}, "min_hz"),
        ({"kind": "mfcc", "coefficients": 65}, "more than mel_bands"),
        ({"kind": "mfcc", "scale": "power"}, "decibels"),
        ({"kind": "mfcc", "normalise": "max"}, "minmax"),
        ({"snr_db": "loud"}, '"clean" nor a number'),
        ({"snr_db": 500}, '"clean" nor a number'),
    ],
)
def test_settings_that_cannot_be_computed_are_refused(features: dict, part: str) -> None:
    with pytest.raises(InvalidField, match=part):
        parse_study({"features": features}, "test")


def test_statistics_of_a_baseline_are_those_of_the_linear_spectrum() -> None:
    mel_spec = FeaturesSpec(kind="mel", mel_bands=20)
    assert mel_spec.linear == FeaturesSpec()
    found = log_mel_statistics(spectrogram(voice(), mel_spec.linear), mel_spec.linear)
    assert np.isfinite(found).all()


def test_a_front_end_has_entries_of_its_own(tmp_path: Path, speech: Path) -> None:
    file = min((speech / "ravdess" / "Actor_01").glob("*.flac"))
    utterance = Utterance("a", file, "s", "l")
    for kind in FRONT_ENDS:
        spec = FeaturesSpec(kind=kind)
        entry = FeatureCache(spec, tmp_path).ensure([utterance], {file: "digest"})["a"]
        array = np.load(entry.path)
        assert np.array_equal(array, front_ends.compute(read_audio(file, 16000), spec))


@pytest.mark.parametrize("scope", ["segment", "utterance", "corpus"])
def test_each_coefficient_is_mapped_from_its_own_range(scope: str) -> None:
    """Otherwise the 0th, the level, would leave the others next to nothing."""
    spec = FeaturesSpec.model_validate({"kind": "mfcc", "scope": scope})
    entry = ArrayEntry(stored_array(voice(2.0), 200, spec), 200)
    (segment,) = SegmentDataset([entry], [0], spec, "train").batch([0])[0]
    assert segment.amin(1) == pytest.approx(-np.ones(40))
    assert segment.amax(1) == pytest.approx(np.ones(40))
