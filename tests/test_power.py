"""The effects that few speakers find: the table in the code is the simulated one."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from ablation.analysis import Spread, detectable, equivalence_margin, smallest_margin
from ablation.analysis.variance import POWER, needed_effect, needed_margin

ROOT = Path(__file__).parents[1]
ROUNDING = 0.001  # of the effects, as the search for one ends


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("power", ROOT / "validation" / "power.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(ROOT / "docs" / "validation" / "power.csv", index_col="speakers")


def test_the_code_has_the_simulated_effects(script: ModuleType, table: pd.DataFrame) -> None:
    assert table.index.tolist() == list(script.EQUIVALENT)
    for needed, column in ((needed_effect, "effect"), (needed_margin, "margin")):
        for speakers, value in table[column].items():
            assert needed(int(str(speakers))) == value
        assert np.isinf(needed(table.index.min() - 1))
        assert needed(table.index.max() + 1) < table[column].min()


def test_a_small_simulation_gives_the_same_effect(script: ModuleType, table: pd.DataFrame) -> None:
    effect, error = script.needed(7, 1000)
    together = np.hypot(error, table.loc[7, "standard_error"])
    assert 0 < error < 0.05
    assert effect == pytest.approx(table.loc[7, "effect"], abs=3 * together + ROUNDING)


def test_six_speakers_find_what_the_formula_says(table: pd.DataFrame) -> None:
    """With six, only gains of one sign are significant: of so many speakers, by chance."""
    exact = float(ndtri(POWER ** (1 / 6)))
    error = float(table["standard_error"].to_dict()[6])
    assert table.loc[6, "effect"] == pytest.approx(exact, abs=3 * error + ROUNDING)


def test_a_small_simulation_gives_the_same_margin(script: ModuleType, table: pd.DataFrame) -> None:
    assert script.margin(7, 2000) == pytest.approx(table.loc[7, "margin"], abs=0.04)
    drawn = np.random.default_rng([script.SEED, 7]).standard_normal((300, 7)) / 10
    smallest = [smallest_margin(row) for row in drawn]  # by the function that reports use
    assert 10 * np.quantile(smallest, POWER) == pytest.approx(script.margin(7, 300), abs=0.02)


def test_simulated_studies_find_what_the_table_says() -> None:
    """Within three points, for few and many speakers, one seed and three."""
    table = pd.read_csv(ROOT / "docs" / "validation" / "power_table.csv")
    assert {10, 24, 91} <= set(table["speakers"]) and {1, 3} <= set(table["seeds"])
    for column in ("found", "shown"):
        assert table[column].between(POWER - 0.03, POWER + 0.03).all()


@pytest.mark.parametrize("smallest", [detectable, equivalence_margin])
@pytest.mark.parametrize("speakers", [8, 40])
def test_luck_common_to_all_speakers_is_added_and_never_averaged_out(
    smallest: Callable[[Spread, int, int], float], speakers: int
) -> None:
    known = Spread(0.05, 0.0, 0.05, 10, 3)
    lucky = Spread(0.05, 0.02, 0.05, 10, 3)
    assert smallest(known, speakers, 3) < smallest(known, speakers, 1)
    assert smallest(known, speakers, 3) < smallest(lucky, speakers, 3)
    assert smallest(lucky, 50_000, 1) == pytest.approx(smallest(lucky, 100_000, 1), rel=0.05)
