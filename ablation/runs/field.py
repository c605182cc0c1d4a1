"""The measured receptive field of a saved network, stored beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ablation.corpora import load_corpus
from ablation.progress import Reporter
from ablation.results.field_record import FieldRecord, write_field
from ablation.study import Study

if TYPE_CHECKING:
    from ablation.saved import SavedNetwork

Cut = tuple[Path, float | None, float | None]

SEGMENTS = 32  # whose gradients are averaged


def cuts_of(study: Study) -> list[Cut]:
    """Return a study's utterances. Raises as :func:`~ablation.corpora.load_corpus`."""
    spec = study.corpus
    corpus = load_corpus(spec.name, spec.root, spec.labels, spec.options)
    return [(u.file, u.start, u.end) for u in corpus.utterances]


def measure(
    folder: Path,
    network: "SavedNetwork",
    cuts: "Sequence[Cut]",
    segments: int,
    reporter: Reporter,
) -> FieldRecord:
    """Measure the receptive field of the network in ``folder``, and store it there.

    Parameters
    ----------
    cuts
        Recordings with the start and end of their parts (seconds, or None). Each of so many
        ``segments`` is the middle one of a cut, and these lie evenly spaced in their order.

    Raises
    ------
    AudioError
        When a recording cannot be used.
    NoMap
        When no layer has a map over bins and frames.
    StorageError
        When the file cannot be written.
    """
    import torch

    from ablation.saved.field import measure_field

    wanted = np.linspace(0, len(cuts) - 1, min(segments, len(cuts))).round().astype(int)
    found = []
    with reporter.task("recordings", unit="recordings") as advance:
        for number, place in enumerate(wanted.tolist(), 1):
            parts = network.segments(*cuts[place])
            found.append(parts[len(parts) // 2])
            advance(number, len(wanted))
    record = measure_field(network, torch.stack(found))
    write_field(folder, record)
    return record
