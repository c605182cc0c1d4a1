"""The work of a grid's cells, from the lengths of the recordings; no audio is decoded."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ablation.corpora.folds import Fold
from ablation.errors.running import FoldEmptied
from ablation.features.audio import audio_seconds
from ablation.features.segments import Purpose, segment_starts
from ablation.runs.prepare import Prepared
from ablation.study import FeaturesSpec, TrainingSpec
from ablation.threads import in_threads
from ablation.training.schedule import budget


@dataclass(frozen=True)
class FoldWork:
    """The lengths in frames of the utterances on both sides of a fold, and the work they make.

    Attributes
    ----------
    steps, scored
        The numbers of optimiser steps and of test segments.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    features: FeaturesSpec
    training: TrainingSpec

    @cached_property
    def steps(self) -> int:
        return budget(self.training, self._segments(self.train, "train")).steps

    @cached_property
    def scored(self) -> int:
        return self._segments(self.test, "test")

    def _segments(self, frames: tuple[int, ...], purpose: Purpose) -> int:
        return sum(len(segment_starts(number, self.features, purpose)) for number in frames)


def frames_of(prepared: Prepared) -> dict[str, int]:
    """Return the frames of every utterance by its id, without those dropped as too short.

    Raises :class:`AudioError` for the first recording whose header cannot be read.
    """
    spec, utterances = prepared.study.features, prepared.corpus.utterances
    seconds = in_threads(lambda u: audio_seconds(u.file, u.start, u.end), utterances)
    frames = {
        utterance.id: max(1, int(length * spec.sample_rate) // spec.hop_samples)
        for utterance, length in zip(utterances, seconds, strict=True)
    }
    if spec.short == "drop":
        return {name: number for name, number in frames.items() if number >= spec.width}
    return frames


def fold_work(
    prepared: Prepared, frames: Mapping[str, int], training: TrainingSpec
) -> dict[str, FoldWork]:
    """Return the work of every fold by its name; ``frames`` comes from :func:`frames_of`.

    Raises :class:`FoldEmptied` for a fold where all utterances on one side are dropped.
    """

    def side(indices: tuple[int, ...]) -> tuple[int, ...]:
        names = (prepared.corpus[index].id for index in indices)
        return tuple(frames[name] for name in names if name in frames)

    def work(fold: Fold) -> FoldWork:
        study, train, test = prepared.study, side(fold.train), side(fold.test)
        if not train or not test:
            raise FoldEmptied(fold.name, "test" if train else "training")
        return FoldWork(train, test, study.features, training)

    return {fold.name: work(fold) for fold in prepared.folds}
