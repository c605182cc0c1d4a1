"""A kept network on recordings: files, folders and patterns in, predictions and faults out."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablation.drivers.keeping import best_saved
from ablation.drivers.progress import Reporter
from ablation.drivers.settings import study_folder
from ablation.errors import AudioError
from ablation.execution.devices import initialise_worker

if TYPE_CHECKING:
    from ablation.kept import Prediction, SavedNetwork

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "caf", "w64",
        "rf64", "snd", "sph",
    )
)  # fmt: skip


@dataclass(frozen=True)
class RecordingPrediction:
    """A recording and what the network says of it, or why it cannot be used."""

    file: Path
    prediction: "Prediction | None" = None
    fault: AudioError | None = None


def find_recordings(given: Sequence[str]) -> list[Path]:
    """The recordings meant by files, folders (all audio below them) and patterns, each once.

    Raises
    ------
    AudioError
        For a folder without audio or a pattern that nothing matches; a *file* that is not there
        is found out when it is read.
    """
    found: list[Path] = []
    for text in given:
        path = Path(text)
        if path.is_dir():
            found += _all_of(text, _audio_below(path), "there is no audio below it")
        elif not path.exists() and glob.has_magic(text):
            matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
            files = [m for m in matches if m.is_file()]
            found += _all_of(text, files, "nothing matches")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _audio_below(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def _all_of(text: str, files: Iterable[Path], otherwise: str) -> list[Path]:
    listed = list(files)
    if not listed:
        raise AudioError(f"{text}: {otherwise}", f"audio is {', '.join(sorted(SUFFIXES))}")
    return listed


def open_network(
    results: Path, study: str, folder: Path | None, digest: str = ""
) -> tuple[Path, "SavedNetwork"]:
    """The network in ``folder``, or the study's best, of settings ``digest`` where that is given;
    raises as :func:`ablation.load_network`."""
    place = folder or best_saved(study_folder(results, study), digest)
    from ablation.kept import load_network

    network = load_network(place)
    initialise_worker(network.record.threads)
    return place, network


def predict_recordings(
    network: "SavedNetwork", files: Sequence[Path], reporter: Reporter
) -> Iterator[RecordingPrediction]:
    """Each recording in turn; one that cannot be used does not stop the others."""
    with reporter.task("recordings", unit="recordings") as advance:
        for number, file in enumerate(files, 1):
            try:
                yield RecordingPrediction(file, network.predict(file))
            except AudioError as fault:
                yield RecordingPrediction(file, fault=fault)
            advance(number, len(files))
