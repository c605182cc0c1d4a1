"""Synthetic sounds whose arousal is in their level and pace, and whose valence is in their melody.

Every utterance is a cloud of short tones that glide up or down.  The high-aroused classes (happy
and angry) are louder and denser than the others, which any summary of an utterance shows.  Positive
and negative ones (neutral and happy, sad and angry) differ in nothing but how many of their tones
rise: a glide and its mirror image have the same distribution of every single frame, so statistics
of frames cannot tell them apart, while a filter that sees a piece of a glide can.  Speech is alike
in this: acoustic statistics show arousal well and valence badly (Schuller, Batliner, Steidl &
Seppi 2011, Speech Comm. 53:1062).
"""

from collections.abc import Iterator

import numpy as np

from ablation.corpora.planted import HIGH, LOW, generator, recorded, tones
from ablation.corpora.voice import LABELS, SPEAKERS, Rendering

RISING = {"neutral": 0.9, "happy": 0.9, "angry": 0.1, "sad": 0.1}  # share of tones that rise
_AROUSED = {"neutral": 0.0, "happy": 1.0, "angry": 1.0, "sad": 0.0}
_TONES_PER_SECOND = 14.0
_DENSER = 1.5  # times as many tones, where aroused
_LOUDER = 5.0  # dB, where aroused
_SECONDS = 0.2  # of a tone
_NOISE = 0.3  # standard deviation, re a tone's amplitude
_SPEED = 1200.0  # Hz/s


def render_glides(seed: int, utterances: int) -> Iterator[Rendering]:
    """Yield ``utterances`` renderings of 2 to 3 s, classes balanced over and within speakers.

    Speakers differ in noise, level and pace. An utterance depends only on the seed and its own id.
    """
    for speaker, name in enumerate(SPEAKERS):
        # Speakers start at different labels, so that classes balance even with few utterances.
        for turn in range(len(range(speaker, utterances, len(SPEAKERS)))):
            index = (turn + speaker) % len(LABELS)
            label, number = LABELS[index], turn // len(LABELS)
            rng = generator(seed, speaker, 1 + index + len(LABELS) * number)
            character = generator(seed, speaker, 0)
            pace = _TONES_PER_SECOND * 2 ** character.uniform(-0.3, 0.3)
            aroused = float(np.clip(_AROUSED[label] + rng.normal(0.0, 0.3), -0.5, 1.5))
            seconds = rng.uniform(2.0, 3.0)
            count = round(seconds * pace * _DENSER**aroused * 2 ** rng.uniform(-0.2, 0.2))
            upwards = np.where(rng.permutation(count) < RISING[label] * count, 1.0, -1.0)
            hertz = rng.uniform(LOW, HIGH, count)
            times = rng.uniform(0.0, seconds, count)
            glides = tones(hertz, times, seconds, _SECONDS, rng, _SPEED * upwards)
            glides += _NOISE * rng.normal(0.0, 1.0, glides.size)
            samples = recorded(glides, character, rng) * 10 ** (_LOUDER * (aroused - 1) / 20)
            identity = f"{name}_{label}_{number:02d}"
            yield Rendering(identity, name, label, samples.astype(np.float32))
