"""RAVDESS, the audio-only speech files (Livingstone & Russo 2018, doi 10.5281/zenodo.1188976).

``Actor_07/03-01-05-01-02-01-07.wav`` is named by modality, channel, emotion, intensity, statement,
repetition and actor.
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
from ablation.errors.corpora import MisnamedRecording, MisplacedRecording

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
_FORM = "03-01-05-01-02-01-07.wav (the third field is the emotion, 01 to 08)"


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    folder = require_folder(root, "ravdess", _LAYOUT)
    utterances = []
    for file in audio_files(folder, "Actor_*/*"):
        match = _NAME.fullmatch(file.stem)
        if match is None or match["emotion"] not in EMOTIONS:
            raise MisnamedRecording(file, "RAVDESS", _FORM)
        if f"Actor_{match['actor']}" != file.parent.name:
            raise MisplacedRecording(file, f"actor {match['actor']}")
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
