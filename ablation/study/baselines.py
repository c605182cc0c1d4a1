"""The tables of the baselines and of their development speakers.

What the papers leave open is a field here; ``docs/explanation/baselines.md`` says of each value
whether it is stated, taken from a secondary source or inferred.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from ablation.errors import counted
from ablation.study.data import FeaturesSpec
from ablation.study.fields import NotNegative, Positive, PositiveFloat, ShapeText, Share, Spec

MAJORITY, SVM, LOUDNESS = "majority class", "log-mel SVM", "loudness SVM"
TITLES = {  # as tables and rows print them, by their names, in the order of Table 1
    "dnn-elm": "DNN-ELM",
    "rnn-elm": "RNN-ELM",
    "cnn-lstm": "CNN-LSTM",
    "cnn-lstm-two-step": "CNN-LSTM, two steps (reconstructed)",
    "majority": MAJORITY,
    "log-mel-svm": SVM,
}
CONTROLS = {"loudness": LOUDNESS}  # baselines that ``ablate grid --control`` trains: not of Table 1
NAMES = {title: name for name, title in (TITLES | CONTROLS).items()}
DEFAULT_BASELINES = ("majority", "log-mel-svm")

Probability = Annotated[float, Field(ge=0, le=1)]
FrameFeatures = Literal["lee2015", "han2014"]


class DevelopmentSpec(Spec):
    """Speakers on whom training is stopped and hyperparameters are chosen; never tested on."""

    speakers: Literal["none", "partner", "next"] = Field(
        default="none",
        description="none (fixed epochs, as in the paper), partner (the other speaker of the test "
        "speaker's dialogue) or next (the test speakers of the next fold).",
    )


class EpochsFields(Spec):
    """How long a baseline's network is trained."""

    epochs: Positive = Field(default=20, description="Epochs without development speakers.")
    max_epochs: Positive = Field(
        default=50, description="Epochs with development speakers, of which the best is kept."
    )


class KernelElmFields(EpochsFields):
    """The extreme learning machine with a radial basis function kernel, and what it is given."""

    theta: Probability = Field(
        default=0.2, description="Posterior above which a frame counts for a class."
    )
    cost: PositiveFloat = Field(default=1.0, description="C of the kernel ELM (1 / ridge).")
    gamma: PositiveFloat | None = Field(
        default=None, description="Width of its kernel; default: 1 / dimension."
    )
    costs: Annotated[list[PositiveFloat], Field(min_length=1)] = Field(
        default=[0.01, 0.1, 1.0, 10.0, 100.0, 1000.0],
        description="Values of cost to choose from on development speakers.",
    )
    gammas: Annotated[list[PositiveFloat], Field(min_length=1)] = Field(
        default=[0.001, 0.01, 0.1, 1.0],
        description="Values of gamma to choose from on development speakers.",
    )


class DnnElmSpec(KernelElmFields):
    """DNN-ELM (Han et al. 2014), or its re-run by Lee and Tashev (2015), the row of Table 1."""

    preset: Literal["lee2015", "han2014"] = Field(
        default="lee2015",
        description="Values of features, energy_share and elm where these are not given.",
    )
    features: FrameFeatures | None = Field(
        default=None,
        description="Features of a frame: lee2015 (32) or han2014 (30); default: by preset.",
    )
    energy_share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="Share of an utterance's segments, the loudest, that are used; default: 0.3 "
        "(lee2015) or 0.1 (han2014).",
    )
    elm: Literal["kernel", "random"] | None = Field(
        default=None,
        description="Kernel ELM, or one of random hidden units; default: kernel (lee2015) or "
        "random (han2014).",
    )
    elm_units: Positive = Field(default=120, description="Hidden units of the random ELM.")
    elm_ridge: NotNegative = Field(default=1e-6, description="Ridge of the random ELM.")
    context: Annotated[int, Field(ge=0, lt=1000)] = Field(
        default=12, description="Frames on either side that are given to the network too."
    )
    layers: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=[256, 256, 256], description="Units of the hidden layers."
    )
    learning_rate: PositiveFloat = Field(default=0.01, description="Learning rate of SGD.")
    momentum: Share = Field(default=0.9, description="Momentum of SGD.")
    batch_size: Positive = Field(default=128, description="Segments per step.")

    @property
    def frame_features(self) -> FrameFeatures:
        return self.features or self.preset

    @property
    def share(self) -> float:
        """The share of an utterance's segments that are used."""
        return self.energy_share or {"lee2015": 0.3, "han2014": 0.1}[self.preset]

    @property
    def machine(self) -> Literal["kernel", "random"]:
        return self.elm or ("kernel" if self.preset == "lee2015" else "random")


class RnnElmSpec(KernelElmFields):
    """RNN-ELM (Lee and Tashev 2015): a BLSTM with the chains NULL, emotion, NULL."""

    features: FrameFeatures = Field(default="lee2015", description="Features of a frame.")
    cells: Positive = Field(default=64, description="LSTM cells of each direction and layer.")
    layers: Annotated[int, Field(ge=1, le=16)] = Field(default=2, description="BLSTM layers.")
    learning_rate: PositiveFloat = Field(default=1e-3, description="Learning rate of Adam.")
    batch_size: Positive = Field(default=16, description="Utterances per step.")
    clip: PositiveFloat = Field(default=5.0, description="Largest norm of the gradient.")
    voicing: Probability = Field(
        default=0.5, description="Voicing above which a frame belongs to a voiced region."
    )
    gap_ms: NotNegative = Field(
        default=200.0, description="Gaps between voiced regions that are shorter are closed (ms)."
    )
    region_ms: NotNegative = Field(
        default=100.0, description="Voiced regions that are shorter are left out (ms)."
    )


class CnnLstmSpec(EpochsFields):
    """CNN-LSTM (Satt et al. 2017) on pieces of a log spectrogram."""

    bin_hz: PositiveFloat = Field(
        default=20.0, description="Width of a frequency bin in Hz; the paper tried 20 and 10."
    )
    window_ms: PositiveFloat = Field(default=40.0, description="Analysis window in ms.")
    hop_ms: PositiveFloat = Field(default=10.0, description="Step between frames in ms.")
    max_hz: PositiveFloat = Field(default=4000.0, description="Highest frequency in Hz.")
    piece_s: PositiveFloat = Field(
        default=3.0, description="Length of the pieces that an utterance is cut into, in s."
    )
    min_piece_s: NotNegative = Field(
        default=0.5, description="A last piece that is shorter is left out, unless it is the only."
    )
    filters: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=[16, 24, 32], description="Filters of the convolutions."
    )
    kernels: Annotated[list[ShapeText], Field(min_length=1)] = Field(
        default=["12x16", "8x12", "5x7"],
        description="Their sizes as frames x bins; one for each entry of filters.",
    )
    cells: Positive = Field(default=128, description="LSTM cells.")
    bidirectional: bool = Field(
        default=False, description="An LSTM of so many cells in each direction."
    )
    dense: Positive = Field(default=64, description="Units of the layer after the LSTM.")
    dropout: Share = Field(default=0.2, description="Dropout before the last layer.")
    learning_rate: PositiveFloat = Field(default=1e-3, description="Learning rate of Adam.")
    batch_size: Positive = Field(default=64, description="Pieces per step.")
    epochs: Positive = Field(default=15, description="Epochs without development speakers.")

    @model_validator(mode="after")
    def _kernels_of_filters(self) -> Self:
        if len(self.kernels) != len(self.filters):
            raise ValueError(
                f"filters has {counted(len(self.filters), 'entry', 'entries')} and kernels "
                f"{len(self.kernels)}; each convolution needs one of both"
            )
        for kernel in self.kernels:
            if ":" in kernel:
                raise ValueError(f"{kernel} in kernels names a number of filters; filters does")
        return self

    @property
    def spectrogram(self) -> FeaturesSpec:
        """The log spectrogram of an utterance, of which it cuts its pieces itself."""
        hop_s = self.hop_ms / 1000  # a segment of one frame: nothing is padded to more
        return FeaturesSpec(
            sample_rate=16000,
            n_fft=round(16000 / self.bin_hz),
            window_ms=self.window_ms,
            hop_ms=self.hop_ms,
            max_hz=self.max_hz,
            scale="log",
            segment_s=hop_s,
            train_hop_s=hop_s,
            test_hop_s=hop_s,
        )

    @model_validator(mode="after")
    def _has_a_spectrogram(self) -> Self:
        try:
            _ = self.spectrogram
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"no spectrogram at 16 kHz can be made so: {reason}") from error
        return self


class TwoStepSpec(CnnLstmSpec):
    """The two-step predictor (Satt et al. 2017), reconstructed: its steps are not published."""

    variant: Literal["rest", "balanced"] = Field(
        default="rest",
        description="Second step: the other classes alone (rest), or utterances that the first "
        "gives the largest class, judged again by a network trained on balanced classes.",
    )
    threshold: Probability = Field(
        default=0.5,
        description="Posterior of the largest class above which it is the answer; only for rest.",
    )
    thresholds: Annotated[list[Probability], Field(min_length=1)] = Field(
        default=[round(0.05 * step, 2) for step in range(1, 20)],
        description="Values of threshold to choose from on development speakers.",
    )


class BaselinesSpec(Spec):
    """Settings of the baselines that ``ablate promote --baselines`` trains."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    epochs: Positive | None = Field(
        default=None, description="Epochs of every baseline, for a trial; default: their own."
    )
    dnn_elm: DnnElmSpec = Field(default=DnnElmSpec(), alias="dnn-elm", description="DNN-ELM.")
    rnn_elm: RnnElmSpec = Field(default=RnnElmSpec(), alias="rnn-elm", description="RNN-ELM.")
    cnn_lstm: CnnLstmSpec = Field(default=CnnLstmSpec(), alias="cnn-lstm", description="CNN-LSTM.")
    cnn_lstm_two_step: TwoStepSpec = Field(
        default=TwoStepSpec(), alias="cnn-lstm-two-step", description="The two-step predictor."
    )

    def of(self, name: str) -> Any:
        """Return the settings of a baseline; None if it has none.

        ``epochs`` stands for its own epochs, and for the most of them with development speakers.
        """
        attribute = name.replace("-", "_")
        if attribute not in type(self).model_fields:
            return None
        spec = getattr(self, attribute)
        if self.epochs is None:
            return spec
        return spec.model_copy(update={"epochs": self.epochs, "max_epochs": self.epochs})
