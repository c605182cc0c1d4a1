"""Folders laid out as corpora are, with recordings of a few samples."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import soundfile

FOUR = ("neutral", "happy", "angry", "sad")
SENTENCES = ("DFA", "IEO")


def sound(seed: int = 0, rate: int = 8000, scale: float = 0.1) -> bytes:
    """A WAV file of a twentieth of a second of noise; another one for every seed."""
    noise = scale * np.random.default_rng(seed).standard_normal(rate // 20)
    stream = io.BytesIO()
    soundfile.write(stream, noise, rate, format="WAV", subtype="PCM_16")
    return stream.getvalue()


def put(path: Path, content: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sound(len(path.name)) if content is None else content)
    return path


def crema_d_tree(root: Path) -> Path:
    """Three actors, every emotion once; the level of one letter, the file without sound."""
    for actor in ("1001", "1040", "1091"):
        for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
            if (actor, emotion) != ("1040", "SAD"):
                put(root / "AudioWAV" / f"{actor}_DFA_{emotion}_XX.wav")
    put(root / "AudioWAV" / "1040_ITH_SAD_X.wav")
    put(root / "AudioWAV" / "1076_MTI_SAD_XX.wav", sound(scale=0))
    return root


TESS_FOLDERS = {
    "OAF": ("angry", "disgust", "Fear", "happy", "neutral", "Pleasant_surprise", "Sad"),
    "YAF": ("angry", "disgust", "fear", "happy", "neutral", "pleasant_surprised", "sad"),
}


def tess_tree(root: Path) -> Path:
    """Both speakers, every emotion once, folders and one file spelt as the corpus spells them."""
    for speaker, emotions in TESS_FOLDERS.items():
        for number, emotion in enumerate(emotions):
            short = "ps" if "surprise" in emotion else emotion.lower()
            put(
                root / f"{speaker}_{emotion}" / f"{speaker}_back_{short}.wav",
                sound(10 * number + (speaker == "OAF")),
            )
    put(root / "OAF_neutral" / "OA_bite_neutral.wav", sound(77))
    return root


def audformat_tree(root: Path, storage: str = "csv", **columns: str) -> Path:
    """A table of whole files, emotion in it, the speaker in another table; saved by audformat."""
    audformat = pytest.importorskip("audformat")
    files = [f"audio/{speaker}_{label}.wav" for speaker in "abc" for label in FOUR]
    for file in files:
        put(root / file)
    database = audformat.Database("made-up")
    database.schemes["emotion"] = audformat.Scheme(labels=list(FOUR))
    database.schemes["speaker"] = audformat.Scheme("str")
    for table, column, values in (
        ("labels", columns.get("emotion", "emotion"), [file[8:-4] for file in files]),
        ("files", columns.get("speaker", "speaker"), [file[6] for file in files]),
    ):
        database[table] = audformat.Table(audformat.filewise_index(files))
        scheme = "emotion" if table == "labels" else "speaker"
        database[table][column] = audformat.Column(scheme_id=scheme)
        database[table][column].set(values)
    database.save(str(root), storage_format=storage)
    return root


def segmented_tree(root: Path) -> Path:
    """A table of segments: two in the first half second, one to the end of the file, one bare."""
    audformat = pytest.importorskip("audformat")
    database = audformat.Database("made-up")
    rows: list[tuple[str, Any, Any, str | None]] = []
    for speaker in "ab":
        put(root / f"{speaker}.wav")
        rows += [
            (f"{speaker}.wav", 0.0, 0.25, "sad"),
            (f"{speaker}.wav", 0.25, 0.5, "angry"),
            (f"{speaker}.wav", 0.5, None, "sad"),
            (f"{speaker}.wav", 0.75, 0.8, None),
        ]
    files, starts, ends, labels = zip(*rows, strict=True)
    index = audformat.segmented_index(
        list(files), pd.to_timedelta(list(starts), unit="s"), pd.to_timedelta(list(ends), unit="s")
    )
    database["turns"] = audformat.Table(index)
    for column, values in (("mood", list(labels)), ("who", [file[0] for file in files])):
        database["turns"][column] = audformat.Column()
        database["turns"][column].set(values)
    database.save(str(root), storage_format="parquet")
    return root


def huggingface_rows(folder: Path, *, inside: bool = True) -> dict[str, list[Any]]:
    """Two speakers, two labels; the recordings as bytes, or as files of ``folder``."""
    rows: dict[str, list[Any]] = {"audio": [], "label": [], "speaker": []}
    for number in range(4):
        content = sound(number)
        if inside:
            rows["audio"].append({"bytes": content, "path": f"../../evil/{number}.wav"})
        else:
            file = put(folder / f"{number}.wav", content)
            rows["audio"].append({"bytes": None, "path": str(file)})
        rows["label"].append(number % 2)
        rows["speaker"].append(7 + number // 2)
    return rows


def huggingface_dataset(rows: dict[str, list[Any]], *, decoded: bool = True) -> Any:
    """A dataset of these rows; recordings are put in as they are, which needs no torchcodec."""
    datasets = pytest.importorskip("datasets")
    stored = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    table = pa.table({**rows, "audio": pa.array(rows["audio"], stored)})
    dataset = datasets.Dataset(table)
    features = dataset.features.copy()
    features["label"] = datasets.ClassLabel(names=["calm", "tense"])
    if decoded:
        features["audio"] = datasets.Audio()
    return dataset.cast(features)


def save_unembedded(rows: dict[str, list[Any]], folder: Path) -> Path:
    """As ``save_to_disk`` of old wrote it: the paths of recordings, without their bytes."""
    huggingface_dataset(rows, decoded=False).save_to_disk(str(folder))
    info = json.loads((folder / "dataset_info.json").read_text())
    info["features"]["audio"] = {"_type": "Audio"}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return folder


def huggingface_tree(root: Path) -> Path:
    folder = root / "saved"
    huggingface_dataset(huggingface_rows(root)).save_to_disk(str(folder))
    return folder
