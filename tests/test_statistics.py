"""Counts by speaker, intervals and the rules that choose a shape, against hand and scipy."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ablation.analysis import (
    RULES,
    Counts,
    difference_interval,
    score_interval,
    speaker_counts,
    tally,
)
from ablation.analysis.selection import choose_best, choose_one_se, choose_plateau, max_t_p_value
from ablation.errors.reading import NoCompleteShape


def counts(rates: Sequence[float], n: int = 100, classes: int = 1) -> Counts:
    """Speakers who spoke ``n`` utterances of each class, and how many of all were right."""
    names = tuple(f"s{k:02d}" for k in range(len(rates)))
    total = np.full((len(rates), classes), float(n))
    right = np.repeat(np.array(rates)[:, None] * n, classes, axis=1)
    return Counts(names, tuple("abcdef"[:classes]), total, right)


def predictions(rows: Sequence[tuple[str, int, str, str]]) -> pd.DataFrame:
    """One model's predictions, counted."""
    frame = pd.DataFrame(rows, columns=["speaker", "seed", "label", "predicted"])
    return tally(
        frame.assign(
            digest="d", network_digest=None, kind="probe", name="2x2", window_ms=40.0, fold="f"
        )
    )


def test_counts_and_scores_by_hand() -> None:
    """Two speakers, two classes, the second speaker in two seeds."""
    table = predictions(
        [("x", 0, "a", "a"), ("x", 0, "a", "b"), ("x", 0, "b", "b")]
        + [("y", seed, "a", "a") for seed in (0, 1)]
        + [("y", 0, "b", "a"), ("y", 1, "b", "b")]
    )
    found = speaker_counts(table, ("a", "b"))
    assert found.speakers == ("x", "y")
    assert found.n.tolist() == [[2, 1], [1, 1]]
    assert found.correct.tolist() == [[1, 1], [1, 0.5]]
    assert found.score("wa") == pytest.approx(3.5 / 5)
    assert found.score("ua") == pytest.approx((2 / 3 + 1.5 / 2) / 2)
    assert found.score("b") == pytest.approx(0.75)
    assert found.without(["x"]).score("wa") == pytest.approx(0.75)
    unspoken = speaker_counts(predictions([("x", 0, "a", "a"), ("y", 0, "a", "b")]), ("a", "b"))
    assert unspoken.score("ua") == pytest.approx(0.5)  # a class that nobody spoke is left out


@given(
    st.lists(st.floats(0, 1), min_size=3, max_size=12),
    st.sampled_from(["wa", "ua"]),
)
def test_of_equal_speakers_the_interval_is_students(rates: list[float], metric: str) -> None:
    """Speakers with equally many utterances: the score is a mean, the interval scipy's."""
    interval = score_interval(counts(rates, classes=2), metric)
    mean, error = np.mean(rates), stats.sem(rates)
    assert interval.estimate == pytest.approx(mean, abs=1e-12)
    assert interval.standard_error == pytest.approx(error, abs=1e-12)
    if error > 1e-12:
        low, high = stats.t.interval(0.95, len(rates) - 1, mean, error)
        assert interval.low == pytest.approx(max(0, low))
        assert interval.high == pytest.approx(min(1, high))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=12))
def test_a_difference_is_the_paired_t_interval(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    gap = difference_interval(counts(first), counts(second), "wa")
    apart = np.subtract(first, second)
    assert gap.estimate == pytest.approx(apart.mean(), abs=1e-12)
    assert gap.standard_error == pytest.approx(stats.sem(apart), abs=1e-12)


def test_unequal_speakers_have_the_error_of_a_ratio() -> None:
    """Against the textbook formula of a ratio estimate (Cochran, equation 6.13 without fpc)."""
    rng = np.random.default_rng(0)
    n = rng.integers(5, 60, 10).astype(float)
    right = np.floor(n * rng.uniform(0.3, 0.9, 10))
    found = Counts(tuple(map(str, range(10))), ("a",), n[:, None], right[:, None])
    ratio = right.sum() / n.sum()
    error = np.sqrt(((right - ratio * n) ** 2).sum() / 9 / 10) / n.mean()
    assert score_interval(found, "wa").standard_error == pytest.approx(error)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Ten speakers of unlike size and skill, 2,000 studies: 93 to 97 of 100 cover."""
    rng = np.random.default_rng(1)
    studies, covered = 2000, 0
    names = tuple(map(str, range(10)))
    for _ in range(studies):
        n = rng.integers(20, 50, 10).astype(float)
        skill = rng.beta(14, 6, 10)
        right = rng.binomial(n.astype(int), skill).astype(float)
        interval = score_interval(Counts(names, ("a",), n[:, None], right[:, None]), "wa")
        covered += interval.low <= 0.7 <= interval.high
    assert 0.93 <= covered / studies <= 0.97


def test_one_speaker_has_no_interval() -> None:
    interval = score_interval(counts([0.5]), "wa")
    assert interval.estimate == 0.5
    assert np.isnan(interval.low) and np.isnan(interval.high)
    with pytest.raises(ValueError, match="same speakers"):
        difference_interval(counts([0.5]), counts([0.5, 0.6]), "wa")


def test_a_joint_p_value_of_the_largest_comparison() -> None:
    gains = np.random.default_rng(2).normal(0.4, 1, 7)
    t = [
        stats.ttest_1samp(gains * signs, 0).statistic
        for signs in itertools.product([1.0, -1.0], repeat=7)
    ]
    expected = np.mean(np.array(t) >= stats.ttest_1samp(gains, 0).statistic - 1e-9)
    assert max_t_p_value(gains[None]) == pytest.approx(expected)
    several = np.random.default_rng(3).normal(0.3, 1, (4, 9))
    assert max_t_p_value(several) >= min(max_t_p_value(row[None]) for row in several)
    many = np.random.default_rng(3).normal(0.3, 1, (4, 24))  # too many speakers to enumerate
    assert 0 < max_t_p_value(many) == max_t_p_value(many) <= 1


RISING = {  # gains every speaker alike up to 8, then nothing but noise
    2: counts([0.50, 0.42, 0.55, 0.47, 0.52, 0.44, 0.50, 0.49, 0.46, 0.53]),
    4: counts([0.60, 0.53, 0.66, 0.56, 0.62, 0.55, 0.59, 0.60, 0.57, 0.62]),
    8: counts([0.70, 0.62, 0.77, 0.66, 0.73, 0.65, 0.70, 0.69, 0.67, 0.72]),
    16: counts([0.71, 0.61, 0.76, 0.68, 0.72, 0.65, 0.71, 0.68, 0.68, 0.72]),
    32: counts([0.66, 0.67, 0.75, 0.68, 0.71, 0.69, 0.66, 0.74, 0.64, 0.77]),
}


def test_each_rule_on_a_curve_that_levels_off() -> None:
    assert choose_best(RISING, "wa").extent == 32
    assert choose_one_se(RISING, "wa").extent == 8
    assert choose_plateau(RISING, "wa").extent == 8
    assert "best, 32" in choose_one_se(RISING, "wa").reason


def test_of_equal_shapes_the_smallest_is_taken() -> None:
    same = counts([0.5, 0.6, 0.7, 0.4])
    for rule in RULES.values():
        assert rule({8: same, 2: same, 4: same}, "wa").extent == 2
    assert choose_best({8: same, 2: same, 4: same}).reason.endswith("; 4, 8 have the same score")
    assert "same score" not in choose_best(RISING).reason


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_reason_and_needs_a_shape(rule: str) -> None:
    choice = RULES[rule]({2: counts([0.5, 0.6]), 4: counts([0.7, 0.6])}, "ua")
    assert "UA" in choice.reason
    with pytest.raises(NoCompleteShape):
        RULES[rule]({}, "wa")
