"""The synthetic corpus is speech-like audio that ablation renders itself from a seed.

``voice`` carries emotion by prosody and voice quality (:mod:`ablation.corpora.voice`);
``planted`` puts the class into a pattern of a known extent (:mod:`ablation.corpora.planted`), so
that the true answer of a shape study is known. The recordings are rendered once, into a folder with
a manifest; without a root, that folder is in the cache.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import soundfile
from pydantic import Field, model_validator

from ablation.corpora import manifest
from ablation.corpora.base import CorpusKind, Options, Utterance, parse_options, require_folder
from ablation.corpora.glides import render_glides
from ablation.corpora.planted import FAR_HERTZ, FAR_SECONDS, render_planted
from ablation.corpora.voice import LABELS, Rendering, render_corpus
from ablation.errors import counted
from ablation.errors.corpora import OtherSyntheticCorpus, WrongCorpusRoot
from ablation.files import atomic_write, cache_folder, is_file, locked, make_folder

GENERATOR_VERSION = 1  # raised when the audio of a seed changes
SAMPLE_RATE = 16000
_MANIFEST = "manifest.csv"
_LAYOUT = "a folder made by ablate corpus synthesize; none needed"


class SyntheticOptions(Options):
    """These options say what is rendered.

    ``axis`` and ``extent`` (in Hz for height, in ms for width) are for ``planted``; an extent of 0
    plants nothing.
    """

    kind: Literal["voice", "planted", "glides"] = "voice"
    seed: Annotated[int, Field(ge=0)] = 0
    utterances: Annotated[int, Field(ge=80, le=100_000)] = 400
    axis: Literal["height", "width"] = "height"
    extent: Annotated[float, Field(ge=0)] = 320.0

    @model_validator(mode="after")
    def _extent_is_near(self) -> Self:
        """Require that the tones of far pairs are farther apart than the planted extent."""
        far, unit = {"height": (FAR_HERTZ, "Hz"), "width": (1000 * FAR_SECONDS, "ms")}[self.axis]
        if self.kind == "planted" and self.extent >= far:
            raise ValueError(f"extent must be below {far:g} {unit}, got {self.extent:g}")
        return self


def make_corpus(
    folder: Path, options: Mapping[str, Any], progress: Callable[[str], None] | None = None
) -> Path:
    """Render a corpus as :func:`synthesize` does, with options as a study gives them.

    Raises :class:`StudyError` for an unknown or invalid option.
    """
    return synthesize(folder, parse_options(SyntheticOptions, "synthetic", options), progress)


def synthesize(
    folder: Path, options: SyntheticOptions, progress: Callable[[str], None] | None = None
) -> Path:
    """Render the corpus into ``folder`` unless it is already there; return its manifest.

    The manifest is written last, so its presence shows that the recordings are complete; after an
    interruption rendering starts over, and the second of two concurrent calls waits.

    Raises
    ------
    StorageError
        If the folder cannot be written to.
    CorpusError
        If the folder already holds a corpus rendered with other options.
    """
    index = folder / _MANIFEST
    settings = folder / "synthetic.json"
    wanted = json.dumps(options.model_dump() | {"generator": GENERATOR_VERSION}, sort_keys=True)
    if index.is_file() and settings.is_file() and settings.read_text(encoding="utf-8") == wanted:
        return index  # complete; nothing is written, so that the folder may be read-only
    make_folder(folder)
    with locked(folder / ".lock"):
        if settings.is_file() and settings.read_text(encoding="utf-8") != wanted:
            raise OtherSyntheticCorpus(folder)
        if index.is_file():
            return index
        with atomic_write(settings, durable=False) as file:
            file.write(wanted.encode())
        if progress:
            progress(
                f"rendering {counted(options.utterances, 'synthetic utterance')} into {folder}"
            )
        rows = [_store(folder, rendering) for rendering in _render(options)]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with atomic_write(index) as file:
            file.write(text.getvalue().encode())
    return index


def _render(options: SyntheticOptions) -> Iterator[Rendering]:
    if options.kind == "planted":
        return render_planted(options.seed, options.utterances, options.axis, options.extent)
    if options.kind == "glides":
        return render_glides(options.seed, options.utterances)
    return render_corpus(options.seed, options.utterances)


def _store(folder: Path, rendering: Rendering) -> dict[str, str]:
    name = f"{rendering.speaker}/{rendering.id}.wav"
    sound = io.BytesIO()  # writing to a file, soundfile loses the reason of a failure
    soundfile.write(sound, rendering.samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    with atomic_write(folder / name) as file:
        file.write(sound.getbuffer())
    return {
        "file": name,
        "speaker": rendering.speaker,
        "label": rendering.label,
        "id": rendering.id,
    }


def _read(root: Path | None, options: SyntheticOptions) -> list[Utterance]:
    if root is not None and is_file(root / _MANIFEST):
        return manifest.KIND.read(root / _MANIFEST, Options())
    if root is not None:
        folder = require_folder(root, "synthetic", _LAYOUT)
        raise WrongCorpusRoot("synthetic", folder, f"holds no {_MANIFEST}", _LAYOUT)
    settings = json.dumps(options.model_dump() | {"generator": GENERATOR_VERSION}, sort_keys=True)
    name = hashlib.blake2b(settings.encode(), digest_size=6).hexdigest()
    return manifest.KIND.read(synthesize(cache_folder() / "synthetic" / name, options), Options())


KIND = CorpusKind(
    name="synthetic",
    summary="speech-like audio made by ablation itself: 10 speakers, 4 classes",
    layout=_LAYOUT,
    read=_read,
    label_maps={"four": {label: label for label in LABELS}},
    options=SyntheticOptions,
    needs_root=False,
)
