"""A fold of real speech that is small enough for tests."""

from pathlib import Path

from ablation.corpora import load_corpus
from ablation.features.cache import FeatureCache
from ablation.study import FeaturesSpec
from ablation.training.task import FoldData, Sample

CLASSES = ("neutral", "happy", "angry", "sad")


def emodb_fold(speech: Path, features: FeaturesSpec, cache: Path) -> FoldData:
    """Two speakers of EmoDB against four others."""
    corpus = load_corpus("emodb", speech / "emodb", {name: name for name in CLASSES})
    test, train = ("03", "08"), ("09", "10", "11", "12")
    chosen = [u for u in corpus.utterances if u.speaker in test + train]
    entries = FeatureCache(features, cache).ensure(chosen, {u.file: u.id for u in chosen})

    def side(speakers: tuple[str, ...]) -> tuple[Sample, ...]:
        return tuple(
            Sample(u.id, u.speaker, CLASSES.index(u.label), entries[u.id])
            for u in chosen
            if u.speaker in speakers
        )

    return FoldData("03", test, side(train), side(test))
