"""The study in two sentences: which receptive field, and whether to trust it."""

from collections.abc import Mapping, Sequence

from ablation.analysis import AxisEvidence, Interval, score_interval
from ablation.analysis.comparisons import SIGNIFICANCE
from ablation.errors import counted, named
from ablation.reports.values import percent_ends, show
from ablation.reports.wording import (
    capital,
    detectable_difference,
    metric_name,
    power,
)


def answer(axes: Mapping[str, AxisEvidence], majority: float, settled: bool = True) -> str:
    """Return the two sentences; ``majority`` is the accuracy of the majority class (0..1).

    Where the probes are not ``settled`` (:attr:`~ablation.analysis.evidence.Evidence.settled`),
    nothing is said of how small a difference could be shown; and where they have learnt hardly
    anything, nothing is said of their shapes at all.

    An axis counts as a finding when its smallest family-wise adjusted p is at most 5 % divided by
    the number of axes: of studies in which nothing differs, at most 5 % are said to show something.
    """
    if not axes:
        return (
            "Nothing can be said of filter shapes yet: no axis has two shapes of which every fold "
            "is finished. The stored rows are listed below."
        )
    every = list(axes.values())
    if nothing := unlearnt(every, majority, "say which receptive field is needed", "shapes"):
        return nothing
    found = [axis for axis in every if axis.smallest_p <= SIGNIFICANCE / len(every)]
    if not found:
        return f"{_nothing_found(every)} {_trust(every, found, settled)}"
    parts = [_plateau(axis) for axis in found]
    parts += [_not_shown(axis, len(every)) for axis in every if axis not in found]
    return f"{capital('; '.join(parts))}. {_trust(every, found, settled)}"


def are(names: Sequence[str]) -> str:
    """Return "2x2 is", or "2x2, 4x2 and 6x2 are"."""
    if len(names) == 1:
        return f"{names[0]} is"
    if len(names) > 4:
        return f"{named(names)} are"
    return f"{', '.join(names[:-1])} and {names[-1]} are"


def _not_shown(axis: AxisEvidence, axes: int) -> str:
    """Return that an axis is no finding, and what its smaller family shows all the same."""
    against = axis.against
    text = f"no {axis.axis.name} is significantly better than another"
    if axis.pairs is None or against is None:
        return text
    text += f" when all pairs are tested at {_shared_level(axes)}"
    apart = [c.first for c in against.comparisons if c.significant]
    if not apart:
        return text
    return (
        f"{text} (compared only with the pre-specified {against.reference} at 5 %, "
        f"{are(apart)} significantly different)"
    )


def _shared_level(axes: int) -> str:
    level = f"{100 * SIGNIFICANCE / axes:g} %"
    return level if axes == 1 else f"{level}, which is 5 % divided between {axes} axes"


def _plateau(axis: AxisEvidence) -> str:
    extent, name, metric = axis.choices["plateau"].extent, axis.axis.name, metric_name(axis.metric)
    physical = axis.physical(extent)
    where = f"{extent} {axis.axis.unit}" + f" ({physical})" * bool(physical)
    if axis.plateau is None:
        return (
            f"{metric} still rises at the largest {name} of the grid, {where}, where it is "
            f"{_percent(axis, extent)}: no plateau is reached yet, so train {axis.axis.larger} "
            f"filters"
        )
    return (
        f"beyond a {name} of {where}, where {metric} is {_percent(axis, extent)}, no "
        f"{axis.axis.larger} filter is significantly better (highest: "
        f"{_percent(axis, axis.best)} at {axis.name(axis.best)})"
    )


def _percent(axis: AxisEvidence, extent: int) -> str:
    interval = axis.score(extent)
    return f"{show(interval.estimate, 'percent')} % {percent_ends(interval)}"


def _nothing_found(axes: Sequence[AxisEvidence]) -> str:
    names = " or ".join(axis.axis.name for axis in axes)
    families = [axis.pairs or axis.against for axis in axes]
    number = sum(len(family.comparisons) for family in families if family is not None)
    none = "the only comparison is not" if number == 1 else f"none of {number} comparisons is"
    smallest = min(axis.smallest_p for axis in axes)
    level = f", tested at {_shared_level(len(axes))}" if smallest <= SIGNIFICANCE else ""
    return (
        f"No filter {names} is significantly better than another: {none} significant "
        f"(smallest family-wise adjusted p {show(smallest, 'p')}{level})."
    )


def _trust(axes: Sequence[AxisEvidence], found: Sequence[AxisEvidence], settled: bool) -> str:
    """Return how far to rely on what was found; the power is that of the axis with more noise."""
    noisiest = power(max(axes, key=detectable_difference), "shapes")
    if not settled:
        noisiest = "the probes are not trained enough to be compared (see the warnings)"
    if not found:
        return f"This does not show that they are equal: {noisiest}."
    advice = "Do not rely on the highest score alone"
    if any(axis.plateau is not None for axis in found):
        advice = "Rely on where the plateau begins rather than on the highest score"
    paired = [axis for axis in axes if axis.pairs is not None]
    if not paired:
        return f"{advice}: {noisiest}."
    alike = [axis for axis in paired if axis.like_best]
    if not alike:
        return f"The best differs significantly from every other, all pairs compared; {noisiest}."
    like_best = " and ".join(
        f"{len(axis.like_best)} of {counted(len(axis.shapes) - 1, f'other {axis.axis.name}')}"
        for axis in alike
    )
    verb = "is" if len(alike) == 1 and len(alike[0].like_best) == 1 else "are"
    return (
        f"{advice}: with all pairs compared, {like_best} {verb} not significantly different from "
        f"the best, and {noisiest}."
    )


def unlearnt(axes: Sequence[AxisEvidence], majority: float, question: str, what: str) -> str:
    """Return that the probes have learnt too little to be compared, or nothing.

    Half of them score no better than the majority class, or the best does not clearly do so.
    ``question`` is what they were to show, and ``what`` they differ in.
    """
    scores = [counts.score("wa") for axis in axes for counts in axis.shapes.values()]
    below = sum(score <= majority for score in scores)
    best = max((score_interval(c, "wa") for a in axes for c in a.shapes.values()), key=_estimate)
    if not best.low <= majority and below < len(scores) / 2:  # no interval for one speaker
        return ""
    return (
        f"These probes have learnt too little to {question}: {below} of "
        f"{counted(len(scores), 'score')} {'is' if below == 1 else 'are'} no better than always "
        f"answering the majority class ({show(majority, 'percent')} %), and the highest WA is "
        f"{show(best, 'percent')} %. Differences between them say how fast {what} begin to learn: "
        f"train longer (--set training.steps) before comparing them."
    )


def _estimate(interval: Interval) -> float:
    return interval.estimate
