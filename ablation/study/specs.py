"""The tables of a study, their defaults and their digest.

The defaults are the paper's protocol (Li et al., Interspeech 2018, sections 2 and 3.1) with our
reading of what it leaves open; ``docs/protocol.md`` says which choice is whose. Every other
reading is a value of a field here, so that a stored result tells which one was taken.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ablation.study.shapes import PATTERN

DIGEST_VERSION = 2
NETWORK_VERSION = 3  # of the network digest: what trains a network may change without the probe

# Bounded, so that no product of two settings leaves the range of its type.
Positive = Annotated[int, Field(ge=1, lt=2**31)]
PositiveFloat = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
FACTORY = r"^\w+(\.\w+)*:\w+$"  # of a network of the user's own
Share = Annotated[float, Field(ge=0, lt=1)]
ShapeText = Annotated[str, Field(pattern=PATTERN)]

HEIGHTS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 80, 100)
WIDTHS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 50, 60, 70, 80)


class Spec(BaseModel):
    """A table of a study: unknown fields are refused, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class ProbeSpec(Spec):
    """The probe: one convolution, batch norm, ReLU, global average pooling, linear."""

    filters: Positive = 16
    bias: bool = False  # batch norm cancels it
    dilation: tuple[Positive, Positive] = (1, 1)  # bins and frames from one tap to the next
    engine: Literal["single-pass", "reference"] = "single-pass"
    precision: Literal["float32", "bf16"] = "float32"  # of the single pass' products

    def extent(self, height: int, width: int) -> tuple[int, int]:
        """Bins and frames that a filter of ``height`` x ``width`` taps reaches over."""
        down, along = self.dilation
        return (height - 1) * down + 1, (width - 1) * along + 1

    @model_validator(mode="after")
    def _precision_of_engine(self) -> Self:
        if self.precision != "float32" and self.engine != "single-pass":
            raise ValueError(f'precision = "{self.precision}" needs engine = "single-pass"')
        return self


class GridSpec(Spec):
    """The shapes of the two axes in bins and frames, the analysis windows (ms) and the seeds."""

    heights: Annotated[list[Positive], Field(min_length=1)] = list(HEIGHTS)
    widths: Annotated[list[Positive], Field(min_length=1)] = list(WIDTHS)
    fixed_height: Positive = 2
    fixed_width: Positive = 2
    windows: list[PositiveFloat] = []  # empty: features.window_ms alone
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)] = [0]


SCORES, COSTS = ("wa", "ua"), ("params", "multiply-adds")  # to be raised, to be lowered


class SearchSpec(Spec):
    """What ``ablate search`` looks through, and how.

    ``heights`` and ``widths`` are the lowest and the highest extent (empty: of the grid's axis),
    ``filters`` and ``dilations`` choices in place of the probe's own (empty: that alone).
    ``at_once`` trials are drawn at a time, before any of them is scored, so that the points do not
    depend on the number of workers.
    """

    heights: list[Positive] = []
    widths: list[Positive] = []
    filters: list[Positive] = []
    dilations: list[tuple[Positive, Positive]] = []
    sampler: Literal["tpe", "random", "nsga2", "grid"] | None = None  # None: by the objectives
    objective: Annotated[list[str], Field(min_length=1, max_length=2)] = ["wa"]
    prune: bool = False
    prune_p: Annotated[float, Field(gt=0, lt=1)] = 0.3  # below which a trial is given up
    at_once: Positive = 4
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @property
    def drawn_by(self) -> str:
        """The sampler, chosen by the number of objectives where none is given."""
        return self.sampler or ("tpe" if len(self.objective) == 1 else "nsga2")

    @model_validator(mode="after")
    def _objectives_known(self) -> Self:
        score, *cost = self.objective
        if score not in SCORES or not set(cost) <= set(COSTS):
            raise ValueError(
                f"objective = {','.join(self.objective)}: allowed are {' or '.join(SCORES)}, and "
                f"beside it {' or '.join(COSTS)}, as in wa,params"
            )
        if cost and self.prune:
            raise ValueError(
                "prune: a trial of two objectives is never given up, since what scores less may "
                "cost less too; leave out one of the objectives, or prune"
            )
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


class AugmentSpec(Spec):
    """Random changes of the segments that a model is trained on; each is off at 0.

    Drawn anew for every segment of every step, uniformly up to the extent given, from a seed of
    the cell's own. Segments that are scored are never changed.
    """

    gain_db: NotNegative = 0.0  # louder or softer by up to so much; not with scope = "segment"
    frequency_warp: Share = 0.0  # the frequency axis stretched or squeezed by up to this share
    time_warp: Share = 0.0  # the time axis likewise
    time_shift: Share = 0.0  # moved by up to this share of the segment, zeros behind
    frequency_mask: Share = 0.0  # a band of up to this share of the height set to 0
    time_mask: Share = 0.0  # a stretch of up to this share of the width set to 0
    masks: Positive = 1  # of either kind


class TrainingSpec(Spec):
    """Optimiser, schedule and budget (paper, section 3.1); the last epoch is what counts.

    The budget is ``epochs`` or ``steps`` (optimiser steps), whichever is given; milestones are
    epochs counted from 1, and those beyond the budget never come.
    """

    epochs: Positive | None = 50
    steps: Positive | None = None
    batch_size: Positive = 64
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: PositiveFloat = 0.05
    schedule: Literal["milestones", "cosine", "one-cycle", "constant"] = "milestones"
    milestones: list[Positive] = [21, 31, 41]
    decay: PositiveFloat = 0.1  # factor on the learning rate at a milestone
    warmup: Share = 0.2  # of the budget, in which one-cycle raises the learning rate from 0
    momentum: Share = 0.9  # Nesterov; of SGD alone
    weight_decay: NotNegative = 1e-4
    label_smoothing: Share = 0.0
    averaging: Share = 0.0  # decay a step of the running mean of the weights that counts; 0: none
    augment: AugmentSpec = AugmentSpec()
    score: Literal["logit", "posterior"] = "logit"  # what is averaged over segments

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("steps") is not None:
            if data.get("epochs") is not None:
                raise ValueError("epochs and steps are both given; give one of them")
            return data | {"epochs": None}
        return data

    @model_validator(mode="after")
    def _some_budget(self) -> Self:
        if self.epochs is None and self.steps is None:
            raise ValueError("neither epochs nor steps is given; give one of them")
        return self


NETWORK_NAMES = {  # the paper's, in Table 1, by pooling; below them those it does not have
    "attention": "CNN_TF_Att.pooling",
    "gap": "CNN_TF_GAP",
    "bilinear": "CNN_TF_Bilinear",
    "attention-sum": "CNN_TF_Att.sum",
    "attention-class": "CNN_TF_Att.class",
    "max": "CNN_TF_Max",
    "statistics": "CNN_TF_Statistics",
}
PAPER_POOLINGS = ("gap", "bilinear", "attention")  # the rows of Table 1, in its order
Pooling = Literal[
    "attention", "gap", "bilinear", "attention-sum", "attention-class", "max", "statistics"
]


class NetworkSpec(Spec):
    """The full network (paper, figure 1 and section 3.3), trained by ``network.training``.

    ``conv1`` fixes the filter shapes ("10x2", or "10x2:12" for twelve of them); empty, they are
    chosen by ``ablate promote``. ``factory`` ("module:function") makes a network of the user's own
    in place of this one; then only ``conv1``, ``precision``, ``layout`` and ``training`` count.
    """

    conv1: list[ShapeText] = []
    filters: Positive = 8  # of each shape in Conv1 that does not say its own number
    channels: Annotated[list[Positive], Field(min_length=1)] = [32, 48, 64, 80]  # Conv2..Conv5
    pools: list[Positive] = [2, 3]  # 2x2 max-pooling after these of Conv1..Conv5
    bias: bool = False
    pooling: Pooling = "attention"
    attention: Literal["weighted", "literal"] = "weighted"  # literal: divided by H*W once more
    attention_maps: Literal["plain", "batchnorm-relu"] = "plain"
    bilinear_order: Literal["sqrt-l2", "l2-sqrt"] = "sqrt-l2"
    factory: Annotated[str, Field(pattern=FACTORY)] | None = None
    precision: Literal["auto", "float32", "bf16"] = "auto"  # of the products in training
    layout: Literal["auto", "channels_last", "contiguous"] = "auto"
    training: TrainingSpec = TrainingSpec()

    @model_validator(mode="after")
    def _pools_follow_layers(self) -> Self:
        layers = range(1, 2 + len(self.channels))
        for pool in self.pools:
            if pool not in layers:
                raise ValueError(
                    f"pools names Conv{pool}; with {len(self.channels)} channels the layers are "
                    f"Conv1 to Conv{layers[-1]}"
                )
        return self


class ExecutionSpec(Spec):
    """How cells are spread over this machine. Only ``threads`` can change a row."""

    threads: Positive = 1  # of a cell
    workers: Positive | None = None  # None: as many as the cores allow
    devices: Annotated[list[str], Field(min_length=1)] = ["cpu"]
    workers_per_device: Positive = 1  # on cuda devices
    tile: Positive | None = None  # segments in flight of the single pass; None: by device
    cache_gb: PositiveFloat = 20.0  # spectrograms kept on disk between runs


class ClusterSpec(Spec):
    """A dask cluster that trains the cells: one that runs, or jobs of a batch system.

    ``address`` is a running scheduler's (``tcp://host:8786``). ``system`` starts ``jobs`` jobs by
    dask-jobqueue instead, each of ``processes`` workers that share ``cores`` and ``memory``.
    """

    address: str | None = None
    system: Literal["slurm", "pbs", "sge"] | None = None
    jobs: Positive = 1
    processes: Positive = 1
    cores: Positive = 1  # of a job
    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")] = "4GB"  # of a job
    walltime: Annotated[str, Field(pattern=r"^\d+(-\d\d)?:\d\d(:\d\d)?$")] = "04:00:00"
    queue: str | None = None
    account: str | None = None
    interface: str | None = None  # network interface, such as ib0
    directives: list[str] = []  # further lines of the job script's head, as "--gres=gpu:1"
    prologue: list[str] = []  # shell lines before the workers start, as "module load cuda"
    python: str | None = None  # on the nodes; None: this one

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        if self.address is not None and self.system is not None:
            raise ValueError("address and system are both given; give one of them")
        if self.processes > self.cores:
            raise ValueError(f"processes = {self.processes} is more than cores = {self.cores}")
        return self

    @property
    def used(self) -> bool:
        """Whether cells go to a cluster at all."""
        return self.address is not None or self.system is not None


class Study(Spec):
    """All settings of a study."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "study"
    corpus: CorpusSpec = CorpusSpec()
    features: FeaturesSpec = FeaturesSpec()
    probe: ProbeSpec = ProbeSpec()
    grid: GridSpec = GridSpec()
    search: SearchSpec = SearchSpec()
    folds: FoldsSpec = FoldsSpec()
    training: TrainingSpec = TrainingSpec()
    network: NetworkSpec = NetworkSpec()
    execution: ExecutionSpec = ExecutionSpec()
    cluster: ClusterSpec = ClusterSpec()

    def given(self) -> dict[str, Any]:
        """The tables without default-valued fields, as plain JSON types."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def digest(self, corpus_fingerprint: str) -> str:
        """Twelve hex digits over what changes a probe's row but is no column of it.

        Default-valued fields are left out, so that a new option orphans no stored result.
        """
        tables = self.given()
        features = tables.get("features", {})
        features.pop("window_ms", None)  # a column of the row
        return _hash(
            {
                "version": DIGEST_VERSION,
                "corpus": corpus_fingerprint,
                "features": features,
                "threads": self.execution.threads,
                **{table: tables.get(table, {}) for table in ("probe", "folds", "training")},
            }
        )

    def network_digest(self, probe_digest: str, shapes: Sequence[str], code: str = "") -> str:
        """As :meth:`digest`, over what changes a promoted network's row.

        ``code`` is the digest of the source of the user's own network, if it is one.
        """
        network = self.given().get("network", {})
        network.pop("conv1", None)  # the shapes as chosen say it
        return _hash(
            {
                "version": NETWORK_VERSION,
                "probe": probe_digest,
                "window_ms": self.features.window_ms,
                "shapes": list(shapes),
                "network": network,
            }
            | ({"code": code} if code else {})
        )


def _hash(settings: dict[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
