"""Predictions of a saved network for files, folders and patterns of recordings."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ablation.corpora.recordings import find_recordings
from ablation.errors import AudioError
from ablation.errors.naming import NoRecordings, NothingMatches
from ablation.executors.devices import initialise_worker
from ablation.progress import Reporter
from ablation.results.run_record import study_folder
from ablation.saved.saver import best_saved

if TYPE_CHECKING:
    from ablation.saved import Prediction, SavedNetwork


@dataclass(frozen=True)
class RecordingPrediction:
    """A recording with the network's prediction, or the reason why it cannot be used."""

    file: Path
    prediction: "Prediction | None" = None
    fault: AudioError | None = None


def expand_recordings(given: Sequence[str]) -> list[Path]:
    """Return the recordings given by files, folders (all audio below) and patterns, each once.

    Raises
    ------
    AudioError
        For a folder without audio or a pattern without match; a *file* that does not exist is
        noticed only when it is read.
    """
    found: list[Path] = []
    for text in given:
        path = Path(text)
        if path.is_dir():
            contents = find_recordings(path)
            if not contents.recordings:
                raise NoRecordings(path)
            found += sorted((*contents.recordings, *contents.copies))
        elif not path.exists() and glob.has_magic(text):
            matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207
            files = [match for match in matches if match.is_file()]
            if not files:
                raise NothingMatches(text)
            found += files
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def open_network(
    results: Path, study: str, folder: Path | None, digest: str = ""
) -> tuple[Path, "SavedNetwork"]:
    """Return the network in ``folder``, or else the study's best, and where it is saved.

    ``digest`` restricts the choice to one study digest. Raises as :func:`ablation.load_network`.
    """
    place = folder or best_saved(study_folder(results, study), digest)
    from ablation.saved import load_network

    network = load_network(place)
    initialise_worker(network.record.threads)
    return place, network


def predict_recordings(
    network: "SavedNetwork", files: Sequence[Path], reporter: Reporter
) -> Iterator[RecordingPrediction]:
    """Yield the prediction for each recording; one that cannot be used does not stop the rest."""
    with reporter.task("recordings", unit="recordings") as advance:
        for number, file in enumerate(files, 1):
            try:
                yield RecordingPrediction(file, network.predict(file))
            except AudioError as fault:
                yield RecordingPrediction(file, fault=fault)
            advance(number, len(files))
