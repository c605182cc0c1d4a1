"""Is it only loudness? What loudness alone scores, and what the probes are given of it."""

from ablation.analysis.evidence import Evidence
from ablation.analysis.loudness import LoudnessReading
from ablation.reports.values import points, show
from ablation.study.baselines import LOUDNESS

_TAKEN = {  # from a probe's input, by the range of normalisation
    "segment": "takes away how loud a segment is, but not how loudness changes within it",
    "utterance": "takes away how loud an utterance is, but not how loudness changes within it",
    "corpus": "takes nothing of loudness away",
}


def loudness_sentences(evidence: Evidence) -> list[str]:
    """Return whether loudness alone explains the scores, and what the probes hear of it."""
    reading = evidence.loudness
    if reading is None:
        return [
            f"Not run: whether loudness alone explains the scores (ablate grid --control loudness "
            f"{evidence.stored.as_study})."
        ]
    return [f"{_comparison(reading)} {_verdict(reading)}", _input(evidence, reading)]


def loudness_warning(reading: LoudnessReading) -> str:
    """Return that loudness alone explains the scores, of a reading that says so."""
    how = "higher than" if reading.difference.estimate > 0 else f"within {_margin(reading)} of"
    return (
        f"Loudness alone explains the scores: an SVM that hears nothing else has a UA of "
        f"{show(reading.alone.estimate, 'percent')} %, {how} the best probe, {reading.best} "
        f"({show(reading.probe.estimate, 'percent')} %). So the scores are no evidence that the "
        f"probes hear more than loudness (see Controls)."
    )


def _comparison(reading: LoudnessReading) -> str:
    alone, probe = (show(score, "percent") for score in (reading.alone, reading.probe))
    return (
        f"An SVM that hears nothing but loudness ({LOUDNESS}) has a UA of {alone} % on the same "
        f"folds, where chance is {show(reading.chance, 'percent')} % (one-sided p "
        f"{show(reading.p_chance, 'p')}); the best probe by UA, {reading.best}, has {probe} %. "
        f"Loudness alone less this probe: {points(reading.difference)} points, family-wise "
        f"adjusted p {show(reading.p_best, 'p')}; p of some probe being better by "
        f"{_margin(reading)} or more {show(reading.p_within, 'p')}."
    )


def _verdict(reading: LoudnessReading) -> str:
    if reading.explains:
        within = _margin(reading)
        return (
            f"Loudness alone explains the scores: it comes within {within} of every probe or "
            f"exceeds it."
        )
    if reading.below:
        return "So the best probe hears more than loudness."
    if not reading.above_chance:
        return "So loudness alone is not shown to explain anything."
    return "Whether loudness alone explains the scores is undecided."


def _input(evidence: Evidence, reading: LoudnessReading) -> str:
    """Return what normalisation takes away, and how to find what a level that it keeps is worth."""
    study = evidence.run.study
    scope = study.features.scope
    text = f"The probes' input is normalised by {scope} (features.scope), which {_TAKEN[scope]}."
    if scope != "corpus":
        return text
    named = [axis.against.reference for axis in evidence.axes.values() if axis.against is not None]
    shape = next((name for name in named if name is not None), reading.best)
    return (
        f"{text} What {shape} scores without the level: ablate grid --shapes {shape} --set "
        f"features.scope=segment --set name={study.name}-without-level {evidence.stored.as_study}."
    )


def _margin(reading: LoudnessReading) -> str:
    return f"{100 * reading.margin:g} points"
