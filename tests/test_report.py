"""The report, the comparison of studies and the figures, of studies whose truth is known."""

import dataclasses
import doctest
import html
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import tomli_w
from running import invoke, train
from storing import CLASSES, START, Drawn, store_study

import ablation
from ablation.analysis import notebook
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.errors import AblationError, reading
from ablation.errors.common import (
    InvalidOption,
    UnknownName,
)
from ablation.figures.catalogue import drawings
from ablation.figures.plot import shown_classes
from ablation.figures.style import RC
from ablation.results import ResultStore, run_record
from ablation.study import Shape, load_study


def plateau_at_ten(shape: Shape, window: float = 40.0) -> float:
    """Nothing below ten bins and four frames helps; nothing above helps more."""
    return 0.4 + 0.3 * (shape.height >= 10) + 0.3 * (shape.width >= 4)


def nothing(shape: Shape, window: float = 40.0) -> float:
    return 0.5


def evidence(folder: Path, drawn: Drawn, **options: object) -> Evidence:
    return Evidence(StudyResults(folder / "results", store_study(folder, drawn)), **options)


def words_of(page: Path) -> str:
    """The words of a page without its scripts, styles and pictures."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page.read_text("utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def report(folder: Path, *options: str) -> tuple[str, str]:
    """What ``ablate report`` prints, and the words of its page.

    No word is of a picture: each is an empty one. What figures show is in test_figures.py.
    """
    run = invoke("report", "--study", folder / "drawn.toml", *options, cwd=folder)
    return run.stdout + run.stderr, words_of(folder / "results" / "drawn" / "report.html")


@pytest.fixture
def folder(tmp_path: Path, undrawn: None) -> Path:
    (tmp_path / "drawn.toml").write_text('name = "drawn"\n')
    (tmp_path / "other.toml").write_text('name = "other"\n')
    return tmp_path


COMPARE = ("compare", "--study", "drawn.toml", "--study", "other.toml")


def test_what_to_run_next_is_of_the_very_settings(folder: Path) -> None:
    """A run may have changed any field of its study's file by --set."""
    store_study(folder, Drawn(plateau_at_ten, options={"training": {"epochs": 7}}))
    _, page = report(folder)
    (as_run,) = (folder / "results" / "drawn" / "studies").glob("*.toml")
    assert "epochs = 7" in as_run.read_text(encoding="utf-8")
    for hint in ("--axis height --windows 20,40,80", "promote --best"):
        assert f"{hint} --study {as_run.relative_to(folder)}" in page, hint
    assert "--study drawn" not in page


def test_a_planted_plateau_is_the_answer(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten))
    printed, page = report(folder)
    answer = printed.splitlines()[0]
    assert answer.startswith("Beyond a height of 10 bins (100 Hz), where WA is ")
    assert "no taller filter is significantly better" in answer
    assert "; beyond a width of 4 frames (40 ms), where WA is " in answer
    assert answer in page
    # 10x2 is the paper's: nobody had to name it.
    assert "2x2 and 4x2 are significantly worse than the pre-specified 10x2." in page
    assert "One seed" in page  # among what is missing
    for name in ("report.md", "report.tex"):
        assert "10x2" in (folder / "results" / "drawn" / name).read_text(encoding="utf-8")
    # Above the power of the axis that has less, rounded as below.
    words = r"has 80 % power only from about (\d+\.\d) points"
    (above,) = re.findall(words, answer)
    below = re.findall(r"planned comparison of two (?:heights|widths) " + words, page)
    assert len(below) == 2
    assert above == max(below, key=float)


EVERY_CELL = [(shape, f"s{k:02d}") for shape in ("2x2", "10x2") for k in range(10)]
TOO_LITTLE = ("Nothing can be said of filter shapes yet", "Provenance")


def lobe(shape: Shape, window: float) -> float:
    """Best at the window's main lobe: 20, 10 and 5 bins under 20, 40 and 80 ms."""
    return 0.8 - 0.25 * abs(np.log2(shape.height / (400 / window)))


SAID = {  # of which rows, what is said, and what is not
    "nothing planted": (
        Drawn(nothing),
        ["No filter height or width is significantly better than another",
         "This does not show that they are equal"],
        ["eyond a height"],
    ),
    "scores at chance": (
        Drawn(lambda shape, window: 0.2),
        ["These probes have learnt too little to say which receptive field is needed: ",
         "no better than always answering the majority class (25.0 %)"],
        ["is significantly better than another"],
    ),
    "a class that is never named": (
        Drawn(lambda shape, window: 0.0), ["sad is hardly ever recognised by any probe"], [],
    ),
    "a curve that rises to its end": (
        Drawn(lambda s, w: 0.2 + 0.15 * np.log2(s.height), heights=[2, 8, 32], axis="height"),
        ["WA still rises at the largest height of the grid, 32 bins (320 Hz)",
         "train taller filters"], [],
    ),
    "nothing complete": (
        Drawn(nothing, heights=[2, 10], axis="height", missing=[("10x2", "s00"), ("2x2", "s00")]),
        TOO_LITTLE, [],
    ),
    "everything failed": (
        Drawn(nothing, heights=[2, 10], axis="height", failed=EVERY_CELL), TOO_LITTLE, [],
    ),
    "one seed, one fold failed, one not yet run, one width only": (
        Drawn(plateau_at_ten, axis="height", failed=[("10x2", "s03")], missing=[("40x2", "s01")]),
        ["warning: 2 of 50 probe cells are not finished, 1 of them failed",
         "height 10: 9 of 10 cells are finished, 1 failed (drawn hollow)",
         "height 40: 9 of 10 cells are finished (drawn hollow)",
         "no width axis: only one shape of it is stored (ablate grid --axis width)",
         "One seed",
         "RuntimeError: <b>no memory</b>",
         "No network has been cross-validated yet",
         "Not run: whether the best height moves with the analysis window"],
        ["3 cells"],
    ),
    "three seeds": (
        Drawn(plateau_at_ten, seeds=(0, 1, 2)), ["points between speakers, "], ["One seed"],
    ),
    **{
        f"{speakers} speakers": (
            Drawn(plateau_at_ten, speakers=speakers),
            [f"with {said}, no difference between two shapes can be shown",
             f"With {said}, no difference between heights can be significant at 5 %"],
            ["nan points", "[nan", "inf points", "1 speakers", "80 % power only from"],
        )
        for speakers, said in ((1, "1 speaker"), (5, "5 speakers"))
    },
    "a best height that moves with the window": (
        Drawn(lobe, heights=[5, 10, 20], axis="height", windows=(20.0, 40.0, 80.0)),
        ["The best height moves with the analysis window: 20 bins with a window of 20 ms (main "
         "lobe 20 bins), 10 bins with a window of 40 ms (main lobe 10 bins), 5 bins with a window "
         "of 80 ms (main lobe 5 bins).", "The useful extent depends on the window"], [],
    ),
    "a best height that stays": (
        Drawn(lambda s, w: 0.8 - 0.3 * (s.height != 10), heights=[5, 10, 20], axis="height",
              windows=(20.0, 80.0)),
        ["The best height is the same for every analysis window",
         "Nothing shows that the useful extent depends on the window"], [],
    ),
    "as many weights in another shape": (
        Drawn(lambda s, w: 0.75 if s.height == 20 else 0.5, heights=[2, 20], widths=[2, 20]),
        ["Shapes with the same number of weights (40 per filter): 2x20 ",
         "significantly different from 20x2: 2x20"], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("drawn", "said", "unsaid"), SAID.values(), ids=SAID)
def test_the_report_says_what_the_rows_show(
    folder: Path, drawn: Drawn, said: Sequence[str], unsaid: Sequence[str]
) -> None:
    store_study(folder, drawn)
    text = " ".join(report(folder))
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []


def test_a_metric_of_a_class_other_references_and_classes_to_draw(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten))
    printed, page = report(
        folder, "--metric", "sad", "--reference", "20x2,2x20", "--classes", "sad,happy"
    )
    assert "where sad accuracy is" in printed
    assert "Every height compared with the pre-specified 20x2" in page
    command = ("report", "--study", folder / "drawn.toml")
    refused = invoke(*command, "--metric", "sda", cwd=folder, check=1)
    assert isinstance(refused.error, UnknownName)
    assert (refused.error.where, refused.error.nearest) == ("--metric", "sad")
    assert sorted(refused.error.allowed) == ["angry", "happy", "neutral", "sad", "ua", "wa"]
    assert len(refused.stderr.splitlines()[-2:]) == 2 and "Traceback" not in refused.stderr
    for given in ("3x3", "10x2:5"):
        error = invoke(*command, "--reference", given, cwd=folder, check=1).error
        assert isinstance(error, reading.ReferenceOffAxes)
        assert (error.shape, error.fixed_height, error.fixed_width) == (given, 2, 2)
    error = invoke(*command, "--reference", "10x2,20x2", cwd=folder, check=1).error
    assert isinstance(error, reading.ReferencesShareAxis)
    assert (error.axis, list(error.shapes)) == ("height", ["10x2", "20x2"])
    refused = invoke(*command, "--reference", "10y2", cwd=folder, check=1)
    assert isinstance(refused.error, AblationError) and "10y2" in refused.stderr


@pytest.mark.usefixtures("unmeasured")
def test_a_control_grid_trains_the_shapes_of_as_many_weights(done: Path, tiny_study: Path) -> None:
    run = train("grid", "--matched", "5x2", "--dry-run", "--study", tiny_study, cwd=done)
    assert "shapes: 1x10,2x5,5x2,10x1" in run.stdout
    run = train("grid", "--shapes", "3x3,2x2", "--dry-run", "--study", tiny_study, cwd=done)
    assert "shapes: 3x3,2x2" in run.stdout
    assert "cells: 8, to train: 4" in run.stdout  # 2x2 is stored
    for given, facts in (
        ([], ["--axis", "--shapes", "--matched"]),
        (["--axis", "both", "--shapes", "2x2"], ["--axis", "--shapes"]),
        (["--shapes", "2x2:3"], ["--shapes", "2x2:3"]),
        (["--matched", "2x2,3x3"], ["--matched", "2x2,3x3"]),
        (["--matched", "999999x999999"], ["--matched", "999999x999999"]),  # at once
        (["--shapes", "2x2", "--values", "3"], ["--values"]),
    ):
        refused = invoke("grid", *given, "--study", tiny_study, cwd=done, check=1)
        assert isinstance(refused.error, AblationError)
        assert all(fact in refused.stderr for fact in facts)


def test_the_report_of_trained_rows_has_table_1_and_can_be_run_again(
    promoted: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shutil.copytree(promoted, tmp_path, dirs_exist_ok=True)
    invoke("report", "--study", tiny_study, cwd=tmp_path)
    ours = tmp_path / "results" / "tiny"
    page = words_of(ours / "report.html")
    for words in ("Table 1", "CNN_TF_Att.pooling, nested", "log-mel SVM", "All stored networks"):
        assert words in page
    text = (ours / "report.md").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((\S+\.svg)\)", text)
    assert {"costs", "field", "filters", "learning_networks", "confusion"} <= {
        Path(p).stem for p in pictures
    }
    assert all((ours / picture).exists() for picture in pictures)
    (again,) = re.findall(r"^ablate grid .+$", text, re.MULTILINE)
    trained = train(*shlex.split(again)[1:], cwd=tmp_path)
    assert "0 trained, 20 were stored before" in trained.stderr


def test_settings_as_run_are_a_study(promoted: Path, tiny_study: Path) -> None:
    (file,) = (promoted / "results" / "tiny" / "studies").glob("*[!k].toml")
    text = file.read_text(encoding="utf-8")
    assert "[as_run]" in text and "fingerprint" in text
    own, given = load_study(file), load_study(tiny_study)
    assert own.features == given.features and own.training == given.training
    assert own.corpus.root is not None and own.corpus.root.exists()


def test_of_many_classes_the_largest_are_drawn_and_the_figure_says_so(folder: Path) -> None:
    """Their numbers are those of all; no picture is larger than a screen can scroll through."""
    classes = [f"class {k:02d}" for k in range(60)]
    drawn = Drawn(plateau_at_ten, heights=(2, 10), widths=(2, 4), speakers=3, utterances=120,
                  classes=classes)  # fmt: skip
    store_study(folder, drawn)
    settings = next((folder / "results" / "drawn" / "studies").glob("*.toml"))
    tables = tomllib.loads(settings.read_text())
    tables["as_run"]["counts"] = [2 if k < 55 else 9 for k in range(60)]
    settings.write_text(tomli_w.dumps(tables))
    run = run_record.find_run(folder / "results", "drawn")
    shown = shown_classes(run, None)
    assert len(shown) == 9 and shown[-5:] == classes[55:]
    found = {
        d.name: d for d in drawings(Evidence(StudyResults(folder / "results", run)), [], shown)
    }
    figures = {name: drawing.draw() for name, drawing in found.items()}
    for name, figure in figures.items():
        assert max(figure.get_size_inches()) * RC["savefig.dpi"] < 6000, name
    for name, most in (("classes", 12), ("confusion", 30)):
        title = figures[name].get_suptitle().replace("\n", " ")
        assert f"{most} largest of 60 classes" in title
        assert "class 30" in found[name].data.to_csv()
    matrix = figures["confusion"].axes[0]
    names = [text.get_text() for text in matrix.get_xticklabels()]
    assert names[-6:] == [*classes[55:], "(all others)"]
    shares = matrix.collections[0].get_array().reshape(30, 31)
    assert np.allclose(shares.sum(axis=1), 100)


def test_figures_come_with_their_numbers(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten, missing=[("40x2", "s01")]))
    plot = ("plot", "--study", folder / "drawn.toml")
    run = invoke(*plot, "--format", "svg", cwd=folder)
    names = {Path(line).name for line in run.stdout.splitlines()}
    stems = ("figure2", "differences", "classes", "ranks_height", "ranks_width", "speakers",
             "confusion", "learning_probes", "costs")  # fmt: skip
    assert names == {f"{stem}.{end}" for stem in stems for end in ("svg", "csv")}
    curve = pd.read_csv(folder / "figures" / "drawn" / "figure2.csv")
    row = curve[(curve["axis"] == "height") & (curve["extent"] == 10)].iloc[0]
    rows = ablation.read_results(folder / "results" / "drawn").probes
    mine = rows[(rows["height"] == 10) & (rows["width"] == 2)]
    assert row["wa"] == pytest.approx(mine["n_correct"].sum() / mine["n_test"].sum())
    assert row["wa_low"] < row["wa"] < row["wa_high"]
    confusion = pd.read_csv(folder / "figures" / "drawn" / "confusion.csv")
    assert confusion[list(CLASSES)].to_numpy().sum() == 240 * confusion["name"].nunique()
    for option, value, nearest in (
        ("--only", "cost", "costs"), ("--format", "gif", None), ("--classes", "sda", "sad"),
    ):  # fmt: skip
        error = invoke(*plot, option, value, cwd=folder, check=1).error
        assert isinstance(error, UnknownName) and error.name == value
        assert nearest is None or (error.where, error.nearest) == (option, nearest)
    for option in ("--only", "--format"):
        error = invoke(*plot, option, ",", cwd=folder, check=1).error
        assert isinstance(error, InvalidOption) and error.option == option


def test_every_format_of_a_figure_that_is_there_is_drawn_anew(folder: Path) -> None:
    """No PDF or SVG of other numbers is left beside a new PNG and CSV."""
    plot = ("plot", "--study", folder / "drawn.toml", "--only", "ranks_height")
    store_study(folder, Drawn(plateau_at_ten, heights=[2, 10], axis="height"))
    invoke(*plot, "--format", "png,pdf,svg", cwd=folder)
    ours = folder / "figures" / "drawn"
    before = {file: file.read_bytes() for file in ours.iterdir()}
    assert len(before) == 4
    store_study(folder, Drawn(plateau_at_ten, heights=[2, 4, 10, 20], axis="height"))
    run = invoke(*plot, cwd=folder)
    names = sorted(Path(line).name for line in run.stdout.splitlines())
    assert names == [f"ranks_height.{end}" for end in ("csv", "pdf", "png", "svg")]
    assert [file.name for file, content in before.items() if file.read_bytes() == content] == []
    found = invoke(*plot, "--figures", "elsewhere", cwd=folder).stdout.splitlines()
    assert [Path(line).name for line in found] == ["ranks_height.png", "ranks_height.csv"]


HOSTILE = "re'sul ts $HOME"  # a folder


@pytest.mark.parametrize("axis", ["product", "height", "search"])
def test_commands_can_be_pasted_into_a_shell(folder: Path, axis: str) -> None:
    store_study(folder, Drawn(plateau_at_ten, windows=(40.0, 23.219955)))
    results = Path(HOSTILE)
    (folder / "results").rename(folder / results)
    (file,) = (folder / results / "drawn" / "studies").glob("*.toml")
    tables = tomllib.loads(file.read_text())
    options = shlex.join(["--sampler", "tpe", "--set", 'search.low="a b"'])
    tables["as_run"]["asked"][0] |= {"axis": axis, "options": options, "trials": 4}
    file.write_text(tomli_w.dumps(tables))
    (folder / "grid.heights=2").touch()  # what the brackets of grid.heights=[2,4] would match
    given = ("--results", results, "--figures", "my figures")
    invoke("report", "--study", folder / "drawn.toml", *given, cwd=folder)
    text = (folder / results / "drawn" / "report.md").read_text(encoding="utf-8")
    lines = re.findall(r"^ablate .+$", text, re.MULTILINE)
    assert len(lines) == 3
    script = f"ablate() {{ printf '%s\\0' \"$@\"; }}\n{lines[0]}\n"
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, check=True)
    words = done.stdout.decode().split("\0")[:-1]
    options = dict(zip(words[1::2], words[2::2], strict=True)) if axis != "product" else {}
    study = str(results / "drawn" / "studies" / file.name)
    assert words[words.index("--study") + 1] == study
    assert words[words.index("--results") + 1] == HOSTILE
    if axis == "product":
        assert "grid.heights=[2,4,10,20,40]" in words and "grid.widths=[2,4,8,20,40]" in words
    if axis == "search":
        assert options["--set"] == 'search.low="a b"'
    else:
        assert [float(w) for w in words[words.index("--windows") + 1].split(",")] == [40, 23.219955]
    for line in lines[1:]:
        assert shlex.split(line)[2:] == ["--study", study, "--results", HOSTILE,
                                         "--figures", "my figures"]  # fmt: skip
    page = words_of(folder / results / "drawn" / "report.html")
    assert all(line in page for line in lines if "  " not in line)
    invoke(*shlex.split(lines[1])[1:], "--only", "costs", cwd=folder)


def test_a_contrast_is_written_down_and_stands(folder: Path) -> None:
    """Chosen on one study; the other lacks the shapes at first, then confirms."""
    three = {"axis": "height", "heights": [2, 10, 20]}
    store_study(folder, Drawn(plateau_at_ten, **three))
    untested = invoke(*COMPARE, cwd=folder, check=1).error
    (file,) = (folder / "results" / "drawn" / "contrasts").glob("*.json")
    contrast = json.loads(file.read_text())
    assert isinstance(untested, reading.ContrastUntested)
    assert untested.file == file.relative_to(folder)
    assert untested.contrast == (contrast["chosen"], contrast["reference"])
    assert (untested.study, untested.digest) == ("other", "")  # which has no row
    assert set(untested.missing) == set(untested.contrast) <= {"10x2", "20x2", "2x2"}
    store_study(folder, Drawn(plateau_at_ten, axis="height", heights=[2, 4], name="other"))
    untested = invoke(*COMPARE, cwd=folder, check=1).error
    assert isinstance(untested, reading.ContrastUntested) and untested.digest == "0123456789ab"
    store_study(folder, Drawn(plateau_at_ten, **three, name="other"))
    found = invoke(*COMPARE, cwd=folder).stdout
    assert json.loads(file.read_text()) | {"tests": []} == contrast | {"tests": []}
    said = f"{contrast['chosen']} compared with {contrast['reference']}"
    assert f"contrast: {said} (wa)" in found
    assert "tested on other, 10 speakers" in found
    assert "tested before" not in invoke(*COMPARE, cwd=folder).stdout  # the same rows: one test
    assert said in report(folder)[1]  # with its test, among the controls
    store_study(folder, Drawn(nothing, **three, name="other", seeds=(0, 1)))
    assert "tested before" in invoke(*COMPARE, cwd=folder).stdout
    # What chose is changed; what stands written is not chosen again.
    shutil.rmtree(folder / "results" / "drawn" / "probes.parts")
    store_study(folder, Drawn(lambda s, w: 0.9 - s.height / 50, **three))
    assert said in invoke(*COMPARE, cwd=folder).stdout
    invoke(*COMPARE, "--anew", cwd=folder)  # chooses again, and keeps the old beside it
    assert len(list(file.parent.glob("*.json"))) == 2
    for kind, change in (
        (reading.UnreadableContrast, {"chosen": "../x"}),
        (reading.UnreadableContrast, {"tests": 3}),
        (reading.OtherContrast, {"tested_on": "mars"}),
        (reading.ContrastOfOtherSettings, {"digest": "ffff"}),
    ):
        file.write_text(json.dumps(contrast | change))
        error = invoke(*COMPARE, cwd=folder, check=1).error
        assert isinstance(error, kind)
        assert error.file == file.relative_to(folder)


def test_a_difference_is_confirmed_or_not(folder: Path) -> None:
    three = {"axis": "height", "heights": [2, 4, 40]}
    store_study(folder, Drawn(plateau_at_ten, **three))
    for accuracy, verdict in (
        (plateau_at_ten, "Confirmed"),
        (nothing, "Not confirmed"),
        (lambda s, w: 0.9 - 0.4 * (s.height >= 10), "Contradicted"),
    ):
        shutil.rmtree(folder / "results" / "other", ignore_errors=True)
        store_study(folder, Drawn(accuracy, **three, name="other"))
        assert verdict in invoke(*COMPARE, "--reference", "2x2", cwd=folder).stdout
    # That of a plateau is with what it claims to beat.
    found = invoke(*COMPARE, "--rule", "plateau", cwd=folder).stdout
    assert "contrast: 40x2 compared with 4x2 (wa)" in found


def test_a_contrast_needs_another_study_and_other_recordings(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten, axis="height", heights=[2, 10, 20]))
    first = COMPARE[:3]
    error = invoke(*first, *first[1:], cwd=folder, check=1).error
    assert isinstance(error, reading.SameStudy) and error.study == "drawn"
    error = invoke(*first, *first[1:], *first[1:], cwd=folder, check=1).error
    assert isinstance(error, InvalidOption) and error.option == "--study"
    other = folder / "results" / "other"
    shutil.copytree(folder / "results" / "drawn", other)
    (file,) = (other / "studies").glob("*.toml")
    file.write_text(file.read_text().replace('name = "drawn"', 'name = "other"'))
    error = invoke(*COMPARE, cwd=folder, check=1).error
    assert isinstance(error, reading.SameRecordings) and error.studies == ["drawn", "other"]


FLAT = Drawn(nothing, axis="height", heights=[2, 10])
STEEP = Drawn(plateau_at_ten, axis="height", heights=[2, 10])
REFUSED: dict[str, tuple[Drawn, dict[str, Any], str, type[AblationError], dict[str, Any]]] = {
    "no such rule": (STEEP, {}, "--rule bset", UnknownName, {"where": "--rule", "nearest": "best"}),
    "no such axis": (STEEP, {}, "--axis heigth", UnknownName, {"nearest": "height"}),
    "no axis": (STEEP, {}, "--axis width", reading.NoCompleteAxis, {"axis": "width"}),
    "not run": (STEEP, {}, "--reference 4x2", reading.ReferenceNotComplete, {"shape": "4x2"}),
    "two": (STEEP, {}, "--reference 4x2,10x2", InvalidOption, {"value": "4x2,10x2"}),
    "itself": (STEEP, {}, "--reference 10x2", reading.ReferenceIsChoice, {"shape": "10x2"}),
    "plateau from the smallest shape on": (
        FLAT, {}, "--rule plateau", reading.PlateauAtStart, {"axis": "height", "shape": "2x2"},
    ),
    "one speaker": (STEEP, {"speakers": 1}, "", reading.TooFewSpeakers, {"speakers": 1}),
    "other bins": (
        STEEP, {"options": {"features": {"n_fft": 800}}}, "", reading.UnitsDiffer,
        {"studies": ("drawn", "other"), "bins": (10, 20), "frames": (10, 10)},
    ),
    "other rows": (
        STEEP, {"options": {"features": {"kind": "mel"}}}, "", reading.RowsDiffer,
        {"studies": ("drawn", "other")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("drawn", "differing", "options", "kind", "facts"), REFUSED.values(), ids=REFUSED
)
def test_a_contrast_that_cannot_be_is_refused(
    folder: Path,
    drawn: Drawn,
    differing: dict[str, Any],
    options: str,
    kind: type[AblationError],
    facts: dict[str, Any],
) -> None:
    store_study(folder, drawn)
    store_study(folder, dataclasses.replace(drawn, name="other", **differing))
    error = invoke(*COMPARE, *options.split(), cwd=folder, check=1).error
    assert isinstance(error, kind)
    assert {name: getattr(error, name) for name in facts} == facts


def test_compare_of_one_study_lists_its_comparisons(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten))
    compare = ("compare", "--study", folder / "drawn.toml")
    found = invoke(*compare, cwd=folder).stdout
    (height,) = [line for line in found.splitlines() if line.startswith("height: ")]
    assert "10x2" in height and "4 comparisons" in height
    assert re.search(r"  2x2 - 10x2\s+−\d.*  different\n", found)
    assert re.search(r"Of 4 comparisons, \d different, \d practically equivalent within ±5", found)
    assert "within ±30 points" in invoke(*compare, "--within", "30", cwd=folder).stdout
    for points in ("0", "100", "nan"):
        error = invoke(*compare, "--within", points, cwd=folder, check=1).error
        assert isinstance(error, InvalidOption) and error.option == "--within"
    pairs = invoke(*compare, "--pairs", "--axis", "width", cwd=folder).stdout
    (width,) = [line for line in pairs.splitlines() if line.startswith("width: ")]
    assert "all pairs" in width and "10 comparisons" in width and "height" not in pairs
    error = invoke(*compare, "--axis", "depth", cwd=folder, check=1).error
    assert isinstance(error, UnknownName) and list(error.allowed) == ["height", "width"]
    store_study(folder, Drawn(plateau_at_ten, name="other", heights=[2, 4], axis="height"))
    other = ("compare", "--study", folder / "other.toml")
    error = invoke(*other, cwd=folder, check=1).error
    assert isinstance(error, reading.NoReference) and error.complete == ["2x2", "4x2"]
    error = invoke(*other, "--axis", "width", cwd=folder, check=1).error
    assert isinstance(error, reading.NoCompleteAxis) and error.axis == "width"


def test_the_notebook_functions_are_the_reports(folder: Path) -> None:
    drawn = Drawn(plateau_at_ten, missing=[("40x2", "s01")])
    known = evidence(folder, drawn)
    results = ablation.read_results(folder / "results" / "drawn")
    curve = ablation.curves(results, "height")
    assert curve["extent"].tolist() == [2, 4, 10, 20, 40]
    assert curve["complete"].tolist() == [True] * 4 + [False]
    pd.testing.assert_frame_equal(curve, known.axes["height"].curve)
    table = ablation.compare(results, reference="10x2")
    assert "40x2" not in set(table["first"])
    assert bool(table.set_index("first").loc["2x2", "significant"])
    asked = {"curves": ablation.curves, "compare": ablation.compare}
    for ask, given, kind, facts in (
        ("compare", {"reference": "40x2"}, reading.ReferenceNotComplete, {"where": "reference"}),
        ("curves", {"axis": "depth"}, UnknownName, {"where": "axis", "name": "depth"}),
        ("compare", {"axis": "depth"}, UnknownName, {"where": "axis", "name": "depth"}),
        ("compare", {"metric": "sda"}, UnknownName, {"where": "metric", "nearest": "sad"}),
        ("curves", {"digest": "ffff"}, reading.NoProbesWith, {"column": "digest", "value": "ffff"}),
        ("curves", {"fixed": 7}, reading.NoProbesWith, {"column": "width", "value": 7}),
    ):
        with pytest.raises(kind) as refused:
            asked[ask](results, **given)
        assert {name: getattr(refused.value, name) for name in facts} == facts


def test_the_notebook_functions_ask_which_rows_are_meant(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten, heights=[2, 10], axis="height", windows=(20.0, 40.0)))
    results = ablation.read_results(folder / "results" / "drawn")
    with pytest.raises(reading.SeveralStored) as refused:
        ablation.curves(results)
    assert (refused.value.column, list(refused.value.stored)) == ("window_ms", [20.0, 40.0])
    assert ablation.curves(results, window_ms=20.0)["extent"].tolist() == [2, 10]
    nothing_stored = dataclasses.replace(results, probes=results.probes.iloc[:0])
    with pytest.raises(reading.NoProbes):
        ablation.curves(nothing_stored)


@pytest.mark.parametrize("metric", ["wa", "sad"])
def test_what_a_search_tried_is_in_no_family_of_the_notebook_functions(
    folder: Path, metric: str
) -> None:
    """Not 30x2 and 2x30, which nobody named; 40x2 lacks a fold, and 20x2 has two seeds."""
    store_study(folder, Drawn(plateau_at_ten, heights=[20], axis="height", seeds=(1,)))
    store_study(folder, Drawn(plateau_at_ten, heights=[10, 30], widths=[8, 30], seeds=(0,)))
    (file,) = (folder / "results" / "drawn" / "studies").glob("*.toml")
    tables = tomllib.loads(file.read_text())
    tables["as_run"]["asked"][-1] |= {"axis": run_record.SEARCH, "options": "", "trials": 4}
    file.write_text(tomli_w.dumps(tables))
    store_study(folder, Drawn(plateau_at_ten, missing=[("40x2", "s01")]))
    run = run_record.find_run(folder / "results", "drawn")
    known = Evidence(StudyResults(folder / "results", run), (Shape(10, 2), Shape(2, 8)), metric)
    results = ablation.read_results(folder / "results" / "drawn")
    assert 30 in set(results.probes["height"]) & set(results.probes["width"])
    for axis, reference in (("height", "10x2"), ("width", "2x8")):
        of_report = known.axes[axis]
        for named, family in ((reference, of_report.against), (None, of_report.pairs)):
            assert family is not None
            table = ablation.compare(results, named, metric, axis)
            for column in ("p_joint", "first", "second", "significant"):
                said = [getattr(one, column) for one in family.comparisons]
                assert table[column].tolist() == said
        pd.testing.assert_frame_equal(ablation.curves(results, axis), of_report.curve)
    every = set(ablation.compare(results, "10x2", metric)["first"])
    assert every == {"2x2", "4x2", "20x2", "2x4", "2x8", "2x20", "2x40"}


def test_without_settings_the_shapes_with_most_cells_are_compared(folder: Path) -> None:
    """Rows that were copied without ``studies``."""
    store_study(folder, Drawn(plateau_at_ten, missing=[("40x2", "s01")]))
    shutil.rmtree(folder / "results" / "drawn" / "studies")
    results = ablation.read_results(folder / "results" / "drawn")
    table = ablation.compare(results, "10x2", axis="height")
    assert table["first"].tolist() == ["2x2", "4x2", "20x2"]
    assert ablation.curves(results)["complete"].tolist() == [True] * 4 + [False]


def test_the_examples_of_the_notebook_functions_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    assert doctest.testmod(notebook).failed == 0
    assert doctest.testmod(notebook).attempted >= 5


def test_large_studies_compare_with_the_reference_alone(folder: Path) -> None:
    heights = [2, *range(4, 44)]
    drawn = Drawn(plateau_at_ten, axis="height", heights=heights, utterances=4, speakers=6)
    store_study(folder, drawn)
    page = report(folder)[1]
    assert "There are too many heights to compare all pairs" in page
    compare = ("compare", "--study", folder / "drawn.toml")
    assert "40 comparisons" in invoke(*compare, cwd=folder).stdout
    error = invoke(*compare, "--pairs", cwd=folder, check=1).error
    assert isinstance(error, reading.TooManyPairs)
    assert (error.shapes, error.most) == (len(heights), 40)


def test_shapes_of_different_seeds_are_compared_and_doubted(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten, heights=[2, 4], axis="height", seeds=(0,)))
    store_study(folder, Drawn(plateau_at_ten, heights=[10, 20], axis="height", seeds=(1, 2)))
    page = report(folder)[1]
    assert "Shapes have different numbers of seeds (1 to 2)" in page
    invoke("compare", "--study", folder / "drawn.toml", cwd=folder)


def test_shapes_whose_predictions_are_not_all_there_are_left_out_and_named(folder: Path) -> None:
    store_study(folder, Drawn(plateau_at_ten))
    store = ResultStore(folder / "results" / "drawn")
    store.compact()
    file = folder / "results" / "drawn" / "predictions.parquet"
    rows = pq.read_table(file)
    spoilt = pc.and_(pc.equal(rows["name"], "10x2"), pc.equal(rows["fold"], "s04"))
    pq.write_table(rows.filter(pc.invert(spoilt)), file)
    page = report(folder)[1]
    assert "left out because predictions are missing: 10x2 (40 ms)" in page


def test_names_that_are_formulas_or_no_letters_are_drawn_as_they_are(
    folder: Path, recwarn: pytest.WarningsRecorder
) -> None:
    names = ("$\\frac$", "<b>", "na\u00efve \U0001f600", "\x07")
    store_study(folder, Drawn(plateau_at_ten, classes=names, heights=[2, 10], axis="height"))
    page = report(folder)[1]
    assert "$\\frac$" in page and "na\u00efve" in page
    invoke("plot", "--study", folder / "drawn.toml", "--format", "png,pdf",
           "--only", "classes,confusion", cwd=folder)  # fmt: skip
    assert not [str(w.message) for w in recwarn if "Glyph" in str(w.message)]


SPOILT: list[dict[str, Any]] = [
    {"counts": [1]}, {"counts": [0, 0, 0, 0]}, {"folds": []}, {"classes": []}, {"asked": []},
    {"asked": [{"at": "yesterday", "axis": "both", "shapes": [], "windows": [], "seeds": []}]},
    {"asked": [{"at": START, "axis": "both", "shapes": ["2"], "windows": [], "seeds": []}]},
    {"asked": [{"at": START, "axis": "both", "shapes": [], "windows": ["x"], "seeds": []}]},
]  # fmt: skip


def test_settings_changed_by_hand_are_one_line(folder: Path) -> None:
    store_study(folder, FLAT)
    (file,) = (folder / "results" / "drawn" / "studies").glob("*.toml")
    tables = tomllib.loads(file.read_text())
    without = {name: table for name, table in tables.items() if name != "as_run"}
    for spoilt in (without, *(tables | {"as_run": tables["as_run"] | one} for one in SPOILT)):
        file.write_text(tomli_w.dumps(spoilt))
        refused = invoke("report", "--study", folder / "drawn.toml", cwd=folder, check=1)
        assert refused.stderr.startswith("error: "), spoilt.get("as_run")


def test_a_score_of_a_class_that_nobody_spoke_is_refused(folder: Path) -> None:
    store_study(folder, FLAT)
    (file,) = (folder / "results" / "drawn" / "studies").glob("*.toml")
    tables = tomllib.loads(file.read_text())
    tables["as_run"]["counts"] = [80, 80, 80, 0]
    file.write_text(tomli_w.dumps(tables))
    command = ("report", "--study", folder / "drawn.toml", "--metric", "sad")
    error = invoke(*command, cwd=folder, check=1).error
    assert isinstance(error, reading.NobodySpoke) and error.label == "sad"
