"""The tables of corpus, spectrogram and folds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from ablation.errors import counted, nearest
from ablation.study.fields import NotNegative, Positive, PositiveFloat, Spec, check_options
from ablation.study.front_ends import FRONT_ENDS, FrontEnd
from ablation.study.noise import noise_content

NOISE_FIELDS = ("snr_db", "noise", "noise_folder", "noise_seed")
_SNR_DB = (-60, 120)  # the range of features.snr_db


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
    """The spectrogram (paper, section 2.1) and how utterances are cut into segments.

    With another front end than ``linear``, a field that is left open may have another default:
    ``scale = "log"`` and ``mu = 0`` with ``mel`` and ``mfcc``, ``normalise = "minmax"`` with
    ``mfcc``, whose coefficients are each mapped from their own range. ``snr_db`` mixes noise into
    every recording, of training and test alike.
    """

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
    kind: str = Field(
        default="linear",
        description="Front end: linear spectrogram, mel bands, or their cepstrum (mfcc).",
        json_schema_extra={"enum": list(FRONT_ENDS)},
    )
    mel_bands: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=64, description="Mel bands between min_hz and max_hz, of mel and mfcc."
    )
    min_hz: NotNegative = Field(default=0.0, description="Lowest frequency of mel bands in Hz.")
    mel_formula: Literal["slaney", "htk"] = Field(
        default="slaney",
        description="Mel scale: slaney (linear below 1 kHz) or htk (logarithmic throughout).",
    )
    coefficients: Positive = Field(
        default=40, description="Coefficients of mfcc, from the 0th on; at most mel_bands."
    )
    snr_db: float | Literal["clean"] = Field(
        default="clean",
        description="Signal-to-noise ratio in dB of noise mixed into every recording, or clean.",
    )
    noise: Literal["pink", "white", "speech"] = Field(
        default="pink",
        description="Noise: pink, white, or speech (flat to 500 Hz, then falling 9 dB an octave).",
    )
    noise_folder: Path | None = Field(
        default=None,
        description="Folder of recordings to take noise from instead; relative to the study file.",
    )
    noise_seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        default=0, description="Seed of the noise, drawn anew for each recording by its content."
    )

    @property
    def front_end(self) -> FrontEnd:
        """What the rows of these features are."""
        return FRONT_ENDS[self.kind]

    @property
    def bin_hz(self) -> float:
        """The width in Hz of a bin of the Fourier transform, which is a row only if ``linear``."""
        return self.sample_rate / self.n_fft

    @property
    def row_unit(self) -> str:
        """What a row is: "bins", "bands" or "coefficients"."""
        return self.front_end.unit

    @property
    def decibels(self) -> bool:
        """Whether the stored rows are levels in dB, of which ``floor_db`` are mapped."""
        return self.scale == "log" and self.front_end.decibels

    @property
    def noise_mixed(self) -> bool:
        """Whether noise is mixed into recordings."""
        return self.snr_db != "clean"

    @property
    def linear(self) -> "FeaturesSpec":
        """The linear spectrogram of the same recordings: these features where they are one."""
        if self.kind == "linear":
            return self
        own = {"kind", *self.front_end.defaults, *self.front_end.fields}
        return FeaturesSpec.model_validate(self.model_dump(exclude=own))

    def extents_hz(self, height: float) -> tuple[float, float, float] | None:
        """Return how far ``height`` rows reach in Hz at the lowest, middle and highest of them.

        ``height`` counts the rows that a filter spans, with what its dilation leaves out between
        them. Bins are as wide everywhere. Bands are counted from half-way (in mel) to their
        neighbour below to half-way to that above. None where rows are no frequencies.
        """
        extent, free = self.front_end.extent_hz, self.height - height
        if extent is None:
            return None
        low, middle, high = (extent(self, height, first) for first in (0, free / 2, free))
        return low, middle, high

    def height_hz(self, height: float) -> float | None:
        """Return how far ``height`` rows reach in Hz at the middle row, as rows store it."""
        found = self.extents_hz(height)
        return None if found is None else found[1]

    def rows_of(self, hz: float) -> float | None:
        """Return how many rows reach so far at the middle row; None where rows are no frequencies.

        More than all rows are never needed.
        """
        if self.front_end.extent_hz is None:
            return None
        if self.kind == "linear":
            return hz / self.bin_hz
        low, high = 0.0, float(self.height)
        for _ in range(60):  # bisection: it rises with the number of rows
            middle = (low + high) / 2
            low, high = (middle, high) if (self.height_hz(middle) or 0.0) < hz else (low, middle)
        return high

    def effective(self, tables: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the fields ``tables`` that change a row, and what is in the noise folder.

        Left out are fields of other front ends, and those of noise where none is mixed in.

        Raises :class:`~ablation.errors.StudyError` where noise comes from a folder that has none.
        """
        unused = {name for one in FRONT_ENDS.values() for name in one.fields}
        unused -= set(self.front_end.fields)
        if not self.noise_mixed:
            unused |= set(NOISE_FIELDS)
        elif self.noise_folder is not None:
            unused |= {"noise", "noise_folder"}
        kept = {name: value for name, value in tables.items() if name not in unused}
        if self.noise_mixed and self.noise_folder is not None:
            kept["noise_content"] = noise_content(self.noise_folder)
        return kept

    @property
    def hop_samples(self) -> int:
        return round(self.hop_ms * self.sample_rate / 1000)

    @property
    def window_samples(self) -> int:
        return round(self.window_ms * self.sample_rate / 1000)

    @property
    def height(self) -> int:
        """The rows of a segment: bins from 0 to ``max_hz``, bands or coefficients."""
        return self.front_end.rows(self)

    @property
    def width(self) -> int:
        """The columns of a segment: frames."""
        return self.columns(self.segment_s)

    def columns(self, seconds: float) -> int:
        """Return the number of frames in ``seconds``."""
        return round(seconds * 1000 / self.hop_ms)

    @model_validator(mode="before")
    @classmethod
    def _with_defaults_of_kind(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(kind := given.get("kind"), str):
            if kind not in FRONT_ENDS:
                meant = nearest(kind, FRONT_ENDS)
                raise ValueError(
                    f"kind = {kind!r}: no such front end"
                    + (f"; did you mean {meant!r}?" if meant else "")
                    + f" (there are {', '.join(FRONT_ENDS)})"
                )
            return {**FRONT_ENDS[kind].defaults, **given}
        return given

    @field_validator("snr_db", mode="before")
    @classmethod
    def _ratio_or_clean(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        low, high = _SNR_DB
        if value != "clean" and not (number and low <= value <= high):
            raise ValueError(
                f'{value!r} is neither "clean" nor a number of dB from {low} to {high}'
            )
        return value

    @model_serializer(mode="wrap")
    def _without_defaults_of_kind(
        self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        """Leave out, among default values, the front end's own instead of the table's."""
        tables = serialize(self)
        if info.exclude_defaults:
            for name, default in self.front_end.defaults.items():
                tables.pop(name, None)
                if (value := getattr(self, name)) != default:
                    tables[name] = value
        return tables

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
        if self.front_end.check is not None:
            self.front_end.check(self)
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
