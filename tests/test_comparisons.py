"""Families of comparisons, noise and what it takes: against scipy, statsmodels and enumeration."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from ablation.analysis import (
    Counts,
    Spread,
    against_reference,
    all_pairs,
    detectable,
    effect_interval,
    equivalence_p_values,
    indistinct_groups,
    joint_p_values,
    mean_ranks,
    pareto_front,
    seeds_needed,
    smallest_margin,
    smallest_p_value,
    speakers_needed,
    spread,
)
from ablation.analysis.signflip import flip_p_values
from ablation.analysis.variance import needed_effect

gains_of = st.lists(st.integers(-100, 100).map(lambda k: k / 100), min_size=4, max_size=8)


def counts(rates: Sequence[float], n: float = 100) -> Counts:
    names = tuple(f"s{k:02d}" for k in range(len(rates)))
    total = np.full((len(rates), 1), n)
    return Counts(names, ("a",), total, np.array(rates)[:, None] * n)


@pytest.mark.parametrize("two_sided", [True, False])
def test_joint_p_values_by_enumeration(two_sided: bool) -> None:
    """Westfall and Young's single step, written out with scipy's t."""
    gains = np.random.default_rng(0).normal([[0.8], [0.1], [-0.5]], 1, (3, 6))

    def t(flips: Sequence[float]) -> np.ndarray:
        found = stats.ttest_1samp(gains * np.array(flips), 0, axis=1).statistic
        return np.abs(found) if two_sided else found

    observed = t([1] * 6)
    largest = np.array([t(flips).max() for flips in itertools.product([1, -1], repeat=6)])
    expected = [(largest >= value - 1e-9).mean() for value in observed]
    assert joint_p_values(gains, two_sided) == pytest.approx(expected)
    alone = [joint_p_values(row[None], two_sided)[0] for row in gains]
    assert not two_sided or flip_p_values(gains) == pytest.approx(alone)


@pytest.mark.parametrize("mean", [0.1, -0.1])
def test_equivalence_of_one_comparison_by_enumeration(mean: float) -> None:
    """Two one-sided tests, each by all flips; the mean is on one side of zero, then the other."""
    gains = np.random.default_rng(3).normal(mean, 0.3, 8)

    def one_sided(shifted: np.ndarray) -> float:
        flips = np.array(list(itertools.product([1, -1], repeat=8)))
        return float(((flips @ shifted) >= shifted.sum() - 1e-9).mean())

    for margin in (0.05, 0.2, 0.5):
        expected = max(one_sided(margin - gains), one_sided(margin + gains))
        assert equivalence_p_values(gains, margin) == pytest.approx([expected])


def test_the_smallest_margin_is_the_first_that_is_shown() -> None:
    gains = np.random.default_rng(4).normal([[0.0], [0.02], [-0.03]], 0.04, (3, 10))
    for family in (*gains, gains):
        margin = smallest_margin(family)
        assert equivalence_p_values(family, margin).min() <= 0.05
        assert equivalence_p_values(family, margin - 0.001).min() > 0.05
    assert np.isinf(smallest_margin(gains[:, :4]))  # four speakers show nothing
    assert smallest_margin(np.zeros(10)) == pytest.approx(0.001)


def test_a_family_needs_wider_margins_than_one_comparison() -> None:
    gains = np.random.default_rng(5).normal(0, 0.04, (20, 10))
    alone = [smallest_margin(row) for row in gains]
    assert smallest_margin(gains) > min(alone)
    for margin in (0.02, 0.03, 0.05):
        together = equivalence_p_values(gains, margin)
        apart = np.concatenate([equivalence_p_values(row, margin) for row in gains])
        assert (together >= apart).mean() > 0.9


def test_many_speakers_draw_the_same_flips_each_time() -> None:
    gains = np.random.default_rng(1).normal(0.3, 1, (5, 30))
    assert joint_p_values(gains).tolist() == joint_p_values(gains).tolist()
    alone = flip_p_values(gains)
    by_t = stats.ttest_1samp(gains, 0, axis=1).pvalue
    assert alone == pytest.approx(by_t, abs=0.02)
    assert (joint_p_values(gains) >= alone - 1e-12).all()


def test_models_that_never_differ_have_p_1() -> None:
    assert joint_p_values(np.zeros((3, 10))).tolist() == [1, 1, 1]
    family = all_pairs({"a": counts([0.5, 0.6, 0.7]), "b": counts([0.5, 0.6, 0.7])})
    assert family.comparisons[0].p_joint == 1
    assert not family.comparisons[0].significant
    assert np.isnan(family.comparisons[0].effect.estimate)


def test_ten_speakers_cannot_go_below_0_002() -> None:
    assert smallest_p_value(10) == 2 / 1024
    assert smallest_p_value(10, two_sided=False) == 1 / 1024
    sure = counts(np.linspace(0.6, 0.9, 10))
    worse = counts(np.linspace(0.6, 0.9, 10) - 0.3)
    family = against_reference({"a": sure, "b": worse}, "b")
    assert family.comparisons[0].p == family.smallest_p == 2 / 1024
    few = against_reference({"a": counts([0.9] * 5), "b": counts([0.1] * 5)}, "b")
    assert not few.can_reject and not few.comparisons[0].significant


def test_a_difference_is_of_the_scores_and_its_order_is_kept() -> None:
    models = {"x": counts([0.5, 0.7, 0.9, 0.6]), "y": counts([0.4, 0.5, 0.8, 0.6])}
    family = all_pairs(models)
    assert (family.comparisons[0].first, family.comparisons[0].second) == ("x", "y")
    assert family.comparisons[0].difference.estimate == pytest.approx(0.1)
    assert family.between("y", "x") is family.comparisons[0]
    assert against_reference(models, "x").comparisons[0].difference.estimate == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="same speakers"):
        all_pairs({"x": models["x"], "z": counts([0.4, 0.5])})
    with pytest.raises(ValueError, match="no model"):
        against_reference(models, "z")


def test_unequal_numbers_of_utterances_leave_the_test_exact() -> None:
    """Nothing differs, speakers speak 5 to 80 utterances: 5 of 100 tests are false alarms."""
    rng = np.random.default_rng(2)
    alarms, studies = 0, 1500
    names = tuple(map(str, range(8)))
    for _ in range(studies):
        n = rng.integers(5, 80, 8).astype(float)
        skill = rng.beta(5, 3, 8)
        models = {
            name: Counts(names, ("a",), n[:, None], rng.binomial(n.astype(int), skill)[:, None])
            for name in "xyz"
        }
        alarms += min(c.p_joint for c in all_pairs(models).comparisons) <= 0.05
    assert alarms / studies <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / studies)


@given(gains_of)
@settings(max_examples=30)
def test_an_effect_size_has_the_interval_of_the_noncentral_t(gains: list[float]) -> None:
    array = np.array(gains)
    assume(array.std() > 0.05)
    n = len(array)
    d = array.mean() / array.std(ddof=1)
    exact = 1 - 3 / (4 * (n - 1) - 1)  # Hedges' usual approximation of his correction
    found = effect_interval(array)
    assert found.estimate == pytest.approx(d * exact, rel=0.02)
    t, scale = d * np.sqrt(n), found.estimate / d if d else np.nan
    for end, share in ((found.low, 0.975), (found.high, 0.025)):
        if d:
            ncp = end / scale * np.sqrt(n)
            assert stats.nct.cdf(t, n - 1, ncp) == pytest.approx(share, abs=1e-4)


def test_variance_components_are_those_of_the_two_way_table() -> None:
    """Against expected mean squares worked out by hand on a balanced table."""
    table = np.array([[1.0, 2, 3], [2, 4, 3], [3, 3, 6], [0, 1, 2]]) / 100  # seeds x speakers
    frame = pd.DataFrame(table).stack().rename("gain").reset_index()
    frame.columns = ["seed", "speaker", "gain"]
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    squares = anova_lm(ols("gain ~ C(seed) + C(speaker)", frame).fit())
    mean = squares["mean_sq"]
    found = spread(table)
    assert found.rest**2 == pytest.approx(mean["Residual"])
    assert found.seed**2 == pytest.approx((mean["C(seed)"] - mean["Residual"]) / 3)
    assert found.speaker**2 == pytest.approx(max(0, (mean["C(speaker)"] - mean["Residual"]) / 4))
    assert (found.seeds, found.speakers) == (4, 3)


def test_one_seed_leaves_seeds_unknown() -> None:
    found = spread(np.array([[0.1, 0.2, 0.4]]))
    assert found.speaker == pytest.approx(np.std([0.1, 0.2, 0.4], ddof=1))
    assert np.isnan(found.seed) and np.isnan(found.rest)
    assert seeds_needed(found, 0.01, 3) is None


def test_the_power_is_the_sign_flip_tests_and_of_many_speakers_the_t_tests() -> None:
    """The tabled effect is found in 80 of 100 drawn studies, by the very test of a report."""
    assert needed_effect(5) == np.inf
    for speakers in (6, 10):
        rng = np.random.default_rng(speakers)
        gains = rng.normal(needed_effect(speakers), 1, (4000, speakers))
        assert (flip_p_values(gains) <= 0.05).mean() == pytest.approx(0.8, abs=0.025)
    for speakers in (15, 300):
        reached = TTestPower().power(needed_effect(speakers), speakers, 0.05)
        assert reached == pytest.approx(0.8, abs=1e-6)


@given(st.floats(0.005, 0.2), st.floats(0.02, 0.2))
def test_speakers_needed_are_the_fewest(difference: float, deviation: float) -> None:
    noise = Spread(deviation, float("nan"), float("nan"), 10, 1)
    found = speakers_needed(noise, difference, 1)
    assert found is not None and found >= 6
    assert needed_effect(found) <= difference / deviation
    assert found == 6 or needed_effect(found - 1) > difference / deviation


def test_more_seeds_help_until_speakers_are_what_is_left() -> None:
    noise = Spread(speaker=0.05, seed=0.02, rest=0.05, speakers=10, seeds=3)
    few, many = seeds_needed(noise, 0.065, 10), seeds_needed(noise, 0.058, 10)
    assert few is not None and many is not None and few < many
    assert detectable(noise, 10, few) <= 0.065 < detectable(noise, 10, few - 1)
    assert seeds_needed(noise, 0.01, 10) is None  # speakers scatter too much for any number
    assert detectable(noise, 5, 100) == np.inf


def test_mean_ranks_and_groups_that_do_not_swallow_those_that_are_told_apart() -> None:
    """a-b and b-c are alike, a-c are not: two overlapping groups."""
    rng = np.random.default_rng(5)
    base = rng.normal(0.6, 0.1, 10)
    noise = rng.normal(0, 0.03, (3, 10))
    models = {
        n: counts(base + g + e) for n, g, e in zip("abc", (0.06, 0.03, 0), noise, strict=True)
    }
    ranks, family = mean_ranks(models), all_pairs(models)
    scores = pd.DataFrame({name: c.by_speaker("wa") for name, c in models.items()})
    by_hand = scores.rank(axis="columns", ascending=False).mean()
    assert dict(ranks) == pytest.approx(dict(by_hand))
    told = {frozenset((c.first, c.second)) for c in family.comparisons if c.significant}
    groups = indistinct_groups(ranks, family)
    joined = {frozenset(p) for group in groups for p in itertools.combinations(group, 2)}
    assert not joined & told
    assert joined | told == {frozenset(p) for p in itertools.combinations("abc", 2)}


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=9),
)
def test_the_pareto_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    costs, scores = (pd.Series(column, dtype=float) for column in zip(*points, strict=True))
    front = pareto_front(costs, scores)
    for k, (cost, score) in enumerate(points):
        beaten = any(c <= cost and s >= score and (c < cost or s > score) for c, s in points)
        assert front[k] == (not beaten)
