"""Where the segments of an utterance lie: 2 s long, every 1 s in training, every 0.4 s in testing.

Everything is counted in frames, so that a segment is a slice of its utterance's spectrogram.
"""

from typing import Literal

from ablation.study import FeaturesSpec

Purpose = Literal["train", "test"]


def segment_starts(frames: int, spec: FeaturesSpec, purpose: Purpose) -> list[int]:
    """Return the first frames of the segments of an utterance of ``frames`` frames.

    An utterance no longer than a segment has one, at 0 (it was padded to full length).
    With ``tail = "back"`` the last segment is moved back to end where the utterance ends, if at
    least one frame of it is new; with ``"drop"`` the remainder is dropped.
    """
    length = spec.width
    hop = spec.columns(spec.train_hop_s if purpose == "train" else spec.test_hop_s)
    last = frames - length
    if last <= 0:
        return [0]
    starts = list(range(0, last + 1, hop))
    if spec.tail == "back" and starts[-1] < last:
        starts.append(last)
    return starts


def columns(frames: int, spec: FeaturesSpec, purpose: Purpose) -> list[int]:
    """Return the first columns of the segments in the *stored* array of an utterance.

    With ``edges = "utterance"`` the array is the utterance's spectrogram. With ``"segment"`` every
    segment has a spectrogram of its own and they lie side by side, those for training first.
    """
    starts = segment_starts(frames, spec, purpose)
    if spec.edges == "utterance":
        return starts
    before = 0 if purpose == "train" else len(segment_starts(frames, spec, "train"))
    return [(before + index) * spec.width for index in range(len(starts))]
