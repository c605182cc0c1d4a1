"""The tables of what is heard: corpus, spectrogram and folds."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ablation.errors import counted
from ablation.study.fields import NotNegative, PositiveFloat, Spec


class CorpusSpec(Spec):
    """Which corpus, where it lies, and which of its labels become which classes.

    ``labels`` is a map from the corpus' own labels to the study's classes (an empty class leaves
    the label out), or the name of one of the corpus' ready maps. ``options`` are the corpus' own.
    """

    name: str = Field(
        default="synthetic",
        description="The corpus, or how it is read: a name of `ablate corpus list`.",
    )
    root: Path | None = Field(
        default=None,
        description="The corpus' folder, or the manifest's file; relative to the study's file.",
    )
    labels: dict[str, str] | str | None = Field(
        default=None, description="Labels of the corpus to classes, or the name of a ready map."
    )
    options: dict[str, Any] = Field(
        default={}, description='The corpus\' own, as `dialogues = "scripted"` of IEMOCAP.'
    )

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

    sample_rate: Annotated[int, Field(ge=1000, lt=2**31)] = Field(
        default=16000, description="Hz, to which every recording is resampled."
    )
    window: Literal["hamming", "hann"] = Field(
        default="hamming", description="Window of the Fourier transform."
    )
    window_ms: PositiveFloat = Field(
        default=40.0, description="Length of the analysis window in ms."
    )
    hop_ms: PositiveFloat = Field(
        default=10.0, description="From one frame to the next in ms; a whole number of samples."
    )
    n_fft: Annotated[int, Field(ge=16, lt=2**31)] = Field(
        default=1600, description="Samples of a Fourier transform: 1600 are 10 Hz a bin at 16 kHz."
    )
    max_hz: PositiveFloat = Field(
        default=4000.0, description="The highest frequency seen in Hz, at most half of sample_rate."
    )
    drop_bin: Literal["last", "first"] = Field(
        default="last", description="Which bin goes: 401 lie in 0..4 kHz, 400 are wanted."
    )
    scale: Literal["magnitude", "power", "log"] = Field(
        default="magnitude",
        description="Of the spectrogram: its magnitude, its square, or decibels.",
    )
    normalise: Literal["max", "minmax"] = Field(
        default="max", description="Divide by the maximum, or also subtract the minimum."
    )
    scope: Literal["segment", "utterance", "corpus"] = Field(
        default="segment",
        description="Over what it is normalised: with segment and utterance loudness is no cue.",
    )
    mu: NotNegative = Field(
        default=255.0, description="Of the mu-law, equation 1; 0 leaves it out."
    )
    floor_db: PositiveFloat = Field(
        default=80.0, description='Dynamic range in dB that scale = "log" keeps.'
    )
    segment_s: PositiveFloat = Field(
        default=2.0, description="Length of a segment in s: what is seen at once."
    )
    train_hop_s: PositiveFloat = Field(
        default=1.0, description="From one training segment to the next in s."
    )
    test_hop_s: PositiveFloat = Field(
        default=0.4, description="From one scored segment to the next in s."
    )
    edges: Literal["utterance", "segment"] = Field(
        default="utterance",
        description="Whether spectrograms are of the utterance, then cut, or of each segment.",
    )
    tail: Literal["back", "drop"] = Field(
        default="back",
        description="What is left over at the end: a segment moved back over it, or none.",
    )
    short: Literal["zero", "repeat", "drop"] = Field(
        default="zero",
        description="What fills an utterance shorter than a segment; drop leaves it out.",
    )

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
                f"window_ms = {self.window_ms:g} is {counted(self.window_samples, 'sample')}, "
                f"more than n_fft = {self.n_fft}"
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

    scheme: Literal["speaker", "speaker-groups"] = Field(
        default="speaker", description="A fold a speaker, or speakers parted into groups."
    )
    count: Annotated[int, Field(ge=2, lt=2**31)] = Field(
        default=10, description="Groups of speaker-groups."
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(default=0, description="Draws the groups.")
    pairs: bool = Field(
        default=False,
        description="Leave out every two folds together, as `ablate promote --nested-full` does.",
    )
