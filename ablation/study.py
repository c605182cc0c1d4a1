"""A study: every setting that a result depends on, read from TOML, validated and digested.

The defaults are the paper's protocol (Li et al., Interspeech 2018, sections 2 and 3.1) with our
reading of what it leaves open; ``docs/protocol.md`` says which choice is whose. Every other
reading is a value of a field here, so that a stored result tells which one was taken.
"""

import hashlib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ablation.errors import StudyError, suggestion

DIGEST_VERSION = 1

Positive = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Shape = Annotated[str, Field(pattern=r"^[1-9]\d*x[1-9]\d*$")]

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


class FeaturesSpec(Spec):
    """The spectrogram (paper, section 2.1) and how utterances are cut into segments."""

    sample_rate: Annotated[int, Field(ge=1000)] = 16000  # Hz
    window: Literal["hamming", "hann"] = "hamming"
    window_ms: PositiveFloat = 40.0
    hop_ms: PositiveFloat = 10.0
    n_fft: Annotated[int, Field(ge=16)] = 1600  # 10 Hz a bin at 16 kHz
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
    engine: Literal["reference"] = "reference"


class GridSpec(Spec):
    """The shapes of the two axes in bins and frames, the analysis windows (ms) and the seeds."""

    heights: Annotated[list[Positive], Field(min_length=1)] = list(HEIGHTS)
    widths: Annotated[list[Positive], Field(min_length=1)] = list(WIDTHS)
    fixed_height: Positive = 2
    fixed_width: Positive = 2
    windows: list[PositiveFloat] = []  # empty: features.window_ms alone
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = [0]


class FoldsSpec(Spec):
    """One fold a speaker, or all speakers parted into ``count`` groups."""

    scheme: Literal["speaker", "speaker-groups"] = "speaker"
    count: Annotated[int, Field(ge=2)] = 10  # of speaker-groups
    seed: Annotated[int, Field(ge=0)] = 0  # draws the groups


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
    schedule: Literal["milestones", "cosine", "constant"] = "milestones"
    milestones: list[Positive] = [21, 31, 41]
    decay: PositiveFloat = 0.1  # factor on the learning rate at a milestone
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9  # Nesterov; of SGD alone
    weight_decay: NotNegative = 1e-4
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


NETWORK_NAMES = {  # the paper's, in Table 1, by pooling
    "attention": "CNN_TF_Att.pooling",
    "gap": "CNN_TF_GAP",
    "bilinear": "CNN_TF_Bilinear",
}


class NetworkSpec(Spec):
    """The full network (paper, figure 1 and section 3.3), trained by ``network.training``.

    ``conv1`` fixes the filter shapes ("10x2"); empty, they are chosen by ``ablate promote``.
    """

    conv1: list[Shape] = []
    filters: Positive = 8  # of each shape in Conv1
    channels: Annotated[list[Positive], Field(min_length=1)] = [32, 48, 64, 80]  # Conv2..Conv5
    pools: list[Positive] = [2, 3]  # 2x2 max-pooling after these of Conv2..Conv5
    bias: bool = False
    pooling: Literal["attention", "gap", "bilinear"] = "attention"
    attention: Literal["weighted", "literal"] = "weighted"  # literal: divided by H*W once more
    attention_maps: Literal["plain", "batchnorm-relu"] = "plain"
    bilinear_order: Literal["sqrt-l2", "l2-sqrt"] = "sqrt-l2"
    training: TrainingSpec = TrainingSpec()

    @model_validator(mode="after")
    def _pools_follow_layers(self) -> Self:
        layers = range(2, 2 + len(self.channels))
        for pool in self.pools:
            if pool not in layers:
                raise ValueError(
                    f"pools names Conv{pool}; with {len(self.channels)} channels the layers are "
                    f"Conv{layers[0]} to Conv{layers[-1]}"
                )
        return self


class ExecutionSpec(Spec):
    """How cells are spread over this machine. Only ``threads`` can change a row."""

    threads: Positive = 1  # of a cell
    workers: Positive | None = None  # None: as many as the cores allow
    devices: Annotated[list[str], Field(min_length=1)] = ["cpu"]
    workers_per_device: Positive = 1  # on cuda devices
    cache_gb: PositiveFloat = 20.0  # spectrograms kept on disk between runs


class Study(Spec):
    """All settings of a study."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "study"
    corpus: CorpusSpec = CorpusSpec()
    features: FeaturesSpec = FeaturesSpec()
    probe: ProbeSpec = ProbeSpec()
    grid: GridSpec = GridSpec()
    folds: FoldsSpec = FoldsSpec()
    training: TrainingSpec = TrainingSpec()
    network: NetworkSpec = NetworkSpec()
    execution: ExecutionSpec = ExecutionSpec()

    def at_window(self, window_ms: float) -> "Study":
        """The same study with another analysis window, validated anew."""
        tables = _given(self)
        tables.setdefault("features", {})["window_ms"] = window_ms
        return parse_study(tables, origin=f"window of {window_ms:g} ms")

    def digest(self, corpus_fingerprint: str) -> str:
        """Twelve hex digits over what changes a probe's row but is no column of it.

        Default-valued fields are left out, so that a new option orphans no stored result.
        """
        tables = _given(self)
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

    def network_digest(self, probe_digest: str, shapes: Sequence[str]) -> str:
        """As :meth:`digest`, over what changes a promoted network's row."""
        network = _given(self).get("network", {})
        network.pop("conv1", None)  # the shapes as chosen say it
        return _hash(
            {
                "version": DIGEST_VERSION,
                "probe": probe_digest,
                "window_ms": self.features.window_ms,
                "shapes": list(shapes),
                "network": network,
            }
        )


def _given(study: Study) -> dict[str, Any]:
    """The study's tables without default-valued fields, as plain JSON types."""
    return study.model_dump(mode="json", exclude_defaults=True)


def _hash(settings: dict[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def shipped_studies() -> Path:
    """The folder of the studies that come with the package (in a checkout: its ``studies/``)."""
    here = Path(__file__).parent
    packaged = here / "studies"
    return packaged if packaged.is_dir() else here.parent / "studies"


def find_study(path: Path) -> Path:
    """``path`` itself, or the study of that file name that ships with the package.

    Raises :class:`StudyError` when there is neither.
    """
    if path.is_file():
        return path
    shipped = shipped_studies() / path.with_suffix(".toml").name
    if path.parent.name in ("", "studies") and shipped.is_file():
        return shipped
    names = [file.stem for file in shipped_studies().glob("*.toml")]
    raise StudyError(
        f"no study file {path}", f"give a TOML file, or a shipped study: {', '.join(sorted(names))}"
    )


def load_study(
    path: Path | str,
    overrides: Sequence[str] = (),
    corpus: str | None = None,
    corpus_root: Path | None = None,
) -> Study:
    """Read and validate the study at ``path``.

    Parameters
    ----------
    overrides
        ``field=value`` texts, as of ``--set``, with the value written as in TOML (a bare word is
        a string). A budget in epochs clears one in steps and the other way round.
    corpus, corpus_root
        Replace the study's corpus; a new name drops the old corpus' root, labels and options.

    Raises
    ------
    StudyError
        Naming the file and the field, the value found and what is allowed.
    """
    file = find_study(Path(path))
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{file} is not valid TOML: {error}") from error
    except OSError as error:
        raise StudyError(f"cannot read {file}: {error.strerror}") from error
    tables.setdefault("name", file.stem)
    if isinstance(tables.get("corpus"), dict):
        _resolve_root(tables["corpus"], file.parent)
    for override in overrides:
        _apply(tables, override)
    if corpus is not None and corpus != _table(tables, "corpus").get("name"):
        tables["corpus"] = {"name": corpus}
    if corpus_root is not None:
        _table(tables, "corpus")["root"] = str(corpus_root.absolute())
    return parse_study(tables, origin=str(file))


def override_study(study: Study, overrides: Sequence[str]) -> Study:
    """``study`` with some ``field=value``, validated; raises as :func:`load_study`."""
    tables = _without_none({"name": study.name} | _given(study))
    for override in overrides:
        _apply(tables, override)
    return parse_study(tables, origin="--set")


def parse_study(tables: dict[str, Any], origin: str) -> Study:
    """Validate ``tables``; ``origin`` is named in the :class:`StudyError` when one is wrong."""
    try:
        return Study.model_validate(tables)
    except ValidationError as error:
        raise _explain(error, origin) from error


def study_toml(study: Study) -> str:
    """The study as TOML with every field that differs from its default."""
    return tomli_w.dumps(_without_none({"name": study.name} | _given(study)))


def _without_none(tables: dict[str, Any]) -> dict[str, Any]:
    """TOML knows no null: a field that is None is one not given."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in tables.items()
        if value is not None
    }


def _resolve_root(corpus: dict[str, Any], folder: Path) -> None:
    """Paths in a study are relative to its file."""
    if isinstance(corpus.get("root"), str):
        corpus["root"] = str((folder / Path(corpus["root"]).expanduser()).absolute())


def _table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    table = tables.setdefault(name, {})
    if not isinstance(table, dict):
        raise StudyError(f"{name} = {table!r} is a value where a table [{name}] is expected")
    return table


def _apply(tables: dict[str, Any], override: str) -> None:
    """Carry out one ``field=value`` of the command line on the raw tables."""
    path, equals, text = override.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise StudyError(f"--set {override!r} is not field=value", "as in training.epochs=5")
    table = tables
    for key in keys[:-1]:
        table = _table(table, key)
    table[keys[-1]] = _toml_value(text.strip())
    if keys[-1] in ("epochs", "steps"):
        table.pop("steps" if keys[-1] == "epochs" else "epochs", None)
    if keys == ["corpus", "root"]:
        _resolve_root(table, Path.cwd())


def _toml_value(text: str) -> Any:
    """``text`` as a TOML value, or as the string it is where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(error: ValidationError, origin: str) -> StudyError:
    """The first fault of a study in one line, the nearest field name where one is unknown."""
    fault = error.errors(include_url=False)[0]
    location = [part for part in fault["loc"] if part not in ("str", "dict[str,str]")]
    field = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        known = _fields_beside(location)
        return StudyError(f"{origin}: unknown field {field}", suggestion(str(location[-1]), known))
    message = fault["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if fault["type"] == "value_error":
        return StudyError(f"{origin}: [{field}] {message}" if field else f"{origin}: {message}")
    return StudyError(f"{origin}: {field} = {fault['input']!r}: {message}")


def _fields_beside(location: Sequence[Any]) -> list[str]:
    """The fields of the table in which ``location``'s last part stands."""
    spec: Any = Study
    for part in location[:-1]:
        spec = spec.model_fields[part].annotation
    return list(spec.model_fields)
