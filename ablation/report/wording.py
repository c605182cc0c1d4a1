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
SVM = "log-mel SVM"  # the baseline that probes and networks should beat


def metric_name(metric: str) -> str:
    """Return "WA", "UA" or "sad accuracy"."""
    return metric.upper() if metric in METRICS else f"{metric} accuracy"


def extent_text(axis: AxisEvidence, extent: int) -> str:
    """Return "10 bins (100 Hz)"."""
    return f"{extent} {axis.axis.unit} ({axis.physical(extent)})"


def answer(axes: Mapping[str, AxisEvidence], majority: float) -> str:
    """Return the study in two sentences: which receptive field, and whether to trust it.

    An axis counts as a finding when its smallest family-wise adjusted p is at most 5 % divided by
    the number of axes: of studies in which nothing differs, at most 5 % are said to show something.
    """
    if not axes:
        return (
            "Nothing can be said of filter shapes yet: no axis has two shapes of which every fold "
            "is finished. The stored rows are listed below."
        )
    found = [axis for axis in axes.values() if axis.smallest_p <= LEVEL / len(axes)]
    first = _finding(found, axes, majority)
    return f"{first} {_trust(list(axes.values()), found)}"


def _finding(
    found: Sequence[AxisEvidence], axes: Mapping[str, AxisEvidence], majority: float
) -> str:
    if not found:
        return _nothing_found(list(axes.values()), majority)
    parts = [_plateau(axis, metric_name(axis.metric)) for axis in found]
    parts += [_not_shown(axis, len(axes)) for axis in axes.values() if axis not in found]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _not_shown(axis: AxisEvidence, axes: int) -> str:
    """Return that an axis is no finding, and what its smaller family shows all the same."""
    name, against = axis.axis.name, axis.against
    text = f"no {name} is significantly better than another"
    if axis.pairs is None or against is None:
        return text
    text += f" when all pairs are tested at {_shared_level(axes)}"
    apart = [c.first for c in against.comparisons if c.significant]
    if not apart:
        return text
    return (
        f"{text} (compared only with the pre-specified {against.reference} at 5 %, "
        f"{_are(apart)} significantly different)"
    )


def _shared_level(axes: int) -> str:
    level = f"{100 * LEVEL / axes:g} %"
    return level if axes == 1 else f"{level}, which is 5 % divided between {axes} axes"


def _ends_at_plateau(axis: AxisEvidence) -> bool:
    return axis.choices["plateau"].extent < max(axis.shapes)


def _plateau(axis: AxisEvidence, metric: str) -> str:
    extent, name = axis.choices["plateau"].extent, axis.axis.name
    if not _ends_at_plateau(axis):
        return (
            f"{metric} still rises at the largest {name} of the grid, {extent_text(axis, extent)}, "
            f"where it is {_percent(axis, extent)}: no plateau is reached yet, so train "
            f"{axis.axis.larger} filters"
        )
    return (
        f"beyond a {name} of {extent_text(axis, extent)}, where {metric} is "
        f"{_percent(axis, extent)}, no {axis.axis.larger} filter is significantly better (highest: "
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
    level = f", tested at {_shared_level(len(axes))}" if smallest <= LEVEL else ""
    chance = ""
    if all(axis.metric == "wa" and axis.score(axis.best).low <= majority for axis in axes):
        chance = (
            f", and even the best shape is not clearly above the majority-class baseline "
            f"({show(majority, 'percent')} %)"
        )
    return (
        f"No filter {names} is significantly better than another: {_none_of(number)} significant "
        f"(smallest family-wise adjusted p {show(smallest, 'p')}{level}){chance}."
    )


def _none_of(comparisons: int) -> str:
    if comparisons == 1:
        return "the only comparison is not"
    return f"none of {comparisons} comparisons is"


def _trust(axes: Sequence[AxisEvidence], found: Sequence[AxisEvidence]) -> str:
    alike = " and ".join(
        f"{len(axis.like_best)} of {counted(len(axis.shapes) - 1, f'other {axis.axis.name}')}"
        for axis in axes
        if axis.pairs is not None
    )
    power = _power_of(axes)
    if not found:
        return f"This does not show that they are equal: {power}."
    advice = "Do not rely on the highest score alone"
    if any(map(_ends_at_plateau, found)):
        advice = "Rely on where the plateau begins rather than on the highest score"
    if not alike:
        return f"{advice}: {power}."
    are = "is" if alike.startswith("1 of ") and " and " not in alike else "are"
    return (
        f"{advice}: with all pairs compared, {alike} {are} not significantly different from the "
        f"best, and {power}."
    )


def _power_of(axes: Sequence[AxisEvidence]) -> str:
    """Return the power of all axes: that of the one with more noise."""
    return _power(max(axes, key=_detectable), "shapes")


def _detectable(axis: AxisEvidence) -> float:
    limit = detectable(axis.noise, axis.speakers, axis.noise.seeds)
    return limit if limit == limit else float("inf")


def _power(axis: AxisEvidence, what: str) -> str:
    """Return how large a difference must be to be found with so many speakers and seeds."""
    limit = _detectable(axis)
    speakers = counted(axis.speakers, "speaker")
    if not limit < 1:
        return f"with {speakers}, no difference between two {what} can be shown"
    if limit <= 0:
        return f"every difference is the same for all {speakers}, as is hardly ever so in real data"
    return (
        f"with {speakers} and {seeds_text(axis.noise.seeds)}, a planned comparison of two {what} "
        f"has 80 % power only from about {100 * limit:.1f} points"
    )


def seeds_text(number: int) -> str:
    """Return "1 seed" or "3 seeds"."""
    return counted(number, "seed")


def axis_sentences(axis: AxisEvidence) -> list[str]:
    """Return what the family-wise tests say of an axis."""
    name, lines = axis.axis.name, []
    if axis.pairs is not None:
        apart = sum(c.significant for c in axis.pairs.comparisons)
        lines.append(
            f"{name.capitalize()}: of {counted(len(axis.pairs.comparisons), 'pair')}, {apart} "
            f"{'is' if apart == 1 else 'are'} significantly different (family-wise adjusted p at "
            f"most 0.05); the best, {axis.name(axis.best)}, {_like_best(axis)}."
        )
    else:
        lines.append(
            f"There are too many {name}s to compare all pairs; they are compared with the "
            f"reference only."
        )
    if axis.against is None:
        lines.append(
            f"The paper's {name} is not among the complete shapes and no other reference was "
            f"pre-specified (--reference), so no {name} is compared with a reference."
        )
        return lines
    apart = [c for c in axis.against.comparisons if c.significant]
    better = [c.first for c in apart if c.difference.estimate > 0]
    worse = [c.first for c in apart if c.difference.estimate < 0]
    told = [
        f"{_are(names)} significantly {how}"
        for names, how in ((better, "better"), (worse, "worse"))
        if names
    ]
    if told:
        lines.append(f"{' and '.join(told)} than the pre-specified {axis.against.reference}.")
    else:
        lines.append(
            f"No {name} is significantly different from the pre-specified {axis.against.reference}."
        )
    return lines


def _are(names: Sequence[str]) -> str:
    """Return "2x2 is", or "2x2, 4x2 and 6x2 are"."""
    if len(names) == 1:
        return f"{names[0]} is"
    if len(names) > 4:
        return f"{named(names)} are"
    return f"{', '.join(names[:-1])} and {names[-1]} are"


def _like_best(axis: AxisEvidence) -> str:
    alike = [axis.name(extent) for extent in axis.like_best]
    if len(alike) == len(axis.shapes) - 1:
        return "is not significantly different from any other"
    if not alike:
        return "is significantly different from every other"
    return f"is not significantly different from {', '.join(alike)}"


def limits(axis: AxisEvidence) -> list[str]:
    """Return what so many speakers and seeds can and cannot show."""
    noise, speakers = axis.noise, axis.speakers
    smallest = smallest_p_value(speakers)
    least = (
        f"With {counted(speakers, 'speaker')}, the smallest two-sided p of the sign-flip test is "
        f"{show(smallest, 'p')}"
    )
    lines = [f"{least}." if smallest <= LEVEL else f"{least}: nothing can be significant at 5 %."]
    if 0 < _detectable(axis) < 1:
        power = _power(axis, f"{axis.axis.name}s")
        lines.append(
            f"{power[0].upper()}{power[1:]}; tests adjusted for several comparisons need more."
        )
    if speakers < 2:
        return lines
    if noise.seeds < 2:
        lines.append(
            f"The standard deviation of a paired difference across speakers is "
            f"{100 * noise.speaker:.1f} points. With one seed, variation between training runs is "
            f"part of it and part of the difference itself; more seeds (--seeds 0,1,2) separate "
            f"shapes from lucky runs."
        )
    else:
        lines.append(
            f"Standard deviations of a paired difference: {100 * noise.speaker:.1f} points between "
            f"speakers, {100 * noise.seed:.1f} between seeds (common to all speakers), "
            f"{100 * noise.rest:.1f} speaker by seed ({counted(noise.seeds, 'seed')})."
        )
    return lines


def needed(axis: AxisEvidence, difference: float) -> tuple[str, str]:
    """Return how many speakers (at the seeds there are), and seeds (at the speakers), find it."""
    speakers = speakers_needed(axis.noise, difference, axis.noise.seeds)
    seeds = seeds_needed(axis.noise, difference, axis.speakers)
    unknown = "unknown from one seed" if axis.noise.seeds < 2 else "no number suffices"
    return (
        f"{speakers:,}" if speakers is not None else "no number suffices",
        f"{seeds:,}" if seeds is not None else unknown,
    )


def doubts(
    axes: Mapping[str, AxisEvidence],
    classes: Sequence[str],
    probes: Mapping[str, float],
    networks: Mapping[str, float],
    baselines: Mapping[str, float],
) -> list[str]:
    """Return what speaks against taking the scores seriously at all.

    Parameters
    ----------
    probes, networks, baselines
        WA (0..1) of the complete shapes, of the complete networks, and of what they should beat on
        the same folds.
    """
    found = []
    for label in classes:
        scores = [counts.score(label) for axis in axes.values() for counts in axis.shapes.values()]
        if scores and max(scores) < 0.01:
            found.append(
                f"{label} is hardly ever recognised by any probe (recall below 1 %), so its "
                f"scores and UA mean little: the probes need a larger training budget or another "
                f"features.scope."
            )
    best = max(probes, key=lambda name: probes[name], default="")
    if best and probes[best] < baselines.get(SVM, 0.0):
        found.append(
            f"The best probe, {best} (WA {_wa(probes[best])}), scores below the {SVM} baseline "
            f"({_wa(baselines[SVM])}) on the same folds, so what distinguishes these weak probes "
            f"may not hold for a well-trained network."
        )
    for name, wa in networks.items():
        above = [f"{other} ({_wa(score)})" for other, score in baselines.items() if score > wa]
        if above:
            baseline = "baseline" if len(above) == 1 else "baselines"
            found.append(
                f"The network {name} (WA {_wa(wa)}) scores below the {baseline} "
                f"{' and '.join(above)} on the same folds: it is not trained well enough to "
                f"support any conclusion."
            )
    return found


def _wa(score: float) -> str:
    return f"{show(score, 'percent')} %"


def window_sentences(reading: WindowReading) -> list[str]:
    """Return whether the best extent moves with the analysis window."""
    name, unit = reading.axis.name, reading.axis.unit
    parts = ", ".join(
        f"{reading.chosen[w]['best'].extent} {unit} with {_window(reading, w)}"
        for w in sorted(reading.chosen)
    )
    lines = [f"{_movement(reading)}: {parts}."]
    if reading.interaction is None:
        lines.append(
            f"Whether that is more than chance cannot be tested: no two stored {name}s lie near "
            f"the extents of the windows themselves ({min(reading.spans.values()):g} and "
            f"{max(reading.spans.values()):g} {unit}); add them with --values."
        )
        return lines
    test = reading.interaction
    small, large = test.extents
    shown = f"{points(test.change)} points, p = {show(test.p, 'p')}"
    lines.append(
        f"The pre-specified contrast is how much more a {name} of {large} gains over one of "
        f"{small} with {_window(reading, test.windows[1])} than with "
        f"{_window(reading, test.windows[0])}: {shown}. "
        + _interaction_verdict(reading, test.change, test.p)
    )
    return lines


def _window(reading: WindowReading, window: float) -> str:
    """Return "a window of 20 ms (main lobe 20 bins)"."""
    what = {"height": "main lobe", "width": "length"}[reading.axis.name]
    return f"a window of {window:g} ms ({what} {reading.spans[window]:g} {reading.axis.unit})"


def _movement(reading: WindowReading) -> str:
    name = reading.axis.name
    if reading.follows("best"):
        return f"The best {name} moves with the analysis window"
    if len({choices["best"].extent for choices in reading.chosen.values()}) == 1:
        return f"The best {name} is the same for every analysis window"
    return f"The best {name} differs between analysis windows, but does not follow their extents"


def _interaction_verdict(reading: WindowReading, change: Interval, p: float) -> str:
    if p > LEVEL:
        if reading.follows("best"):
            return "This is not significant: the best may have moved by chance."
        return "Nothing shows that the useful extent depends on the window."
    if change.estimate > 0:
        return "The useful extent depends on the window: part of the optimum is the spectrogram's."
    return "The dependence is opposite to what the window's resolution would cause."


def confirmation(found: Comparison, chosen_by: float) -> str:
    """Return what one test on a second study says of a difference chosen on the first."""
    same = found.difference.estimate * chosen_by > 0
    if found.p > LEVEL:
        return "Not confirmed: in the second study, the two are not significantly different."
    if same:
        return "Confirmed: the second study finds a significant difference in the same direction."
    return "Contradicted: the second study finds a significant difference in the other direction."


METHOD = (
    "Scores are pooled over all utterances of held-out speakers: WA is the share of correct "
    "answers, UA the mean of the classes' accuracies. Each is computed per seed and then averaged "
    "over seeds. They estimate the accuracy for a speaker not heard in training.",
    "Confidence intervals (95 %) are Student's t intervals over the speakers' influences on the "
    "pooled score; differences are paired by speaker. In simulated studies of ten speakers they "
    "covered the true value in 93 to 97 % of cases; percentile and BCa bootstrap intervals covered "
    "it in about 90 %.",
    "The training sets of different folds share speakers. The intervals treat speakers as "
    "independent and do not account for this overlap.",
    "Tests are sign-flip tests by speaker. All comparisons of a family are flipped together, and "
    "each is compared with the largest statistic of every flip (single-step max-T). Family-wise "
    "adjusted p-values therefore allow for the number of comparisons and remain valid when the "
    "comparison was picked after seeing the scores. Without adjustment, comparing the best shape "
    "with the others would give significant results in most studies in which nothing differs.",
    "The plateau rule tests larger filters only, in one direction, and so asks a narrower question "
    "than the test of all pairs: it may separate shapes that are not significantly different among "
    "all pairs. Confidence intervals are not adjusted. With few speakers the sign-flip test is "
    "stricter than the t interval, so an interval may exclude 0 although p is above 0.05. Where "
    "they disagree, rely on the family-wise adjusted p.",
    "A score is biased upwards where a shape was chosen on the folds that score it. In Table 1, "
    "where present, nested rows reduce this bias and nested-full rows avoid it, as does ablate "
    "compare on another corpus.",
    "Every model is scored after its last epoch; nothing is tuned on held-out speakers.",
)
