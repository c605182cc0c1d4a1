"""Pitch by autocorrelation: the period, voicing and harmonics-to-noise ratio of every frame.

The autocorrelation of a windowed frame, divided by that of the window (Boersma, 1993, Proc.
Institute of Phonetic Sciences 17:97), is 1 at the period of a periodic sound and at its multiples.
Where the period lies is read from frequencies below about 1 kHz, where noise moves a maximum least;
how periodic the sound is, from all. Every maximum costs more the longer its period is, so that
multiples lose; and the farther it is from the median of its neighbours, so that a frame whose
periods are irregular does not fall to half or twice the pitch around it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

HNR_DB = (-20.0, 40.0)  # limits of the harmonics-to-noise ratio
_OCTAVE_COST = 0.1  # of the autocorrelation, per octave of period
_STRAY_COST = 0.2  # likewise, per octave away from the neighbours
_NEIGHBOURS = 7  # frames on either side
_CANDIDATES = 6  # maxima that are kept of a frame
_BAND = (500.0, 1500.0)  # Hz; from full weight to none, where the period is sought
_FINER = 4  # the autocorrelation of all frequencies than the samples
_NEAR = 0.03  # of a period; the maximum of all frequencies is sought so near to it
_SILENCE = 1e-12  # mean square that halves the voicing: -120 dB of full scale
_NONE = -2.0  # height of what is no maximum: below any autocorrelation
_CHUNK = 512  # frames at once: bounds the memory of a long recording

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PitchSpec:
    """Settings of the pitch tracker.

    Attributes
    ----------
    window_ms
        Length of the Hann window: longer than that of other features, as a low voice's period is.
    lowest_hz, highest_hz
        Range of the pitch.
    voiced
        Voicing from which a frame is voiced.
    """

    window_ms: float = 50.0
    lowest_hz: float = 50.0
    highest_hz: float = 500.0
    voiced: float = 0.45


@dataclass(frozen=True)
class Pitch:
    """The pitch of a recording; all arrays have shape (frames,).

    Attributes
    ----------
    period
        Pitch period in s, of every frame; it means nothing in one without voicing.
    f0
        Pitch in Hz; 0 in unvoiced frames.
    voicing
        The normalised autocorrelation at the period, in 0..1; 0 in silence.
    hnr
        10 log10(voicing / (1 - voicing)) in dB, clipped to ``HNR_DB``.
    """

    period: Floats
    f0: Floats
    voicing: Floats
    hnr: Floats


@dataclass(frozen=True)
class _Maxima:
    """Maxima of each frame's autocorrelation, all of shape (frames, maxima)."""

    period: Floats  # s
    height: Floats  # of the autocorrelation below 1 kHz; _NONE where there are fewer maxima
    voicing: Floats  # of all frequencies


def track_pitch(
    samples: np.ndarray, sample_rate: int, hop: int, frames: int, spec: PitchSpec
) -> Pitch:
    """Return the pitch of frames that are centred on every ``hop``-th sample.

    At both ends the window is moved to lie within the recording. ``samples`` has shape (n,).
    """
    correlator = _Correlator(sample_rate, spec)
    samples = np.pad(samples, (0, max(0, correlator.length - len(samples))))
    views = np.lib.stride_tricks.sliding_window_view(samples, correlator.length)
    starts = np.clip(np.arange(frames) * hop - correlator.length // 2, 0, len(views) - 1)
    parts = [correlator.maxima(views[starts[k : k + _CHUNK]]) for k in range(0, frames, _CHUNK)]
    found = _Maxima(
        np.concatenate([part.period for part in parts]),
        np.concatenate([part.height for part in parts]),
        np.concatenate([part.voicing for part in parts]),
    )
    rows, chosen = np.arange(frames), _chosen(found)
    period = np.clip(found.period[rows, chosen], 1 / spec.highest_hz, 1 / spec.lowest_hz)
    voicing = found.voicing[rows, chosen]
    low, high = (1 / (1 + 10 ** (-limit / 10)) for limit in HNR_DB)
    share = np.clip(voicing, low, high)
    f0 = np.where(voicing >= spec.voiced, 1 / period, 0.0)
    return Pitch(period, f0, voicing, 10 * np.log10(share / (1 - share)))


class _Correlator:
    """What the autocorrelations of all frames have in common."""

    def __init__(self, sample_rate: int, spec: PitchSpec) -> None:
        self.sample_rate = sample_rate
        self.length = max(2, round(spec.window_ms * sample_rate / 1000))
        self.first = max(1, int(sample_rate / spec.highest_hz))
        self.last = int(np.ceil(sample_rate / spec.lowest_hz))
        self.lags = np.arange(self.first, self.last + 1)
        needed = self.length + self.last + 2
        self.size: int = next_fast_len(needed, real=True)  # type: ignore[assignment]
        self.window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(self.length) + 0.5) / self.length)
        frequency = np.fft.rfftfreq(self.size, 1 / sample_rate)
        full, none = _BAND
        ramp = np.clip((frequency - full) / (none - full), 0, 1)
        self.low_pass = 0.5 + 0.5 * np.cos(np.pi * ramp)
        power = np.abs(np.fft.rfft(self.window, self.size)) ** 2
        taper = self._correlation(power, _FINER)
        self.energy, self.taper = taper[0], taper / taper[0]

    def maxima(self, frames: np.ndarray) -> _Maxima:
        """Return the best maxima of frames of shape (n, ``length``)."""
        windowed = frames * self.window
        offset = windowed.sum(axis=1, keepdims=True) / self.window.sum()
        windowed = windowed - offset * self.window
        power = np.abs(np.fft.rfft(windowed, self.size)) ** 2
        low = self._normalised(self._correlation(power * self.low_pass, 1))
        shift, height = self._peaks(low)
        score = height - _OCTAVE_COST * np.log2(self.lags)
        kept = min(_CANDIDATES, score.shape[1])
        best = np.argpartition(score, -kept, axis=1)[:, -kept:]
        lag = self.lags[best] + np.take_along_axis(shift, best, axis=1)
        every = self._normalised(self._correlation(power, _FINER))
        height = np.take_along_axis(height, best, axis=1)
        voicing = np.where(height == _NONE, 0.0, _strength(every, lag * _FINER))
        return _Maxima(lag / self.sample_rate, height, voicing)

    def _correlation(self, power: np.ndarray, finer: int) -> Floats:
        """Return the autocorrelation at lags up to one beyond the last, in steps of 1 / finer."""
        whole = np.fft.irfft(power, self.size * finer) * finer
        return whole[..., : (self.last + 1) * finer + 1]

    def _normalised(self, correlation: Floats) -> Floats:
        """Return autocorrelations in steps of 1 or 1 / _FINER samples without energy and taper."""
        step = 1 if correlation.shape[1] == len(self.taper) else _FINER
        energy = correlation[:, :1] + _SILENCE * self.energy
        return correlation / energy / self.taper[::step]

    def _peaks(self, correlation: Floats) -> tuple[Floats, Floats]:
        """Return for each lag how far from it a parabola has its maximum, and how high."""
        before, here, after = (
            correlation[:, self.first + k : self.last + 1 + k] for k in (-1, 0, 1)
        )
        peak = (here >= before) & (here > after)
        slope, bend = after - before, np.where(peak, 2 * here - before - after, 1.0)
        shift = np.where(peak, slope / (2 * bend), 0.0)
        return shift, np.where(peak, here + slope * shift / 4, _NONE)


def _strength(correlation: Floats, lag: Floats) -> Floats:
    """Return the maximum near ``lag``, shape (n, lags), in 0..1."""
    reach = np.maximum(1, np.round(_NEAR * lag).astype(np.int64))
    rows, middle = np.arange(len(lag))[:, None], np.round(lag).astype(np.int64)
    last = correlation.shape[1] - 2
    largest, place = np.full(lag.shape, -np.inf), middle
    for step in range(-int(reach.max()), int(reach.max()) + 1):
        at = np.minimum(middle + np.clip(step, -reach, reach), last)
        value = correlation[rows, at]
        larger = value > largest
        largest, place = np.where(larger, value, largest), np.where(larger, at, place)
    before, after = correlation[rows, place - 1], correlation[rows, place + 1]
    bend = 2 * largest - before - after
    peak = (largest >= before) & (largest > after)
    beyond = np.where(peak, (after - before) ** 2 / (8 * np.where(peak, bend, 1.0)), 0.0)
    return np.clip(largest + beyond, 0.0, 1.0)


def _chosen(found: _Maxima) -> NDArray[np.int64]:
    """Return the index of the maximum that is each frame's period."""
    octaves = np.log2(found.period)
    score = found.height - _OCTAVE_COST * octaves
    first = score.argmax(axis=1)[:, None]
    alone = np.take_along_axis(octaves, first, axis=1)[:, 0]
    alone[np.take_along_axis(found.voicing, first, axis=1)[:, 0] < 0.5] = np.inf
    around = np.sort(
        np.lib.stride_tricks.sliding_window_view(
            np.pad(alone, _NEIGHBOURS, constant_values=np.inf), 2 * _NEIGHBOURS + 1
        ),
        axis=1,
    )
    voiced = np.isfinite(around).sum(axis=1)
    median = np.take_along_axis(around, np.maximum(voiced - 1, 0)[:, None] // 2, axis=1)
    known = np.isfinite(median)
    stray = np.where(known, np.abs(octaves - np.where(known, median, 0.0)), 0.0)
    return (score - _STRAY_COST * stray).argmax(axis=1)
