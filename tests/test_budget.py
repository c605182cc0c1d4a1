"""Controls on training: does the verdict depend on the budget, do shapes answer alike."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from ablation.analysis.budget import agreement, budget_counts, read_budget

CLASSES = ("angry", "sad")
N = 20  # utterances of each class in a fold


def checkpoints(scores: dict[float, dict[str, float]], seed: int, folds: int = 10) -> pd.DataFrame:
    """Rows of shapes whose utterances are recognised with these probabilities."""
    random = np.random.default_rng(seed)
    rows = []
    for share, shapes in scores.items():
        for name, p in shapes.items():
            for fold in range(folds):
                row: dict[str, object] = {"share": share, "name": name, "fold": f"{fold:02}"}
                for label in CLASSES:
                    row |= {f"n_{label}": N, f"correct_{label}": int(random.binomial(N, p))}
                rows.append(row)
    return pd.DataFrame(rows)


def depends(scores: dict[float, dict[str, float]], seed: int = 0) -> bool:
    return read_budget(budget_counts(checkpoints(scores, seed), CLASSES), "wa").depends


SHAPES = ("2x2", "10x2", "50x2", "2x8")


def test_an_order_that_turns_round_is_noticed() -> None:
    half = dict(zip(SHAPES, (0.5, 0.6, 0.7, 0.6), strict=True))
    whole = dict(zip(SHAPES, (0.8, 0.7, 0.6, 0.7), strict=True))
    reading = read_budget(budget_counts(checkpoints({0.5: half, 1.0: whole}, 1), CLASSES), "ua")
    assert reading.depends and reading.change is not None
    assert {reading.change.first, reading.change.second} == {"2x2", "50x2"}
    assert reading.change.half < 0 < reading.change.whole
    assert reading.scores.loc["2x2", 1.0] == pytest.approx(0.8, abs=0.05)


def test_shapes_that_only_get_better_together_are_not_said_to_depend_on_the_budget() -> None:
    """In at most 5 % of such studies, as the family-wise level promises, give or take chance."""
    half = dict(zip(SHAPES, (0.5, 0.6, 0.65, 0.6), strict=True))
    whole = {name: p + 0.1 for name, p in half.items()}
    wrong = sum(depends({0.125: half, 0.5: half, 1.0: whole}, seed) for seed in range(200))
    assert wrong <= 20  # 10 are expected; 21 or more come once in 1,000 tests


def test_without_scores_at_half_the_budget_or_with_one_shape_nothing_is_said() -> None:
    for scores in ({1.0: {"2x2": 0.5, "4x2": 0.9}}, {0.5: {"2x2": 0.5}, 1.0: {"2x2": 0.9}}):
        assert read_budget(budget_counts(checkpoints(scores, 0), CLASSES), "wa").change is None


def test_a_shape_that_lacks_a_fold_is_left_out() -> None:
    rows = checkpoints({0.5: {"2x2": 0.5, "4x2": 0.6}, 1.0: {"2x2": 0.6, "4x2": 0.7}}, 0)
    found = budget_counts(rows.drop(index=0), CLASSES)
    assert list(found[0.5]) == ["4x2"] and list(found[1.0]) == ["2x2", "4x2"]


# --------------------------------------------------------------------------------- agreement

Answers = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def predictions(answers: dict[str, Answers], n: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, n)
    return pd.concat(
        pd.DataFrame({
            "name": name, "seed": 0, "utterance": [f"u{k}" for k in range(n)],
            "label": labels.astype(str), "predicted": answer(random, labels).astype(str),
        })
        for name, answer in answers.items()
    )  # fmt: skip


def right(share: float) -> Answers:
    """Right on that share of the utterances, chosen at random each time."""

    def answer(random: np.random.Generator, labels: np.ndarray) -> np.ndarray:
        return np.where(random.random(len(labels)) < share, labels, (labels + 1) % 3)

    return answer


def one_predictor(_: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    return np.where(np.random.default_rng(5).random(len(labels)) < 0.6, labels, 0)


@pytest.mark.parametrize(
    ("answers", "alike"),
    [
        (dict.fromkeys(SHAPES, one_predictor), True),
        (dict.fromkeys(SHAPES, right(0.6)), False),
        # Very good shapes agree where they are right, and that is no fault.
        (dict.fromkeys(SHAPES, right(0.98)), False),
        (dict.fromkeys(SHAPES, right(1.0)), True),
    ],
)
def test_shapes_that_answer_alike_are_noticed(answers: dict[str, Answers], alike: bool) -> None:
    found = agreement(predictions(answers))
    assert found is not None and found.alike is alike


def test_agreement_is_counted_over_utterances_that_both_have() -> None:
    rows = predictions({"2x2": right(0.6), "4x2": right(0.5)})
    missing = (rows["name"] == "4x2") & rows["utterance"].isin(["u0", "u7"])
    wide = rows[~rows["utterance"].isin(["u0", "u7"])].pivot_table(
        "predicted", "utterance", "name", aggfunc="first"
    )
    found = agreement(rows[~missing])
    assert found is not None
    assert found.same == (wide["2x2"] == wide["4x2"]).mean()
    assert found.kappa == pytest.approx(cohen_kappa_score(wide["2x2"], wide["4x2"]))
    assert found.lowest == ("2x2", "4x2", found.same)
    assert agreement(rows[rows["name"] == "2x2"]) is None
