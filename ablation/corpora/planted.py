"""Synthetic sounds carry their class in a pattern of known extent, and in nothing smaller.

Every utterance is a cloud of short tones in noise.  Tones come in pairs whose place in time and
frequency is random.  In a *near* pair the two tones are exactly ``extent`` apart along the studied
axis (frequency for "height", time for "width"); in a *far* pair they are a random distance of more
than ``FAR_HERTZ`` or ``FAR_SECONDS`` apart, beyond the reach of any filter one would try.  The
class is the fraction of near pairs, from none to all.

Why a smaller filter is blind.  Both tones of either kind of pair are uniform over the band (or the
utterance), which is treated as a circle, so each tone alone has the same distribution in every
class.  Pairs are independent of each other, so two tones of *different* pairs fall into one small
patch equally often in every class; two tones of the *same* pair never do.  Every patch smaller than
the extent is therefore identically distributed in all classes, and so is the mean of anything
computed from such patches, which is all that convolution, ReLU and global average pooling can pass
to a linear layer.  A filter that spans the extent can respond to both tones at once.

How small an extent may be depends on the analysis, not on the construction.  With a 40 ms Hamming
window a tone is about 100 Hz high (main lobe, null to null) and a burst about 50 ms wide, so a
filter begins to see both tones some 100 Hz or 50 ms below the extent, and extents below about
150 Hz or 75 ms merge the two tones into one blob that any filter can detect.  Side lobes, 43 dB
down, are masked by noise; phases are random, so beats carry no information.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ablation.corpora.voice import LABELS, SAMPLE_RATE, SPEAKERS, Rendering

AXES = ("height", "width")
LOW, HIGH = 300.0, 3700.0  # Hz, the band of the tones
FAR_HERTZ = 1200.0
FAR_SECONDS = 0.8
NEAR_FRACTIONS = (0.0, 1 / 3, 2 / 3, 1.0)  # in the order of LABELS

_PAIRS_PER_SECOND = 14.0
_TONE_SECONDS = {"height": 0.12, "width": 0.012}  # long and narrow, or short and broad

Floats = NDArray[np.float64]


def render_planted(seed: int, utterances: int, axis: str, extent: float) -> Iterator[Rendering]:
    """Yield ``utterances`` renderings of 2 to 3 s, classes balanced over and within speakers.

    ``extent`` is in Hz for axis "height" (about 150 to 1000) and in ms for "width" (about 75 to
    700). 0 plants nothing: all pairs are far ones, and the classes do not differ. Speakers differ
    in noise, level and the steadiness of their tones, which do not depend on the class. An
    utterance depends only on the arguments and its own id. Raises ValueError for an unknown axis
    or an extent out of range.
    """
    reach = FAR_HERTZ if axis == "height" else FAR_SECONDS * 1000
    if axis not in AXES:
        raise ValueError(f"axis must be one of {AXES}, not {axis!r}")
    if not 0 <= extent < reach:
        raise ValueError(f"extent along the {axis} must be between 0 and {reach:g}, not {extent}")
    for speaker, name in enumerate(SPEAKERS):
        # Speakers start at different labels, so that classes balance even with few utterances.
        for turn in range(len(range(speaker, utterances, len(SPEAKERS)))):
            label = (turn + speaker) % len(LABELS)
            number = turn // len(LABELS)
            rng = generator(seed, speaker, 1 + label + len(LABELS) * number)
            near = NEAR_FRACTIONS[label] if extent else 0.0
            samples = _cloud(axis, extent, near, rng)
            samples = recorded(samples, generator(seed, speaker, 0), rng)
            identity = f"{name}_{LABELS[label]}_{number:02d}"
            yield Rendering(identity, name, LABELS[label], samples.astype(np.float32))


def generator(seed: int, speaker: int, utterance: int) -> np.random.Generator:
    """Return the generator of an utterance; number 0 is for the speaker's own character."""
    return np.random.default_rng(np.random.SeedSequence((seed, speaker, utterance)))


def _cloud(axis: str, extent: float, near_fraction: float, rng: np.random.Generator) -> Floats:
    """Return pairs of tones, each tone with an amplitude and a phase of its own."""
    seconds = rng.uniform(2.0, 3.0)
    pairs = round(seconds * _PAIRS_PER_SECOND)
    near = np.arange(pairs) < near_fraction * pairs
    band = HIGH - LOW
    hertz = np.repeat(rng.uniform(0.0, band, pairs)[:, None], 2, axis=1)
    times = np.repeat(rng.uniform(0.0, seconds, pairs)[:, None], 2, axis=1)
    if axis == "height":
        far = rng.uniform(FAR_HERTZ, band - FAR_HERTZ, pairs)
        hertz[:, 1] = (hertz[:, 0] + np.where(near, extent, far)) % band
    else:
        far = rng.uniform(FAR_SECONDS, seconds - FAR_SECONDS, pairs)
        times[:, 1] = (times[:, 0] + np.where(near, extent / 1000, far)) % seconds
    return tones(LOW + hertz.ravel(), times.ravel(), seconds, _TONE_SECONDS[axis], rng)


def tones(
    hertz: Floats,
    times: Floats,
    seconds: float,
    duration: float,
    rng: np.random.Generator,
    slopes: Floats | float = 0.0,
) -> Floats:
    """Return the sum of tones under Hann envelopes, centred on their times, cut at both ends.

    ``hertz`` is their frequency in the middle, ``slopes`` its change in Hz/s.
    """
    size = round(duration * SAMPLE_RATE)
    length = round(seconds * SAMPLE_RATE)
    centre = np.round(times * SAMPLE_RATE).astype(np.int64)
    amplitude = 10 ** (rng.uniform(-3.0, 3.0, hertz.size) / 20)
    phase = rng.uniform(0.0, 2 * np.pi, hertz.size)
    angle = 2 * np.pi * hertz[:, None] * np.arange(size) / SAMPLE_RATE + phase[:, None]
    bend = ((np.arange(size) - size / 2) / SAMPLE_RATE) ** 2
    angle += np.pi * np.broadcast_to(slopes, hertz.shape)[:, None] * bend
    grains = amplitude[:, None] * np.cos(angle) * np.hanning(size + 2)[1:-1]
    signal = np.zeros(length + size + 1)
    for grain, start in zip(grains, centre.tolist(), strict=True):
        signal[start : start + size] += grain
    return signal[size // 2 : size // 2 + length]


def recorded(signal: Floats, character: np.random.Generator, rng: np.random.Generator) -> Floats:
    """Add white noise and set the level, both varying around the speaker's own values."""
    noise = character.uniform(-34.0, -28.0) + rng.uniform(-1.0, 1.0)  # dB re a tone's amplitude
    level = character.uniform(-4.0, 4.0) + rng.uniform(-2.0, 2.0)  # dB
    signal = signal + 10 ** (noise / 20) * rng.normal(0.0, 1.0, signal.size)
    signal *= 0.1 * 10 ** (level / 20)
    return signal * min(1.0, 0.98 / float(np.max(np.abs(signal))))
