"""The training and test sets of a fold share no speaker (paper, section 3.1)."""

import hashlib
import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from ablation.corpora.base import Corpus
from ablation.errors.folds import (
    ClassNotInTraining,
    ClassOnlyInDevelopment,
    NobodyToDevelopOn,
    NobodyToTrainOn,
    NoPartner,
    OneSpeaker,
    SpeakerOnBothSides,
    TooManyFolds,
)


@dataclass(frozen=True)
class Fold:
    """A fold holds the utterance indices of its training and its test set.

    Its name is that of the test speaker, or of the group of test speakers.
    """

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
    """Return one fold per speaker, or per group of speakers (``count`` groups of similar size).

    With ``pairs``, there is one fold for every two of these, whose test set joins both test sets.

    Raises
    ------
    FoldError
        For too few speakers, or a fold whose training set lacks a class.
    """
    speakers = corpus.speakers
    if len(speakers) < 2:
        raise OneSpeaker(corpus.name, speakers[0])
    if scheme == "speaker":
        groups = {speaker: (speaker,) for speaker in speakers}
    else:
        if count > len(speakers):
            raise TooManyFolds(corpus.name, count, len(speakers))
        groups = _groups(corpus, count, seed)
    if pairs:
        if len(groups) < 3:
            raise NobodyToTrainOn(len(groups))
        groups = {
            f"{first}+{second}": (*groups[first], *groups[second])
            for first, second in combinations(groups, 2)
        }
    folds = [_fold(corpus, name, members) for name, members in groups.items()]
    check_folds(corpus, folds)
    return folds


def _groups(corpus: Corpus, count: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Return groups of speakers by name, of similar size in speakers and then in utterances.

    Each speaker, in a random order, joins the smallest group. The order is random because names
    often alternate by sex, and taking them in turn would make groups of one sex.
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
    """Raise :class:`FoldError` for a speaker in both sets of a fold or a class not trained on."""
    for fold in folds:
        train = {corpus[index].speaker for index in fold.train}
        test = {corpus[index].speaker for index in fold.test}
        if both := train & test:
            raise SpeakerOnBothSides(fold.name, sorted(both))
        present = {corpus[index].label for index in fold.train}
        if missing := [label for label in corpus.classes if label not in present]:
            raise ClassNotInTraining(fold.name, missing, fold.test_speakers, corpus.classes)


def trained_on(speakers: Collection[str], number: int | None, seed: int) -> frozenset[str]:
    """Return ``number`` of a fold's training speakers, all of them for None.

    A seed puts all speakers of a corpus into one order, of which each fold takes the first that it
    may train on: a larger number adds speakers and keeps those of a smaller one.
    """
    ranks = {one: hashlib.blake2b(f"{seed}|{one}".encode()).digest() for one in speakers}
    return frozenset(sorted(ranks, key=ranks.__getitem__)[:number])


def development_speakers(
    corpus: Corpus, folds: Sequence[Fold], choice: Literal["none", "partner", "next"]
) -> dict[str, tuple[str, ...]]:
    """Return the speakers of each fold, by its name, on whom training may be tuned.

    They are the dialogue partners of the test speakers, or the test speakers of the next fold;
    with ``none`` there are none in any fold, and the result is empty.

    Raises
    ------
    FoldError
        When a fold's test speakers have no partners outside of the test set, or when too few
        speakers or classes are left to train on.
    """
    if choice == "none":
        return {}
    found = {}
    for number, fold in enumerate(folds):
        following = folds[(number + 1) % len(folds)].test_speakers
        mine = _partners(corpus, fold) if choice == "partner" else following
        found[fold.name] = tuple(sorted(set(mine) - set(fold.test_speakers)))
        _check_development(corpus, fold, found[fold.name])
    return found


def _partners(corpus: Corpus, fold: Fold) -> set[str]:
    speakers = set(corpus.speakers)
    partners = {corpus[index].partner for index in fold.test} - {None, *fold.test_speakers}
    if not (found := {str(partner) for partner in partners} & speakers):
        raise NoPartner(corpus.name, fold.name, fold.test_speakers)
    return found


def _check_development(corpus: Corpus, fold: Fold, speakers: tuple[str, ...]) -> None:
    rest = [corpus[index] for index in fold.train if corpus[index].speaker not in speakers]
    if not speakers or not rest:
        raise NobodyToDevelopOn(corpus.name, len(corpus.speakers))
    present = {utterance.label for utterance in rest}
    if missing := [label for label in corpus.classes if label not in present]:
        raise ClassOnlyInDevelopment(fold.name, missing, speakers)
