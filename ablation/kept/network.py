"""A kept network, loaded: recordings in, scores and maps out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn
from torch.nn import functional

from ablation.errors import AudioError, StorageError, StudyError, named
from ablation.features.audio import read_audio
from ablation.features.bank import ArrayEntry, Range, SegmentDataset
from ablation.features.cache import stored_array
from ablation.features.feeds import HostFeed
from ablation.features.segments import segment_starts
from ablation.kept.record import WEIGHTS, Record, read, read_weights
from ablation.networks import Explains, Network, build_network, source_digest
from ablation.study import Shape
from ablation.training.compute import network_compute
from ablation.training.fit import averaged, segment_scores

LONGEST = 60.0  # seconds that are explained at once: maps are held at the input's resolution


@dataclass(frozen=True)
class Segment:
    """Where a segment lies in its recording (seconds), and its score of each class."""

    start: float
    end: float
    scores: dict[str, float]


@dataclass(frozen=True)
class Prediction:
    """What a network says of a recording.

    Attributes
    ----------
    label
        The class of the highest score.
    scores
        By class, averaged over segments: logits, or posteriors if the study says so.
    duration
        Seconds.
    """

    label: str
    scores: dict[str, float]
    duration: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Explanation:
    """What a network looked at in a recording.

    Attributes
    ----------
    prediction
        What it said.
    spectrum
        Its input, normalised and put together from the segments, shape (height, frames).
    top_down
        Each class' map over the recording, shape (classes, height, frames); None for a pooling
        without maps.
    bottom_up
        The weight of every position, relative to even weights, shape (height, frames), or one for
        each class, shape (classes, height, frames); None where there is none.
    filters
        Weights of each shape of Conv1, shape (filters, height, width).
    """

    prediction: Prediction
    spectrum: np.ndarray
    top_down: np.ndarray | None
    bottom_up: np.ndarray | None
    filters: dict[str, np.ndarray]


class SavedNetwork:
    """A network with all it needs to hear a recording.

    Attributes
    ----------
    record
        Where it is from, its classes, features and scores.
    model
        The module: normalised segments (n, 1, height, width) to scores (n, classes).
    """

    def __init__(self, record: Record, model: nn.Module) -> None:
        self.record = record
        self.model = model.eval()

    def predict(
        self, file: Path | str, start: float | None = None, end: float | None = None
    ) -> Prediction:
        """Scores of a recording, or of its part from ``start`` to ``end`` (seconds).

        Of any sampling rate, number of channels and format that libsndfile reads. A recording
        shorter than a segment is filled up as in training (``features.short``).

        Raises
        ------
        AudioError
            Naming the file, when it cannot be used.
        """
        return self._prediction(*self._held(Path(file), start, end))

    def explain(
        self, file: Path | str, start: float | None = None, end: float | None = None
    ) -> Explanation:
        """What the network looked at in a recording of at most :data:`LONGEST` seconds.

        Raises as :meth:`predict`, and :class:`AudioError` for a longer one.
        """
        held, duration = self._held(Path(file), start, end)
        if duration > LONGEST:
            raise AudioError(
                f"{file}: {duration:.0f} s are too long for one picture",
                f"give --start and --end, at most {LONGEST:.0f} s apart",
            )
        bank = self._bank(held)
        top_down = bottom_up = None
        starts = self._starts(held)
        spectrum = _joined([bank.batch([k])[0].numpy() for k in range(len(bank))], starts)
        if isinstance(self.model, Network) and isinstance(self.model.pooling, Explains):
            top_down, bottom_up = self._maps(bank, starts)
        frames = max(1, min(held.frames, spectrum.shape[-1]))
        return Explanation(
            prediction=self._prediction(held, duration),
            spectrum=spectrum[0, :, :frames],
            top_down=None if top_down is None else top_down[..., :frames],
            bottom_up=None if bottom_up is None else bottom_up[..., :frames],
            filters=self._filters(),
        )

    def _held(self, file: Path, start: float | None, end: float | None) -> tuple[ArrayEntry, float]:
        features = self.record.features
        samples = read_audio(file, features.sample_rate, start, end)
        frames = max(1, len(samples) // features.hop_samples)
        if features.short == "drop" and frames < features.width:
            raise AudioError(
                f"{file}: shorter than a segment of {features.segment_s:g} s",
                'this network was trained with features.short = "drop"; give a longer recording',
            )
        array = np.ascontiguousarray(stored_array(samples, frames, features))
        return ArrayEntry(array, frames), len(samples) / features.sample_rate

    def _bank(self, held: ArrayEntry) -> SegmentDataset:
        known = self.record.corpus_range
        return SegmentDataset(
            [held], [0], self.record.features, "test", None if known is None else Range(*known)
        )

    def _starts(self, held: ArrayEntry) -> list[int]:
        return segment_starts(held.frames, self.record.features, "test")

    def _prediction(self, held: ArrayEntry, duration: float) -> Prediction:
        record, features = self.record, self.record.features
        bank, training = self._bank(held), record.network.training
        with _threads(record.threads):
            scores = segment_scores(self.model, HostFeed(bank), training)
        mean = averaged(scores, bank.utterance)[0][0]
        hop = features.hop_ms / 1000
        segments = tuple(
            Segment(start * hop, min(duration, start * hop + features.segment_s), self._named(row))
            for start, row in zip(self._starts(held), scores, strict=True)
        )
        label = record.classes[int(mean.argmax())]
        return Prediction(label, self._named(mean), duration, segments)

    def _named(self, scores: np.ndarray) -> dict[str, float]:
        return {
            label: float(score) for label, score in zip(self.record.classes, scores, strict=True)
        }

    @torch.inference_mode()
    def _maps(
        self, bank: SegmentDataset, starts: list[int]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Top-down and bottom-up maps at the input's resolution over the whole recording."""
        features = self.record.features
        size = (features.height, features.width)
        above: list[np.ndarray] = []
        below: list[np.ndarray] = []
        for index in range(len(bank)):
            maps = self.model.backbone(bank.batch([index])).float()  # type: ignore[operator,union-attr]
            top_down, bottom_up = self.model.pooling.attention(maps)  # type: ignore[operator,union-attr]
            above.append(_enlarged(top_down, size))
            if bottom_up is not None:
                softmax = self.record.pooling == "attention"
                relative = bottom_up * (bottom_up.shape[2] * bottom_up.shape[3] if softmax else 1)
                below.append(_enlarged(relative, size))
        joined = _joined(below, starts) if below else None
        if joined is not None and len(joined) == 1:
            joined = joined[0]
        return _joined(above, starts), joined

    def _filters(self) -> dict[str, np.ndarray]:
        if not isinstance(self.model, Network):
            return {}
        conv1 = self.model.backbone.conv1
        return {
            str(shape): group.weight.detach()[:, 0].numpy()  # type: ignore[union-attr,operator]
            for shape, group in zip(conv1.shapes, conv1.groups, strict=True)
        }


def load_network(folder: Path | str) -> SavedNetwork:
    """Load a network that ``ablate promote`` kept: a folder below ``results/STUDY/networks``.

    Raises
    ------
    StorageError
        When the folder holds none, or its files are damaged, edited or do not belong together.
    StudyError
        When the network is of the user's own and its factory is not there, or another one.
    """
    folder = Path(folder)
    record = read(folder)
    content = read_weights(folder, record)
    shapes = [Shape.parse(text) for text in record.shapes]
    factory = record.network.factory
    if factory is not None and source_digest(factory) != record.code:
        raise StudyError(
            f"{folder}: the source of {factory} is not the one that it was trained with",
            "put the old source back, or run ablate promote with the new one",
        )
    model = build_network(
        shapes, record.pooling, len(record.classes), record.network, record.features
    )
    try:
        weights = safetensors.torch.load(content)
    except SafetensorError as error:
        raise StorageError(f"{folder / WEIGHTS} is damaged ({error})") from error
    _refuse_misfit(folder, model.state_dict(), weights)
    model.load_state_dict(weights)
    # In the layout it was scored in: another one adds up in another order.
    return SavedNetwork(record, network_compute(record.network, "cpu").place(model))


def _refuse_misfit(
    folder: Path, wanted: dict[str, torch.Tensor], found: dict[str, torch.Tensor]
) -> None:
    """Raise :class:`StorageError` for weights of other names or shapes than the network's."""
    faults = [
        *(f"{name} is missing" for name in wanted.keys() - found.keys()),
        *(f"{name} is unknown" for name in found.keys() - wanted.keys()),
        *(
            f"{name} has shape {tuple(found[name].shape)}, not {tuple(wanted[name].shape)}"
            for name in wanted.keys() & found.keys()
            if wanted[name].shape != found[name].shape
        ),
    ]
    if faults:
        raise StorageError(
            f"{folder / WEIGHTS} does not fit the network of network.json: "
            f"{named(sorted(faults), 2)}",
            "run ablate promote again: it is written anew",
        )


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """The number of threads it was scored with: sums in another order end in another last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _enlarged(maps: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """(1, n, H', W') to (n, height, width)."""
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)[0].numpy()


def _joined(parts: list[np.ndarray], starts: list[int]) -> np.ndarray:
    """Segments (n, height, width) laid over the recording, averaged where they overlap."""
    n, height, width = parts[0].shape
    frames = starts[-1] + width
    total, count = np.zeros((n, height, frames)), np.zeros(frames)
    for part, start in zip(parts, starts, strict=True):
        total[..., start : start + width] += part
        count[start : start + width] += 1
    return total / np.maximum(count, 1)
