"""Features on disk, one array per utterance, computed once and mapped by every worker.

An entry is named by a digest of the recording's bytes and the cut, its folder by a digest of the
feature options that affect it. So neither a changed file nor a changed option can hit a stale
entry, and two runs that build the same entry at once write the same bytes under the same name.
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ablation.corpora import Utterance
from ablation.errors import AudioError
from ablation.errors.audio import UtterancesTooShort
from ablation.features import front_ends
from ablation.features.audio import read_audio
from ablation.features.frame_features import FrameSpec, frame_features
from ablation.features.noise import Noise, noisy
from ablation.features.segments import segment_starts
from ablation.files import atomic_write, cache_folder
from ablation.study import FeaturesSpec
from ablation.threads import in_threads

# Raised when the same options give different arrays: of spectrograms, of features of a frame.
FORMAT = 1
FRAMES_FORMAT = 1
# Options that are applied after the stored array is read: normalisation needs the segment.
_LATER = {"normalise", "scope", "mu", "floor_db"}


@dataclass(frozen=True)
class Entry:
    """A stored utterance has its array's file, and its length in frames before any cutting."""

    path: Path
    frames: int


class FeatureCache:
    """A cache holds the entries of one set of feature options.

    Parameters
    ----------
    spec
        The feature options: of a segment's rows, or of the features of a frame.
    root
        The folder of all entries; by default ``features`` in the user's cache folder.
    """

    def __init__(self, spec: FeaturesSpec | FrameSpec, root: Path | None = None) -> None:
        self.spec = spec
        self.root = root or cache_folder() / "features"
        self.folder = self.root / _options_digest(spec)

    def index(self) -> dict[str, Entry]:
        """Return the stored entries by their keys."""
        entries = {}
        with suppress(FileNotFoundError), os.scandir(self.folder) as files:
            for file in files:
                key, dash, frames = file.name.removesuffix(".npy").partition("-")
                if dash and file.name.endswith(".npy") and not key.startswith("."):
                    entries[key] = Entry(Path(file.path), int(frames))
        return entries

    def lacking(
        self, utterances: Sequence[Utterance], digests: Mapping[Path, str]
    ) -> list[Utterance]:
        """Return the utterances that have no entry yet."""
        there = self.index()
        return [u for u in utterances if _entry_key(u, digests[u.file]) not in there]

    def ensure(
        self,
        utterances: Sequence[Utterance],
        digests: Mapping[Path, str],
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Entry]:
        """Compute the missing entries; return those of all utterances by utterance id.

        With ``short = "drop"`` of a spectrogram, utterances shorter than a segment have no entry.
        ``progress`` is called with (done, missing) as entries are computed.

        Raises
        ------
        AudioError
            For the first recording that cannot be used, in the order of the utterances.
        CorpusError
            When all utterances are dropped.
        StorageError
            When the cache cannot be written.
        """
        there = self.index()
        keys = {u.id: _entry_key(u, digests[u.file]) for u in utterances}
        missing = [u for u in utterances if keys[u.id] not in there]
        made = in_threads(lambda u: self._make(u, keys[u.id]), missing, progress)
        there |= {keys[u.id]: entry for u, entry in zip(missing, made, strict=True)}
        with suppress(OSError):  # mark the folder as recently used, for `trim`
            os.utime(self.folder)
        entries = {u.id: there[keys[u.id]] for u in utterances}
        spec = self.spec
        if isinstance(spec, FeaturesSpec) and spec.short == "drop":
            entries = {i: e for i, e in entries.items() if e.frames >= spec.width}
            if not entries:
                raise UtterancesTooShort(spec.segment_s)
        return entries

    def _make(self, utterance: Utterance, key: str) -> Entry:
        spec = self.spec
        try:
            samples = read_audio(utterance.file, spec.sample_rate, utterance.start, utterance.end)
        except AudioError as error:
            error.with_origin(utterance.origin)
            raise
        if (noise := noise_of(spec)) is not None:
            samples = noisy(samples, spec.sample_rate, noise, key)
        frames = max(1, len(samples) // spec.hop_samples)
        entry = Entry(self.folder / f"{key}-{frames}.npy", frames)
        if isinstance(spec, FrameSpec):
            array = frame_features(samples, spec)
        else:
            array = stored_array(samples, frames, spec)
        content = io.BytesIO()  # np.save to a file hides that a disk is full
        np.save(content, array, allow_pickle=False)
        with atomic_write(entry.path, durable=False) as file:
            file.write(content.getbuffer())
        return entry


def noise_of(spec: FeaturesSpec | FrameSpec) -> Noise | None:
    """Return the noise that is mixed into recordings before their features are computed."""
    return Noise.of(spec) if isinstance(spec, FeaturesSpec) else spec.noise


def stored_array(samples: np.ndarray, frames: int, spec: FeaturesSpec) -> np.ndarray:
    """Return a recording's features: (``spec.height``, columns), at least one segment wide."""
    length = spec.width * spec.hop_samples
    if len(samples) < length:
        fill = "wrap" if spec.short == "repeat" else "constant"
        samples = np.pad(samples, (0, length - len(samples)), mode=fill)
    if spec.edges == "utterance":
        return front_ends.compute(samples, spec)
    starts = [*segment_starts(frames, spec, "train"), *segment_starts(frames, spec, "test")]
    cuts = [samples[s * spec.hop_samples :][:length] for s in starts]
    return np.concatenate([front_ends.compute(cut, spec) for cut in cuts], axis=1)


def open_entry(entry: Entry) -> np.ndarray:
    """Return an entry's array, mapped read-only: workers on one machine share its memory."""
    return np.load(located(entry.path), mmap_mode="r", allow_pickle=False)


def located(path: Path) -> Path:
    """Return where this machine has an entry's file: at ``path``, else in its own cache."""
    return path if path.exists() else stored_place(path)


def stored_place(path: Path) -> Path:
    """Return where this machine's cache keeps an entry that another one has at ``path``."""
    return cache_folder() / "features" / path.parent.name / path.name


def trim(root: Path, limit_bytes: float, keep: Sequence[Path]) -> int:
    """Remove the least recently used folders of options until the cache fits; return the bytes.

    Folders in ``keep`` (those of the present run) stay.
    """
    folders = {folder: _size(folder) for folder in root.glob("*/") if folder.is_dir()}
    excess = sum(folders.values()) - limit_bytes
    removed = 0
    for folder in sorted(folders, key=lambda f: f.stat().st_mtime):
        if removed >= excess:
            break
        if folder not in keep:
            shutil.rmtree(folder, ignore_errors=True)
            removed += folders[folder]
    return removed


def cache_size(root: Path) -> int:
    """Return the size of all entries in bytes."""
    return sum(_size(folder) for folder in root.glob("*/"))


def _size(folder: Path) -> int:
    size = 0
    with suppress(FileNotFoundError), os.scandir(folder) as files:
        for file in files:
            with suppress(FileNotFoundError):
                size += file.stat().st_size
    return size


def _options_digest(spec: FeaturesSpec | FrameSpec) -> str:
    if isinstance(spec, FrameSpec):
        frames = asdict(spec)
        del frames["noise"]  # clean recordings have the digest that they had before there was any
        noise = [] if spec.noise is None else [spec.noise.identity()]
        return _digest(["frames", FRAMES_FORMAT, frames, *noise], 8)
    options = spec.model_dump(mode="json", exclude=_LATER - set(spec.front_end.stored_with))
    options = spec.effective(options)
    if spec.kind == "linear":  # as before there were others
        del options["kind"]
    if spec.edges == "utterance":  # then the array does not depend on where segments lie
        for name in ("train_hop_s", "test_hop_s", "tail"):
            del options[name]
    if options["short"] == "drop":  # arrays of dropped utterances are never read
        options["short"] = "zero"
    return _digest([FORMAT, options], 8)


def _entry_key(utterance: Utterance, content: str) -> str:
    return _digest([content, utterance.start, utterance.end], 16)


def _digest(content: list[Any], size: int) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
