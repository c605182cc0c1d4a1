"""CREMA-D, the recordings as WAV (Cao et al. 2014, doi 10.1109/TAFFC.2014.2336244).

``AudioWAV/1001_DFA_ANG_XX.wav`` is named by actor, sentence, emotion and level. One file has a
level of one letter, ``1040_ITH_SAD_X.wav``; another, ``1076_MTI_SAD_XX.wav``, holds only zeros and
is left out.
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
from ablation.corpora.lfs import is_pointer
from ablation.errors.corpora import MisnamedRecording, PointerFile

EMOTIONS = {
    "NEU": "neutral",
    "HAP": "happy",
    "ANG": "angry",
    "SAD": "sad",
    "FEA": "fearful",
    "DIS": "disgusted",
}
_NAME = re.compile(
    r"(?P<actor>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>XX?|LO|MD|HI)"
)
_SILENT = {"1076_MTI_SAD_XX"}
_LAYOUT = "AudioWAV/1001_DFA_ANG_XX.wav and the like"
_FORM = (
    f"1001_DFA_ANG_XX.wav (actor, sentence, emotion of {' '.join(EMOTIONS)}, level of XX LO MD HI)"
)


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    folder = require_folder(root, "crema_d", _LAYOUT)
    files = audio_files(folder, "AudioWAV/*") or audio_files(folder, "*")
    utterances = []
    for file in files:
        match = _NAME.fullmatch(file.stem)
        if match is None or match["emotion"] not in EMOTIONS:
            raise MisnamedRecording(file, "CREMA-D", _FORM)
        if is_pointer(file):
            raise PointerFile(file)
        if file.stem not in _SILENT:
            emotion = EMOTIONS[match["emotion"]]
            utterances.append(Utterance(file.stem, file, match["actor"], emotion))
    return utterances


KIND = CorpusKind(
    name="crema_d",
    summary="CREMA-D: 91 actors, 6 emotions, American English, acted",
    layout=_LAYOUT,
    read=_read,
    label_maps={
        "four": {name: name for name in ("neutral", "happy", "angry", "sad")},
        "all": {name: name for name in EMOTIONS.values()},
    },
)
