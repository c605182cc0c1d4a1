"""Errors of folds: speakers and classes that cannot be split into training and test sets."""

from collections.abc import Sequence

from ablation.errors.base import FoldError


class OneSpeaker(FoldError):
    """A corpus has one speaker, and folds need two."""

    corpus: str
    speaker: str
    WHAT = "corpus {corpus} has only one speaker ({speaker})"
    REMEDY = "speaker-independent folds need at least two speakers"


class TooManyFolds(FoldError):
    """More groups of speakers were asked for than there are speakers."""

    corpus: str
    count: int
    speakers: int
    WHAT = "{count} folds requested, but corpus {corpus} has {speakers:+speaker}"
    REMEDY = "choose 2 to {speakers} folds"


class NobodyToTrainOn(FoldError):
    """Leaving out two of two folds leaves no training set."""

    folds: int
    WHAT = "leaving out pairs of {folds} folds leaves no speakers to train on"
    REMEDY = "--nested-full needs at least three folds: use more folds, or --nested"


class SpeakerOnBothSides(FoldError):
    """Speakers stand in the training set and in the test set of a fold."""

    fold: str
    speakers: Sequence[str]
    WHAT = "fold {fold}: speaker {speakers!n} is in both the training and the test set"
    REMEDY = "every speaker must belong to exactly one fold"


class ClassNotInTraining(FoldError):
    """The training set of a fold lacks classes: its test speakers speak all their utterances."""

    fold: str
    missing: Sequence[str]
    test_speakers: Sequence[str]
    classes: Sequence[str]
    WHAT = (
        "fold {fold}: no training utterance is {missing!n} "
        "(all of them are from test speaker {test_speakers!n})"
    )
    REMEDY = (
        "if {missing!n} is a typo, correct it (classes: {classes!l}); otherwise leave it out in "
        "[corpus.labels], or add recordings of it by other speakers"
    )


class TooFewToTrainOn(FoldError):
    """More speakers are to be trained on than a fold has."""

    field: str
    number: int
    fold: str
    there: int
    WHAT = "{field} = {number}, but fold {fold} has {there:+speaker} to train on"
    REMEDY = "choose 1 to {there}, or leave the field out for all of them"


class ClassNotDrawn(FoldError):
    """The speakers drawn for a training set do not speak all classes."""

    fold: str
    number: int
    seed: int
    speakers: Sequence[str]
    lacking: Sequence[str]
    WHAT = (
        "fold {fold}: of the {number:+speaker} that seed {seed} draws to train on ({speakers!n}), "
        "none says anything {lacking!l}"
    )
    REMEDY = "train on more speakers (training.speakers), or draw others (--seeds)"


class NoPartner(FoldError):
    """Development speakers are to be partners, and a fold's test speakers have none."""

    corpus: str
    fold: str
    speakers: Sequence[str]
    WHAT = (
        'development.speakers = "partner", but in corpus {corpus} test speaker {speakers!n} '
        "(fold {fold}) has no dialogue partner outside of the test set"
    )
    REMEDY = (
        'use development.speakers = "next" or "none"; a manifest names partners in its column '
        "partner"
    )


class NobodyToDevelopOn(FoldError):
    """There are too few speakers for a test set, a development set and a training set."""

    corpus: str
    speakers: int
    WHAT = (
        "corpus {corpus} has {speakers:+speaker}, too few for test, development and training sets"
    )
    REMEDY = 'use more folds or more speakers, or development.speakers = "none"'


class ClassOnlyInDevelopment(FoldError):
    """Without its development speakers the training set of a fold lacks classes."""

    fold: str
    missing: Sequence[str]
    speakers: Sequence[str]
    WHAT = (
        "fold {fold}: without development speaker {speakers!n} no training utterance is {missing!n}"
    )
    REMEDY = 'use development.speakers = "none", or add recordings of it by other speakers'
