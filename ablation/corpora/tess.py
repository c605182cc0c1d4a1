"""Toronto emotional speech set (Pichora-Fuller & Dupuis 2020, doi 10.5683/SP2/E8H2MF).

``OAF_angry/OAF_back_angry.wav``: speaker (OAF, 64 years; YAF, 26 years), word, emotion; ``ps`` is
pleasant surprise. The file name says all, so that the folders may be called as they like or be
missing, as they are in the archive of the corpus' home. Three things are known to be irregular:
``OA_bite_neutral.wav`` is a recording of OAF, folders differ in spelling
(``OAF_Pleasant_surprise``, ``YAF_pleasant_surprised``), and some archives hold the whole corpus
twice, one copy inside the other. A copy is passed over; the outer files are taken.
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


def _read(root: Path | None, _options: Options) -> list[Utterance]:
    folder = require_folder(root, "tess", _LAYOUT)
    found: dict[str, Utterance] = {}
    # Outer folders first, so that a copy inside is the one that is passed over.
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
        raise CorpusError(
            f"{file} is not named as TESS names its files (OAF_back_angry.wav: speaker OAF or YAF, "
            f"word, emotion of {' '.join(EMOTIONS)})",
            "move it out of the corpus folder, or use a manifest",
        )
    speaker = match["speaker"].upper()
    speaker = "OAF" if speaker == "OA" else speaker
    place = _FOLDER.fullmatch(file.parent.name)
    if place is not None:
        told = place["emotion"].lower()
        told = "ps" if told == "pleasant" else told
        if (place["speaker"].upper(), told) != (speaker, emotion):
            raise CorpusError(
                f"{file} names speaker {speaker} and emotion {emotion} but lies in "
                f"{file.parent.name}",
                "move it to its own folder",
            )
    return Utterance(
        f"{speaker}_{match['word'].lower()}_{emotion}", file, speaker, EMOTIONS[emotion]
    )


def _require_copy(file: Path, other: Path) -> None:
    """A recording that is there twice must be the same one, or nobody knows which is meant."""
    if file.read_bytes() != other.read_bytes():
        raise CorpusError(
            f"{file} and {other} are one recording by their names, but not by their content",
            "remove one of them",
        )


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
