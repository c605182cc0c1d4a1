"""Studies of real speech in the repository: whole, and their figures are drawn from their rows."""

import csv
import shutil
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from running import invoke

from ablation import read_results
from ablation.analysis.evidence import Evidence
from ablation.analysis.networks import stored_networks
from ablation.analysis.study_results import StudyResults
from ablation.reports.answer import answer
from ablation.reports.sections.networks import networks_section
from ablation.reports.warnings import doubts, report_warnings
from ablation.results import run_record
from ablation.study import NETWORK_NAMES

ROOT = Path(__file__).parents[1]
STUDIES = {"emodb": 10, "ravdess": 6}  # folds


@cache
def known(study: str) -> Evidence:
    return Evidence(StudyResults(ROOT / "results", run_record.find_run(ROOT / "results", study)))


@pytest.mark.parametrize("study", STUDIES)
def test_a_real_study_has_every_cell_of_both_axes_and_all_poolings(study: str) -> None:
    results = read_results(ROOT / "results" / study)
    assert results.damaged == []
    assert len(results.failed_probes) == len(results.failed_networks) == 0
    for axis in ("height", "width"):
        curve = known(study).stored.curve(known(study).axes[axis].axis, 40.0)
        assert len(curve) >= 9
        assert curve["complete"].all()
        assert (curve["cells"] == STUDIES[study]).all()
    folds = known(study).run.folds
    with (ROOT / "results" / study / "table1.csv").open(encoding="utf-8") as file:
        names = {row["network"] for row in csv.DictReader(file)}
    for pooling in ("gap", "bilinear", "attention"):
        title = NETWORK_NAMES[pooling]
        assert {title, f"{title}, nested"} <= names
        rows = results.networks[(results.networks["pooling"] == pooling)]
        whole = rows.groupby("network_digest")["fold"].nunique() == len(folds)
        assert whole.any()  # a plain one
        assert set(rows["fold"]) == set(folds)


@pytest.mark.parametrize("study", STUDIES)
def test_real_figures_are_drawn_anew_from_their_rows(study: str, tmp_path: Path) -> None:
    """That of costs too: networks whose weights are not there are counted by their settings."""
    shutil.copytree(ROOT / "results" / study, tmp_path / "results" / study)
    shutil.rmtree(tmp_path / "results" / study / "networks", ignore_errors=True)
    invoke("plot", "--study", study, "--only", "figure2,costs", cwd=tmp_path)
    for figure in ("figure2", "costs"):
        drawn = pd.read_csv(tmp_path / "figures" / study / f"{figure}.csv")
        kept = pd.read_csv(ROOT / "figures" / study / f"{figure}.csv")
        pd.testing.assert_frame_equal(drawn, kept)


@pytest.mark.parametrize("change", ["garbage [", None])
def test_a_network_whose_settings_were_spoilt_has_no_cost(
    change: str | None, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "results" / "ravdess", tmp_path / "ravdess")
    for path in (tmp_path / "ravdess" / "studies" / "networks").glob("*.toml"):
        if change is None:
            path.unlink()
        else:
            lines = path.read_text().splitlines()
            kept = [line for line in lines if not line.startswith(("max_hz", "segment_s"))]
            path.write_text("\n".join(kept).replace("[features]", f"[features]\n{change}"))
    networks = stored_networks(StudyResults(tmp_path, run_record.find_run(tmp_path, "ravdess")))
    assert len(networks) == 10
    assert {network.parameters for network in networks} == {None}


def test_networks_of_unlike_budgets_are_doubted() -> None:
    """RAVDESS: the paper's shapes had more steps than the shapes chosen by the probes."""
    networks = stored_networks(known("ravdess").stored)
    section = networks_section(known("ravdess"), networks, {})
    assert "trained for different numbers of steps" in section.paragraphs[0]
    for network in networks:
        assert (f"{network.label}: {network.steps:,}" in section.paragraphs[0]) == network.complete
    alike = [network for network in networks if network.steps == 160]
    assert "steps" not in " ".join(networks_section(known("ravdess"), alike, {}).paragraphs)


@pytest.mark.parametrize(("study", "best", "svm"), [("emodb", "65.2", "76.7"),
                                                    ("ravdess", "51.2", "66.4")])  # fmt: skip
def test_probes_below_the_svm_are_warned_of(study: str, best: str, svm: str) -> None:
    warnings = report_warnings(known(study), stored_networks(known(study).stored))
    (warning,) = [text for text in warnings if "SVM baseline" in text]
    assert f"WA {best} %" in warning and f"log-mel SVM baseline ({svm} %)" in warning


def test_probes_above_the_svm_are_not_warned_of() -> None:
    baselines = {"majority class": 0.3, "log-mel SVM": 0.6}
    assert len(doubts({"10x2": 0.59, "2x8": 0.5}, {}, baselines)) == 1
    for probes in ({"10x2": 0.6, "2x8": 0.5}, {}):
        assert doubts(probes, {}, baselines) == []


def test_the_caption_of_the_readme_is_what_the_report_says() -> None:
    said = answer(known("emodb").axes, known("emodb").run.majority)
    caption = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for words in (
        "eyond a height of 6 bins (60 Hz)",
        "no width is significantly better than another",
        "a planned comparison of two shapes has 80 % power only from about",
    ):
        assert words in said and words in caption


def test_the_table_of_all_systems_is_that_of_their_rows() -> None:
    rows = pd.read_csv(ROOT / "results" / "table1-emodb" / "table1.csv").set_index("network")
    page = (ROOT / "docs" / "explanation" / "baselines.md").read_text()
    lines = page.partition("## All systems on one corpus")[2].partition("## ")[0].splitlines()
    shown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "[" in line]
    shown = [cells for cells in shown if cells]
    assert [cells[0] for cells in shown] == rows.index.tolist()
    for name, wa, ua, *_ in shown:
        for text, score in ((wa, "wa"), (ua, "ua")):
            ends = [100 * rows.loc[name, f"{score}{end}"] for end in ("", "_low", "_high")]
            assert text == "{:.1f} [{:.1f}, {:.1f}]".format(*ends)
