"""What stands beside a network's weights, and how both are written and checked.

A kept network is a folder: ``network.safetensors`` (weights), ``network.json`` (a :class:`Record`)
and ``README.md`` (a model card). No pickle is ever read from it, and no code: a network of the
user's own is imported from the working folder or the installed packages by the name in the record.
Both files carry digests, so weights that are not the record's, and a record edited by hand, are
noticed: they guard against accidents, not against somebody who makes digests anew.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ablation.errors import StorageError
from ablation.files import atomic_write, storage_error, write_text
from ablation.study import NETWORK_NAMES, FeaturesSpec, NetworkSpec
from ablation.study.fields import ShapeText
from ablation.version import __version__

FORMAT = 1
WEIGHTS, RECORD, CARD = "network.safetensors", "network.json", "README.md"
_ANEW = "run ablate promote again: it is written anew"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusNote(_Part):
    """What the network was trained on."""

    name: str
    fingerprint: str  # over every recording's content, cut, speaker and label
    utterances: int
    train_speakers: list[str]
    test_speakers: list[str]  # empty when it was trained on all


class ScoreNote(_Part):
    """WA and UA (0..1) and what they were measured on."""

    wa: float
    ua: float
    utterances: int
    measured_on: str


class Record(_Part):
    """Everything but the weights that a network needs to hear a recording, and where it is from."""

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
    corpus_range: tuple[float, float] | None  # that features.scope = "corpus" maps
    network: NetworkSpec
    trained_in: str  # as the rows' column "engine"
    threads: Annotated[int, Field(ge=1)]
    parameters: int
    multiply_adds: int
    weights: str  # digest of network.safetensors
    code: str = ""  # digest of the source of a network of the user's own

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.network.factory is None and self.pooling not in NETWORK_NAMES:
            raise ValueError(f"pooling {self.pooling!r} is unknown")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("two classes have one name")
        if (self.corpus_range is not None) != (self.features.scope == "corpus"):
            raise ValueError("corpus_range belongs to scope = corpus, and to no other")
        if self.corpus_range is not None and not self.corpus_range[0] < self.corpus_range[1]:
            raise ValueError("corpus_range does not rise")
        return self

    def checksum(self) -> str:
        """Digest of all fields, kept in the file beside them."""
        return _tables_digest(self.model_dump(mode="json"))


def weights_digest(weights: bytes) -> str:
    """What :attr:`Record.weights` must be for the bytes of ``network.safetensors``."""
    return _digest(weights)


def write(folder: Path, record: Record, weights: bytes, card: str) -> None:
    """Write the three files; ``network.json`` last, for a folder without it holds no network.

    Raises :class:`StorageError` when that cannot be done.
    """
    with atomic_write(folder / WEIGHTS) as file:
        file.write(weights)
    write_text(folder / CARD, card)
    tables = record.model_dump(mode="json") | {"checksum": record.checksum()}
    write_text(folder / RECORD, json.dumps(tables, indent=2, ensure_ascii=False) + "\n")


def read(folder: Path) -> Record:
    """The record of a kept network.

    Raises
    ------
    StorageError
        When there is none, or it is damaged, edited, or of a newer version.
    """
    path = folder / RECORD
    tables = _json(folder, path)
    if isinstance(version := tables.get("format"), int) and version > FORMAT:
        raise StorageError(
            f"{path} was written by a newer version of ablation (format {version}; this one knows "
            f"{FORMAT})",
            "upgrade ablation",
        )
    checksum = tables.pop("checksum", None)
    try:
        record = Record.model_validate(tables)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ").lower()
        where = f"{path}: {field}" if field else str(path)
        raise StorageError(f"{where}: {message}", _ANEW) from error
    # Over the fields as they stand in the file: a later version's new fields are none of them.
    if checksum != _tables_digest(tables):
        raise StorageError(f"{path} was changed after it was written (its checksum differs)", _ANEW)
    return record


def read_weights(folder: Path, record: Record) -> bytes:
    """The bytes of ``network.safetensors``, which must be the record's.

    Raises :class:`StorageError` when they are not.
    """
    path = folder / WEIGHTS
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise storage_error("read", path, error) from error
    if weights_digest(weights) != record.weights:
        raise StorageError(
            f"{path} does not hold the weights that {RECORD} was written with", _ANEW
        )
    return weights


def _json(folder: Path, path: Path) -> dict[str, Any]:
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StorageError(
            f"no network in {folder}: there is no {RECORD}",
            "give a folder below results/STUDY/networks, as ablate promote makes them",
        ) from error
    except OSError as error:
        raise storage_error("read", path, error) from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise StorageError(f"{path} is not valid JSON ({error})", _ANEW) from error
    if not isinstance(tables, dict):
        raise StorageError(f"{path} is not a JSON object", _ANEW)
    return tables


def _tables_digest(tables: dict[str, Any]) -> str:
    # JSON can spell half a character, which UTF-8 cannot: then the digest is just another one.
    text = json.dumps(tables, sort_keys=True, ensure_ascii=False)
    return _digest(text.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
