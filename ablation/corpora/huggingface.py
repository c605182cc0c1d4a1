"""A folder written by ``save_to_disk`` of Hugging Face datasets.

Which columns hold the recording, the label and the speaker is said in ``[corpus.options]``. Labels
of a ``ClassLabel`` go by their names. Recordings that are stored in the table itself are unpacked
once, as they are, into the user's cache (``ablate cache``), each named by its content; nothing is
decoded here, so that torchcodec is not needed.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from ablation.corpora.base import CorpusKind, Options, Utterance, require_folder
from ablation.corpora.cells import as_text, is_missing
from ablation.corpora.faults import Faults
from ablation.corpora.recordings import SUFFIXES
from ablation.errors import CorpusError, first_line, suggestion
from ablation.files import atomic_write, cache_folder, is_file

if TYPE_CHECKING:
    import datasets as library

_LAYOUT = "dataset_info.json, state.json and *.arrow, or dataset_dict.json and a folder a split"
_INSTALL = "pip install -c constraints.txt -e '.[huggingface]'"


class HuggingfaceOptions(Options):
    """Names of the columns; ``split`` of a DatasetDict that has several."""

    audio: str = "audio"
    label: str = "label"
    speaker: str = "speaker"
    split: str = ""


def _read(root: Path | None, options: HuggingfaceOptions) -> list[Utterance]:
    folder = require_folder(root, "huggingface", _LAYOUT)
    if not any(is_file(folder / name) for name in ("dataset_dict.json", "state.json")):
        raise CorpusError(
            f"corpus huggingface: {folder} was not written by save_to_disk",
            f"--corpus-root takes the folder that holds {_LAYOUT}",
        )
    dataset = _dataset(folder, options)
    for option in ("audio", "label", "speaker"):
        column = getattr(options, option)
        if column not in dataset.column_names:
            raise CorpusError(
                f"{folder} has no column {column!r} (corpus.options.{option})",
                suggestion(column, dataset.column_names),
            )
    return list(_utterances(folder, dataset, options))


def _dataset(folder: Path, options: HuggingfaceOptions) -> "library.Dataset":
    try:
        import datasets as library
    except ImportError as error:
        raise CorpusError(
            "corpus huggingface needs the package datasets, which is not installed", _INSTALL
        ) from error
    try:
        loaded = library.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(
            f"cannot read {folder}: {first_line(error)}", "save the dataset again by save_to_disk"
        ) from error
    if isinstance(loaded, library.DatasetDict):
        chosen = _split(folder, loaded, options.split)
    elif options.split:
        raise CorpusError(
            f"{folder} is one dataset without splits", "leave corpus.options.split out"
        )
    else:
        chosen = loaded
    try:
        # The files are mapped as they are: a damaged one would end the process, not the reading.
        chosen.data.validate(full=True)
    except ValueError as error:
        raise CorpusError(
            f"{folder} is damaged: {first_line(error)}", "save the dataset again by save_to_disk"
        ) from error
    return chosen


def _split(folder: Path, loaded: "library.DatasetDict", split: str) -> "library.Dataset":
    names = [str(name) for name in loaded]
    if split in names:
        return loaded[split]
    if not split and len(names) == 1:
        return loaded[names[0]]
    if not split:
        raise CorpusError(
            f"{folder} has {len(names)} splits",
            f"say which by corpus.options.split (allowed: {', '.join(sorted(names))})",
        )
    raise CorpusError(
        f"{folder} has no split {split!r} (corpus.options.split)", suggestion(split, names)
    )


def _utterances(
    folder: Path, dataset: "library.Dataset", options: HuggingfaceOptions
) -> Iterator[Utterance]:
    import datasets as library

    feature = dataset.features[options.audio]
    if not isinstance(feature, library.Audio):
        raise CorpusError(
            f"{folder}: column {options.audio!r} holds no recordings (corpus.options.audio)",
            "cast it: dataset.cast_column(NAME, datasets.Audio())",
        )
    columns = [options.audio, options.label, options.speaker]
    rows = dataset.with_format(None).select_columns(list(dict.fromkeys(columns)))
    rows = rows.cast_column(options.audio, library.Audio(decode=False))
    names = [_names(dataset.features[column]) for column in columns]
    faults = Faults(f"{folder}, ")
    for number, row in enumerate(cast("Iterable[dict[str, Any]]", rows)):
        origin = f"{folder}, row {number}"
        try:
            file = _file(folder, origin, row[options.audio])
            label = _text(origin, options.label, row[options.label], names[1])
            speaker = _text(origin, options.speaker, row[options.speaker], names[2])
        except CorpusError as fault:
            faults.add(fault)
        else:
            yield Utterance(f"{number:06d}", file, speaker, label, origin=origin)
    faults.end()


def _names(feature: Any) -> list[str] | None:
    """The names of a ClassLabel's numbers; None for any other column."""
    names = getattr(feature, "names", None)
    return list(names) if names is not None else None


def _text(origin: str, column: str, value: Any, names: list[str] | None) -> str:
    if is_missing(value) or (names is not None and not 0 <= value < len(names)):
        raise CorpusError(f"{origin}: {column} is empty", "fill it in or remove the row")
    if isinstance(value, bytes | list | tuple | dict):
        raise CorpusError(f"{origin}: {column} = {value!r} is neither a text nor a number")
    return as_text(value if names is None else names[value])


def _file(folder: Path, origin: str, stored: Any) -> Path:
    """The recording of a row as a file: the one it names, or its bytes in the cache."""
    content = stored.get("bytes") if stored else None
    path = stored.get("path") if stored else None
    if content:
        return _unpacked(content, path or "")
    if not path:
        raise CorpusError(f"{origin}: there is no recording", "fill it in or remove the row")
    if "::" in path or "://" in path:
        raise CorpusError(
            f"{origin}: {path} is an address, not a file",
            "download the recordings and save the dataset with them: Audio(decode=False)",
        )
    return folder / path  # an absolute path stays what it is


def _unpacked(content: bytes, path: str) -> Path:
    """The bytes of a recording as a file, named by them: no name from the dataset is used."""
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
