"""Settings of a new study, chosen to suit its recordings, each with the reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ablation.corpora.folds import make_folds
from ablation.errors import FoldError, counted
from ablation.init.understanding import Understood
from ablation.study import HEIGHTS, WIDTHS

_PAPER_RATE, _PAPER_HZ, _PAPER_SEGMENT = 16000, 4000, 2.0
_LOW_RATE = 8000
_SHORT = 1.5  # seconds: if most recordings are shorter, segments of 2 s would be half empty
_LEAST_SEGMENT = 0.3
_LEAVE_ONE_OUT = 12  # speakers up to which each is a fold of its own
_SMALL, _MIDDLE = 600, 3000  # recordings


@dataclass(frozen=True)
class Choice:
    """A value and why it was chosen."""

    value: str
    why: str


@dataclass(frozen=True)
class Settings:
    """The fields that depend on the recordings; rates and frequencies in Hz, times in seconds."""

    sample_rate: Choice
    n_fft: int
    max_hz: int
    segment_s: Choice
    train_hop_s: float
    test_hop_s: float
    heights: tuple[int, ...]
    widths: tuple[int, ...]
    scheme: str
    count: int
    folds_why: str
    steps: int | None
    steps_why: str


def choose_settings(understood: Understood) -> Settings:
    """Return settings for these recordings.

    Raise :class:`FoldError` where their speakers cannot be split into folds.
    """
    recordings = [one.recording for one in understood.spoken]
    rate, max_hz, rate_why = _rate([recording.rate for recording in recordings])
    segment, segment_why = _segment([recording.seconds for recording in recordings])
    scheme, count, folds_why = _folds(understood)
    steps, steps_why = _steps(len(recordings))
    frames, rows = round(segment * 100), max_hz // 10
    return Settings(
        sample_rate=Choice(str(rate), rate_why),
        n_fft=rate // 10,
        max_hz=max_hz,
        segment_s=Choice(f"{segment:g}", segment_why),
        train_hop_s=round(segment / 2, 2),
        test_hop_s=round(segment / 5, 2),
        heights=_fitting(HEIGHTS, rows // 4),
        widths=_fitting(WIDTHS, frames * 2 // 5),
        scheme=scheme,
        count=count,
        folds_why=folds_why,
        steps=steps,
        steps_why=steps_why,
    )


def _rate(rates: Sequence[int]) -> tuple[int, int, str]:
    """Return sampling rate (Hz), highest frequency (Hz), and the reason.

    They suit the lowest rate that at least one file in twenty has: content above it would reveal
    how a recording was made.
    """
    times = Counter(rates)
    lowest = min(rate for rate, n in times.items() if n >= 0.05 * len(rates))
    listed = ", ".join(f"{n} at {rate} Hz" for rate, n in sorted(times.items()))
    given = f"recordings by rate: {listed}" if len(times) > 1 else f"all recordings: {lowest} Hz"
    if lowest >= _PAPER_RATE:
        return _PAPER_RATE, _PAPER_HZ, f"{given}; the paper has 16 kHz"
    if lowest >= _LOW_RATE:
        rate = lowest if lowest % 100 == 0 else _LOW_RATE
        return rate, _PAPER_HZ, f"{given}; a bin must be 10 Hz"
    return _LOW_RATE, max(100, lowest // 20 * 10), f"{given}; nothing lies above half of it"


def _segment(seconds: Sequence[float]) -> tuple[float, str]:
    """Return the length of a segment (seconds), and the reason."""
    middle = median(seconds)
    span = f"recordings last {min(seconds):.1f} to {max(seconds):.1f} s"
    if middle >= _SHORT:
        return _PAPER_SEGMENT, f"as in the paper; {span}"
    segment = max(_LEAST_SEGMENT, int(middle * 10) / 10)
    return segment, f"{span}; the paper's 2 s would be half empty"


def _folds(understood: Understood) -> tuple[str, int, str]:
    """Return scheme, number of groups, and the reason: the first that trains on every class."""
    speakers = len(understood.speakers)
    count = 10 if speakers >= 20 else 6
    corpus = understood.corpus
    if speakers > _LEAVE_ONE_OUT:
        try:
            make_folds(corpus, "speaker-groups", count)
        except FoldError:
            pass  # a class has few speakers, all in one group: hold out one speaker at a time
        else:
            why = f"{speakers} speakers in {counted(count, 'group')}: one fold each would take long"
            return "speaker-groups", count, why
    make_folds(corpus, "speaker")
    return "speaker", count, f"leave-one-speaker-out: {speakers} speakers, {speakers} folds"


def _steps(recordings: int) -> tuple[int | None, str]:
    """Return the training steps of a probe, or None for the paper's epochs, and the reason."""
    if recordings >= _MIDDLE:
        return None, f"{recordings} recordings: the paper's 50 epochs of batch 64 are enough"
    steps = 600 if recordings < _SMALL else 1200
    return steps, f"{recordings} recordings need more and smaller steps than in the paper"


def _fitting(values: Sequence[int], most: int) -> tuple[int, ...]:
    """Return the paper's values up to ``most``, or the three smallest where there are none."""
    return tuple(value for value in values if value <= most) or tuple(values[:3])
