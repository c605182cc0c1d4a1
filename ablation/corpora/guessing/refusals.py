"""What is said where names do not tell speaker or label, with the flag that would."""

import shlex
from collections.abc import Sequence, Set

from ablation.corpora.guessing.evidence import LEAST, Pair, label_score
from ablation.corpora.guessing.parts import Column, Part
from ablation.errors import CorpusError, named

_SHOWN = 3
_WAYS = "give --speaker and --label (as folder:1 or field:2), or --pattern '{speaker}/{label}_{}'"


def shown(values: Sequence[str | None]) -> str:
    """``angry, happy, neutral and 4 more``."""
    return quoted(sorted({value for value in values if value is not None}))


def quoted(names: Sequence[str]) -> str:
    """The same of names in their order; one with a comma stands in quotes."""
    return named(repr(name) if "," in name else name for name in names)


def _flag(what: str, part: Part) -> str:
    """``--speaker field:1``, as a shell takes it."""
    return f"--{what} {shlex.quote(str(part))}"


def ambiguous(pairs: list[Pair], given: dict[str, Column]) -> CorpusError:
    best, *rivals = pairs[:_SHOWN]
    open_ = [
        what
        for what in ("speaker", "label")
        if what not in given
        and any(getattr(best, what).partition != getattr(one, what).partition for one in rivals)
    ]
    ways = [_way(pair, open_) for pair in (best, *rivals)]
    flags = [
        " ".join(_flag(what, getattr(pair, what).part) for what in open_)
        for pair in (best, *rivals)
    ]
    number = {2: "two ways", 3: "three ways"}.get(len(pairs), f"{len(pairs)} ways")
    if len(pairs) > len(ways):
        number += f", the likeliest {len(ways)}"
    return CorpusError(
        f"the names can be read in {number}: {' or '.join(ways)}",
        f"say which: {' or '.join(flags)}",
    )


def _way(pair: Pair, open_: list[str]) -> str:
    return " with ".join(
        f"{what} {getattr(pair, what).part} ({shown(getattr(pair, what).values)})" for what in open_
    )


def no_speaker(best: Pair) -> CorpusError:
    speaker = best.speaker
    return CorpusError(
        f"nothing in the names surely tells who speaks: {speaker.part} ({shown(speaker.values)}) "
        f"may as well count takes or sentences",
        f"speaker-independent folds need speakers: give {_flag('speaker', speaker.part)} if it is "
        f"the speaker, or another part; or put each speaker's recordings in a folder",
    )


def no_label(label: Column) -> CorpusError:
    return CorpusError(
        f"nothing in the names surely tells the label: {label.part} ({shown(label.values)}) may as "
        f"well count takes",
        f"give {_flag('label', label.part)} if it is the label, or another part",
    )


def nothing(found: list[Column], given: dict[str, Column], codes: Set[str]) -> CorpusError:
    labels = [(label_score(one, codes) or 0.0, one) for one in found]
    likely = max((pair for pair in labels if pair[0] >= LEAST), key=lambda p: p[0], default=None)
    if "label" in given or likely is not None:
        label = given["label"] if "label" in given else likely[1] if likely else found[0]
        return CorpusError(
            f"nothing in the names tells who speaks: {label.part} ({shown(label.values)}) is the "
            f"label, and no other part has two values or more that each come with several labels",
            "speaker-independent folds need two speakers at least: put each one's recordings in a "
            "folder, or write a manifest with a column speaker by hand",
        )
    if "speaker" in given:
        return CorpusError(
            f"nothing in the names tells the label beside --speaker {given['speaker'].part} "
            f"({shown(given['speaker'].values)})",
            "give --label (as folder:1 or field:2), or --pattern '{speaker}/{label}_{}'",
        )
    return CorpusError("nothing in the names tells speaker and label", _WAYS)
