"""A rough guess of a grid's time, from its size alone: nothing is read or measured."""

from dataclasses import dataclass

from ablation.runs.status import workers_of
from ablation.study import Study, override_study

# Seconds of training for a point of a segment's spectrogram, on one core of a plain machine,
# averaged over the paper's shapes (benchmarks/README.md); machines differ by a factor of three.
_SECONDS_PER_POINT = 6e-8
_SEGMENTS = 2  # of an utterance, where the training is counted in epochs
_PILOT_S = 150
_PILOT_FOLDS = 2


@dataclass(frozen=True)
class Pilot:
    """A part of the axis of heights that takes a few minutes: two heights, two groups of speakers.

    The budget is the study's own, ``steps`` None, unless that would take too long: a probe that has
    hardly learnt tells nothing.
    """

    heights: tuple[int, ...]
    steps: int | None


def pilot(study: Study, utterances: int) -> Pilot:
    """Return a pilot of a study with so many utterances in its corpus."""
    heights = sorted(study.grid.heights)
    few = tuple(sorted({heights[0], heights[len(heights) // 3]}))
    cells = len(few) * _PILOT_FOLDS
    if rough_seconds(study, cells, utterances) <= _PILOT_S:
        return Pilot(few, None)
    one = rough_seconds(override_study(study, [("training.steps", 1)]), cells, utterances)
    return Pilot(few, max(1, int(_PILOT_S / one)))


def rough_seconds(study: Study, cells: int, utterances: int) -> float:
    """Return how many seconds ``cells`` probes may take on the workers that the study would use.

    ``utterances`` is the number in the corpus. GPUs are many times faster.
    """
    training = study.training
    if training.steps is not None:
        segments = training.steps * training.batch_size
    else:
        segments = (training.epochs or 0) * utterances * _SEGMENTS
    points = study.features.height * study.features.width
    return cells * segments * points * _SECONDS_PER_POINT / min(workers_of(study), max(1, cells))
