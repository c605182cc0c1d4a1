"""The effects that few speakers find: the table in the code is the simulated one."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from ablation.analysis.variance import POWER, needed_effect

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
    assert table.index.tolist() == list(script.SPEAKERS)
    for speakers, effect in table["effect"].items():
        assert needed_effect(int(str(speakers))) == effect
    assert np.isinf(needed_effect(table.index.min() - 1))
    assert needed_effect(table.index.max() + 1) < table["effect"].min()


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
