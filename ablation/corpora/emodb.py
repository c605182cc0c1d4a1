"""Berlin Database of Emotional Speech (Burkhardt et al., Interspeech 2005).

A file name says all: ``03a01Fa.wav`` is speaker 03, text a01, emotion F, version a.
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


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    folder = require_folder(root, "emodb", _LAYOUT)
    files = audio_files(folder, "wav/*") or audio_files(folder, "*")
    utterances = []
    for file in files:
        match = _NAME.fullmatch(file.stem)
        if match is None or match["emotion"] not in EMOTIONS:
            raise CorpusError(
                f"{file} is not named as EmoDB names its files (03a01Fa.wav: speaker, text, "
                f"emotion of {' '.join(EMOTIONS)}, version)",
                "move it out of the corpus folder, or use a manifest",
            )
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
