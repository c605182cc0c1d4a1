"""What a reader must know before the numbers: what is missing, failed or doubtful."""

from collections.abc import Mapping, Sequence

from ablation.analysis import AxisEvidence
from ablation.analysis.evidence import Evidence, references_scores
from ablation.analysis.networks import StoredNetwork
from ablation.errors import counted
from ablation.figures.plot import remarks
from ablation.reports.sections.field_axes import field_axes_warnings
from ablation.reports.sections.loudness import loudness_warning
from ablation.reports.sections.training import change_text
from ablation.reports.values import show
from ablation.study.baselines import SVM


def report_warnings(evidence: Evidence, networks: Sequence[StoredNetwork]) -> list[str]:
    """Return the warnings, a sentence or two each."""
    stored = evidence.stored
    baselines = {n: counts.score("wa") for n, counts in references_scores(stored).items()}
    probes = {name: counts.score("wa") for name, counts in evidence.shapes.items()}
    scores = {n.label: n.counts.score("wa") for n in networks if n.complete}
    return [
        *_not_settled(evidence),
        *_only_loudness(evidence),
        *_never_recognised(evidence),
        *doubts(probes, scores, baselines, stored.run.majority),
        *_unfinished(evidence),
        *remarks(evidence),
        *(text for axis in evidence.axes.values() for text in _too_few_speakers(axis)),
        *_seeds(evidence),
        *field_axes_warnings(evidence),
    ]


def _not_settled(evidence: Evidence) -> list[str]:
    """Return that shapes answer alike, or that their differences still change."""
    found = []
    alike, budget = evidence.agreement, evidence.budget
    if alike is not None and alike.alike:
        found.append(
            f"Shapes answer alike: two of them give the same answer on {_percent(alike.same)} of "
            f"the utterances (median over pairs), so this budget does not distinguish them, and "
            f"scores that hardly differ are no sign that shapes do not matter: train longer "
            f"(--set training.steps)."
        )
    if budget is not None and budget.change is not None and budget.depends:
        found.append(
            f"The verdict depends on the training budget: from half of it to all of it, "
            f"{change_text(budget.change)}. Train longer (--set training.steps) until it no longer "
            f"does."
        )
    return found


def _only_loudness(evidence: Evidence) -> list[str]:
    reading = evidence.loudness
    return [loudness_warning(reading)] if reading is not None and reading.explains else []


def _never_recognised(evidence: Evidence) -> list[str]:
    counts = [one for axis in evidence.axes.values() for one in axis.shapes.values()]
    return [
        f"{label} is hardly ever recognised by any probe (recall below 1 %), so its scores and UA "
        f"mean little: the probes need a larger training budget or another features.scope."
        for label in evidence.run.classes
        if counts and max(one.score(label) for one in counts) < 0.01
    ]


def doubts(
    probes: Mapping[str, float],
    networks: Mapping[str, float],
    baselines: Mapping[str, float],
    majority: float = 0.0,
) -> list[str]:
    """Return which models score below what they should beat.

    Parameters
    ----------
    probes, networks, baselines
        WA (0..1) of the complete shapes, of the complete networks, and of what they should beat on
        the same folds.
    majority
        The WA (0..1) of the majority class.
    """
    found = []
    best = max(probes, key=lambda name: probes[name], default="")
    if best and probes[best] <= majority:
        found.append(
            f"The best probe, {best} (WA {_percent(probes[best])}), is no better than always "
            f"answering the majority class ({_percent(majority)}): nothing was learnt that could "
            f"be compared."
        )
    if best and probes[best] < baselines.get(SVM, 0.0):
        found.append(
            f"The best probe, {best} (WA {_percent(probes[best])}), scores below the {SVM} "
            f"baseline ({_percent(baselines[SVM])}) on the same folds, so what distinguishes these "
            f"weak probes may not hold for a well-trained network."
        )
    for name, wa in networks.items():
        above = [f"{other} ({_percent(score)})" for other, score in baselines.items() if score > wa]
        if above:
            baseline = "baseline" if len(above) == 1 else "baselines"
            found.append(
                f"The network {name} (WA {_percent(wa)}) scores below the {baseline} "
                f"{' and '.join(above)} on the same folds: it is not trained well enough to "
                f"support any conclusion."
            )
    return found


def _percent(score: float) -> str:
    return f"{show(score, 'percent')} %"


def _unfinished(evidence: Evidence) -> list[str]:
    stored = evidence.stored
    asked, done = sum(stored.run.expected.values()), stored.done
    if asked <= done:
        return []
    failed = f", {len(stored.failed)} of them failed" if len(stored.failed) else ""
    return [
        f"{asked - done} of {asked} probe cells are not finished{failed}: ablate grid with the "
        f"same options trains what is missing. All statements here rest on complete shapes only."
    ]


def _too_few_speakers(axis: AxisEvidence) -> list[str]:
    if axis.speakers >= 2 and (axis.pairs is None or axis.pairs.can_reject):
        return []
    return [
        f"With {counted(axis.speakers, 'speaker')}, no difference between {axis.axis.name}s can be "
        f"significant at 5 %, whatever the scores: more speakers are needed."
    ]


def _seeds(evidence: Evidence) -> list[str]:
    found = []
    seeds = evidence.stored.named.groupby(["height", "width", "window_ms"])["seed"].nunique()
    if seeds.nunique() > 1:
        found.append(
            f"Shapes have different numbers of seeds ({seeds.min()} to {seeds.max()}), and each is "
            f"averaged over its own; ablate grid with the same --seeds for all makes them alike."
        )
    if evidence.axes and all(axis.noise.seeds < 2 for axis in evidence.axes.values()):
        found.append(
            "One seed: differences between shapes cannot be separated from variation between "
            "training runs (--seeds 0,1,2)."
        )
    return found
