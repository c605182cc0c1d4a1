"""How much work a grid's cells are, by the lengths of the recordings; no audio is decoded."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from ablation.corpora.folds import Fold
from ablation.drivers.prepare import Prepared
from ablation.errors.running import FoldEmptied
from ablation.features.audio import audio_seconds
from ablation.features.segments import Purpose, segment_starts
from ablation.study import FeaturesSpec, TrainingSpec
from ablation.training.schedule import budget


@dataclass(frozen=True)
class FoldWork:
    """Both sides of a fold: the frames of their utterances, and what a cell does with them.

    Attributes
    ----------
    steps, scored
        Optimiser steps of a training, and test segments.
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
    """Frames of every utterance by its id, those that are dropped as too short left out.

    Raises :class:`AudioError` for the first recording whose header cannot be read.
    """
    spec, utterances = prepared.study.features, prepared.corpus.utterances
    with ThreadPoolExecutor() as pool:
        seconds = pool.map(lambda u: audio_seconds(u.file, u.start, u.end), utterances)
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
    """The work of every fold by its name; :func:`frames_of` gives ``frames``.

    Raises :class:`StudyError` for a fold of which every utterance on a side is dropped.
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
