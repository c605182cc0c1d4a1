"""Rules that choose an extent of an axis from its shapes' scores by speaker.

Every rule takes the counts of all finished shapes of one axis; which speakers are in them is the
caller's choice, so the same rules serve plain and nested selection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ablation.analysis.comparisons import SIGNIFICANCE, speaker_gains
from ablation.analysis.intervals import difference_interval
from ablation.analysis.signflip import max_t_p_value
from ablation.analysis.speakers import METRICS, Counts
from ablation.errors import counted
from ablation.errors.reading import NoCompleteShape


@dataclass(frozen=True)
class Choice:
    """A chosen extent, its score (0..1), and the reason as a sentence."""

    extent: int
    score: float
    reason: str


def choose_best(shapes: Mapping[int, Counts], metric: str = "wa") -> Choice:
    """Return the extent with the highest score; of equal ones the smallest.

    Parameters
    ----------
    shapes
        Counts by extent (bins or frames).
    metric
        ``wa``, ``ua`` or a class.

    Raises
    ------
    NoCompleteShape
        When there is no shape.
    """
    scores = _scores(shapes, metric)
    best = max(sorted(scores), key=scores.__getitem__)
    reason = (
        f"highest {_name(metric)} of {counted(len(scores), 'shape')} ({_percent(scores[best])})"
    )
    alike = [str(e) for e in sorted(scores) if e != best and scores[e] == scores[best]]
    if alike:
        reason += f"; {', '.join(alike)} {'has' if len(alike) == 1 else 'have'} the same score"
    return Choice(best, scores[best], reason)


def choose_one_se(shapes: Mapping[int, Counts], metric: str = "wa") -> Choice:
    """Return the smallest extent within one standard error of the best.

    The standard error is that of the paired difference, by speaker: for shapes that err on the same
    speakers, it is smaller than those of their scores. Raises as :func:`choose_best`.
    """
    best = choose_best(shapes, metric)
    for extent in sorted(e for e in shapes if e < best.extent):
        gap = difference_interval(shapes[best.extent], shapes[extent], metric)
        if gap.estimate <= gap.standard_error:
            score = shapes[extent].score(metric)
            return Choice(
                extent,
                score,
                f"smallest within one standard error of the best, {best.extent}: {_name(metric)} "
                f"{_percent(score)} compared with {_percent(best.score)}, difference "
                f"{100 * gap.estimate:.1f} points, s.e. {100 * gap.standard_error:.1f}",
            )
    reason = f"{best.reason}; no smaller one is within one standard error of it"
    return Choice(best.extent, best.score, reason)


def choose_plateau(shapes: Mapping[int, Counts], metric: str = "wa") -> Choice:
    """Return the smallest extent that no larger one significantly outperforms.

    All larger extents are tested as one family: the largest of their studentised gains, paired by
    speaker, against its distribution when each speaker's gains change sign together (max-T;
    Westfall & Young, 1993), one-sided at :data:`SIGNIFICANCE`. Raises as :func:`choose_best`.
    """
    scores = _scores(shapes, metric)
    *smaller, last = sorted(shapes)
    for extent in smaller:
        larger = [e for e in shapes if e > extent]
        gains = np.stack([speaker_gains(shapes[e], shapes[extent], metric) for e in larger])
        p = max_t_p_value(gains)
        if p > SIGNIFICANCE:
            return Choice(
                extent,
                scores[extent],
                f"smallest that none of the {len(larger)} larger ones significantly outperforms "
                f"in {_name(metric)} (one-sided sign-flip test by speaker, family-wise "
                f"adjusted p = {p:.3f}); {_name(metric)} {_percent(scores[extent])}",
            )
    reason = f"for every smaller one, a larger one is significantly better in {_name(metric)}"
    return Choice(last, scores[last], reason)


def chosen_without(shapes: Mapping[str, Counts], metric: str = "wa") -> Counts:
    """Return the counts that choosing gives on speakers who had no part in it.

    For each speaker, these are the counts of the shape that scores highest on all others; of equal
    ones the first.

    Parameters
    ----------
    shapes
        Counts by name, of the same two speakers or more.
    """
    every = list(shapes.values())
    speakers = every[0].speakers
    picked = []
    for speaker in speakers:
        scores = [counts.without([speaker]).score(metric) for counts in every]
        picked.append(every[int(np.argmax(scores))])
    n, correct = (
        np.stack([getattr(counts, side)[k] for k, counts in enumerate(picked)])
        for side in ("n", "correct")
    )
    return Counts(speakers, every[0].classes, n, correct)


Rule = Callable[[Mapping[int, Counts], str], Choice]
RULES: dict[str, Rule] = {
    "best": choose_best,
    "one-se": choose_one_se,
    "plateau": choose_plateau,
}


def _scores(shapes: Mapping[int, Counts], metric: str) -> dict[int, float]:
    if not shapes:
        raise NoCompleteShape()
    return {extent: counts.score(metric) for extent, counts in shapes.items()}


def _percent(score: float) -> str:
    return f"{100 * score:.1f} %"


def _name(metric: str) -> str:
    return metric.upper() if metric in METRICS else metric
