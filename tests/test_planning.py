"""``ablate power``: what it prints, from the shipped spreads and from a study's rows."""

import json
from pathlib import Path

import pytest
from running import invoke

from ablation.analysis import SHIPPED, detectable
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.errors.common import InvalidOption
from ablation.results.run_record import find_run

RESULTS = Path(__file__).parents[1] / "results"


def test_power_says_what_the_report_says_of_the_same_study(tmp_path: Path) -> None:
    """The spreads of results/emodb are those that ship, and the numbers those of its report."""
    asked = ("power", "--speakers", "4,10", "--seeds", "1", "--json")
    shipped = json.loads(invoke(*asked, cwd=tmp_path).stdout)
    own = json.loads(invoke(*asked, "--study", "emodb", "--results", RESULTS, cwd=tmp_path).stdout)
    run = find_run(RESULTS, "emodb")
    axes = Evidence(StudyResults(RESULTS, run)).axes.values()
    largest = max(detectable(axis.noise, 10, 1) for axis in axes)
    assert SHIPPED.speaker == pytest.approx(own["spreads"]["speaker"], abs=5e-5)
    few, ten = own["smallest"]
    assert few["difference"] is None and few["margin"] is None
    assert ten["difference"] == pytest.approx(largest)
    assert shipped["smallest"][1]["difference"] == pytest.approx(largest, abs=1e-4)
    assert (tmp_path / "figures" / "power" / "power.png").exists()
    assert (tmp_path / "figures" / "emodb" / "power.png").exists()


@pytest.mark.parametrize("option", ["--speakers", "--seeds"])
def test_power_takes_whole_numbers_above_zero(option: str, tmp_path: Path) -> None:
    run = invoke("power", option, "0", cwd=tmp_path, check=1)
    assert isinstance(run.error, InvalidOption)
