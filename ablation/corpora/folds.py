"""Folds in which no speaker stands on both sides (paper, section 3.1)."""

import random
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from ablation.corpora.base import Corpus
from ablation.errors import FoldError, counted, named


@dataclass(frozen=True)
class Fold:
    """Utterance indices of both sides; the name is the speaker's, or the group's."""

    name: str
    test_speakers: tuple[str, ...]
    train: tuple[int, ...]
    test: tuple[int, ...]


def make_folds(
    corpus: Corpus,
    scheme: Literal["speaker", "speaker-groups"] = "speaker",
    count: int = 10,
    seed: int = 0,
    pairs: bool = False,
) -> list[Fold]:
    """One fold a speaker, or all speakers parted into ``count`` groups of about equal size.

    With ``pairs``, a fold for every two of these, its test side both of theirs.

    Raises
    ------
    FoldError
        For fewer speakers than folds need, or a training set that lacks a class (the fold named).
    """
    speakers = corpus.speakers
    if len(speakers) < 2:
        raise FoldError(
            f"corpus {corpus.name} has one speaker only ({speakers[0]})",
            "speaker-independent folds need at least two speakers",
        )
    if scheme == "speaker":
        groups = {speaker: (speaker,) for speaker in speakers}
    else:
        if count > len(speakers):
            raise FoldError(
                f"{count} folds asked for, but corpus {corpus.name} has "
                f"{counted(len(speakers), 'speaker')}",
                f"choose 2 to {len(speakers)} folds",
            )
        groups = _groups(corpus, count, seed)
    if pairs:
        groups = {
            f"{first}+{second}": (*groups[first], *groups[second])
            for first, second in combinations(groups, 2)
        }
        if len(groups) < 3:
            raise FoldError(
                "folds left out in pairs leave nobody to train on",
                "nested selection with probes of its own needs three folds at least",
            )
    folds = [_fold(corpus, name, members) for name, members in groups.items()]
    check_folds(corpus, folds)
    return folds


def _groups(corpus: Corpus, count: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Speakers in a seeded order, each to the group with the fewest speakers, then utterances.

    The order is drawn because names often alternate by sex, which dealing in turn would sort
    into groups of one sex.
    """
    sizes = Counter(utterance.speaker for utterance in corpus)
    order = list(corpus.speakers)
    random.Random(f"folds {seed}").shuffle(order)
    groups: list[list[str]] = [[] for _ in range(count)]
    for speaker in order:
        smallest = min(groups, key=lambda group: (len(group), sum(sizes[s] for s in group)))
        smallest.append(speaker)
    digits = len(str(count))
    return {f"group{i:0{digits}d}": tuple(sorted(g)) for i, g in enumerate(groups, 1)}


def _fold(corpus: Corpus, name: str, members: tuple[str, ...]) -> Fold:
    tested = [utterance.speaker in members for utterance in corpus]
    return Fold(
        name=name,
        test_speakers=members,
        train=tuple(index for index, test in enumerate(tested) if not test),
        test=tuple(index for index, test in enumerate(tested) if test),
    )


def check_folds(corpus: Corpus, folds: list[Fold]) -> None:
    """Raise :class:`FoldError` where a speaker is on both sides or a training set lacks a class."""
    for fold in folds:
        train = {corpus[index].speaker for index in fold.train}
        test = {corpus[index].speaker for index in fold.test}
        if both := train & test:
            raise FoldError(f"fold {fold.name}: speaker {named(sorted(both))} is on both sides")
        present = {corpus[index].label for index in fold.train}
        if missing := [label for label in corpus.classes if label not in present]:
            raise FoldError(
                f"fold {fold.name}: no training utterance is {named(missing)} "
                f"(every one is spoken by test speaker {named(fold.test_speakers)})",
                f"if {named(missing)} is a slip of the pen, mend it (classes: "
                f"{', '.join(corpus.classes)}); else leave it out by [corpus.labels], or add "
                f"other speakers of it",
            )
