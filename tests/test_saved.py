"""Saved networks: their predictions, what they refuse, how they are drawn and exported."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from running import ablate, invoke

import ablation
from ablation.errors import StorageError
from ablation.errors import networks as faults
from ablation.errors.audio import EmptyCut, TimeOutOfRange
from ablation.errors.common import OptionsExclude, UnknownName
from ablation.errors.running import NewerFile
from ablation.models.network import POOLINGS, Explains
from ablation.saved.export import export_onnx
from ablation.saved.record import read, weights_digest


def networks(folder: Path, **wanted: Any) -> list[Path]:
    """Folders of the saved networks whose record has these values."""
    places = sorted(path.parent for path in folder.glob("results/tiny/networks/*/network.json"))
    return [
        place
        for place in places
        if all(getattr(read(place), name) == value for name, value in wanted.items())
    ]


@pytest.fixture
def attention(promoted: Path, tmp_path: Path) -> Path:
    """A copy of the attention network of fold b, to be spoilt."""
    place = networks(promoted, pooling="attention", fold="b", seed=0)[0]
    return Path(shutil.copytree(place, tmp_path / "network"))


@pytest.mark.parametrize("pooling", ["attention", "gap", "bilinear"])
def test_a_fold_network_says_what_was_stored_at_its_cross_validation(
    promoted: Path, tiny_manifest: Path, pooling: str
) -> None:
    """To the last bit, from the recording itself."""
    stored = ablation.read_results(promoted / "results" / "tiny").predictions
    for place in networks(promoted, pooling=pooling, fold="c"):
        network = ablation.load_network(place)
        record = network.record
        rows = stored[
            (stored["network_digest"] == record.network_digest)
            & (stored["fold"] == "c")
            & (stored["seed"] == record.seed)
        ]
        assert len(rows) == 6
        for row in rows.to_dict("records"):
            said = network.predict(tiny_manifest.parent / row["utterance"])
            assert said.label == row["predicted"]
            assert len(said.segments) == row["n_segments"]
            for label in ("bright", "dark"):
                assert np.float32(said.scores[label]) == np.float32(row[f"score_{label}"])
                mean = np.mean([segment.scores[label] for segment in said.segments])
                assert said.scores[label] == pytest.approx(mean, abs=1e-6)
            assert said.duration == pytest.approx(0.5)
            assert [s.start for s in said.segments] == pytest.approx([0, 0.1, 0.2])
            assert [s.end for s in said.segments] == pytest.approx([0.3, 0.4, 0.5])


def test_recordings_of_every_kind_in_one_call(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """44.1 kHz stereo, Opus, a short clip: three answers; a text named .wav: an error, exit 1."""
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "stereo.wav", 0.1 * rng.standard_normal((44100, 2)), 44100)
    soundfile.write(
        tmp_path / "o.opus", 0.1 * rng.standard_normal(48000), 48000, format="OGG", subtype="OPUS"
    )
    soundfile.write(tmp_path / "clip.wav", 0.1 * rng.standard_normal(800), 8000)
    (tmp_path / "text.wav").write_text("this is no audio\n")
    names = [tmp_path / name for name in ("stereo.wav", "text.wav", "o.opus", "clip.wav")]
    run = invoke("predict", *names, "--study", tiny_study, cwd=promoted, check=1)
    header, *lines = run.stdout.splitlines()
    assert header.split() == ["label", "bright", "dark", "file"]
    assert [line.split()[-1] for line in lines] == [str(names[k]) for k in (0, 2, 3)]
    assert all(line.split()[0] in ("bright", "dark") for line in lines)
    assert run.stderr.count("error:") == 1
    assert f"error: {names[1]}: " in run.stderr
    run = invoke("predict", tmp_path, "--study", tiny_study, "--json", cwd=promoted, check=1)
    data = json.loads(run.stdout)
    assert [Path(entry["file"]).name for entry in data["recordings"]] == [
        "clip.wav", "o.opus", "stereo.wav", "text.wav",
    ]  # fmt: skip
    assert data["recordings"][3]["error"].startswith(f"{names[1]}: ")
    assert [place for place, entry in enumerate(data["recordings"]) if "error" in entry] == [3]
    (only,) = data["recordings"][0]["segments"]
    assert (only["start"], only["end"]) == (0.0, pytest.approx(0.1))
    run = invoke("predict", names[0], "--study", tiny_study, "--segments", cwd=promoted)
    assert run.stdout.splitlines()[:2] == [header, lines[0]]
    assert run.stdout.splitlines()[-1].endswith("0.70 to 1.00 s (scores)")
    for cut, kind in (
        (("--start", "0.5", "--end", "0.2"), EmptyCut),
        (("--start", "inf"), TimeOutOfRange),
        (("--end", "0"), EmptyCut),
    ):
        run = invoke("explain", names[0], "--study", tiny_study, *cut, cwd=promoted, check=1)
        assert isinstance(run.error, kind) and run.error.file == names[0]
        assert "Traceback" not in run.stderr
    strange = os.fsencode(tmp_path) + b"/b\xe4r.wav"  # no UTF-8
    shutil.copy(names[0], strange)
    run = ablate("predict", os.fsdecode(strange), "--study", tiny_study, cwd=promoted)
    assert run.stdout.splitlines()[1].startswith(lines[0][:20])
    pattern = invoke("predict", str(tmp_path / "*.opus"), "--study", tiny_study, cwd=promoted)
    assert pattern.stdout.splitlines() == [header, lines[1]]


def test_predictions_are_a_table_that_says_what_was_never_heard_before(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).standard_normal(16000)
    soundfile.write(tmp_path / "plain, quoted.wav", 0.5 * noise, 16000)
    soundfile.write(tmp_path / "short.wav", 0.5 * noise[:1600], 16000)
    soundfile.write(tmp_path / "soft.wav", 0.0005 * noise, 16000)
    (tmp_path / "text.wav").write_text("this is no audio\n")
    run = invoke("predict", tmp_path, "--study", tiny_study, "--csv", cwd=promoted, check=1)
    plain, short, soft, text = csv.DictReader(run.stdout.splitlines())
    assert plain["file"] == str(tmp_path / "plain, quoted.wav")
    for row in (plain, short, soft):
        shares = {label: float(row[f"p_{label}"]) for label in ("bright", "dark")}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert max(shares, key=shares.__getitem__) == row["label"]
    assert plain["remarks"] == "" and plain["seconds"] == "1.000"
    assert "padded to a segment" in short["remarks"] and "shorter than all" in short["remarks"]
    assert "quieter than all that it was trained on, by" in soft["remarks"]
    assert text["label"] == "" and "text.wav" in text["error"]
    run = invoke("predict", tmp_path / "soft.wav", "--study", tiny_study, cwd=promoted)
    assert f"note: {tmp_path / 'soft.wav'}: quieter" in run.stderr
    both = ("--csv", "--json")
    run = invoke("predict", tmp_path, "--study", tiny_study, *both, cwd=promoted, check=1)
    assert isinstance(run.error, OptionsExclude)


def test_what_cannot_be_found_is_said(promoted: Path, tiny_study: Path, tmp_path: Path) -> None:
    for given in (tmp_path, tmp_path / "*.wav"):
        run = invoke("predict", given, "--study", tiny_study, cwd=promoted, check=1)
        assert str(given) in run.stderr.splitlines()[0] and "Traceback" not in run.stderr
    run = invoke("predict", tmp_path / "absent.wav", "--study", tiny_study, cwd=promoted, check=1)
    assert f"error: {tmp_path / 'absent.wav'}: " in run.stderr and "Traceback" not in run.stderr
    run = invoke("predict", "x.wav", "--network", tmp_path, cwd=promoted, check=1)
    assert isinstance(run.error, faults.NoNetwork) and run.error.folder == tmp_path
    run = invoke("predict", "x.wav", "--study", tiny_study, cwd=tmp_path, check=1)
    assert isinstance(run.error, faults.NoFinalNetwork)
    assert run.error.folder == Path("results/tiny/networks")


def _edit(place: Path, **changes: Any) -> None:
    path = place / "network.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _reshaped(place: Path) -> None:
    """Weights of another shape, with all digests made anew."""
    weights = safetensors.torch.load_file(place / "network.safetensors")
    weights["pooling.top_down.weight"] = torch.zeros(3, 4, 1, 1)
    content = safetensors.torch.save(weights)
    (place / "network.safetensors").write_bytes(content)
    record = read(place).model_copy(update={"weights": weights_digest(content)})
    _edit(place, weights=record.weights, checksum=record.checksum())


def _damaged(place: Path) -> None:
    """Weights that are none, with all digests made anew."""
    content = b"x" * 99
    (place / "network.safetensors").write_bytes(content)
    record = read(place).model_copy(update={"weights": weights_digest(content)})
    _edit(place, weights=record.weights, checksum=record.checksum())


@pytest.mark.parametrize(
    ("spoil", "kind", "values"),
    [
        (lambda p: _edit(p, classes=["dark", "bright"]), faults.NetworkChanged, {}),
        (lambda p: _edit(p, classes=["dark"]), faults.DamagedNetwork, {"field": "classes"}),
        (lambda p: _edit(p, format=2), NewerFile, {"found": 2, "known": 1}),
        (lambda p: _edit(p, surprise=1), faults.DamagedNetwork, {"field": "surprise"}),
        (lambda p: _edit(p, shapes=["3y2"]), faults.DamagedNetwork, {"field": "shapes.0"}),
        (lambda p: (p / "network.json").write_text("{"), faults.DamagedNetwork, {}),
        (lambda p: (p / "network.json").write_bytes(b"\xff\xfe"), faults.DamagedNetwork, {}),
        (
            lambda p: (p / "network.json").write_text("[]"),
            faults.DamagedNetwork,
            {"reason": "not a JSON object"},
        ),
        (lambda p: (p / "network.json").write_text("[" * 200_000), faults.DamagedNetwork, {}),
        (lambda p: _edit(p, pooling="mean"), faults.DamagedNetwork, {"field": ""}),
        (lambda p: _edit(p, threads=0), faults.DamagedNetwork, {"field": "threads"}),
        (lambda p: _edit(p, classes=["dark", "dark"]), faults.DamagedNetwork, {"field": ""}),
        (lambda p: _edit(p, corpus_range=[0, 1]), faults.DamagedNetwork, {"field": ""}),
        (lambda p: (p / "network.json").unlink(), faults.NoNetwork, {}),
        (lambda p: (p / "network.safetensors").unlink(), StorageError, {}),
        (lambda p: (p / "network.safetensors").write_bytes(b"x" * 99), faults.NetworkChanged, {}),
        (_damaged, faults.DamagedNetwork, {}),
        (
            _reshaped,
            faults.WeightsMisfit,
            {
                "missing": [],
                "unknown": [],
                "shapes": {"pooling.top_down.weight": ((3, 4, 1, 1), (2, 4, 1, 1))},
            },
        ),
    ],
)
def test_a_spoilt_network_is_refused(
    attention: Path, spoil: Any, kind: type[StorageError], values: dict[str, object]
) -> None:
    ablation.load_network(attention)
    spoil(attention)
    with pytest.raises(kind) as caught:
        ablation.load_network(attention)
    assert {name: getattr(caught.value, name) for name in values} == values
    assert str(attention) in caught.value.what


def test_a_network_of_before_a_field_was_added_is_still_read(attention: Path) -> None:
    """``code`` came later; it has a default, and the checksum is over what the file says."""
    path = attention / "network.json"
    tables = json.loads(path.read_text())
    del tables["code"], tables["checksum"]
    content = json.dumps(tables, sort_keys=True, ensure_ascii=False).encode()
    path.write_text(json.dumps(tables | {"checksum": weights_digest(content)}))
    assert ablation.load_network(attention).record.code == ""


def test_too_short_for_a_network_that_drops_is_said(attention: Path, tmp_path: Path) -> None:
    network = ablation.load_network(attention)
    record = network.record
    dropping = record.features.model_copy(update={"short": "drop"})
    network.record = record.model_copy(update={"features": dropping})
    soundfile.write(tmp_path / "s.wav", 0.1 * np.random.default_rng(0).standard_normal(800), 8000)
    with pytest.raises(faults.ShorterThanASegment) as caught:
        network.predict(tmp_path / "s.wav")
    assert caught.value.file == tmp_path / "s.wav"
    assert caught.value.segment_s == pytest.approx(0.3)


def test_explain_draws_maps_and_filters(
    promoted: Path, tiny_study: Path, tiny_manifest: Path, tmp_path: Path
) -> None:
    recording = next(tiny_manifest.parent.glob("a_*.wav"))
    for pooling in ("attention", "gap", "bilinear"):
        place = networks(promoted, pooling=pooling, fold="a")[0]
        output = tmp_path / f"{pooling}.svg"
        run = invoke("explain", recording, "--network", place, "--output", output, cwd=promoted)
        assert run.stdout.split() == [str(output), str(tmp_path / f"{pooling}-filters.svg")]
        drawn = output.read_text()
        assert ("<!-- bottom-up" in drawn) == (pooling == "attention")
        assert ("<!-- bright" in drawn) == (pooling != "bilinear")
    run = invoke("explain", recording, "--study", tiny_study, "--figures", tmp_path, cwd=promoted)
    assert (
        tmp_path / "tiny" / f"explain-{recording.parent.name}-{recording.stem}.png"
    ).stat().st_size > 10_000
    run = invoke("explain", recording, "--study", tiny_study, "--output", tmp_path / "x.gif",
                 cwd=promoted, check=1)  # fmt: skip
    assert isinstance(run.error, UnknownName) and run.error.name == "gif"
    assert str(tmp_path / "x.gif") in run.stderr


def test_a_long_recording_is_explained_in_parts(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000 * 61)
    soundfile.write(tmp_path / "long.wav", noise, 8000)
    explain = ("explain", tmp_path / "long.wav", "--study", tiny_study, "--figures", tmp_path)
    run = invoke(*explain, cwd=promoted, check=1)
    assert isinstance(run.error, faults.TooLongToExplain)
    assert run.error.file == tmp_path / "long.wav"
    assert (run.error.seconds, run.error.longest) == (61, 60)
    invoke(*explain, "--start", "58.5", "--end", "60", cwd=promoted)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_is_kept_loaded_explained_and_exported(
    pooling: str, attention: Path, tiny_manifest: Path, tmp_path: Path
) -> None:
    """The contract of a registry entry, on a network as it is drawn at first.

    Maps are of the recording's own length, put together from its segments.
    """
    from ablation.models.network import build_network
    from ablation.saved import SavedNetwork
    from ablation.study import Shape

    record = read(attention).model_copy(update={"pooling": pooling})
    shapes = [Shape.parse(text) for text in record.shapes]
    torch.manual_seed(8)  # a draw with a channel that is steady over the map
    model = build_network(shapes, pooling, 2, record.network, record.features)
    network = SavedNetwork(record, model)
    found = network.explain(next(tiny_manifest.parent.glob("a_*.wav")))
    size = (record.features.height, record.features.columns(0.5))
    assert found.spectrum.shape == size
    assert (found.top_down is not None) == isinstance(model.pooling, Explains)
    if found.top_down is not None:
        assert found.top_down.shape == (2, *size)
    if pooling == "attention" and found.bottom_up is not None:
        assert found.bottom_up.shape == size
        assert found.bottom_up.mean() == pytest.approx(1, abs=0.1)  # as even weights are
    for shape, weights in found.filters.items():
        assert weights.shape == (2, *map(int, shape.split("x")))
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
    assert export_onnx(network, tmp_path / "n.onnx") <= 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx", providers=["CPUExecutionProvider"])
    for n in (1, 5):  # segments at once
        segments = torch.rand(n, 1, record.features.height, record.features.width)
        with torch.inference_mode():
            wanted = network.model(segments).numpy()
        (given,) = session.run(None, {"segments": segments.numpy()})
        assert np.abs(given - wanted).max() <= 1e-5
