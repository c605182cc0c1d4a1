"""The tables of what is heard: corpus, spectrogram and folds."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ablation.study.fields import NotNegative, PositiveFloat, Spec


class CorpusSpec(Spec):
    """Which corpus, where it lies, and which of its labels become which classes.

    ``labels`` is a map from the corpus' own labels to the study's classes (an empty class leaves
    the label out), or the name of one of the corpus' ready maps. ``options`` are the corpus' own.
    """

    name: str = "synthetic"
    root: Path | None = None
    labels: dict[str, str] | str | None = None
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        for name, value in self.options.items():
            if not isinstance(value, bool | int | float | str):
                raise ValueError(f"options.{name} is neither a text nor a number")
            if isinstance(value, int) and abs(value) >= 2**63:
                raise ValueError(f"options.{name} is too large a number")
        try:
            str(self.root).encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"root = {str(self.root)!r} is not UTF-8, so it cannot stand in a study file; "
                f"rename the folder"
            ) from None
        return self


class FeaturesSpec(Spec):
    """The spectrogram (paper, section 2.1) and how utterances are cut into segments."""

    sample_rate: Annotated[int, Field(ge=1000, lt=2**31)] = 16000  # Hz
    window: Literal["hamming", "hann"] = "hamming"
    window_ms: PositiveFloat = 40.0
    hop_ms: PositiveFloat = 10.0
    n_fft: Annotated[int, Field(ge=16, lt=2**31)] = 1600  # 10 Hz a bin at 16 kHz
    max_hz: PositiveFloat = 4000.0
    drop_bin: Literal["last", "first"] = "last"  # 401 bins lie in 0..4 kHz, 400 are wanted
    scale: Literal["magnitude", "power", "log"] = "magnitude"
    normalise: Literal["max", "minmax"] = "max"
    scope: Literal["segment", "utterance", "corpus"] = "segment"
    mu: NotNegative = 255.0  # of the mu-law, equation 1; 0 leaves it out
    floor_db: PositiveFloat = 80.0  # dynamic range kept by scale = "log"
    segment_s: PositiveFloat = 2.0
    train_hop_s: PositiveFloat = 1.0
    test_hop_s: PositiveFloat = 0.4
    edges: Literal["utterance", "segment"] = "utterance"
    tail: Literal["back", "drop"] = "back"
    short: Literal["zero", "repeat", "drop"] = "zero"

    @property
    def bin_hz(self) -> float:
        """Width of one row in Hz."""
        return self.sample_rate / self.n_fft

    @property
    def hop_samples(self) -> int:
        return round(self.hop_ms * self.sample_rate / 1000)

    @property
    def window_samples(self) -> int:
        return round(self.window_ms * self.sample_rate / 1000)

    @property
    def height(self) -> int:
        """Rows of a segment: frequency bins in 0..``max_hz``."""
        return round(self.max_hz / self.bin_hz)

    @property
    def width(self) -> int:
        """Columns of a segment: frames."""
        return self.columns(self.segment_s)

    def columns(self, seconds: float) -> int:
        """Frames in ``seconds``."""
        return round(seconds * 1000 / self.hop_ms)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.window_samples > self.n_fft:
            raise ValueError(
                f"window_ms = {self.window_ms:g} is {self.window_samples} samples, more than "
                f"n_fft = {self.n_fft}"
            )
        if self.window_samples < 2:
            raise ValueError(f"window_ms = {self.window_ms:g} is shorter than two samples")
        exact = self.hop_ms * self.sample_rate / 1000
        if abs(exact - round(exact)) > 1e-9 or exact < 1:
            raise ValueError(
                f"hop_ms = {self.hop_ms:g} is {exact:g} samples; it must be a whole number"
            )
        if self.max_hz > self.sample_rate / 2:
            raise ValueError(
                f"max_hz = {self.max_hz:g} lies above half of sample_rate = {self.sample_rate}"
            )
        for name in ("segment_s", "train_hop_s", "test_hop_s"):
            if self.columns(getattr(self, name)) < 1:
                raise ValueError(f"{name} = {getattr(self, name):g} is shorter than hop_ms")
        if self.height < 1:
            raise ValueError(f"max_hz = {self.max_hz:g} leaves no frequency bin")
        return self


class FoldsSpec(Spec):
    """One fold a speaker, or all speakers parted into ``count`` groups.

    ``pairs`` leaves out every two of these folds together: what ``ablate promote --nested-full``
    trains, so that a probe scored on one speaker has not heard the other either.
    """

    scheme: Literal["speaker", "speaker-groups"] = "speaker"
    count: Annotated[int, Field(ge=2, lt=2**31)] = 10  # of speaker-groups
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0  # draws the groups
    pairs: bool = False
