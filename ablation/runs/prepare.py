"""Corpus, folds and spectrograms of a study, checked before anything is trained."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ablation.corpora import Corpus, load_corpus
from ablation.corpora.doubts import corpus_doubts
from ablation.corpora.fingerprints import content_digests, corpus_fingerprint
from ablation.corpora.folds import Fold, make_folds
from ablation.errors.folds import TooFewToTrainOn
from ablation.errors.running import FilterTooLarge, FoldEmptied
from ablation.features.cache import Entry, FeatureCache, trim
from ablation.features.frame_features import FrameSpec
from ablation.progress import Reporter
from ablation.study import FeaturesSpec, Shape, Study, at_window
from ablation.training.task import FoldData, Sample


@dataclass(frozen=True)
class Prepared:
    """A study's corpus as read, before any spectrogram."""

    study: Study
    corpus: Corpus
    contents: Mapping[Path, str]
    fingerprint: str
    folds: tuple[Fold, ...]
    code: str = ""  # digest of the source of the user's own model in place of the probe

    @property
    def digest(self) -> str:
        return self.study.digest(self.fingerprint, self.code)

    def doubts(self) -> list[str]:
        """Return what the corpus lets one doubt, a sentence each."""
        return corpus_doubts(self.corpus, self.contents)


def prepare(study: Study, code: str | None = None) -> Prepared:
    """Read and check the study's corpus and make its folds.

    ``code`` is the digest of the source of ``probe.factory``; None: as that is now.

    Raises
    ------
    CorpusError, FoldError, StudyError
        For anything wrong with the corpus, its labels or folds, before anything is written.
    """
    code = code_of(study.probe.factory) if code is None else code
    spec = study.corpus
    corpus = load_corpus(spec.name, spec.root, spec.labels, spec.options)
    choice = study.folds
    folds = make_folds(corpus, choice.scheme, choice.count, choice.seed, choice.pairs)
    contents = content_digests(corpus)
    fingerprint = corpus_fingerprint(corpus, contents)
    return Prepared(study, corpus, contents, fingerprint, tuple(folds), code)


def code_of(factory: str | None) -> str:
    """Return the digest of a factory's source, empty for none.

    Raises :class:`~ablation.errors.StudyError` when there is no such factory.
    """
    if factory is None:
        return ""
    from ablation.models.own import source_digest  # loads torch

    return source_digest(factory)


def check_speakers(prepared: Prepared, number: int | None, field: str) -> None:
    """Raise :class:`TooFewToTrainOn` where a fold has less than ``number`` training speakers."""
    everyone = len(prepared.corpus.speakers)
    for fold in prepared.folds if number is not None else ():
        there = everyone - len(fold.test_speakers)
        if number is not None and number > there:
            raise TooFewToTrainOn(field, number, fold.name, there)


def check_shapes(study: Study, shapes: Iterable[Shape]) -> None:
    """Raise :class:`FilterTooLarge` for a filter larger than the spectrogram of a segment."""
    features, (down, along) = study.features, study.probe.spacing
    for shape in shapes:
        height, width = study.probe.extent(shape.height, shape.width)
        if height > features.height or width > features.width:
            largest = (features.height - 1) // down + 1, (features.width - 1) // along + 1
            segment = features.height, features.width
            raise FilterTooLarge(str(shape), (height, width), segment, largest, features.row_unit)


def check_model(study: Study, classes: int, shapes: Iterable[Shape]) -> None:
    """Try the user's own model (``probe.factory``), if the study has one, for every shape.

    Raises :class:`~ablation.errors.StudyError` for one that cannot be made or gives no scores.
    """
    factory = study.probe.factory
    if factory is None:
        return
    from ablation.models.own import own_model
    from ablation.models.spec import ModelSpec
    from ablation.training.seeds import seeded

    for shape in dict.fromkeys(shapes):
        with seeded("try", shape):  # what a notebook draws afterwards does not depend on it
            own_model(factory, ModelSpec.of([shape], classes, study.features, study.probe.options))


def fold_data(
    prepared: Prepared,
    windows: Iterable[float],
    reporter: Reporter,
    beside: Iterable[FeaturesSpec] = (),
    linear: bool = False,
) -> dict[tuple[float, str], FoldData]:
    """Make the spectrograms of every analysis window; return the folds by (window, fold name).

    With ``linear`` they are linear ones, whatever the study's front end is. The cache is brought
    below its limit, without loss of these spectrograms or of those that are used ``beside`` them.

    Raises
    ------
    AudioError
        For the first recording that cannot be used.
    StorageError
        When the cache cannot be written.
    """
    data: dict[tuple[float, str], FoldData] = {}
    caches = []
    for window in windows:
        features = at_window(prepared.study, window).features
        cache = FeatureCache(features.linear if linear else features)
        with reporter.task("new spectrograms", unit="utterances") as advance:
            entries = cache.ensure(prepared.corpus.utterances, prepared.contents, advance)
        caches.append(cache)
        for fold in prepared.folds:
            data[window, fold.name] = _with_entries(prepared.corpus, fold, entries)
    if caches:
        limit = prepared.study.execution.cache_gb * 1e9
        trim(caches[0].root, limit, [c.folder for c in (*caches, *map(FeatureCache, beside))])
    return data


def baseline_data(
    prepared: Prepared, spec: FeaturesSpec | FrameSpec, kept: Collection[str], reporter: Reporter
) -> dict[str, FoldData]:
    """Make a baseline's features of the utterances ``kept``; return the folds by name.

    Raises as :func:`fold_data`.
    """
    utterances = [u for u in prepared.corpus.utterances if u.id in kept]
    with reporter.task("features of baselines", unit="utterances") as advance:
        entries = FeatureCache(spec).ensure(utterances, prepared.contents, advance)
    return {fold.name: _with_entries(prepared.corpus, fold, entries) for fold in prepared.folds}


def _with_entries(corpus: Corpus, fold: Fold, entries: Mapping[str, Entry]) -> FoldData:
    """Return a fold's samples, without utterances that were dropped as too short."""

    def side(indices: tuple[int, ...]) -> tuple[Sample, ...]:
        kept = (corpus[index] for index in indices)
        return tuple(
            Sample(u.id, u.speaker, corpus.classes.index(u.label), entries[u.id])
            for u in kept
            if u.id in entries
        )

    data = FoldData(fold.name, fold.test_speakers, side(fold.train), side(fold.test))
    trained = {sample.label for sample in data.train}
    if missing := [name for k, name in enumerate(corpus.classes) if k not in trained]:
        raise FoldEmptied(fold.name, "training", missing)
    if not data.test:
        raise FoldEmptied(fold.name, "test")
    return data
