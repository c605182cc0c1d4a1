"""Whole studies with other front ends than the linear one: rows, curves, networks, reports."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from matplotlib.figure import Figure
from running import invoke, train

import ablation
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.figures.catalogue import drawings
from ablation.results.run_record import find_run
from ablation.saved.export import expected_input, export_onnx
from ablation.study import AXES, load_study, study_tables
from ablation.study.extents import number_text

OPTIONS = {
    "mel": {"kind": "mel", "mel_bands": 12, "scope": "utterance"},
    "mfcc": {"kind": "mfcc", "mel_bands": 14, "coefficients": 12, "scope": "corpus"},
    "noisy": {"snr_db": 5, "noise": "white"},
}


@pytest.fixture(scope="module", params=OPTIONS)
def ran(
    request: pytest.FixtureRequest, tiny_study: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Both axes, a network and the loudness control of the tiny study; a folder to be read."""
    tables = study_tables(load_study(tiny_study))
    tables["features"] |= OPTIONS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "tiny.toml").write_text(tomli_w.dumps(tables))
    shared = ("--study", "tiny.toml", "--workers", "1")
    train("grid", "--axis", "both", "--values", "2,4", *shared, cwd=folder)
    train("grid", "--control", "loudness", *shared, cwd=folder)
    train("promote", "--shapes", "4x2,2x4", "--pooling", "gap", *shared, cwd=folder)
    return request.param, folder


def evidence_of(folder: Path) -> Evidence:
    results = folder / "results"
    return Evidence(StudyResults(results, find_run(results, "tiny")))


def test_rows_count_bands_and_have_hz_at_the_middle_one(ran: tuple[str, Path]) -> None:
    kind, folder = ran
    rows = ablation.read_results(folder / "results" / "tiny").probes
    features = load_study(folder / "tiny.toml").features
    assert set(rows["height"]) == {2, 4}
    if kind == "mfcc":
        assert rows["height_hz"].isna().all()
    else:
        assert rows["height_hz"].tolist() == [features.height_hz(h) for h in rows["height"]]


def test_curves_axes_and_references_suit_the_rows(ran: tuple[str, Path]) -> None:
    kind, folder = ran
    evidence = evidence_of(folder)
    axis = evidence.axes["height"]
    curve, features = axis.curve, evidence.run.study.features
    unit = {"mel": "bands", "mfcc": "coefficients", "noisy": "bins"}[kind]
    assert axis.axis.unit == unit
    assert evidence.axes["width"].axis == AXES["width"]
    reference = evidence.reference(axis.axis)
    if kind == "mfcc":
        assert (axis.physical(2), reference) == ("", None)
    elif kind == "mel":
        assert axis.physical(2).endswith("Hz at the lowest, middle and highest band")
        columns = ["physical_low", "physical", "physical_high"]
        for row in curve.to_dict("records"):
            assert tuple(row[name] for name in columns) == features.extents_hz(row["extent"])
        heights = range(1, features.height + 1)
        assert reference == min(heights, key=lambda h: abs((features.height_hz(h) or 0) - 100))
    else:
        assert (axis.physical(2), reference) == ("125 Hz", 2)


def texts(figure: Figure) -> str:
    figure.canvas.draw()
    axes = [a for one in figure.axes for a in (one, *one.child_axes)]
    said = [a.get_xlabel() for a in axes] + [a.get_ylabel() for a in axes]
    said += [t.get_text() for a in axes for t in a.get_xticklabels()]
    return " ".join(said).replace("\n", " ")


def test_figures_give_hz_at_three_bands_or_none(ran: tuple[str, Path]) -> None:
    kind, folder = ran
    evidence = evidence_of(folder)
    found = {one.name: texts(one.draw()) for one in drawings(evidence, [], ["dark"])}
    features = evidence.run.study.features
    for name in ("figure2", "classes"):
        if kind == "mfcc":
            assert "Hz" not in found[name]
            assert "filter height (frequency), coefficients" in found[name]
        elif kind == "mel":
            assert "Hz at the highest, middle and lowest band" in found[name]
            shown = [number_text(hz) for hz in features.extents_hz(4) or ()]
            assert " ".join(shown[::-1]) in found[name]
        else:
            assert "frequency extent (Hz)" in found[name]
    unit = features.row_unit
    assert f"height fixed at 2 {unit}" in found["figure2"]


def test_the_report_says_what_rows_are(ran: tuple[str, Path]) -> None:
    kind, folder = ran
    invoke("report", "--study", "tiny.toml", cwd=folder)
    report = (folder / "results" / "tiny" / "report.md").read_text()
    if kind == "mfcc":
        assert "height (coefficients)" in report
        assert "12 mfcc coefficients of 14 mel bands from 0 to 1000 Hz" in report
        assert "| Hz" not in report
    elif kind == "mel":
        assert "| Hz (lowest band) | Hz (middle band) | Hz (highest band) |" in report
        assert "Hz wide at the lowest, middle and highest band" in report
    else:
        assert "white noise at 5 dB (seed 0), in training and testing" in report


def test_loudness_alone_is_that_of_the_recordings(
    ran: tuple[str, Path], tiny_study: Path, tmp_path: Path
) -> None:
    """The control's scores do not depend on the front end."""
    kind, folder = ran
    if kind == "noisy":
        return
    control = ("grid", "--control", "loudness", "--workers", "1", "--study")
    train(*control, tiny_study, cwd=tmp_path)
    names = [f"score_{label}" for label in ("bright", "dark")]
    mine, plain = (
        rows[rows["name"] == "loudness SVM"].set_index("utterance")[names].sort_index()
        for rows in (
            ablation.read_results(place / "results" / "tiny").predictions
            for place in (folder, tmp_path)
        )
    )
    assert mine.equals(plain)


def saved(folder: Path) -> list[Path]:
    return sorted(p.parent for p in folder.glob("results/tiny/networks/*/network.json"))


def test_a_network_predicts_from_the_features_it_was_trained_on(
    ran: tuple[str, Path], tiny_manifest: Path
) -> None:
    """To the last bit what was stored; of one trained in noise, recordings are left clean."""
    kind, folder = ran
    stored = ablation.read_results(folder / "results" / "tiny").predictions
    stored = stored[stored["kind"] == "network"]
    compared = 0
    for place in saved(folder):
        network = ablation.load_network(place)
        assert network.record.features.kind == OPTIONS[kind].get("kind", "linear")
        for row in stored[stored["fold"] == network.record.fold].to_dict("records"):
            said = network.predict(tiny_manifest.parent / row["utterance"])
            same = all(
                np.float32(said.scores[label]) == np.float32(row[f"score_{label}"])
                for label in ("bright", "dark")
            )
            assert same is (kind != "noisy")
            compared += 1
    assert compared == 24


def test_the_card_the_field_and_the_drawing_of_a_network(
    ran: tuple[str, Path], tiny_manifest: Path, tmp_path: Path
) -> None:
    kind, folder = ran
    place = shutil.copytree(saved(folder)[0], tmp_path / "network")
    card = (place / "README.md").read_text()
    recording = min(tiny_manifest.parent.glob("*.wav"))
    field = json.loads(
        invoke("field", recording, "--network", place, "--json", cwd=tmp_path).stdout
    )
    shown = invoke("field", recording, "--network", place, cwd=tmp_path).stdout
    first = field["layers"][0]
    invoke("explain", recording, "--network", place, "--output", "e.png", cwd=tmp_path)
    if kind == "mel":
        assert "12 mel bands from 0 to 1000 Hz" in card
        assert first["bands"] == 4
        assert len(first["hz"]) == 3
        assert "top Hz" in shown
    elif kind == "mfcc":
        assert "12 mfcc coefficients" in card
        assert first["coefficients"] == 4
        assert "hz" not in first
        assert "Hz" not in shown
    else:
        assert "white noise at 5 dB" in card
        assert (first["bins"], first["hz"]) == (4, 250)


def test_the_exported_model_says_what_it_expects(ran: tuple[str, Path], tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra 'export' is not installed")
    kind, folder = ran
    network = ablation.load_network(saved(folder)[0])
    export_onnx(network, tmp_path / "n.onnx")
    told = onnx.load(tmp_path / "n.onnx").doc_string
    assert told == expected_input(network.record.features)
    part = {
        "mel": "12 mel bands from 0 to 1000 Hz",
        "mfcc": "mapped, each row by itself, to -1 to 1 over the corpus",
        "noisy": "16 bins of 62.5 Hz (magnitude)",
    }[kind]
    assert part in told
