"""A rough guess of a grid's time, from its size alone: nothing is read or measured."""

from dataclasses import dataclass

from ablation.runs.status import workers_of
from ablation.study import Study, override_study

# Seconds of training for a point of a segment's spectrogram, on one core of a plain machine,
# averaged over the paper's shapes (benchmarks/README.md); machines differ by a factor of three.
_SECONDS_PER_POINT = 6e-8
_SEGMENTS = 2  # of an utterance, where the training is counted in epochs
_PILOT_S, _PILOT_STEPS = 90, 100


@dataclass(frozen=True)
class Pilot:
    """A part of the axis of heights that takes a few minutes: some heights, and few steps each."""

    heights: tuple[int, ...]
    steps: int


def pilot(study: Study, folds: int, utterances: int) -> Pilot:
    """Return a pilot of a study with so many folds, and so many utterances in its corpus."""
    heights = sorted(study.grid.heights)
    few = tuple(sorted({heights[0], heights[len(heights) // 3], heights[-1]}))
    one = rough_seconds(
        override_study(study, [("training.steps", 1)]), len(few) * folds, utterances
    )
    return Pilot(few, max(1, min(_PILOT_STEPS, int(_PILOT_S / one))))


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
