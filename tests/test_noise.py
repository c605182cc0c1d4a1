"""Noise mixed into recordings: how loud, of what kind, and always the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ablation.corpora import Utterance
from ablation.corpora.fingerprints import content_digests
from ablation.errors.studies import NoiseFolderUnusable
from ablation.features.cache import FeatureCache
from ablation.features.frame_features import FrameSpec
from ablation.features.noise import Noise, noisy
from ablation.runs.baseline_plan import features_of
from ablation.study import FeaturesSpec, load_study, parse_study

RATE = 16000
KINDS = ("pink", "white", "speech")


def tone(seconds: float = 1.0, hz: float = 440.0) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype("f4")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    place = tmp_path / "noises"
    (place / "deep").mkdir(parents=True)
    for name, length in (("a.wav", 4000), ("deep/b.flac", 50000)):
        soundfile.write(place / name, 0.1 * rng.standard_normal(length), RATE)
    (place / "README.txt").write_text("not a recording")
    return place


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    made = []
    for number in range(3):
        file = tmp_path / f"{number}.wav"
        soundfile.write(file, tone(1.0, 200 + 100 * number), RATE)
        made.append(Utterance(str(number), file, "s", "l"))
    return made


def arrays(spec: FeaturesSpec, utterances: list[Utterance], root: Path) -> dict[str, np.ndarray]:
    entries = FeatureCache(spec, root).ensure(utterances, content_digests(utterances))
    return {name: np.load(entry.path) for name, entry in entries.items()}


@pytest.mark.parametrize("source", [*KINDS, "folder"])
@pytest.mark.parametrize("snr", [-10.0, 0.0, 20.0])
def test_the_ratio_is_the_one_asked_for(source: str, snr: float, folder: Path) -> None:
    noise = Noise(snr, noise_folder=folder) if source == "folder" else Noise(snr, source)
    clean = tone(3.3)
    added = noisy(clean, RATE, noise, "key").astype(float) - clean
    measured = 10 * np.log10(np.var(clean) / np.var(added))
    assert measured == pytest.approx(snr, abs=0.1)


@pytest.mark.parametrize(("kind", "fall"), [("white", 0), ("pink", 3), ("speech", 9)])
def test_noises_fall_as_they_say(kind: str, fall: float) -> None:
    clean = tone(20.0, 7900.0)
    added = noisy(clean, RATE, Noise(-20, kind), "key").astype(float) - clean
    power = np.abs(np.fft.rfft(added)) ** 2
    hz = np.fft.rfftfreq(len(added), 1 / RATE)
    low, high = (power[(hz >= f) & (hz < 1.2 * f)].mean() for f in (1000, 4000))
    assert 10 * np.log10(low / high) == pytest.approx(2 * fall, abs=0.7)


@pytest.mark.parametrize("source", [*KINDS, "folder"])
def test_noise_follows_seed_and_content_alone(source: str, folder: Path) -> None:
    def noise(seed: int = 0) -> Noise:
        if source == "folder":
            return Noise(5, noise_folder=folder, noise_seed=seed)
        return Noise(5, source, noise_seed=seed)

    first = noisy(tone(), RATE, noise(), "one")
    noisy(tone(), RATE, noise(), "two")  # another in between changes nothing
    assert np.array_equal(first, noisy(tone(), RATE, noise(), "one"))
    assert not np.array_equal(first, noisy(tone(), RATE, noise(), "two"))
    assert not np.array_equal(first, noisy(tone(), RATE, noise(1), "one"))


def test_what_has_no_energy_gets_no_noise() -> None:
    for silent in (np.zeros(100, np.float32), np.ones(1, np.float32), np.ones(50, np.float32)):
        assert np.array_equal(noisy(silent, RATE, Noise(0), "key"), silent)


def test_the_same_noise_in_any_order_and_other_features_for_other_ratios(
    tmp_path: Path, utterances: list[Utterance]
) -> None:
    spec = FeaturesSpec(snr_db=10)
    one = arrays(spec, utterances, tmp_path / "one")
    other = arrays(spec, utterances[::-1], tmp_path / "other")
    alone = arrays(spec, utterances[2:], tmp_path / "alone")
    for name, array in one.items():
        assert np.array_equal(array, other[name])
    assert np.array_equal(alone["2"], one["2"])
    clean = arrays(FeaturesSpec(), utterances, tmp_path / "one")
    assert all(clean[name].mean() < array.mean() for name, array in one.items())


def test_clean_recordings_are_left_as_they_are(tmp_path: Path, utterances: list[Utterance]) -> None:
    plain = arrays(FeaturesSpec(), utterances, tmp_path / "cache")
    seeded = FeaturesSpec(noise="white", noise_seed=5)
    assert FeatureCache(seeded).folder == FeatureCache(FeaturesSpec()).folder
    again = arrays(seeded, utterances, tmp_path / "cache")
    assert all(np.array_equal(plain[name], again[name]) for name in plain)


def study(folder: Path) -> Any:
    return parse_study({"features": {"snr_db": 5, "noise_folder": str(folder)}}, "test")


def test_the_digest_is_of_what_is_in_the_folder(folder: Path, tmp_path: Path) -> None:
    first = study(folder)
    before = first.digest("x"), FeatureCache(first.features).folder
    moved = folder.rename(tmp_path / "elsewhere")
    (moved / "a.wav").rename(moved / "renamed.wav")
    (moved / "README.txt").write_text("another text")
    same = study(moved)
    assert (same.digest("x"), FeatureCache(same.features).folder) == before
    soundfile.write(moved / "c.wav", tone(), RATE)
    other = study(moved)
    assert other.digest("x") != before[0]
    assert FeatureCache(other.features).folder != before[1]


def test_a_folder_is_relative_to_the_study_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[features]\nsnr_db = 3\nnoise_folder = "noises"\n')
    assert load_study(file).features.noise_folder == folder


@pytest.mark.parametrize("state", ["missing", "empty", "a file"])
def test_a_folder_without_noise_is_one_clear_error(tmp_path: Path, state: str) -> None:
    place = tmp_path / "place"
    if state == "empty":
        place.mkdir()
        (place / "notes.txt").write_text("nothing to hear")
    elif state == "a file":
        place.write_text("")
    with pytest.raises(NoiseFolderUnusable) as caught:
        study(place).digest("x")
    assert caught.value.folder == place


def test_baselines_hear_the_same_noise() -> None:
    clean = parse_study({}, "test")
    loud = parse_study({"features": {"snr_db": 0, "noise": "white", "kind": "mel"}}, "test")
    for name in ("log-mel-svm", "dnn-elm", "rnn-elm", "cnn-lstm"):
        spec = features_of(loud, name)
        noise = spec.noise if isinstance(spec, FrameSpec) else Noise.of(spec)
        assert noise == Noise(0, "white")
        assert FeatureCache(spec).folder != FeatureCache(features_of(clean, name)).folder
        if isinstance(spec, FeaturesSpec):
            assert spec.kind == "linear"
