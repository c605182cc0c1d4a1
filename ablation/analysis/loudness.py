"""Whether loudness alone explains the probes' scores.

Anger is loud and sadness is quiet, in some corpora by the recording level alone. A model that
hears nothing but loudness is compared with the probes by UA, which no majority class raises. It
*explains* their scores if it is significantly above chance, and is shown to come within the margin
of every probe or to exceed it. Each probe is tested one-sided at 5 %, and all of them must be
rejected, so nothing need be adjusted for their number (an intersection-union test; Berger,
Technometrics 24, 1982).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ablation.analysis.comparisons import SIGNIFICANCE, against_reference, speaker_gains
from ablation.analysis.intervals import Interval, difference_interval, score_interval
from ablation.analysis.signflip import flip_p_values
from ablation.analysis.speakers import Counts
from ablation.study.baselines import LOUDNESS

METRIC = "ua"


@dataclass(frozen=True)
class LoudnessReading:
    """Loudness alone beside the probes; all scores are UA (0..1).

    Attributes
    ----------
    alone, probe
        The scores of loudness alone and of the best probe.
    best
        The best probe's name.
    chance
        The UA of answering at random.
    difference
        Loudness alone less the best probe, paired by speaker.
    margin
        Within which it explains a score.
    p_chance
        One-sided, of loudness alone being no better than chance.
    p_within
        One-sided, of some probe being better by the margin or more.
    p_best
        Two-sided and family-wise adjusted over all probes, of the best being no different.
    """

    alone: Interval
    probe: Interval
    best: str
    chance: float
    difference: Interval
    margin: float
    p_chance: float
    p_within: float
    p_best: float

    @property
    def above_chance(self) -> bool:
        """Whether loudness alone is shown to be better than chance."""
        return self.p_chance <= SIGNIFICANCE

    @property
    def explains(self) -> bool:
        """Whether loudness alone is shown to be above chance and as good as the probes."""
        return self.above_chance and self.p_within <= SIGNIFICANCE

    @property
    def below(self) -> bool:
        """Whether the best probe is significantly better."""
        return self.difference.estimate < 0 and self.p_best <= SIGNIFICANCE


def read_loudness(alone: Counts, probes: Mapping[str, Counts], margin: float) -> LoudnessReading:
    """Return what loudness alone says of the scores of probes, of which there is at least one.

    ``margin`` is a share (0..1). Raises ValueError where speakers differ.
    """
    best = max(probes, key=lambda name: probes[name].score(METRIC))
    heard = (alone.n.sum(axis=0) > 0).sum()
    guessed = replace(alone, correct=alone.n / heard)
    family = against_reference({**probes, LOUDNESS: alone}, LOUDNESS, METRIC)
    compared = family.between(best, LOUDNESS)
    gains = np.stack([speaker_gains(alone, counts, METRIC) for counts in probes.values()])
    above = speaker_gains(alone, guessed, METRIC)
    return LoudnessReading(
        alone=score_interval(alone, METRIC),
        probe=score_interval(probes[best], METRIC),
        best=best,
        chance=float(1 / heard),
        difference=difference_interval(alone, probes[best], METRIC),
        margin=margin,
        p_chance=float(flip_p_values(above[None], two_sided=False)[0]),
        p_within=float(flip_p_values(margin + gains, two_sided=False).max()),
        p_best=1.0 if compared is None else compared.p_joint,
    )
