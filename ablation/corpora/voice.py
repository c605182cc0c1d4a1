"""A source-filter model speaks nonsense syllables in four emotions.

Every utterance is planned as a sequence of syllables, excited by glottal pulses and noise, and
filtered by formants that move from target to target.  The emotion changes only prosody and voice
quality, in the directions that the reviews agree on:

* anger: loud, fast, few pauses, F0 and its range up, energy shifted to high frequencies, a harsh
  (irregular) voice, a raised first formant and precise vowels;
* happiness: F0 and its range raised most, fast, bright, the tract shortened by spread lips;
* sadness: F0 and its range down, slow, many pauses, steep spectrum, lax, breathy, vague vowels.

Sources: Murray & Arnott (1993, JASA 93:1097), Banse & Scherer (1996, JPSP 70:614), Juslin & Laukka
(2003, Psych. Bull. 129:770), Scherer (2003, Speech Comm. 40:227), and for voice quality Gobl &
Ni Chasaide (2003, Speech Comm. 40:189).  The pulses follow Klatt & Klatt (1990, JASA 87:820), the
formant cascade follows Klatt (1980, JASA 67:971), and the vowels are those of Peterson & Barney
(1952, JASA 24:175).

The directions are from the literature, the sizes are not: they were chosen, and for harshness
exaggerated, so that the classes overlap and yet a small network learns some of them quickly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LABELS = ("neutral", "happy", "angry", "sad")
SPEAKERS = ("f01", "f02", "f03", "f04", "f05", "m01", "m02", "m03", "m04", "m05")
SAMPLE_RATE = 16_000  # Hz

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]

_CLASS_SIZES = (1099, 284, 289, 608)  # the improvised utterances of IEMOCAP, in the order of LABELS
_CONTROL_RATE = 200  # Hz; plans are sampled every 5 ms
_PULSE = 512  # samples (32 ms) of one pulse; formants have died away by its end
_CLOSURE = 160  # samples before glottal closure, room for the open phase
_GRAIN = 256  # samples of one noise grain, at half overlap

# Formants of an adult male in Hz: i, e, a, o, u and a reduced vowel.
_F1 = (270.0, 530.0, 730.0, 570.0, 300.0, 500.0)
_F2 = (2290.0, 1840.0, 1090.0, 840.0, 870.0, 1500.0)
_F3 = (3010.0, 2480.0, 2440.0, 2410.0, 2240.0, 2500.0)
_VOWELS = np.array([_F1, _F2, _F3]).T
_SCHWA = _VOWELS[-1]
_HIGH_FORMANTS = (3500.0, 4500.0)  # Hz
_BANDWIDTHS = (90.0, 110.0, 160.0, 250.0, 350.0)  # Hz


class Cues(NamedTuple):
    """These cues are what an emotion may change; the tables below are in the same units."""

    pitch: float  # mean F0, semitones re the speaker's own
    span: float  # size of pitch accents, semitones
    rate: float  # syllables per second of speech
    pause: float  # probability of a pause after a syllable
    tilt: float  # cut-off of the source's low-pass, octaves re 1 kHz
    opening: float  # open quotient, 0.3 (pressed) to 0.95 (lax)
    breath: float  # aspiration noise, dB re a modal voice
    jitter: float  # period perturbation, per cent
    shimmer: float  # pulse amplitude perturbation, dB
    precision: float  # size of the vowel space, 1 = full
    jaw: float  # shift of F1, per cent
    smile: float  # shift of all formants, per cent
    level: float  # intensity, dB


_NEUTRAL = np.array(Cues(0.0, 2.0, 4.4, 0.2, 0.6, 0.62, 0.0, 0.7, 0.4, 0.85, 0.0, 0.0, 0.0))
_SCATTER = np.array(Cues(1.2, 0.5, 0.4, 0.02, 0.25, 0.04, 2.0, 0.2, 0.1, 0.06, 2.0, 1.0, 2.0))
_SHIFTS = {
    "neutral": np.zeros(len(_NEUTRAL)),
    "happy": np.array(Cues(7.2, 3.5, 1.0, -0.16, 2.2, 0.0, 0.0, 0.2, 0.2, 0.16, 6.4, 8.0, 4.0)),
    "angry": np.array(Cues(1.6, 2.2, 1.9, -0.24, 4.5, 0.0, -6.4, 6.4, 2.4, 0.32, 19.0, 0.0, 8.0)),
    "sad": np.array(Cues(-3.2, -2.2, -2.1, 0.2, -3.0, 0.3, 5.0, 0.5, 0.5, -0.5, -8.0, -1.6, -6.4)),
}
_LOWEST = np.array(Cues(-12, 0.4, 2.0, 0.0, -3.0, 0.3, -12, 0.1, 0.05, 0.1, -25, -10, -12))
_HIGHEST = np.array(Cues(18, 9.0, 8.0, 0.6, 3.5, 0.95, 14, 12, 5, 1.5, 50, 25, 15))


@dataclass(frozen=True)
class Rendering:
    """A rendering is one synthetic utterance: mono float32 samples in [-1, 1] at 16 kHz."""

    id: str
    speaker: str
    label: str
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class _Speaker:
    pitch: float  # Hz
    formant_scale: float  # re the adult male of the vowel table
    habits: Floats  # permanent deviations from the neutral cues, (cues,)
    expressivity: Floats  # how much of an emotion's shift is used, (labels, cues)
    noise: float  # dB re speech at a neutral level
    gain: float  # dB, distance to the microphone


@dataclass(frozen=True)
class _Plan:
    """A plan holds control tracks, one row per 5 ms."""

    times: Floats  # s
    pitch: Floats  # Hz
    voice: Floats  # amplitude of the pulses
    hiss: Floats  # amplitude of consonant noise
    hiss_centre: Floats  # Hz
    formants: Floats  # (rows, 5), Hz


def render_corpus(seed: int, utterances: int) -> Iterator[Rendering]:
    """Yield ``utterances`` renderings, speaker by speaker, in about IEMOCAP's class proportions.

    With at least 80 utterances every speaker has every class.  An utterance depends only on the
    seed and its own id, so ``f01_angry_03`` is the same whatever was rendered before it.
    """
    counts = _shares(utterances)
    for speaker, name in enumerate(SPEAKERS):
        character = _character(seed, speaker)
        for label, emotion in enumerate(LABELS):
            for number in range(counts[speaker, label]):
                rng = _generator(seed, speaker, 1 + label + len(LABELS) * number)
                samples = _speak(character, label, rng)
                yield Rendering(f"{name}_{emotion}_{number:02d}", name, emotion, samples)


def _shares(utterances: int) -> NDArray[np.int64]:
    """Return the utterances per speaker and class: by largest remainders, then dealt in turn."""
    ideal = utterances * np.array(_CLASS_SIZES) / sum(_CLASS_SIZES)
    totals = np.floor(ideal).astype(np.int64)
    short = utterances - int(totals.sum())
    totals[np.argsort(totals - ideal, kind="stable")[:short]] += 1
    # Dealing continues where the last class stopped: speakers' totals differ by at most one.
    dealt = np.arange(utterances) % len(SPEAKERS)
    label = np.repeat(np.arange(len(LABELS)), totals)
    counts = np.zeros((len(SPEAKERS), len(LABELS)), dtype=np.int64)
    np.add.at(counts, (dealt, label), 1)
    return counts


def _generator(seed: int, speaker: int, utterance: int) -> np.random.Generator:
    """Return the generator of an utterance; number 0 is for the speaker's own character."""
    return np.random.default_rng(np.random.SeedSequence((seed, speaker, utterance)))


def _character(seed: int, speaker: int) -> _Speaker:
    rng = _generator(seed, speaker, 0)
    female = SPEAKERS[speaker].startswith("f")
    overall = rng.lognormal(0.0, 0.15)
    return _Speaker(
        pitch=(195.0 if female else 120.0) * 2 ** (rng.uniform(-2.0, 2.0) / 12),
        formant_scale=(1.17 if female else 1.0) * rng.uniform(0.94, 1.06),
        habits=_SCATTER * rng.normal(0.0, 0.5, len(_SCATTER)),
        expressivity=overall * rng.lognormal(0.0, 0.25, (len(LABELS), len(_NEUTRAL))),
        noise=rng.uniform(-60.0, -50.0),
        gain=rng.uniform(-3.0, 3.0),
    )


def _speak(speaker: _Speaker, label: int, rng: np.random.Generator) -> NDArray[np.float32]:
    strength = speaker.expressivity[label] * rng.lognormal(0.0, 0.4)
    shift = strength * _SHIFTS[LABELS[label]]
    scatter = _SCATTER * rng.normal(0.0, 1.0, len(_SCATTER))
    values = _NEUTRAL + speaker.habits + shift + scatter
    cues = Cues(*np.clip(values, _LOWEST, _HIGHEST).tolist())
    seconds = float(np.clip(rng.lognormal(np.log(2.9), 0.3), 1.0, 6.0))
    plan = _plan(speaker, cues, seconds, rng)
    length = round(seconds * SAMPLE_RATE)
    speech = _voiced(plan, cues, length, rng) + _noises(plan, cues, length, rng)
    return _recorded(speech, speaker, cues, rng).astype(np.float32)


def _plan(speaker: _Speaker, cues: Cues, seconds: float, rng: np.random.Generator) -> _Plan:
    """Place syllables until the time is used up, and sample the tracks between their targets."""
    scale = speaker.formant_scale * (1 + cues.smile / 100)
    time, end = rng.uniform(0.05, 0.2), seconds - rng.uniform(0.08, 0.2)
    knots: list[tuple[float, float, float, float, float, float, float]] = []
    accents = [(0.0, 0.0)]
    centre = 4000.0
    vowel = _SCHWA

    def target(when: float, voice: float, hiss: float) -> None:
        knots.append((when, voice, hiss, centre, *vowel))

    target(0.0, 0.0, 0.0)
    while time < end:
        syllable = rng.lognormal(0.0, 0.2) / cues.rate
        onset = syllable * rng.uniform(0.15, 0.35)
        kind = rng.choice(4, p=(0.15, 0.35, 0.25, 0.25))  # none, stop, fricative, nasal or liquid
        centre = rng.uniform(1800.0, 5500.0)
        voiced_onset = (0.6, 0.0, 0.0, 0.35)[kind]
        target(time, voiced_onset, 0.0)
        target(time + 0.5 * onset, voiced_onset, (0.0, 0.0, 0.35, 0.0)[kind])
        target(time + 0.85 * onset, voiced_onset, (0.0, 0.9, 0.35, 0.0)[kind])
        vowel = _SCHWA + cues.precision * (_VOWELS[rng.integers(len(_VOWELS))] - _SCHWA)
        vowel = vowel * rng.normal(1.0, 0.04, 3) * np.array([1 + cues.jaw / 100, 1.0, 1.0])
        stressed = rng.random() < 0.4
        loud = 1.0 if stressed else rng.uniform(0.7, 0.9)
        target(time + onset + 0.02, loud, 0.0)
        target(time + 0.85 * syllable, 0.85 * loud, 0.0)
        accents.append((time + 0.6 * syllable, rng.gamma(4.0, 0.25) if stressed else -0.25))
        time += syllable
        if rng.random() < cues.pause:
            target(time, 0.0, 0.0)
            time += rng.uniform(0.12, 0.5)
            target(time, 0.0, 0.0)
    tracks = np.array([knot for knot in knots if knot[0] < end] + [(end, 0, 0, 4000, *_SCHWA)])
    grid = np.arange(int(seconds * _CONTROL_RATE) + 2) / _CONTROL_RATE
    voice, hiss, centres, *formants = (
        _smooth(np.interp(grid, tracks[:, 0], column), 5) for column in tracks[:, 1:].T
    )
    formants += [np.full(grid.size, frequency) for frequency in _HIGH_FORMANTS]
    melody = np.interp(grid, *np.array(accents).T) * cues.span
    declination = -0.9 * cues.span * (grid / seconds - 0.5)
    wander = _smooth(rng.normal(0.0, 1.5, grid.size), 30)
    semitones = cues.pitch + _smooth(melody, 15) + declination + wander
    pitch = np.clip(speaker.pitch * 2 ** (semitones / 12), 60.0, 500.0)
    spectrum = np.minimum(np.stack(formants, axis=1) * scale, 0.46 * SAMPLE_RATE)
    return _Plan(grid, pitch, np.maximum(voice, 0.0), np.maximum(hiss, 0.0), centres, spectrum)


def _smooth(track: Floats, width: int) -> Floats:
    """Return the moving average, with the edge values repeated beyond both ends."""
    padded = np.pad(track, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")


def _voiced(plan: _Plan, cues: Cues, length: int, rng: np.random.Generator) -> Floats:
    """Overlap-add the vocal tract's response to every glottal pulse, one spectrum per pulse."""
    grid = plan.times
    cycles = np.concatenate([[0.0], np.cumsum(plan.pitch[:-1]) / _CONTROL_RATE])
    times = np.interp(np.arange(1, int(cycles[-1])), cycles, grid)
    pitch, voice = np.interp(times, grid, plan.pitch), np.interp(times, grid, plan.voice)
    times = times + cues.jitter / 100 * rng.normal(0.0, 1.0, times.size) / pitch
    strength = voice * 10 ** (cues.shimmer * rng.normal(0.0, 1.0, times.size) / 20)
    audible = (voice > 0.01) & (times > 0)
    times, pitch, strength = times[audible], pitch[audible], strength[audible]

    opening = np.minimum(cues.opening / pitch, 0.95 * _CLOSURE / SAMPLE_RATE)
    source = _open_phase(opening)
    cutoff = 1000.0 * 2**cues.tilt
    decay = np.exp(-2 * np.pi * cutoff / SAMPLE_RATE)
    source *= ((1 - decay) / (1 - decay * _unit_delay(_PULSE))) ** 2
    samples = times * SAMPLE_RATE
    first = np.floor(samples).astype(np.int64)
    lag = (samples - first + _CLOSURE)[:, None]
    source *= strength[:, None] * np.exp(-2j * np.pi * np.fft.rfftfreq(_PULSE) * lag)
    grains = np.fft.irfft(source * _tract(_at(plan.formants, grid, times), _PULSE), axis=1)
    return _overlap_add(grains, first - _CLOSURE, length)


def _open_phase(seconds: Floats) -> Spectra:
    """Return spectra of flow derivatives 2x - 3x^2, x from 0 to 1 at closure, which is time zero.

    They are in closed form: sampling the jump at closure would alias into a noise floor.
    """
    turn = 2j * np.pi * np.fft.rfftfreq(_PULSE, 1 / SAMPLE_RATE)[1:] * seconds[:, None]
    closed = np.exp(turn)
    rise = 2 * (closed - 1 - turn) / turn**2
    fall = 3 * (2 * closed - 2 - 2 * turn - turn**2) / turn**3
    spectra = np.zeros((seconds.size, _PULSE // 2 + 1), dtype=np.complex128)
    spectra[:, 1:] = (rise - fall) * seconds[:, None] * SAMPLE_RATE
    return spectra


def _noises(plan: _Plan, cues: Cues, length: int, rng: np.random.Generator) -> Floats:
    """Return aspiration through the tract, and consonant noise around its centre frequency."""
    starts = np.arange(-_GRAIN // 2, length, _GRAIN // 2)
    grid = plan.times
    times = (starts + _GRAIN / 2) / SAMPLE_RATE
    window = np.hanning(_GRAIN + 1)[:-1]
    noise = np.fft.rfft(rng.normal(0.0, 1.0, (starts.size, _GRAIN)) * window, axis=1)
    breath = 0.004 * 10 ** (cues.breath / 20)
    voice = breath * np.interp(times, grid, plan.voice)
    shape = voice[:, None] * _tract(_at(plan.formants, grid, times), _GRAIN)
    frequency = np.maximum(np.fft.rfftfreq(_GRAIN, 1 / SAMPLE_RATE), 50.0)
    octaves = np.log2(frequency / np.interp(times, grid, plan.hiss_centre)[:, None])
    effort = 2 ** (0.5 * cues.tilt)  # friction grows with loudness too
    hiss = effort * np.interp(times, grid, plan.hiss)[:, None] * np.exp(-2.0 * octaves**2)
    return _overlap_add(np.fft.irfft(noise * (shape + 0.15 * hiss), axis=1), starts, length)


def _recorded(speech: Floats, speaker: _Speaker, cues: Cues, rng: np.random.Generator) -> Floats:
    """Add a small room and background noise that falls with frequency, and set the level."""
    size = 1 << int(speech.size + 0.3 * SAMPLE_RATE).bit_length()
    tail = np.arange(int(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
    room = rng.normal(0.0, 1.0, tail.size) * np.exp(-tail / rng.uniform(0.02, 0.05))
    room *= 10 ** (rng.uniform(-16.0, -10.0) / 20) / np.sqrt(np.sum(room**2))
    room[0] += 1.0
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    highpass = frequency / np.hypot(frequency, 60.0)
    heard = np.fft.rfft(speech, size) * np.fft.rfft(room, size) * highpass
    colour = highpass / np.sqrt(1 + frequency / 300.0)
    background = np.fft.irfft(np.fft.rfft(rng.normal(0.0, 1.0, size)) * colour)[: speech.size]
    sound = np.fft.irfft(heard)[: speech.size]
    sound /= np.sqrt(np.mean(sound**2))
    sound *= 10 ** (cues.level / 20)
    floor = speaker.noise + rng.normal(0.0, 2.0)  # a room's noise does not follow the voice
    sound += background * 10 ** (floor / 20) / np.sqrt(np.mean(background**2))
    sound *= 0.035 * 10 ** (speaker.gain / 20)
    return sound * min(1.0, 0.98 / float(np.max(np.abs(sound))))


def _unit_delay(size: int) -> Spectra:
    return np.exp(-2j * np.pi * np.fft.rfftfreq(size))


def _tract(formants: Floats, size: int) -> Spectra:
    """Return the response of the cascaded two-pole formants, (rows, bins), 1 at 0 Hz."""
    response = np.ones((formants.shape[0], size // 2 + 1), dtype=np.complex128)
    delay = _unit_delay(size)
    for frequency, bandwidth in zip(formants.T, _BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        middle = 2 * radius * np.cos(2 * np.pi * frequency[:, None] / SAMPLE_RATE)
        response *= (1 - middle + radius**2) / (1 - middle * delay + radius**2 * delay**2)
    return response


def _at(tracks: Floats, grid: Floats, times: Floats) -> Floats:
    return np.stack([np.interp(times, grid, column) for column in tracks.T], axis=1)


def _overlap_add(grains: Floats, starts: NDArray[np.int64], length: int) -> Floats:
    """Return the rows summed into a signal; samples outside it are dropped."""
    size = grains.shape[1]
    signal = np.zeros(length + 2 * size)
    for grain, start in zip(grains, starts.tolist(), strict=True):
        if start < length:
            signal[start + size : start + 2 * size] += grain
    return signal[size : size + length]
