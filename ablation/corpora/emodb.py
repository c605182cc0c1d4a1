"""Berlin Database of Emotional Speech (Burkhardt et al., Interspeech 2005).

The file name ``03a01Fa.wav`` means speaker 03, text a01, emotion F, version a.
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
from ablation.errors.corpora import MisnamedRecording

EMOTIONS = {
    "W": "angry",
    "L": "bored",
    "E": "disgusted",
    "A": "afraid",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_NAME = re.compile(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[A-Z])(?P<version>[a-z]?)")
_LAYOUT = "wav/03a01Fa.wav and the like"
_FORM = f"03a01Fa.wav (speaker, text, emotion of {' '.join(EMOTIONS)}, version)"


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    folder = require_folder(root, "emodb", _LAYOUT)
    files = audio_files(folder, "wav/*") or audio_files(folder, "*")
    utterances = []
    for file in files:
        match = _NAME.fullmatch(file.stem)
        if match is None or match["emotion"] not in EMOTIONS:
            raise MisnamedRecording(file, "EmoDB", _FORM)
        utterances.append(Utterance(file.stem, file, match["speaker"], EMOTIONS[match["emotion"]]))
    return utterances


KIND = CorpusKind(
    name="emodb",
    summary="Berlin Database of Emotional Speech: 10 speakers, 7 emotions, German, acted",
    layout=_LAYOUT,
    read=_read,
    label_maps={
        "four": {name: name for name in ("neutral", "happy", "angry", "sad")},
        "all": {
            name: name
            for name in ("neutral", "happy", "angry", "sad", "afraid", "bored", "disgusted")
        },
    },
)
