"""The tables of corpus, spectrogram and folds."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ablation.errors import counted
from ablation.study.fields import NotNegative, PositiveFloat, Spec, check_options


class CorpusSpec(Spec):
    """Which corpus, where it is, and which of its labels become which classes.

    ``labels`` is a map from the labels of the corpus to the classes of the study (an empty class
    leaves the label out), or the name of a map that ships with the corpus.
    """

    name: str = Field(
        default="synthetic",
        description="Corpus or reader; `ablate corpus list` names them.",
    )
    root: Path | None = Field(
        default=None,
        description="Folder of the corpus, or manifest file; relative to the study file.",
    )
    labels: dict[str, str] | str | None = Field(
        default=None,
        description="Map from labels to classes, or the name of a map that ships with the corpus.",
    )
    options: dict[str, Any] = Field(
        default={}, description='Options of the reader, e.g. `dialogues = "scripted"` for IEMOCAP.'
    )

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        check_options(self.options)
        try:
            str(self.root).encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"root = {str(self.root)!r} is not valid UTF-8, so no study file can hold it; "
                f"rename the folder"
            ) from None
        return self


class FeaturesSpec(Spec):
    """The spectrogram (paper, section 2.1) and how utterances are cut into segments."""

    sample_rate: Annotated[int, Field(ge=1000, lt=2**31)] = Field(
        default=16000, description="Sampling rate in Hz to which every recording is resampled."
    )
    window: Literal["hamming", "hann"] = Field(
        default="hamming", description="Window of the Fourier transform."
    )
    window_ms: PositiveFloat = Field(
        default=40.0, description="Length of the analysis window in ms."
    )
    hop_ms: PositiveFloat = Field(
        default=10.0, description="Step between frames in ms; a whole number of samples."
    )
    n_fft: Annotated[int, Field(ge=16, lt=2**31)] = Field(
        default=1600,
        description="Length of the Fourier transform: 1600 samples give 10 Hz per bin at 16 kHz.",
    )
    max_hz: PositiveFloat = Field(
        default=4000.0, description="Highest frequency in Hz, at most half of sample_rate."
    )
    drop_bin: Literal["last", "first"] = Field(
        default="last",
        description="Bin to drop, as 0 to 4 kHz has 401 bins and the paper uses 400.",
    )
    scale: Literal["magnitude", "power", "log"] = Field(
        default="magnitude",
        description="Spectrogram as magnitude, power (its square) or log (decibels).",
    )
    normalise: Literal["max", "minmax"] = Field(
        default="max",
        description="Divide by the maximum (max), or subtract the minimum first (minmax).",
    )
    scope: Literal["segment", "utterance", "corpus"] = Field(
        default="segment",
        description="Range of normalisation; with segment or utterance, loudness is no cue.",
    )
    mu: NotNegative = Field(
        default=255.0, description="mu of mu-law companding (equation 1); 0: none."
    )
    floor_db: PositiveFloat = Field(
        default=80.0, description='Dynamic range in dB that scale = "log" keeps.'
    )
    segment_s: PositiveFloat = Field(default=2.0, description="Length of a segment in s.")
    train_hop_s: PositiveFloat = Field(
        default=1.0, description="Step between training segments in s."
    )
    test_hop_s: PositiveFloat = Field(default=0.4, description="Step between test segments in s.")
    edges: Literal["utterance", "segment"] = Field(
        default="utterance",
        description="Compute the spectrogram of the utterance and cut it, or one of each segment.",
    )
    tail: Literal["back", "drop"] = Field(
        default="back",
        description="Remainder at the end: covered by a segment moved back, or dropped.",
    )
    short: Literal["zero", "repeat", "drop"] = Field(
        default="zero",
        description="How to pad an utterance shorter than a segment; drop leaves it out.",
    )

    @property
    def bin_hz(self) -> float:
        """The width of one bin in Hz."""
        return self.sample_rate / self.n_fft

    @property
    def hop_samples(self) -> int:
        return round(self.hop_ms * self.sample_rate / 1000)

    @property
    def window_samples(self) -> int:
        return round(self.window_ms * self.sample_rate / 1000)

    @property
    def height(self) -> int:
        """The rows of a segment: frequency bins from 0 to ``max_hz``."""
        return round(self.max_hz / self.bin_hz)

    @property
    def width(self) -> int:
        """The columns of a segment: frames."""
        return self.columns(self.segment_s)

    def columns(self, seconds: float) -> int:
        """Return the number of frames in ``seconds``."""
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
                f"hop_ms = {self.hop_ms:g} is {exact:g} samples, but must be a whole number of them"
            )
        if self.max_hz > self.sample_rate / 2:
            raise ValueError(
                f"max_hz = {self.max_hz:g} is more than half of sample_rate = {self.sample_rate}"
            )
        for name in ("segment_s", "train_hop_s", "test_hop_s"):
            if self.columns(getattr(self, name)) < 1:
                raise ValueError(f"{name} = {getattr(self, name):g} is shorter than hop_ms")
        if self.height < 1:
            raise ValueError(f"max_hz = {self.max_hz:g} leaves no frequency bin")
        return self


class FoldsSpec(Spec):
    """Leave-one-speaker-out folds, or folds of ``count`` groups of speakers.

    ``pairs`` leaves out every two of these folds together, as ``ablate promote --nested-full``
    does, so that a probe scored on one of them was not trained on the other either.
    """

    scheme: Literal["speaker", "speaker-groups"] = Field(
        default="speaker", description="One fold per speaker, or one per group of speakers."
    )
    count: Annotated[int, Field(ge=2, lt=2**31)] = Field(
        default=10, description="Number of groups with speaker-groups."
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        default=0, description="Seed that assigns speakers to groups."
    )
    pairs: bool = Field(
        default=False,
        description="Leave out every two folds together, as `ablate promote --nested-full` does.",
    )
