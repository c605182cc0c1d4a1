"""Which error it is when the names do not tell speaker or label, with the options that would."""

from collections.abc import Set

from ablation.errors import CorpusError
from ablation.errors.naming import (
    AmbiguousNames,
    Candidate,
    NoLabelInNames,
    NoSpeakerInNames,
)
from ablation.init.evidence import LEAST, Pair, label_score
from ablation.init.parts import Column

_SHOWN = 3


def candidate(role: str, column: Column) -> Candidate:
    """Return ``column`` as a message shows it; ``role`` is "speaker" or "label"."""
    return Candidate(role, str(column.part), tuple(column.distinct))


def ambiguous(pairs: list[Pair], given: dict[str, Column]) -> AmbiguousNames:
    """Return the error for several good readings, of which the best come first."""
    best, *rivals = pairs[:_SHOWN]
    undecided = [
        role
        for role in ("speaker", "label")
        if role not in given
        and any(getattr(best, role).partition != getattr(one, role).partition for one in rivals)
    ]
    readings = [
        [candidate(role, getattr(pair, role)) for role in undecided] for pair in (best, *rivals)
    ]
    return AmbiguousNames(readings, len(pairs))


def nothing(found: list[Column], given: dict[str, Column], codes: Set[str]) -> CorpusError:
    """Return the error for names without any reading: what they do tell, and what they lack."""
    if "speaker" in given:
        return NoLabelInNames(candidate("speaker", given["speaker"]))
    if "label" in given:
        return NoSpeakerInNames(candidate("label", given["label"]))
    labels = [(label_score(one, codes) or 0.0, one) for one in found]
    likely = max((pair for pair in labels if pair[0] >= LEAST), key=lambda p: p[0], default=None)
    return NoLabelInNames() if likely is None else NoSpeakerInNames(candidate("label", likely[1]))
