"""What the numbers mean, in sentences. Each is short, says what was tested, and claims no more."""

from collections.abc import Mapping, Sequence

from ablation.analysis import (
    METRICS,
    AxisEvidence,
    Comparison,
    Interval,
    WindowReading,
    detectable,
    seeds_needed,
    smallest_p_value,
    speakers_needed,
)
from ablation.errors import counted, named
from ablation.report.values import percent_ends, points, show

LEVEL = 0.05
_UNITS = {"height": "bins", "width": "frames"}
_LARGER = {"height": "taller", "width": "wider"}


def metric_name(metric: str) -> str:
    return metric.upper() if metric in METRICS else f"{metric}'s accuracy"


def extent_text(axis: AxisEvidence, extent: int) -> str:
    """ "10 bins (100 Hz)"."""
    return f"{extent} {_UNITS[axis.axis.name]} ({axis.physical(extent)})"


def answer(axes: Mapping[str, AxisEvidence], majority: float) -> str:
    """The study in two sentences: which receptive field, and whether to trust it.

    An axis counts as a finding when its smallest joint p-value is below 5 % shared out over the
    axes: of studies in which nothing differs, at most 5 % are said to show something.
    """
    if not axes:
        return (
            "Nothing can be said of filter shapes yet: no axis has two shapes of which every fold "
            "is finished. The rows that are there are listed below."
        )
    found = [axis for axis in axes.values() if axis.smallest_p <= LEVEL / len(axes)]
    first = _finding(found, axes, majority)
    return f"{first} {_trust(list(axes.values()), bool(found))}"


def _finding(
    found: Sequence[AxisEvidence], axes: Mapping[str, AxisEvidence], majority: float
) -> str:
    if not found:
        return _nothing_found(list(axes.values()), majority)
    metric = metric_name(found[0].metric)
    parts = [_plateau(axis, metric) for axis in found]
    parts += [_not_shown(axis) for axis in axes.values() if axis not in found]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _not_shown(axis: AxisEvidence) -> str:
    """An axis that is no finding, and what its smaller family tells apart all the same."""
    text = f"no {axis.axis.name} is shown to be better than another"
    against = axis.against
    if axis.pairs is None or against is None:
        return text
    apart = [c.first for c in against.comparisons if c.significant]
    if not apart:
        return text
    differ = "differs" if len(apart) == 1 else "differ"
    return (
        f"{text} with all pairs compared ({named(apart)} {differ} from {against.reference}, which "
        f"was fixed beforehand)"
    )


def _plateau(axis: AxisEvidence, metric: str) -> str:
    extent = axis.choices["plateau"].extent
    name = axis.axis.name
    if extent == max(axis.shapes):
        return (
            f"{metric} still gains at the end of the grid, a {name} of {extent_text(axis, extent)} "
            f"with {_percent(axis, extent)}, so how far a filter must reach is not found yet: "
            f"train {_LARGER[name]} ones"
        )
    return (
        f"beyond a {name} of {extent_text(axis, extent)}, where {metric} is "
        f"{_percent(axis, extent)}, no {_LARGER[name]} filter is shown to gain (highest: "
        f"{_percent(axis, axis.best)} at {axis.name(axis.best)})"
    )


def _percent(axis: AxisEvidence, extent: int) -> str:
    interval = axis.score(extent)
    return f"{show(interval.estimate, 'percent')} % {percent_ends(interval)}"


def _nothing_found(axes: Sequence[AxisEvidence], majority: float) -> str:
    names = " or ".join(axis.axis.name for axis in axes)
    families = [axis.pairs or axis.against for axis in axes]
    number = sum(len(family.comparisons) for family in families if family is not None)
    smallest = min(axis.smallest_p for axis in axes)
    level = ""
    if smallest <= LEVEL:
        level = f", not below 5 % shared out over {len(axes)} axes"
    chance = ""
    if all(axis.metric == "wa" and axis.score(axis.best).low <= majority for axis in axes):
        chance = (
            f", and even the best is not clearly above naming the largest class "
            f"({majority:.1%})".replace("%", " %")
        )
    return (
        f"No filter {names} is shown to be better than another: {_none_of(number)} "
        f"two shapes apart (smallest joint p "
        f"{show(smallest, 'p')}{level}){chance}."
    )


def _none_of(comparisons: int) -> str:
    if comparisons == 1:
        return "the one comparison does not tell"
    return f"none of {comparisons} comparisons tells"


def _trust(axes: Sequence[AxisEvidence], found: bool) -> str:
    alike = " and ".join(
        f"{len(axis.like_best)} of {counted(len(axis.shapes) - 1, f'other {axis.axis.name}')}"
        for axis in axes
        if axis.pairs is not None
    )
    reach = _reach(axes)
    if not found:
        return f"That is no proof of equality: {reach}."
    if not alike:
        return f"Trust where that plateau begins more than its highest point: {reach}."
    return (
        f"Trust where that plateau begins more than its highest point: with all pairs compared "
        f"{alike} cannot be told from the best, and {reach}."
    )


def _reach(axes: Sequence[AxisEvidence]) -> str:
    """What a difference must be to be found, for so many speakers and seeds."""
    speakers, seeds = axes[0].speakers, axes[0].noise.seeds
    limit = max(detectable(axis.noise, axis.speakers, axis.noise.seeds) for axis in axes)
    if not limit < 1:
        return f"{counted(speakers, 'speaker')} cannot show any difference"
    if limit <= 0:
        return f"the {counted(speakers, 'speaker')} do not differ at all, which is no good sign"
    return (
        f"even two shapes named beforehand must differ by about {100 * limit:.0f} points for "
        f"{counted(speakers, 'speaker')} and {seeds_text(seeds)} to show it four times out of five"
    )


def seeds_text(number: int) -> str:
    return counted(number, "seed")


def axis_sentences(axis: AxisEvidence) -> list[str]:
    """What the joint tests say of an axis."""
    lines = []
    if axis.pairs is not None:
        apart = [c for c in axis.pairs.comparisons if c.significant]
        lines.append(
            f"{axis.axis.name.capitalize()}: of {counted(len(axis.pairs.comparisons), 'pair')}, "
            f"{len(apart)} can be told apart when all are tested jointly at 5 %; the best, "
            f"{axis.name(axis.best)}, {_like_best(axis)}."
        )
    else:
        lines.append(
            f"There are too many {axis.axis.name}s to compare all pairs; they are compared with "
            f"the reference alone."
        )
    if axis.against is None:
        lines.append(
            f"None of the stored {axis.axis.name}s is the paper's, and no other was named as "
            f"reference beforehand (--reference), so none is held against one."
        )
        return lines
    apart = [c for c in axis.against.comparisons if c.significant]
    better = [c.first for c in apart if c.difference.estimate > 0]
    worse = [c.first for c in apart if c.difference.estimate < 0]
    held = f"Against {axis.against.reference}, fixed beforehand"
    if not apart:
        lines.append(f"{held}, none is significantly better or worse.")
    else:
        lines.append(
            f"{held}: significantly better {_listed(better)}; significantly worse {_listed(worse)}."
        )
    return lines


def _like_best(axis: AxisEvidence) -> str:
    alike = [axis.name(extent) for extent in axis.like_best]
    if len(alike) == len(axis.shapes) - 1:
        return "cannot be told from any other"
    return f"cannot be told from {_listed(alike)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


def limits(axis: AxisEvidence) -> list[str]:
    """What so many speakers and seeds can and cannot show."""
    noise, speakers = axis.noise, axis.speakers
    lines = [
        f"The smallest two-sided p-value that {counted(speakers, 'speaker')} can give is "
        f"{show(smallest_p_value(speakers), 'p')}"
        + (
            "."
            if smallest_p_value(speakers) <= 0.05
            else ": no outcome whatever could be significant at 5 %."
        ),
    ]
    limit = detectable(noise, speakers, noise.seeds)
    if 0 < limit < 1:
        lines.append(
            f"Between two {axis.axis.name}s named beforehand, a difference of {100 * limit:.1f} "
            f"points would be found with 80 % probability; joint tests of many need more."
        )
    if speakers < 2:
        return lines
    if noise.seeds < 2:
        lines.append(
            f"Paired differences scatter between speakers by {100 * noise.speaker:.1f} points "
            f"(s.d.). With one seed, luck of training is part of that and part of the difference "
            f"itself: run more (--seeds 0,1,2) to tell a shape from a lucky run of it."
        )
    else:
        lines.append(
            f"Standard deviations of a paired difference: {100 * noise.speaker:.1f} points between "
            f"speakers, {100 * noise.seed:.1f} between seeds for all speakers alike, "
            f"{100 * noise.rest:.1f} of a speaker under a seed ({counted(noise.seeds, 'seed')})."
        )
    return lines


def needed(axis: AxisEvidence, difference: float) -> tuple[str, str]:
    """How many speakers (at the seeds there are), and seeds (at the speakers), find it."""
    speakers = speakers_needed(axis.noise, difference, axis.noise.seeds)
    seeds = seeds_needed(axis.noise, difference, axis.speakers)
    unknown = "not known from one seed" if axis.noise.seeds < 2 else "more alone cannot"
    return (
        f"{speakers:,}" if speakers is not None else "more alone cannot",
        f"{seeds:,}" if seeds is not None else unknown,
    )


def doubts(
    axes: Mapping[str, AxisEvidence],
    classes: Sequence[str],
    networks: Mapping[str, float],
    held: Mapping[str, float],
) -> list[str]:
    """What speaks against taking the scores seriously at all.

    Parameters
    ----------
    networks, held
        WA (0..1) of the complete networks, and of what they must beat.
    """
    found = []
    for label in classes:
        scores = [counts.score(label) for axis in axes.values() for counts in axis.shapes.values()]
        if scores and max(scores) < 0.01:
            found.append(
                f"{label} is hardly ever recognised by any probe: they are not trained well enough "
                f"for its scores, and UA, to mean anything (a larger training budget, or "
                f"features.scope)."
            )
    for name, wa in networks.items():
        above = [other for other, score in held.items() if score > wa]
        if above:
            found.append(
                f"The network {name} ({100 * wa:.1f} %) stays below {_listed(above)} on the same "
                f"folds: it is not trained well enough to compare anything by."
            )
    return found


def window_sentences(reading: WindowReading) -> list[str]:
    """Whether the best extent moves with the analysis window."""
    unit = _UNITS[reading.axis.name]
    order = sorted(reading.chosen)
    parts = ", ".join(
        f"{reading.chosen[w]['best'].extent} {unit} under {w:g} ms (which itself spans "
        f"{reading.spans[w]:g})"
        for w in order
    )
    lines = [f"{_movement(reading)}: {parts}."]
    if reading.interaction is None:
        lines.append(
            f"No two stored extents lie near what the narrowest and the widest window span "
            f"({min(reading.spans.values()):g} and {max(reading.spans.values()):g} {unit}), so "
            f"whether that is more than chance cannot be tested: add them (--values)."
        )
        return lines
    test = reading.interaction
    small, large = test.extents
    shown = f"{points(test.change)} points, p = {show(test.p, 'p')}"
    lines.append(
        f"The contrast fixed beforehand: how much more a {reading.axis.name} of {large} gains over "
        f"one of {small} under the window of {test.windows[1]:g} ms (which spans "
        f"{reading.spans[test.windows[1]]:g}) than under that of {test.windows[0]:g} ms (which "
        f"spans {reading.spans[test.windows[0]]:g}): {shown}. "
        + _interaction_verdict(test.change, test.p, reading.follows("best"))
    )
    return lines


def _movement(reading: WindowReading) -> str:
    name = reading.axis.name
    if reading.follows("best"):
        return f"The best {name} moves with the analysis window"
    if len({choices["best"].extent for choices in reading.chosen.values()}) == 1:
        return f"The best {name} is the same under every analysis window"
    return f"The best {name} differs between analysis windows, but not in step with what they span"


def _interaction_verdict(change: Interval, p: float, follows: bool) -> str:
    if p > 0.05:
        if follows:
            return "That is not significant: the move of the best may be chance."
        return "Nothing shows that the useful extent depends on the window."
    if change.estimate > 0:
        return "The useful extent depends on the window: part of the optimum is the analysis."
    return "The dependence is opposite to what the window's resolution would do."


def confirmation(found: Comparison, chosen_by: float) -> str:
    """What one test on a second study says of a difference that was chosen on the first."""
    same = found.difference.estimate * chosen_by > 0
    if found.p > 0.05:
        return "Not confirmed: the second study does not tell the two apart."
    if same:
        return "Confirmed: the second study finds a difference in the same direction."
    return "Contradicted: the second study finds a difference in the opposite direction."


METHOD = (
    "Scores are pooled: right answers over all utterances of held-out speakers (WA), or the mean "
    "of the classes' own accuracies (UA), for every seed and then averaged. They estimate the "
    "accuracy on a speaker that was not heard in training, of models trained on the other folds.",
    "Intervals are Student's t over speakers' influences on the pooled score; differences are "
    "paired by speaker. In simulated studies of ten speakers they covered the truth in 93 to 97 % "
    "of cases, where percentile and BCa bootstraps covered it in about 90 %.",
    "Training sets of two folds share most of their speakers. The intervals take speakers as the "
    "sample and do not know of that overlap.",
    "Tests flip the signs of speakers' gains, of all comparisons of a family together, and hold "
    "each against the largest of the flipped (single-step max-T): p-values are adjusted for "
    "looking at many and may be read after looking. Without the adjustment, comparing the winner "
    "with the rest would find something in most studies in which nothing is to be found.",
    "The plateau rule asks a narrower question than all pairs do, of larger filters alone and in "
    "one direction, so it may part shapes that all pairs together cannot tell apart. Intervals are "
    "each difference's own and by Student's t; with few speakers a sign-flip test is the stricter "
    "of the two, so an interval may leave out 0 where the joint p, or even the p alone, is above "
    "5 %. Where they disagree, go by the joint p.",
    "What is chosen on these folds scores too well on the same folds. Table 1's nested rows, where "
    "they are there, and ablate compare on another corpus do not have that flaw.",
    "The last epoch counts; nothing is tuned on held-out speakers.",
)
