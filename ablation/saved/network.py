"""A saved network, loaded: recordings in, scores and maps out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from scipy.special import softmax
from torch import nn
from torch.nn import functional

from ablation.errors.networks import (
    DamagedNetwork,
    FactoryChanged,
    ShorterThanASegment,
    TooLongToExplain,
    WeightsMisfit,
)
from ablation.features.audio import read_audio
from ablation.features.batches import HostFeed
from ablation.features.cache import stored_array
from ablation.features.segment_dataset import ArrayEntry, Range, SegmentDataset, loudest_db
from ablation.features.segments import segment_starts
from ablation.models.network import Explains, Network, build_network
from ablation.models.own import source_digest
from ablation.saved.record import WEIGHTS, Record, read, read_weights
from ablation.study import Shape
from ablation.training.compute import network_compute
from ablation.training.fit import averaged, segment_scores

_DB = 0.5  # so much quieter counts
LONGEST = 60.0  # seconds explained at once: maps have the input's resolution


@dataclass(frozen=True)
class Segment:
    """A segment lies from ``start`` to ``end`` (seconds), and has a score for each class."""

    start: float
    end: float
    scores: dict[str, float]


@dataclass(frozen=True)
class Prediction:
    """A prediction is a network's answer for a recording.

    Attributes
    ----------
    label
        The class with the highest score.
    scores
        By class, averaged over segments: logits, or posteriors if the study says so.
    probabilities
        By class, of the averaged scores; they add up to 1.
    duration
        Seconds.
    remarks
        How the recording differs from all that the network was trained on.
    """

    label: str
    scores: dict[str, float]
    probabilities: dict[str, float]
    duration: float
    segments: tuple[Segment, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """An explanation shows what a network attended to in a recording.

    Attributes
    ----------
    prediction
        Its prediction.
    spectrum
        Its input, normalised and joined from the segments, shape (height, frames).
    top_down
        The map of each class over the recording, shape (classes, height, frames); None for a
        pooling without maps.
    bottom_up
        The weight of each position relative to uniform weights, shape (height, frames), or
        (classes, height, frames) for a pooling with a map per class; None if it has none.
    filters
        The weights of each shape of Conv1, shape (filters, height, width).
    """

    prediction: Prediction
    spectrum: np.ndarray
    top_down: np.ndarray | None
    bottom_up: np.ndarray | None
    filters: dict[str, np.ndarray]


class SavedNetwork:
    """A saved network has all that is needed to predict the emotion of a recording.

    Attributes
    ----------
    record
        Its origin, classes, features and scores.
    model
        The module, from normalised segments (n, 1, height, width) to scores (n, classes).
    """

    def __init__(self, record: Record, model: nn.Module) -> None:
        self.record = record
        self.model = model.eval()

    def predict(
        self, file: Path | str, start: float | None = None, end: float | None = None
    ) -> Prediction:
        """Return the prediction of a recording, or of its part from ``start`` to ``end`` (seconds).

        It may have any sampling rate, number of channels and format that libsndfile reads. A
        recording shorter than a segment is extended as in training (``features.short``).

        Raises
        ------
        AudioError
            When the recording cannot be used; its ``file`` says which.
        """
        return self._prediction(*self._read(Path(file), start, end))

    def segments(
        self, file: Path | str, start: float | None = None, end: float | None = None
    ) -> torch.Tensor:
        """Return the network's input for a recording, or for its part (seconds).

        Normalised segments, shape (n, 1, bins, frames). Raises as :meth:`predict`.
        """
        bank = self._bank(self._read(Path(file), start, end)[0])
        return bank.batch(range(len(bank)))

    def explain(
        self, file: Path | str, start: float | None = None, end: float | None = None
    ) -> Explanation:
        """Return what the network attended to in a recording of at most :data:`LONGEST` seconds.

        Raises :class:`~ablation.errors.AudioError` as :meth:`predict`, and for a longer one.
        """
        entry, duration = self._read(Path(file), start, end)
        if duration > LONGEST:
            raise TooLongToExplain(Path(file), duration, LONGEST)
        bank = self._bank(entry)
        top_down = bottom_up = None
        starts = self._starts(entry)
        spectrum = _joined([bank.batch([k])[0].numpy() for k in range(len(bank))], starts)
        if isinstance(self.model, Network) and isinstance(self.model.pooling, Explains):
            top_down, bottom_up = self._maps(bank, starts)
        frames = max(1, min(entry.frames, spectrum.shape[-1]))
        return Explanation(
            prediction=self._prediction(entry, duration),
            spectrum=spectrum[0, :, :frames],
            top_down=None if top_down is None else top_down[..., :frames],
            bottom_up=None if bottom_up is None else bottom_up[..., :frames],
            filters=self._filters(),
        )

    def _read(self, file: Path, start: float | None, end: float | None) -> tuple[ArrayEntry, float]:
        features = self.record.features
        samples = read_audio(file, features.sample_rate, start, end)
        frames = max(1, len(samples) // features.hop_samples)
        if features.short == "drop" and frames < features.width:
            raise ShorterThanASegment(file, features.segment_s)
        array = np.ascontiguousarray(stored_array(samples, frames, features))
        return ArrayEntry(array, frames), len(samples) / features.sample_rate

    def _bank(self, entry: ArrayEntry) -> SegmentDataset:
        known = self.record.corpus_range
        return SegmentDataset(
            [entry], [0], self.record.features, "test", None if known is None else Range(*known)
        )

    def _starts(self, entry: ArrayEntry) -> list[int]:
        return segment_starts(entry.frames, self.record.features, "test")

    def _prediction(self, entry: ArrayEntry, duration: float) -> Prediction:
        record, features = self.record, self.record.features
        bank, training = self._bank(entry), record.network.training
        with _threads(record.threads):
            scores = segment_scores(self.model, HostFeed(bank), training)
        mean = averaged(scores, bank.utterance)[0][0]
        hop = features.hop_ms / 1000
        segments = tuple(
            Segment(start * hop, min(duration, start * hop + features.segment_s), self._named(row))
            for start, row in zip(self._starts(entry), scores, strict=True)
        )
        label = record.classes[int(mean.argmax())]
        mean = mean.astype(np.float64)
        shares = mean / mean.sum() if training.score == "posterior" else softmax(mean)
        remarks = tuple(self._remarks(entry, duration))
        return Prediction(
            label, self._named(mean), self._named(shares), duration, segments, remarks
        )

    def _remarks(self, entry: ArrayEntry, duration: float) -> Iterator[str]:
        features, heard = self.record.features, self.record.heard
        if entry.frames < features.width:
            yield f"{duration:.2f} s are padded to a segment of {features.segment_s:g} s"
        if heard is None:
            return
        if entry.frames * features.hop_ms / 1000 < heard.shortest_s:
            yield f"shorter than all that it was trained on ({heard.shortest_s:.2f} s and more)"
        below = heard.quietest_db - loudest_db(entry, features)
        if below > _DB:
            yield f"quieter than all that it was trained on, by {below:.0f} dB"

    def _named(self, scores: np.ndarray) -> dict[str, float]:
        return {
            label: float(score) for label, score in zip(self.record.classes, scores, strict=True)
        }

    @torch.inference_mode()
    def _maps(
        self, bank: SegmentDataset, starts: list[int]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return top-down and bottom-up maps of the whole recording at the input's resolution."""
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
    """Load a network that ``ablate promote`` saved in a folder below ``results/STUDY/networks``.

    Raises
    ------
    StorageError
        When the folder has none, or its files are damaged, edited or do not belong together.
    StudyError
        When it is a network of the user's own and its factory is missing or has changed.
    """
    folder = Path(folder)
    record = read(folder)
    content = read_weights(folder, record)
    shapes = [Shape.parse(text) for text in record.shapes]
    factory = record.network.factory
    if factory is not None and source_digest(factory) != record.code:
        raise FactoryChanged(folder, factory)
    model = build_network(
        shapes, record.pooling, len(record.classes), record.network, record.features
    )
    try:
        weights = safetensors.torch.load(content)
    except SafetensorError as error:
        raise DamagedNetwork(folder / WEIGHTS, f"damaged ({error})") from error
    _refuse_misfit(folder, model.state_dict(), weights)
    model.load_state_dict(weights)
    # It keeps the layout it was scored in: another one would add numbers in another order.
    return SavedNetwork(record, network_compute(record.network, "cpu").place(model))


def _refuse_misfit(
    folder: Path, wanted: dict[str, torch.Tensor], found: dict[str, torch.Tensor]
) -> None:
    """Raise :class:`WeightsMisfit` for weights of other names or shapes than the network's."""
    missing, unknown = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    shapes = {
        name: (tuple(found[name].shape), tuple(wanted[name].shape))
        for name in sorted(wanted.keys() & found.keys())
        if wanted[name].shape != found[name].shape
    }
    if missing or unknown or shapes:
        raise WeightsMisfit(folder / WEIGHTS, missing, unknown, shapes)


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Use the number of threads it was scored with: another one changes the last bit of sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _enlarged(maps: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """Interpolate maps (1, n, H', W') to (n, height, width)."""
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)[0].numpy()


def _joined(parts: list[np.ndarray], starts: list[int]) -> np.ndarray:
    """Return segments (n, height, width) joined over the recording, averaged where they overlap."""
    n, height, width = parts[0].shape
    frames = starts[-1] + width
    total, count = np.zeros((n, height, frames)), np.zeros(frames)
    for part, start in zip(parts, starts, strict=True):
        total[..., start : start + width] += part
        count[start : start + width] += 1
    return total / np.maximum(count, 1)
