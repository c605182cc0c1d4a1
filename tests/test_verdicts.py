"""Three verdicts on a comparison, the intervals drawn beside them, and stored studies."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablation.analysis import (
    Counts,
    all_pairs,
    joint_p_values,
    simultaneous_half_widths,
    smallest_margin,
)
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.analysis.verdicts import verdicts
from ablation.results import run_record

ROOT = Path(__file__).parent.parent


def counts(rates: Sequence[float], n: float = 100) -> Counts:
    names = tuple(f"s{k:02d}" for k in range(len(rates)))
    total = np.full((len(rates), 1), n)
    return Counts(names, ("a",), total, np.array(rates)[:, None] * n)


def test_each_verdict_has_its_case() -> None:
    random = np.random.default_rng(0)
    base = random.uniform(0.5, 0.7, 12)
    models = {
        "2x2": counts(base),
        "4x2": counts(base + random.normal(0, 0.005, 12)),
        "8x2": counts(base + 0.15 + random.normal(0, 0.02, 12)),
        "9x2": counts(base + random.normal(0.03, 0.15, 12)),
    }
    family = all_pairs(models)
    said = dict(zip([(c.first, c.second) for c in family.comparisons], verdicts(family, 0.02).of,
                    strict=True))  # fmt: skip
    assert said["2x2", "4x2"] == "equivalent"
    assert said["2x2", "8x2"] == said["4x2", "8x2"] == "different"
    assert said["2x2", "9x2"] == said["4x2", "9x2"] == "undecided"
    # Two that differ surely but little are different, whatever the margin.
    assert verdicts(family, 0.9).count("different") == verdicts(family, 0.02).count("different")


@given(st.integers(0, 10_000), st.floats(0.001, 0.2), st.integers(2, 4))
def test_a_wider_margin_only_turns_undecided_into_equivalent(
    seed: int, margin: float, shapes: int
) -> None:
    random = np.random.default_rng(seed)
    models = {f"{k}x2": counts(random.uniform(0.4, 0.6, 8)) for k in range(shapes)}
    family = all_pairs(models)
    narrow, wide = verdicts(family, margin), verdicts(family, 2 * margin)
    for before, after in zip(narrow.of, wide.of, strict=True):
        assert before == after or (before, after) == ("undecided", "equivalent")
    # Just inside its reach a study shows something, just outside it nothing.
    smallest = smallest_margin(family.gains)
    inside = verdicts(family, smallest)
    assert min(inside.p_within) <= 0.05 < min(verdicts(family, smallest - 0.001).p_within)


def test_with_too_few_speakers_nothing_is_shown() -> None:
    family = all_pairs({"2x2": counts([0.5] * 3), "4x2": counts([0.6] * 3)})
    assert verdicts(family).of == ("undecided",)
    assert smallest_margin(family.gains) == float("inf")
    assert verdicts(all_pairs({"2x2": counts([0.5] * 3)})).of == ()


@given(st.integers(0, 10_000), st.integers(2, 16), st.integers(1, 5))
def test_simultaneous_intervals_exclude_zero_where_the_test_rejects(
    seed: int, speakers: int, comparisons: int
) -> None:
    random = np.random.default_rng(seed)
    gains = random.normal(random.normal(0, 0.8, (comparisons, 1)), 1, (comparisons, speakers))
    excluded = np.abs(gains.mean(axis=1)) > simultaneous_half_widths(gains)
    assert list(excluded) == list(joint_p_values(gains) <= 0.05)


@pytest.mark.parametrize(
    ("study", "axis", "different", "equivalent"),
    [
        ("emodb", "height", {"2x2", "4x2", "30x2"}, {"14x2"}),
        ("emodb", "width", {"2x2"}, {"2x4", "2x6", "2x10", "2x14"}),
        ("ravdess", "height", set(), "all"),
        ("ravdess", "width", set(), "all"),
    ],
)
def test_stored_studies_without_checkpoints_have_verdicts_within_five_points(
    study: str, axis: str, different: set[str], equivalent: set[str] | str
) -> None:
    stored = StudyResults(ROOT / "results", run_record.find_run(ROOT / "results", study))
    evidence = Evidence(stored)
    assert evidence.budget is None and evidence.settled
    family = evidence.axes[axis].against
    assert family is not None
    named = list(zip([c.first for c in family.comparisons], verdicts(family).of, strict=True))
    assert {name for name, verdict in named if verdict == "different"} == different
    alike = {name for name, _ in named} if equivalent == "all" else equivalent
    assert {name for name, verdict in named if verdict == "equivalent"} == alike
