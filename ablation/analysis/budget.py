"""Whether a verdict depends on the training budget, and whether shapes answer alike at all.

Both are controls: probes that have hardly learnt, or that all give the same answers, differ less
than their speakers' spread suggests, and a comparison of them says nothing of larger budgets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import numpy as np
import pandas as pd

from ablation.analysis.comparisons import SIGNIFICANCE, speaker_shares
from ablation.analysis.signflip import joint_p_values
from ablation.analysis.speakers import Counts

ALIKE, SAME_ERRORS = 0.95, 0.75  # shares of utterances from which shapes are said to answer alike
HALF, WHOLE = 0.5, 1.0  # shares of the budget that are compared


@dataclass(frozen=True)
class Change:
    """How a difference between two shapes changes from half the budget to the whole of it.

    Attributes
    ----------
    half, whole
        The score of ``first`` less that of ``second`` (0..1).
    p_joint
        Two-sided, by fold, family-wise adjusted over all pairs of shapes.
    """

    first: str
    second: str
    half: float
    whole: float
    p_joint: float

    @property
    def significant(self) -> bool:
        """Whether it is more than chance at :data:`~ablation.analysis.SIGNIFICANCE`."""
        return self.p_joint <= SIGNIFICANCE


@dataclass(frozen=True)
class BudgetReading:
    """Scores (0..1) of every shape (rows) after each share of the budget (columns).

    ``change`` is that of the pair whose difference changes most surely; None for a single shape,
    or where half the budget was not scored.
    """

    scores: pd.DataFrame
    change: Change | None

    @property
    def depends(self) -> bool:
        """Whether the differences between shapes still change with the budget."""
        return self.change is not None and self.change.significant


def share_text(share: float) -> str:
    """Return "1/8", or "all"."""
    return "all" if share >= WHOLE else f"1/{round(1 / share)}"


def budget_counts(
    checkpoints: pd.DataFrame, classes: tuple[str, ...]
) -> dict[float, dict[str, Counts]]:
    """Return counts by share of the budget and name, folds in the place of speakers.

    Parameters
    ----------
    checkpoints
        Rows of one kind and window, as :func:`ablation.read_results` gives them. Shares and names
        are left out that some fold lacks.
    """
    folds = tuple(sorted(checkpoints["fold"].unique()))
    columns = [f"{prefix}_{label}" for prefix in ("n", "correct") for label in classes]
    means = checkpoints.groupby(["share", "name", "fold"])[columns].mean()
    found: dict[float, dict[str, Counts]] = {}
    for key, rows in means.groupby(level=["share", "name"]):
        share, name = cast("tuple[float, str]", key)
        if len(rows) == len(folds):
            n, correct = np.split(rows.to_numpy(float), 2, axis=1)
            found.setdefault(share, {})[name] = Counts(folds, classes, n, correct)
    return found


def read_budget(found: Mapping[float, Mapping[str, Counts]], metric: str) -> BudgetReading:
    """Return what the scores at shares of the budget say; ``found`` as of :func:`budget_counts`."""
    scores = pd.DataFrame(
        {share: {n: c.score(metric) for n, c in found[share].items()} for share in sorted(found)}
    )
    half, whole = found.get(HALF, {}), found.get(WHOLE, {})
    names = [name for name in whole if name in half]
    pairs = list(combinations(names, 2))
    if not pairs or len(half[names[0]].speakers) < 2:
        return BudgetReading(scores, None)
    early, late = (
        np.stack([speaker_shares(counts[name], metric) for name in names])
        for counts in (half, whole)
    )
    at = np.array([(names.index(a), names.index(b)) for a, b in pairs])
    before, after = (shares[at[:, 0]] - shares[at[:, 1]] for shares in (early, late))
    p = joint_p_values(after - before)
    surest = int(np.lexsort((-np.abs((after - before).mean(axis=1)), p))[0])
    first, second = pairs[surest]
    differences = float(before[surest].mean()), float(after[surest].mean())
    return BudgetReading(scores, Change(first, second, *differences, float(p[surest])))


@dataclass(frozen=True)
class Agreement:
    """How far two shapes answer alike, as the median over all pairs of shapes.

    Attributes
    ----------
    same
        Share of the utterances (0..1) that two shapes give the same answer to.
    kappa
        Cohen's kappa: the same beyond what their frequencies of classes would give by chance.
    same_errors
        The same answer, of the utterances that at least one of the two gets wrong; nan where
        there are none.
    lowest
        The pair that agrees least, and its share of the same answers.
    """

    same: float
    kappa: float
    same_errors: float
    lowest: tuple[str, str, float]

    @property
    def alike(self) -> bool:
        """Whether shapes answer alike on nearly all utterances.

        Good models agree where both are right, so errors count too.
        """
        return self.same >= ALIKE and not self.same_errors < SAME_ERRORS


def agreement(predictions: pd.DataFrame) -> Agreement | None:
    """Return how far shapes answer alike; None for a single one.

    Parameters
    ----------
    predictions
        ``name seed utterance label predicted`` of the probes of one window. Utterances that some
        shape lacks are left out.
    """
    wide = predictions.pivot_table(
        "predicted", ["seed", "utterance", "label"], "name", aggfunc="first", observed=True
    ).dropna()
    names = list(map(str, wide.columns))
    if len(names) < 2 or wide.empty:
        return None
    codes, classes = pd.factorize(wide.to_numpy().ravel())
    answers = codes.reshape(wide.shape).T
    labels = pd.Index(classes).get_indexer(wide.index.get_level_values("label"))
    found = [
        _of_pair(answers[a], answers[b], labels) for a, b in combinations(range(len(names)), 2)
    ]
    same, kappa, errors = np.array(found).T
    least = list(combinations(names, 2))[int(same.argmin())]
    known = errors[~np.isnan(errors)]
    return Agreement(
        same=float(np.median(same)),
        kappa=float(np.median(kappa)),
        same_errors=float(np.median(known)) if len(known) else np.nan,
        lowest=(least[0], least[1], float(same.min())),
    )


def _of_pair(one: np.ndarray, other: np.ndarray, labels: np.ndarray) -> tuple[float, ...]:
    """Return the share of the same answers, Cohen's kappa, and the share on errors."""
    equal = one == other
    n = 1 + max(one.max(), other.max())
    chance = float(np.bincount(one, minlength=n) @ np.bincount(other, minlength=n)) / len(one) ** 2
    kappa = 1.0 if chance >= 1 else (equal.mean() - chance) / (1 - chance)
    wrong = (one != labels) | (other != labels)
    return float(equal.mean()), float(kappa), float(equal[wrong].mean()) if wrong.any() else np.nan
