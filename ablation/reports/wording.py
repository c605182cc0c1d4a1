"""Sentences that several parts of the report say, and ``ablate compare`` too."""

from ablation.analysis import (
    METRICS,
    SIGNIFICANCE,
    AxisEvidence,
    detectable,
    smallest_p_value,
)
from ablation.errors import counted
from ablation.reports.values import show


def metric_name(metric: str) -> str:
    """Return "WA", "UA" or "sad accuracy"."""
    return metric.upper() if metric in METRICS else f"{metric} accuracy"


def detectable_difference(axis: AxisEvidence) -> float:
    """Return the difference (0..1) that is found with 80 % power; infinite where none is."""
    limit = detectable(axis.noise, axis.speakers, axis.noise.seeds)
    return limit if limit == limit else float("inf")


def power(axis: AxisEvidence, what: str) -> str:
    """Return how large a difference must be to be found with so many speakers and seeds."""
    limit = detectable_difference(axis)
    speakers = counted(axis.speakers, "speaker")
    if not limit < 1:
        return f"with {speakers}, no difference between two {what} can be shown"
    if limit <= 0:
        return f"every difference is the same for all {speakers}, as is hardly ever so in real data"
    return (
        f"with {speakers} and {counted(axis.noise.seeds, 'seed')}, a planned comparison of two "
        f"{what} has 80 % power only from about {100 * limit:.1f} points"
    )


def limits(axis: AxisEvidence, settled: bool = True) -> list[str]:
    """Return what so many speakers and seeds can and cannot show.

    Where the probes are not ``settled``, their spread does not say how small a difference could be
    shown, and nothing is said of it.
    """
    noise, speakers = axis.noise, axis.speakers
    smallest = smallest_p_value(speakers)
    least = (
        f"With {counted(speakers, 'speaker')}, the smallest two-sided p of the sign-flip test is "
        f"{show(smallest, 'p')}"
    )
    lines = [
        f"{least}." if smallest <= SIGNIFICANCE else f"{least}: nothing can be significant at 5 %."
    ]
    if settled and 0 < detectable_difference(axis) < 1:
        text = power(axis, f"{axis.axis.name}s")
        lines.append(f"{capital(text)}; tests adjusted for several comparisons need more.")
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


def capital(text: str) -> str:
    """Return ``text`` as the beginning of a sentence."""
    return text[:1].upper() + text[1:]
