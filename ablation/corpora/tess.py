"""Toronto emotional speech set (Pichora-Fuller & Dupuis 2020, doi 10.5683/SP2/E8H2MF).

``OAF_angry/OAF_back_angry.wav`` is named by speaker (OAF, 64 years; YAF, 26 years), word and
emotion; ``ps`` is pleasant surprise. The file name suffices, so folders may have any name or be
missing, as they are in the archive on the corpus' home page. Three things are known to be
irregular: ``OA_bite_neutral.wav`` is a recording of OAF, folders differ in spelling
(``OAF_Pleasant_surprise``, ``YAF_pleasant_surprised``), and some archives hold the whole corpus
twice, one copy inside the other. The inner copy is ignored.
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
from ablation.errors.corpora import DuplicateRecording, MisnamedRecording, MisplacedRecording

EMOTIONS = {
    "neutral": "neutral",
    "happy": "happy",
    "angry": "angry",
    "sad": "sad",
    "fear": "fearful",
    "disgust": "disgusted",
    "ps": "surprised",
}
_NAME = re.compile(r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z-]+)_(?P<emotion>[a-z]+)", re.IGNORECASE)
_FOLDER = re.compile(r"(?P<speaker>OAF|YAF)_(?P<emotion>[a-z]+)([_ -]surprised?)?", re.IGNORECASE)
_LAYOUT = "OAF_angry/OAF_back_angry.wav and the like"
_FORM = f"OAF_back_angry.wav (speaker OAF or YAF, word, emotion of {' '.join(EMOTIONS)})"


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    folder = require_folder(root, "tess", _LAYOUT)
    found: dict[str, Utterance] = {}
    # Outer folders come first, so that the inner copy is the one that is ignored.
    for file in sorted(audio_files(folder, "**/*"), key=lambda file: (len(file.parts), file)):
        utterance = _utterance(file)
        other = found.setdefault(utterance.id, utterance)
        if other is not utterance:
            _require_copy(file, other.file)
    return list(found.values())


def _utterance(file: Path) -> Utterance:
    match = _NAME.fullmatch(file.stem)
    emotion = match["emotion"].lower() if match else ""
    if match is None or emotion not in EMOTIONS:
        raise MisnamedRecording(file, "TESS", _FORM)
    speaker = match["speaker"].upper()
    speaker = "OAF" if speaker == "OA" else speaker
    place = _FOLDER.fullmatch(file.parent.name)
    if place is not None:
        expected = place["emotion"].lower()
        expected = "ps" if expected == "pleasant" else expected
        if (place["speaker"].upper(), expected) != (speaker, emotion):
            raise MisplacedRecording(file, f"speaker {speaker}, emotion {emotion}")
    return Utterance(
        f"{speaker}_{match['word'].lower()}_{emotion}", file, speaker, EMOTIONS[emotion]
    )


def _require_copy(file: Path, other: Path) -> None:
    """Raise :class:`CorpusError` for two files with one name of different content."""
    if file.read_bytes() != other.read_bytes():
        raise DuplicateRecording(file, other, "have one name, but their contents differ")


KIND = CorpusKind(
    name="tess",
    summary="Toronto emotional speech set: 2 speakers, 7 emotions, Canadian English, acted",
    layout=_LAYOUT,
    read=_read,
    label_maps={
        "four": {name: name for name in ("neutral", "happy", "angry", "sad")},
        "all": {name: name for name in EMOTIONS.values()},
    },
)
