"""A corpus may be a folder written by ``save_to_disk`` of Hugging Face datasets.

``[corpus.options]`` names the columns of the recording, the label and the speaker. Labels of a
``ClassLabel`` are its names. Recordings stored in the table itself are unpacked once, unchanged,
into the user's cache (``ablate cache``), each named by its content; nothing is decoded here, so
torchcodec is not needed.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from ablation.corpora.base import CorpusKind, Options, Utterance, require_folder
from ablation.corpora.faults import Faults
from ablation.corpora.recordings import SUFFIXES
from ablation.corpora.table_values import as_text, is_missing
from ablation.errors import CorpusError, first_line
from ablation.errors.common import MissingPackage, UnknownName
from ablation.errors.corpora import (
    EmptyField,
    InvalidValue,
    NotAnAudioColumn,
    PartNotChosen,
    RemoteRecording,
    UnreadableFile,
    WrongCorpusRoot,
)
from ablation.files import atomic_write, cache_folder, is_file

if TYPE_CHECKING:
    import datasets as library

_LAYOUT = (
    "what save_to_disk writes: dataset_info.json, state.json and *.arrow, "
    "or dataset_dict.json and one folder per split"
)


class HuggingfaceOptions(Options):
    """These options name the columns, and the ``split`` where a DatasetDict has several."""

    audio: str = "audio"
    label: str = "label"
    speaker: str = "speaker"
    split: str = ""


def _read(root: Path | None, options: HuggingfaceOptions) -> list[Utterance]:
    folder = require_folder(root, "huggingface", _LAYOUT)
    if not any(is_file(folder / name) for name in ("dataset_dict.json", "state.json")):
        fault = "holds no state.json or dataset_dict.json"
        raise WrongCorpusRoot("huggingface", folder, fault, _LAYOUT)
    dataset = _dataset(folder, options)
    for option in ("audio", "label", "speaker"):
        column = getattr(options, option)
        if column not in dataset.column_names:
            where = f"{folder}, corpus.options.{option}"
            raise UnknownName(where, column, dataset.column_names, "column")
    return list(_utterances(folder, dataset, options))


def _dataset(folder: Path, options: HuggingfaceOptions) -> "library.Dataset":
    try:
        import datasets as library
    except ImportError as error:
        raise MissingPackage("corpus huggingface", "datasets", "huggingface") from error
    try:
        loaded = library.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableFile(folder, first_line(error), "dataset") from error
    if isinstance(loaded, library.DatasetDict):
        chosen = _split(folder, loaded, options.split)
    elif options.split:
        raise UnknownName(f"{folder}, corpus.options.split", options.split, [], "split")
    else:
        chosen = loaded
    try:
        # The files are memory-mapped: reading a damaged one would kill the process.
        chosen.data.validate(full=True)
    except ValueError as error:
        raise UnreadableFile(folder, first_line(error), "dataset") from error
    return chosen


def _split(folder: Path, loaded: "library.DatasetDict", split: str) -> "library.Dataset":
    names = [str(name) for name in loaded]
    if split in names:
        return loaded[split]
    if not split and len(names) == 1:
        return loaded[names[0]]
    if not split:
        raise PartNotChosen(folder, "split", sorted(names))
    raise UnknownName(f"{folder}, corpus.options.split", split, names, "split")


def _utterances(
    folder: Path, dataset: "library.Dataset", options: HuggingfaceOptions
) -> Iterator[Utterance]:
    import datasets as library

    feature = dataset.features[options.audio]
    if not isinstance(feature, library.Audio):
        raise NotAnAudioColumn(folder, options.audio)
    columns = [options.audio, options.label, options.speaker]
    rows = dataset.with_format(None).select_columns(list(dict.fromkeys(columns)))
    rows = rows.cast_column(options.audio, library.Audio(decode=False))
    names = [_names(dataset.features[column]) for column in columns]
    faults = Faults(f"{folder}, ")
    for number, row in enumerate(cast("Iterable[dict[str, Any]]", rows)):
        origin = f"{folder}, row {number}"
        try:
            file = _file(folder, origin, options.audio, row[options.audio])
            label = _text(origin, options.label, row[options.label], names[1])
            speaker = _text(origin, options.speaker, row[options.speaker], names[2])
        except CorpusError as fault:
            faults.add(fault)
        else:
            yield Utterance(f"{number:06d}", file, speaker, label, origin=origin)
    faults.end()


def _names(feature: Any) -> list[str] | None:
    """Return the names of a ClassLabel's numbers, or None for any other column."""
    names = getattr(feature, "names", None)
    return list(names) if names is not None else None


def _text(origin: str, column: str, value: Any, names: list[str] | None) -> str:
    if is_missing(value) or (names is not None and not 0 <= value < len(names)):
        raise EmptyField(origin, column)
    if isinstance(value, bytes | list | tuple | dict):
        raise InvalidValue(origin, column, value, "text or a number")
    return as_text(value if names is None else names[value])


def _file(folder: Path, origin: str, column: str, stored: Any) -> Path:
    """Return the file of a row's recording: the one it names, or its bytes in the cache."""
    content = stored.get("bytes") if stored else None
    path = stored.get("path") if stored else None
    if content:
        return _unpacked(content, path or "")
    if not path:
        raise EmptyField(origin, column)
    if "::" in path or "://" in path:
        raise RemoteRecording(origin, path)
    return folder / path  # an absolute path stays as it is


def _unpacked(content: bytes, path: str) -> Path:
    """Return a file with the bytes of a recording, named by their digest.

    Only the suffix of ``path`` is used, so that a dataset cannot choose where files are written.
    """
    digest = blake2b(content, digest_size=16).hexdigest()
    suffix = PurePosixPath(path).suffix.lower()
    name = f"{digest}{suffix if suffix in SUFFIXES else ''}"
    file = cache_folder() / "huggingface" / digest[:2] / name
    if not (is_file(file) and file.stat().st_size == len(content)):
        with atomic_write(file, durable=False) as stream:
            stream.write(content)
    return file


KIND = CorpusKind(
    name="huggingface",
    summary="a dataset saved by Hugging Face datasets (needs the extra huggingface)",
    layout=_LAYOUT,
    read=_read,
    options=HuggingfaceOptions,
    closed=False,
)
