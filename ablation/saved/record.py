"""The record beside a network's weights, and how both are written and checked.

A saved network is a folder: ``network.safetensors`` (weights), ``network.json`` (a :class:`Record`)
and ``README.md`` (a model card). No pickle is ever read from it, and no code: a network of the
user's own is imported from the working folder or the installed packages by the name in the record.
Digests reveal weights that are not the record's, and a record edited by hand. They guard against
accidents, not against somebody who recomputes them.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ablation.errors.networks import DamagedNetwork, NetworkChanged, NoNetwork
from ablation.errors.running import NewerFile
from ablation.files import atomic_write, storage_error, write_text
from ablation.study import NETWORK_NAMES, FeaturesSpec, NetworkSpec
from ablation.study.fields import ShapeText
from ablation.version import __version__

FORMAT = 1
WEIGHTS, RECORD, CARD = "network.safetensors", "network.json", "README.md"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusNote(_Part):
    """A note of what the network was trained on."""

    name: str
    fingerprint: str  # over every recording's content, cut, speaker and label
    utterances: int
    train_speakers: list[str]
    test_speakers: list[str]  # empty when it was trained on all


class HeardNote(_Part):
    """A note of the training recordings' least length (seconds) and level (dB, loudest point)."""

    shortest_s: float
    quietest_db: float


class ScoreNote(_Part):
    """A note of WA and UA (0..1), and of what they were measured on."""

    wa: float
    ua: float
    utterances: int
    measured_on: str


class Record(_Part):
    """A record has all that a network needs for a prediction but its weights, and its origin."""

    format: Literal[1] = FORMAT
    ablation: str = __version__
    study: str
    title: str
    pooling: str  # empty for a network of the user's own
    shapes: list[ShapeText] = Field(min_length=1)
    classes: list[str] = Field(min_length=2)
    digest: str
    network_digest: str
    seed: int
    fold: str  # empty when it was trained on all speakers
    corpus: CorpusNote
    scores: ScoreNote | None
    features: FeaturesSpec
    # That features.scope = "corpus" maps: lowest and highest value, or those of each row.
    corpus_range: tuple[float | tuple[float, ...], float | tuple[float, ...]] | None
    network: NetworkSpec
    trained_in: str  # as the rows' column "engine"
    threads: Annotated[int, Field(ge=1)]
    parameters: int
    multiply_adds: int
    weights: str  # digest of network.safetensors
    code: str = ""  # digest of the source of a network of the user's own
    heard: HeardNote | None = None  # missing in records of older versions

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.network.factory is None and self.pooling not in NETWORK_NAMES:
            raise ValueError(f"unknown pooling {self.pooling!r}")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("two classes have the same name")
        if (self.corpus_range is not None) != (self.features.scope == "corpus"):
            raise ValueError('corpus_range is required by features.scope = "corpus", and only then')
        if self.corpus_range is not None and not _ascending(self.corpus_range, self.features):
            raise ValueError("corpus_range must be ascending")
        return self

    def checksum(self) -> str:
        """Return a digest of all fields, which the file contains beside them."""
        return _tables_digest(self.model_dump(mode="json"))


def _ascending(ends: tuple[Any, Any], features: FeaturesSpec) -> bool:
    """Return whether the ends are a range of such features: of each row where they have signs."""
    if not features.front_end.signed:
        return all(isinstance(end, float) for end in ends) and ends[0] < ends[1]
    rows = [end for end in ends if isinstance(end, tuple) and len(end) == features.height]
    return len(rows) == 2 and all(low <= high for low, high in zip(*rows, strict=True))


def weights_digest(weights: bytes) -> str:
    """Return what :attr:`Record.weights` must be for the bytes of ``network.safetensors``."""
    return _digest(weights)


def write(folder: Path, record: Record, weights: bytes, card: str) -> None:
    """Write the three files, ``network.json`` last: a folder without it has no network.

    Raises :class:`~ablation.errors.StorageError` when a file cannot be written.
    """
    with atomic_write(folder / WEIGHTS) as file:
        file.write(weights)
    write_text(folder / CARD, card)
    tables = record.model_dump(mode="json") | {"checksum": record.checksum()}
    write_text(folder / RECORD, json.dumps(tables, indent=2, ensure_ascii=False) + "\n")


def read(folder: Path) -> Record:
    """Return the record of a saved network.

    Raises
    ------
    StorageError
        When there is none, or it is damaged, edited or of a newer version.
    """
    path = folder / RECORD
    tables = _json(folder, path)
    if isinstance(version := tables.get("format"), int) and version > FORMAT:
        raise NewerFile(path, version, FORMAT)
    checksum = tables.pop("checksum", None)
    try:
        record = Record.model_validate(tables)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ").lower()
        raise DamagedNetwork(path, message, field) from error
    # The digest covers the fields in the file, which may lack those added since it was written.
    if checksum != _tables_digest(tables):
        raise NetworkChanged(path)
    return record


def read_weights(folder: Path, record: Record) -> bytes:
    """Return the bytes of ``network.safetensors``.

    Raises :class:`~ablation.errors.StorageError` when they cannot be read or are not the record's.
    """
    path = folder / WEIGHTS
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise storage_error("read", path, error) from error
    if weights_digest(weights) != record.weights:
        raise NetworkChanged(path)
    return weights


def _json(folder: Path, path: Path) -> dict[str, Any]:
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NoNetwork(folder) from error
    except OSError as error:
        raise storage_error("read", path, error) from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise DamagedNetwork(path, f"not valid JSON ({error})") from error
    if not isinstance(tables, dict):
        raise DamagedNetwork(path, "not a JSON object")
    return tables


def _tables_digest(tables: dict[str, Any]) -> str:
    # JSON can contain half of a surrogate pair, which UTF-8 cannot encode; let the digest differ.
    text = json.dumps(tables, sort_keys=True, ensure_ascii=False)
    return _digest(text.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
