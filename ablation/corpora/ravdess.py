"""RAVDESS, the audio-only speech files (Livingstone & Russo 2018, doi 10.5281/zenodo.1188976).

``Actor_07/03-01-05-01-02-01-07.wav``: modality, channel, emotion, intensity, statement,
repetition, actor.
"""

import re
from pathlib import Path

from ablation.corpora.base import (
    CorpusKind,
    Options,
    Utterance,
    audio_files,
    require_folder,
)
from ablation.errors import CorpusError

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgusted",
    "08": "surprised",
}
_NAME = re.compile(r"\d\d-\d\d-(?P<emotion>\d\d)-\d\d-\d\d-\d\d-(?P<actor>\d\d)")
_SPEECH = "03-01-"  # audio only, speech (not song)
_LAYOUT = "Actor_07/03-01-05-01-02-01-07.wav and the like"


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    folder = require_folder(root, "ravdess", _LAYOUT)
    utterances = []
    for file in audio_files(folder, "Actor_*/*"):
        match = _NAME.fullmatch(file.stem)
        if match is None or match["emotion"] not in EMOTIONS:
            raise CorpusError(
                f"{file} is not named as RAVDESS names its files (03-01-05-01-02-01-07.wav: the "
                f"third field is the emotion, 01 to 08)",
                "move it out of the corpus folder, or use a manifest",
            )
        if f"Actor_{match['actor']}" != file.parent.name:
            raise CorpusError(
                f"{file} names actor {match['actor']} but lies in {file.parent.name}",
                "move it to its actor's folder",
            )
        if file.stem.startswith(_SPEECH):
            utterances.append(
                Utterance(file.stem, file, match["actor"], EMOTIONS[match["emotion"]])
            )
    return utterances


KIND = CorpusKind(
    name="ravdess",
    summary="RAVDESS speech: 24 actors, 8 emotions, North American English, acted",
    layout=_LAYOUT,
    read=_read,
    label_maps={
        "four": {name: name for name in ("neutral", "happy", "angry", "sad")},
        "all": {name: name for name in EMOTIONS.values()},
    },
)
